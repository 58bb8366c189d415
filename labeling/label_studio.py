"""Talk to Label Studio. No other module imports its SDK.

Label Studio is a screen: our catalog holds which images were sent and what reviewers answered.
"""

import contextlib
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from more_itertools import chunked

from foundation.errors import LabelStudioError
from labeling.studio_json import Annotation, Task, annotations_of, as_import, as_moment, key_of, label_config

TIMEOUT_S = 60
IMPORT_BATCH_TASKS = 500
# Fields of a task and, by the same names, of its annotations. Asking for these takes a third of the time of all fields.
ANSWER_FIELDS = (
    "id", "data", "annotations", "updated_at", "created_at", "result", "completed_by", "was_cancelled", "lead_time",
)  # fmt: skip


@dataclass(frozen=True)
class PageSizes:
    """Tasks per page. every_field: of the plain list. answer_fields: of the list with ANSWER_FIELDS only."""

    every_field: int = 500
    answer_fields: int = 2000


@dataclass(frozen=True)
class Changes:
    """Answers, with the tasks they are in. until: when the last of these tasks changed, by Label Studio's clock.

    tasks: task number by question key.
    """

    answers: Sequence[Annotation]
    until: datetime | None
    tasks: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ProjectSettings:
    """The settings of one of our projects in Label Studio.

    mark: text in the description by which we recognise the project. answers_needed: different people per task.
    pre_annotated: show the suggested answer; reviewers then tend to agree with it.
    """

    mark: str
    answers: Sequence[str]
    guideline_html: str
    answers_needed: int
    pre_annotated: bool = False


class LabelStudio:
    """A connection to one Label Studio. Every method raises LabelStudioError when Label Studio fails or is away."""

    def __init__(self, url: str, api_key: str, page_sizes: PageSizes | None = None) -> None:
        try:
            import httpx
            from label_studio_sdk import LabelStudio as Client  # takes a second; most commands do not need it
        except ModuleNotFoundError as error:
            raise LabelStudioError('this needs the review extra: pip install "isitcake[review]"') from error

        self.url = url.rstrip("/")
        self._page_sizes = page_sizes or PageSizes()
        if not api_key:
            raise LabelStudioError(f"Label Studio at {self.url} needs a key; set ISITCAKE_LABEL_STUDIO_API_KEY")
        with self._port():
            self._http = httpx.Client(timeout=TIMEOUT_S, follow_redirects=True)
            self._client = Client(base_url=self.url, api_key=api_key, httpx_client=self._http)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._http.close()

    def find_project(self, mark: str) -> int | None:
        """Number of the project with this mark in its description; the oldest where several have it."""
        with self._port():
            numbers = [p.id for p in self._client.projects.list() if mark in (p.description or "")]
        return min(numbers, default=None)

    def is_ours(self, project: int, mark: str, title: str) -> bool:
        """Whether the project exists and is ours: it has our mark, or our title where somebody deleted the mark."""
        from label_studio_sdk.core.api_error import ApiError

        with self._port():
            try:
                content = self._client.projects.get(project)
            except ApiError as error:
                if error.status_code == 404:
                    return False
                raise
        description = content.description or ""
        return mark in description or (content.title == title and "isitcake" not in description)

    def create_project(self, title: str, settings: ProjectSettings) -> int:
        with self._port():
            project = self._client.projects.create(
                title=title, description=settings.mark, label_config=label_config(settings.answers)
            )
        self.restore_settings(int(project.id), settings)
        return int(project.id)

    def restore_settings(self, project: int, settings: ProjectSettings) -> list[str]:
        """Restore settings that were changed by hand. Returns their names."""
        wanted: dict[str, Any] = {
            "description": settings.mark,
            "label_config": label_config(settings.answers),
            "expert_instruction": settings.guideline_html,
            "show_instruction": True,
            "show_collab_predictions": settings.pre_annotated,
            "maximum_annotations": settings.answers_needed,  # by update: older builds ignore it on creation
            "show_skip_button": True,
        }
        with self._port():
            current = self._client.projects.get(project)
            changed = [key for key, value in wanted.items() if getattr(current, key, None) != value]
            if changed:
                self._client.projects.update(project, **{key: wanted[key] for key in changed})
        return changed

    def add(self, project: int, tasks: Sequence[Task], note_batch: Callable[[dict[str, int]], None]) -> None:
        """Import the tasks in this order, in batches.

        note_batch: called after each batch with its task numbers by question key, so that a crash loses one batch only.
        """
        for batch in chunked(tasks, IMPORT_BATCH_TASKS):
            request: list[Any] = [as_import(task) for task in batch]
            with self._port():
                answer = self._client.projects.import_tasks(project, request=request, return_task_ids=True)
            numbers = zip(batch, answer.task_ids or [], strict=True)
            note_batch({task.key: int(number) for task, number in numbers})

    def tasks(self, project: int) -> Mapping[str, int]:
        """Task number by question key, of every task in the project. Used to repair after a crash."""
        return self._changes(self._pages(project, fields="task_only")).tasks

    def remove(self, tasks: Sequence[int]) -> None:
        """Delete tasks. A task that is already gone is no error."""
        from label_studio_sdk.core.api_error import ApiError

        for task in tasks:
            with self._port():
                try:
                    self._client.tasks.delete(str(task))
                except ApiError as error:
                    if error.status_code != 404:
                        raise

    def renew(self, number: int, task: Task) -> None:
        """Give a task a new picture address, valid for longer."""
        with self._port():
            self._client.tasks.update(str(number), data=as_import(task)["data"])

    def annotations(self, project: int, since: datetime | None) -> Changes:
        """Answers in tasks that changed at `since` or later. None: in all tasks that have answers."""
        filters = [{"filter": "filter:tasks:total_annotations", "operator": "greater", "type": "Number", "value": 0}]
        if since:
            value = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            changed = {"filter": "filter:tasks:updated_at", "operator": "greater_or_equal", "type": "Datetime"}
            filters.append({**changed, "value": value})
        query = json.dumps({"filters": {"conjunction": "and", "items": filters}, "ordering": ["tasks:id"]})
        include = ",".join(ANSWER_FIELDS)
        content = self._pages(project, self._page_sizes.answer_fields, fields="all", query=query, include=include)
        if any("result" not in annotation for task in content for annotation in task.get("annotations") or []):
            content = self._pages(project, fields="all", query=query)  # this build does not know `include`
        changes = self._changes(content)
        return Changes(changes.answers, changes.until or since)

    def everything(self, project: int) -> Changes:
        """All answers and all tasks. Slow, but it shows what was deleted and what `annotations` may have missed."""
        return self._changes(self._pages(project, fields="all"))

    def _changes(self, content: Sequence[dict[str, Any]]) -> Changes:
        emails: dict[Any, str] = {}
        if any(task.get("annotations") for task in content):
            with self._port():
                emails = {user.id: user.email for user in self._client.users.list()}
        answers = [annotation for task in content for annotation in annotations_of(task, emails, self.url)]
        numbers = {key_of(task["data"]): int(task["id"]) for task in content if "sha256" in (task["data"] or {})}
        until = max((as_moment(task["updated_at"]) for task in content if task.get("updated_at")), default=None)
        return Changes(answers, until, numbers)

    def _pages(self, project: int, page_size: int | None = None, **parameters: Any) -> list[dict[str, Any]]:
        """Every task of the project as plain data. The SDK's own pager asks for one page too many."""
        from label_studio_sdk.core.api_error import ApiError

        size = page_size or self._page_sizes.every_field
        tasks: list[dict[str, Any]] = []
        with self._port():
            for page in itertools.count(1):
                try:
                    items = self._client.tasks.list(project=project, page=page, page_size=size, **parameters).items
                except ApiError as error:
                    if page > 1 and error.status_code == 404:  # the page before was full, and the last
                        return tasks
                    raise
                tasks += [_as_plain_data(item) for item in items or []]
                if len(items or []) < size:
                    return tasks
        return tasks

    @contextlib.contextmanager
    def _port(self) -> Iterator[None]:
        """Turn errors of the SDK and of the network into LabelStudioError."""
        import httpx
        from label_studio_sdk.core.api_error import ApiError

        try:
            yield
        except ApiError as error:
            if error.status_code in (401, 403):
                message = f"Label Studio at {self.url} refuses the key; fix ISITCAKE_LABEL_STUDIO_API_KEY"
            else:
                body = error.body.get("detail", error.body) if isinstance(error.body, dict) else error.body
                message = f"Label Studio at {self.url} answered {error.status_code}: {str(body)[:200]}; try again"
            raise LabelStudioError(message) from error
        except httpx.HTTPError as error:
            raise LabelStudioError(
                f"Label Studio at {self.url} cannot be reached ({type(error).__name__}); start it, or fix "
                "[review] label_studio_url; nothing is lost, run this again"
            ) from error


def _as_plain_data(task: Any) -> dict[str, Any]:
    """A task of the SDK as a dict, with only the fields that Label Studio sent."""
    content: dict[str, Any] = task.dict(exclude_unset=True)
    content["annotations"] = [
        annotation if isinstance(annotation, dict) else annotation.dict(exclude_unset=True)
        for annotation in content.get("annotations") or []
    ]
    return content
