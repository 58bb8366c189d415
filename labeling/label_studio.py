"""Label Studio behind a small port. The only module that knows it.

Label Studio is a screen: the catalog owns which images were sent and what was answered.
"""

import contextlib
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from typing import Any, Self

from foundation.errors import LabelStudioError

TIMEOUT_S = 60
PAGE_SIZE = 500
QUICK_PAGE = 2000  # of tasks with the fields of WANTED only
WANTED = (  # of a task and, by the same names, of its annotations: a third of the time that all of them take
    "id", "data", "annotations", "updated_at", "created_at", "result", "completed_by", "was_cancelled", "lead_time",
)  # fmt: skip
BATCH = 500  # tasks in one import
WHY_MAX = 500


@dataclass(frozen=True)
class Question:
    """One picture to ask about. ask: the question's key, which says nothing to who sees it."""

    ask: str
    sha256: str
    picture_url: str
    seen_on: str
    suggestion: str = ""  # shown as a pre-annotation where not empty


@dataclass(frozen=True)
class Annotation:
    """One answer as Label Studio holds it. changed: when the answer last changed. seconds: that it took."""

    external_id: str
    task_id: int
    sha256: str
    reviewer: str
    answer: str
    changed: datetime
    seconds: float | None = None
    why: str = ""


@dataclass(frozen=True)
class Changes:
    """until: when the last of the tasks looked at changed, by Label Studio's clock. tasks: number by ask, of all."""

    answers: Sequence[Annotation]
    until: datetime | None
    tasks: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Shape:
    """How a project of ours looks. mark: in its description, by which it is known again. answers_needed: from as
    many different people. pre_annotated: suggestions are on the screen, which anchors who looks at it.
    """

    mark: str
    labels: Sequence[str]
    guideline_html: str
    answers_needed: int
    pre_annotated: bool = False


class LabelStudio:
    """One project in one Label Studio. Raises LabelStudioError for everything that goes wrong there."""

    def __init__(self, url: str, api_key: str) -> None:
        import httpx
        from label_studio_sdk import LabelStudio as Client  # a second to import; most commands do without

        self.url = url.rstrip("/")
        if not api_key:
            raise LabelStudioError(f"Label Studio at {self.url} needs a key; set ISITCAKE_LABEL_STUDIO_API_KEY")
        with self._port():
            self._http = httpx.Client(timeout=TIMEOUT_S, follow_redirects=True)
            self._client = Client(base_url=self.url, api_key=api_key, httpx_client=self._http)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ended: object) -> None:
        self._http.close()

    def find_project(self, mark: str) -> int | None:
        """Number of the project that carries our mark in its description, the oldest where there are several."""
        with self._port():
            found = [p.id for p in self._client.projects.list() if mark in (p.description or "")]
        return min(found, default=None)

    def carries(self, project: int, mark: str, title: str) -> bool:
        """Whether that project is there and ours: by our mark, or, where that was edited away, by its title."""
        from label_studio_sdk.core.api_error import ApiError

        with self._port():
            try:
                found = self._client.projects.get(project)
            except ApiError as error:
                if error.status_code == 404:
                    return False
                raise
        return mark in (found.description or "") or (
            found.title == title and "isitcake" not in (found.description or "")
        )

    def create_project(self, title: str, shape: Shape) -> int:
        with self._port():
            project = self._client.projects.create(
                title=title, description=shape.mark, label_config=label_config(shape.labels)
            )
        self.mend_project(int(project.id), shape)
        return int(project.id)

    def mend_project(self, project: int, shape: Shape) -> list[str]:
        """Bring the project into its shape where somebody bent it. Returns what was mended."""
        wanted: dict[str, Any] = {
            "description": shape.mark,
            "label_config": label_config(shape.labels),
            "expert_instruction": shape.guideline_html,
            "show_instruction": True,
            "show_collab_predictions": shape.pre_annotated,
            "maximum_annotations": shape.answers_needed,  # by update: older builds ignore it on creation
            "show_skip_button": True,
        }
        with self._port():
            there = self._client.projects.get(project)
            bent = [key for key, value in wanted.items() if getattr(there, key, None) != value]
            if bent:
                self._client.projects.update(project, **{key: wanted[key] for key in bent})
        return bent

    def add(
        self, project: int, questions: Sequence[Question], note: Callable[[dict[str, int]], None] | None = None
    ) -> dict[str, int]:
        """Import the questions as tasks, in that order and in batches. Returns task number by ask.

        note: told after each batch, so that a crash later forgets none of it.
        """
        found: dict[str, int] = {}
        for start in range(0, len(questions), BATCH):
            part = questions[start : start + BATCH]
            tasks: list[Any] = [_task(question) for question in part]
            with self._port():
                answer = self._client.projects.import_tasks(project, request=tasks, return_task_ids=True)
            numbers = {q.ask: int(task) for q, task in zip(part, answer.task_ids or [], strict=True)}
            if note:
                note(numbers)
            found |= numbers
        return found

    def tasks(self, project: int) -> Mapping[str, int]:
        """Task number by ask of everything in the project: for repair after a crash."""
        return self._changes(self._pages(project, fields="task_only")).tasks

    def remove(self, tasks: Sequence[int]) -> None:
        """Withdraw tasks; what is gone already is no error."""
        from label_studio_sdk.core.api_error import ApiError

        for task in tasks:
            with self._port():
                try:
                    self._client.tasks.delete(str(task))
                except ApiError as error:
                    if error.status_code != 404:
                        raise

    def renew(self, task: int, question: Question) -> None:
        """Give a task a picture address that is good for longer."""
        with self._port():
            self._client.tasks.update(str(task), data=_task(question)["data"])

    def annotations(self, project: int, since: datetime | None) -> Changes:
        """Answers in tasks that changed at `since` or later; with None, in all that have any."""
        filters = [{"filter": "filter:tasks:total_annotations", "operator": "greater", "type": "Number", "value": 0}]
        if since:
            value = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            filters.append(
                {
                    "filter": "filter:tasks:updated_at",
                    "operator": "greater_or_equal",
                    "type": "Datetime",
                    "value": value,
                }
            )
        query = json.dumps({"filters": {"conjunction": "and", "items": filters}, "ordering": ["tasks:id"]})
        content = self._pages(project, QUICK_PAGE, fields="all", query=query, include=",".join(WANTED))
        if any("result" not in annotation for task in content for annotation in task.get("annotations") or []):
            content = self._pages(project, fields="all", query=query)  # a build that trims annotations otherwise
        changes = self._changes(content)
        return Changes(changes.answers, changes.until or since)

    def everything(self, project: int) -> Changes:
        """All answers, and all tasks by ask. Slow: it finds what was deleted, and, by the plain listing, anything
        that the quicker one of `annotations` may have missed.
        """
        return self._changes(self._pages(project, fields="all"))

    def _changes(self, content: Sequence[dict[str, Any]]) -> Changes:
        people: dict[Any, str] = {}
        if any(task.get("annotations") for task in content):
            with self._port():
                people = {user.id: user.email for user in self._client.users.list()}
        answers = [annotation for task in content for annotation in annotations_of(task, people, self.url)]
        numbers = {_ask(task["data"]): int(task["id"]) for task in content if "sha256" in (task["data"] or {})}
        until = max((_moment(task["updated_at"]) for task in content if task.get("updated_at")), default=None)
        return Changes(answers, until, numbers)

    def _pages(self, project: int, size: int = PAGE_SIZE, **wanted: Any) -> list[dict[str, Any]]:
        """Every task as plain data; the SDK's own pager asks for one page more than there are."""
        from label_studio_sdk.core.api_error import ApiError

        found: list[dict[str, Any]] = []
        with self._port():
            for page in itertools.count(1):
                try:
                    part = self._client.tasks.list(project=project, page=page, page_size=size, **wanted).items
                except ApiError as error:
                    if page > 1 and error.status_code == 404:  # the last page was full: there is no further one
                        return found
                    raise
                found += [_plain(task) for task in part or []]
                if len(part or []) < size:
                    return found
        return found

    @contextlib.contextmanager
    def _port(self) -> Iterator[None]:
        """Where the SDK's and the network's errors become ours."""
        import httpx
        from label_studio_sdk.core.api_error import ApiError

        try:
            yield
        except ApiError as error:
            if error.status_code in (401, 403):
                message = f"Label Studio at {self.url} refuses the key; mend ISITCAKE_LABEL_STUDIO_API_KEY"
            else:
                body = error.body.get("detail", error.body) if isinstance(error.body, dict) else error.body
                message = f"Label Studio at {self.url} answered {error.status_code}: {str(body)[:200]}; try again"
            raise LabelStudioError(message) from error
        except httpx.HTTPError as error:
            raise LabelStudioError(
                f"Label Studio at {self.url} cannot be reached ({type(error).__name__}); start it, or mend "
                "[review] label_studio_url; nothing is lost, run this again"
            ) from error


def annotations_of(task: dict[str, Any], people: Mapping[Any, str], url: str) -> Iterator[Annotation]:
    """The answers in a task of Label Studio's JSON, those that were skipped left out. people: e-mail by number."""
    for content in task.get("annotations") or []:
        if content.get("was_cancelled") or not (answer := _choice(content.get("result") or [])):
            continue
        who = content.get("completed_by")
        email = who.get("email") if isinstance(who, dict) else None
        who = who.get("id") if isinstance(who, dict) else who
        stamp = content.get("updated_at") or content.get("created_at")
        changed = _moment(stamp) if stamp else datetime.min.replace(tzinfo=UTC)
        yield Annotation(
            external_id=f"{url}#{content.get('id')}@{changed.isoformat()}",
            task_id=int(task.get("id") or 0),
            sha256=str((task.get("data") or {}).get("sha256", "")),
            reviewer=email or people.get(who, f"user-{who}"),
            answer=answer,
            changed=changed,
            seconds=float(content["lead_time"]) if content.get("lead_time") else None,
            why=_why(content.get("result") or []),
        )


def label_config(labels: Sequence[str]) -> str:
    """The reviewing screen: the picture, one choice with a hotkey each, where it was seen."""
    choices = "".join(
        f'<Choice value="{escape(label)}" hotkey="{number}"/>' for number, label in enumerate(labels, 1) if number < 10
    )
    return (
        '<View><Image name="image" value="$image" zoom="true" maxHeight="70vh"/>'
        f'<Choices name="label" toName="image" choice="single" required="true" showInline="true">{choices}</Choices>'
        '<TextArea name="why" toName="image" placeholder="why? (optional)" maxSubmissions="1" rows="1"/>'
        "</View>"
    )


def _choice(result: list[dict[str, Any]]) -> str:
    for region in result:
        chosen = region.get("value", {}).get("choices")
        if region.get("from_name") == "label" and chosen:
            return str(chosen[0])
    return ""


def _plain(task: Any) -> dict[str, Any]:
    """A task of the SDK's as it came: what Label Studio did not send is not there."""
    content: dict[str, Any] = task.dict(exclude_unset=True)
    content["annotations"] = [
        annotation if isinstance(annotation, dict) else annotation.dict(exclude_unset=True)
        for annotation in content.get("annotations") or []
    ]
    return content


def _task(question: Question) -> dict[str, Any]:
    data = {
        "image": question.picture_url, "sha256": question.sha256, "ask": question.ask, "seen_on": question.seen_on
    }  # fmt: skip
    if not question.suggestion:
        return {"data": data}
    choice = {"from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": [question.suggestion]}}
    return {"data": data, "predictions": [{"model_version": "isitcake triage", "result": [choice]}]}


def _why(result: list[dict[str, Any]]) -> str:
    for region in result:
        if region.get("from_name") == "why" and (text := region.get("value", {}).get("text")):
            return " ".join(text if isinstance(text, list) else [str(text)])[:WHY_MAX]
    return ""


def _ask(data: dict[str, Any]) -> str:
    return str(data.get("ask") or str(data["sha256"])[:16])  # questions of before had no key of their own


def _moment(value: Any) -> datetime:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
