"""The page of what changed between two versions, with thumbnails."""

from pathlib import Path

from dataset.project import Project
from dataset.versions.published import Diff
from foundation.files import replace_file
from web.pages.thumbnails import some_thumbnails, templates

BY = {  # what people read for a reason of the file
    "label from human": "by a person", "label from consensus": "by several people", "label from source": "by its source"
}  # fmt: skip
MOST_TILES = 60  # for each kind of change


def write_diff(project: Project, diff: Diff, path: Path) -> Path:
    """Write one HTML file with a thumbnail for each image added, removed or relabelled. Returns its path."""
    replace_file(path, diff_html(project, diff).encode())
    return path


def diff_html(project: Project, diff: Diff, *, served: bool = False) -> str:
    """The page of a diff. served: as a page of the service, with navigation and links; else as one file."""
    from dataset.versions.changes import new_names  # needs Arrow, slow to import

    parts = (("relabelled", diff.relabelled), ("removed", diff.removed), ("added", diff.added))
    shown = [change["sha256"] for _, changes in parts for change in changes[:MOST_TILES]]
    thumbnails = some_thumbnails(project, shown, linked=served)
    kinds = []
    for name, changes in parts:
        if not changes:
            continue
        tiles = [
            thumbnails.tile(change["sha256"], _summary(change), f"{change['sha256'][:16]}: {change['reason']}")
            for change in changes[:MOST_TILES]
        ]
        kinds.append((name, len(changes), tiles))
    page = templates.get_template("diff.html")
    return page.render(
        old=diff.old,
        new=diff.new,
        renames=new_names(diff.renamed, diff.renamed_sources, f"in {diff.new}"),
        renumbered=diff.renumbered,
        kinds=kinds,
        served=served,
        here="versions",
    )


def _summary(change: dict[str, str]) -> str:
    """The labels before and after, and the reason."""
    labels = " → ".join(label for label in (change["was"], change["label"]) if label)
    return f"{labels}; {BY.get(change['reason'], change['reason'])}"
