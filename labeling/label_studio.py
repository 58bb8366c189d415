"""Label Studio behind a small port. The only module that knows it.

Label Studio is a screen: the catalog owns which images were sent and what was answered.
"""

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any, Self

from isitcake.errors import LabelStudioError

TIMEOUT_S = 60
PAGE_SIZE = 500


@dataclass(frozen=True)
class Question:
    """One picture to ask about."""

    sha256: str
    picture_url: str
    seen_on: str


@dataclass(frozen=True)
class Annotation:
    """One answer as Label Studio holds it. changed: when the answer last changed."""

    external_id: str
    task_id: int
    sha256: str
    reviewer: str
    answer: str
    changed: datetime


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

    def find_project(self, title: str) -> int | None:
        """Number of the project of that title, the oldest where there are several."""
        with self._port():
            found = [p.id for p in self._client.projects.list(search=title) if p.title == title]
        return min(found, default=None)

    def has_project(self, project: int) -> bool:
        from label_studio_sdk.core.api_error import ApiError

        with self._port():
            try:
                self._client.projects.get(project)
            except ApiError as error:
                if error.status_code == 404:
                    return False
                raise
        return True

    def create_project(self, title: str, labels: Sequence[str], guideline_html: str, answers_needed: int) -> int:
        with self._port():
            project = self._client.projects.create(
                title=title,
                label_config=label_config(labels),
                expert_instruction=guideline_html,
                show_instruction=True,
                show_collab_predictions=False,  # a suggestion on the screen anchors who looks at it
                maximum_annotations=answers_needed,
            )
            # Older builds ignore it on creation.
            self._client.projects.update(project.id, maximum_annotations=answers_needed)
        return int(project.id)

    def add(self, project: int, questions: Sequence[Question]) -> dict[str, int]:
        """Import the questions as tasks, in that order. Returns task number by SHA-256."""
        tasks: list[Any] = [
            {"data": {"image": q.picture_url, "sha256": q.sha256, "seen_on": q.seen_on}} for q in questions
        ]
        with self._port():
            answer = self._client.projects.import_tasks(project, request=tasks, return_task_ids=True)
        return {question.sha256: int(task) for question, task in zip(questions, answer.task_ids or [], strict=True)}

    def tasks(self, project: int) -> dict[str, int]:
        """Task number by SHA-256 of everything in the project: slow, for repair after a crash."""
        with self._port():
            pages = self._client.tasks.list(project=project, page_size=PAGE_SIZE, fields="task_only")
            return {str(task.data["sha256"]): int(task.id) for task in pages if "sha256" in task.data}

    def annotations(self, project: int, since: datetime | None) -> Iterator[Annotation]:
        """Answers in tasks that changed at `since` or later, oldest change first."""
        filters = []
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
        query = json.dumps({"filters": {"conjunction": "and", "items": filters}, "ordering": ["tasks:updated_at"]})
        with self._port():
            people = {user.id: user.email for user in self._client.users.list()}
            found = list(self._client.tasks.list(project=project, page_size=PAGE_SIZE, query=query, fields="all"))
        for task in found:
            for annotation in task.annotations or []:
                content = annotation if isinstance(annotation, dict) else annotation.dict()
                if content.get("was_cancelled") or not (answer := _choice(content.get("result") or [])):
                    continue
                who = content.get("completed_by")
                who = who.get("id") if isinstance(who, dict) else who
                changed = _moment(content["updated_at"])
                yield Annotation(
                    external_id=f"{self.url}#{content['id']}@{changed.isoformat()}",
                    task_id=int(task.id),
                    sha256=str(task.data.get("sha256", "")),
                    reviewer=people.get(who, f"user-{who}"),
                    answer=answer,
                    changed=changed,
                )

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


def label_config(labels: Sequence[str]) -> str:
    """The reviewing screen: the picture, one choice with a hotkey each, where it was seen."""
    choices = "".join(
        f'<Choice value="{escape(label)}" hotkey="{number}"/>' for number, label in enumerate(labels, 1) if number < 10
    )
    return (
        '<View><Image name="image" value="$image" zoom="true" maxHeight="70vh"/>'
        f'<Choices name="label" toName="image" choice="single" required="true" showInline="true">{choices}</Choices>'
        "</View>"
    )


def _choice(result: list[dict[str, Any]]) -> str:
    for region in result:
        chosen = region.get("value", {}).get("choices")
        if region.get("from_name") == "label" and chosen:
            return str(chosen[0])
    return ""


def _moment(value: Any) -> datetime:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
