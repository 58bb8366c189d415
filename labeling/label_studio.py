"""Talk to Label Studio. No other module imports its SDK.

Label Studio is a screen: our catalog holds which images were sent and what reviewers answered.
"""

import contextlib
import itertools
import json
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from more_itertools import chunked

from foundation.errors import LabelStudioError
from foundation.safe_text import printable
from labeling.studio_json import (
    Annotation,
    Task,
    WrongShape,
    annotations_of,
    as_import,
    as_moment,
    key_of,
    label_config,
    number_of,
    objects,
    text_of,
    with_stored_names,
)  # fmt: skip

if TYPE_CHECKING:
    from labeling.studio_http import HttpLimits

MOST_PROJECTS = 10_000  # of one Label Studio; a longer list is one that never ends
IMPORT_BATCH_TASKS = 500
AGAIN = "nothing is lost, run this again"
SHAPE_ERRORS = (AttributeError, KeyError, TypeError, ValueError, RecursionError, OverflowError)
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

    tasks: task number by question key. users: e-mail address by the user's number.
    """

    answers: Sequence[Annotation]
    until: datetime | None
    tasks: Mapping[str, int] = field(default_factory=dict)
    users: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ProjectSettings:
    """The settings of one of our projects in Label Studio.

    mark: text in the description by which we recognise the project. answers_needed: different people per task, where
    `set_answers_needed` says nothing else. examples and why_url: see label_config.
    pre_annotated: show the suggested answer; reviewers then tend to agree with it. stored_as: names under which Label
    Studio stores answers that have another name now.
    """

    mark: str
    answers: Sequence[str]
    guideline_html: str
    answers_needed: int
    pre_annotated: bool = False
    stored_as: Mapping[str, str] = field(default_factory=dict)
    examples: Mapping[str, Sequence[str]] = field(default_factory=dict)
    why_url: str = ""

    @property
    def screen(self) -> str:
        """The labelling interface."""
        screen = label_config(self.answers, self.guideline_html, self.examples, self.why_url)
        return with_stored_names(screen, self.stored_as)


class LabelStudio:
    """A connection to one Label Studio. Every method raises LabelStudioError when Label Studio fails or is away."""

    def __init__(
        self, url: str, api_key: str, page_sizes: PageSizes | None = None, limits: "HttpLimits | None" = None
    ) -> None:
        try:
            from label_studio_sdk import LabelStudio as Client  # takes a second; most commands do not need it

            from labeling.studio_http import HttpLimits, LimitedClient
        except ModuleNotFoundError as error:
            raise LabelStudioError('this needs the review extra: pip install "isitcake[review]"') from error

        self.url = url.rstrip("/")
        self._page_sizes = page_sizes or PageSizes()
        if not api_key:
            raise LabelStudioError(f"Label Studio at {self.url} needs a key; set ISITCAKE_LABEL_STUDIO_API_KEY")
        self._http = LimitedClient(limits or HttpLimits())
        with self._port():
            self._client = Client(base_url=self.url, api_key=api_key, httpx_client=self._http)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._http.close()

    def find_project(self, mark: str) -> int | None:
        """Number of the project with this mark in its description; the oldest where several have it."""
        with self._port():
            pager = self._client.projects.list()
            _list(pager.items, "results")
            numbers = []
            for count, project in enumerate(pager):
                if count >= MOST_PROJECTS:
                    raise WrongShape(f"there are more than {MOST_PROJECTS} projects")
                if mark in text_of(project.description or "", "description"):
                    numbers.append(number_of(project.id, "id"))
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
            number_of(content.id, "id")
            description = text_of(content.description or "", "description")
        return mark in description or (content.title == title and "isitcake" not in description)

    def create_project(self, title: str, settings: ProjectSettings) -> int:
        with self._port():
            project = self._client.projects.create(title=title, description=settings.mark, label_config=settings.screen)
            number = number_of(project.id, "id")
        self.restore_settings(number, settings)
        return number

    def restore_settings(self, project: int, settings: ProjectSettings) -> list[str]:
        """Restore settings that were changed by hand. Returns their names."""
        wanted: dict[str, Any] = {
            "description": settings.mark,
            "label_config": settings.screen,
            "expert_instruction": settings.guideline_html,
            "show_instruction": True,
            "show_collab_predictions": settings.pre_annotated,
            "maximum_annotations": settings.answers_needed,  # by update: older builds ignore it on creation
            "show_skip_button": True,
        }
        with self._port():
            current = self._client.projects.get(project)
            number_of(current.id, "id")
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
                ids = [number_of(number, "task_ids") for number in _list(answer.task_ids, "task_ids")]
                if len(set(ids)) != len(batch):
                    raise WrongShape(f"task_ids has {len(set(ids))} numbers for {len(batch)} tasks")
            note_batch({task.key: number for task, number in zip(batch, ids, strict=True)})

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

    def set_answers_needed(self, task: int, people: int) -> None:
        """How many different people answer this task, whatever the other tasks of its project need."""
        with self._port():
            self._client.tasks.update(str(task), request_options={"additional_body_parameters": {"overlap": people}})

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
        return Changes(changes.answers, changes.until or since, users=changes.users)

    def everything(self, project: int) -> Changes:
        """All answers and all tasks. Slow, but it shows what was deleted and what `annotations` may have missed."""
        content = self._pages(project, fields="all")
        with self._port():
            if any("annotations" not in task for task in content):  # this must not look like deleted answers
                raise WrongShape("a task has no annotations")
        return self._changes(content)

    def _changes(self, content: Sequence[dict[str, Any]]) -> Changes:
        emails = self.users() if any(task.get("annotations") for task in content) else {}
        with self._port():
            answers = [annotation for task in content for annotation in annotations_of(task, emails, self.url)]
            numbers = {key_of(task["data"]): task["id"] for task in content if "sha256" in (task["data"] or {})}
            until = max((as_moment(task["updated_at"]) for task in content if task.get("updated_at")), default=None)
        return Changes(answers, until, numbers, emails)

    def users(self) -> dict[int, str]:
        """E-mail address by the user's number, of everybody who has an account."""
        with self._port():
            users = _list(self._client.users.list(), "the list of users")
            return {number_of(user.id, "id"): text_of(user.email, "email") for user in users}

    def _pages(self, project: int, page_size: int | None = None, **parameters: Any) -> list[dict[str, Any]]:
        """Every task of the project as plain data. The SDK's own pager asks for one page too many."""
        from label_studio_sdk.core.api_error import ApiError

        size = page_size or self._page_sizes.every_field
        tasks: list[dict[str, Any]] = []
        seen: set[int] = set()
        with self._port():
            for page in itertools.count(1):
                try:
                    items = self._client.tasks.list(project=project, page=page, page_size=size, **parameters).items
                except ApiError as error:
                    if page > 1 and error.status_code == 404:  # the page before was full, and the last
                        return tasks
                    raise
                part = [_as_plain_data(item) for item in _list(items, "tasks")]
                numbers = {task["id"] for task in part}
                if part and numbers <= seen:
                    raise WrongShape(f"page {page} has the tasks of the pages before it")
                seen |= numbers
                tasks += part
                if len(part) < size:
                    return tasks
        return tasks

    @contextlib.contextmanager
    def _port(self) -> Iterator[None]:
        """Turn errors of the SDK and of the network, and answers of another shape, into LabelStudioError."""
        import httpx
        from label_studio_sdk.core.api_error import ApiError

        from labeling.studio_http import LimitExceeded

        self._http.begin_call()
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Pydantic serializer warnings")  # of the SDK; shapes are checked here
                yield
        except ApiError as error:
            raise LabelStudioError(self._refusal(error.status_code or 0, error.body)) from error
        except LimitExceeded as error:
            message = f"Label Studio at {self.url} {error}; restart it, or fix [review] label_studio_url; {AGAIN}"
            raise LabelStudioError(message) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise LabelStudioError(
                f"Label Studio at {self.url} cannot be reached ({type(error).__name__}); start it, or fix "
                f"[review] label_studio_url; {AGAIN}"
            ) from error
        except SHAPE_ERRORS as error:  # the SDK takes JSON of every shape, and stumbles over it later
            reason = str(error) if isinstance(error, WrongShape) else type(error).__name__
            raise LabelStudioError(self._not_ours(reason)) from error

    def _refusal(self, status: int, body: object) -> str:
        if status in (401, 403):
            return f"Label Studio at {self.url} refuses the key; fix ISITCAKE_LABEL_STUDIO_API_KEY"
        if 200 <= status < 300:
            return self._not_ours("not JSON")
        detail = body.get("detail", body) if isinstance(body, dict) else body
        text = printable(" ".join(str(detail)[:200].split()))
        return f"Label Studio at {self.url} answered {status}: {text}; try again"

    def _not_ours(self, reason: str) -> str:
        return (
            f"Label Studio at {self.url} answered something that is not Label Studio's ({printable(reason[:200])}); "
            f"fix [review] label_studio_url, or update Label Studio; {AGAIN}"
        )


def _list(value: object, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise WrongShape(f"{what} is not a list")
    return value


def _as_plain_data(task: Any) -> dict[str, Any]:
    """A task of the SDK as a dict, with only the fields that Label Studio sent. Raises WrongShape."""
    content: dict[str, Any] = task.dict(exclude_unset=True)
    number_of(content.get("id"), "the id of a task")
    if "annotations" in content:
        plain = [
            annotation.dict(exclude_unset=True) if hasattr(annotation, "dict") else annotation
            for annotation in _list(content["annotations"] or [], "annotations")
        ]
        content["annotations"] = objects(plain, "annotations")
        for annotation in plain:
            number_of(annotation.get("id"), "the id of an annotation")
    return content
