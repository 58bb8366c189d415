"""Projects for tests of review: their questions go where the test says."""

from typing import Any

from dataset.project import Project


def asking(project: Project, url: str, name: str, budget: int = 12, **review: Any) -> Project:
    """The project with its questions going to `url`, in Label Studio projects of its own."""
    settings = project.settings
    changes = {
        "review": settings.review.model_copy(update={"label_studio_url": url, "budget": budget, **review}),
        "project": settings.project.model_copy(update={"name": name}),
    }
    return Project(settings.model_copy(update=changes), project.catalog, project.blobs)
