"""Label Studio's JSON: the tasks that we send, the answers that come back, the screen that reviewers see."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any

EXPLANATION_MAX_CHARACTERS = 500
HOTKEYS = 9  # the digits 1 to 9


@dataclass(frozen=True)
class Task:
    """One question as Label Studio shows it. key: the question's key; it does not tell the purpose.

    suggestion: the answer that is shown before somebody answers; empty: none.
    """

    key: str
    sha256: str
    picture_url: str
    seen_on: str
    suggestion: str = ""


@dataclass(frozen=True)
class Annotation:
    """One answer as Label Studio stores it. changed: when it last changed. seconds: how long it took.

    why: the reviewer's explanation.
    """

    external_id: str
    task_id: int
    sha256: str
    reviewer: str
    answer: str
    changed: datetime
    seconds: float | None = None
    why: str = ""


def annotations_of(task: Mapping[str, Any], emails: Mapping[Any, str], url: str) -> Iterator[Annotation]:
    """The answers in one task, without skipped ones. emails: by the reviewer's number. url: of Label Studio."""
    for content in task.get("annotations") or []:
        result = content.get("result") or []
        if content.get("was_cancelled") or not (answer := _choice(result)):
            continue
        author = content.get("completed_by")
        email = author.get("email") if isinstance(author, dict) else None
        number = author.get("id") if isinstance(author, dict) else author
        stamp = content.get("updated_at") or content.get("created_at")
        changed = as_moment(stamp) if stamp else datetime.min.replace(tzinfo=UTC)
        yield Annotation(
            external_id=f"{url}#{content.get('id')}@{changed.isoformat()}",
            task_id=int(task.get("id") or 0),
            sha256=str((task.get("data") or {}).get("sha256", "")),
            reviewer=email or emails.get(number, f"user-{number}"),
            answer=answer,
            changed=changed,
            seconds=float(content["lead_time"]) if content.get("lead_time") else None,
            why=_explanation(result),
        )


def _choice(result: Sequence[Mapping[str, Any]]) -> str:
    for region in result:
        choices = region.get("value", {}).get("choices")
        if region.get("from_name") == "label" and choices:
            return str(choices[0])
    return ""


def _explanation(result: Sequence[Mapping[str, Any]]) -> str:
    for region in result:
        if region.get("from_name") == "why" and (text := region.get("value", {}).get("text")):
            return " ".join(text if isinstance(text, list) else [str(text)])[:EXPLANATION_MAX_CHARACTERS]
    return ""


def as_import(task: Task) -> dict[str, Any]:
    """The task as Label Studio imports it."""
    data = {"image": task.picture_url, "sha256": task.sha256, "ask": task.key, "seen_on": task.seen_on}
    if not task.suggestion:
        return {"data": data}
    return {
        "data": data,
        "predictions": [{"model_version": "isitcake triage", "result": [choice_region(task.suggestion)]}],
    }


def choice_region(answer: str) -> dict[str, Any]:
    """An answer as a region of Label Studio's `result`."""
    return {"from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": [answer]}}


def explanation_region(why: str) -> dict[str, Any]:
    """A reviewer's explanation as a region of Label Studio's `result`."""
    return {"from_name": "why", "to_name": "image", "type": "textarea", "value": {"text": [why]}}


def key_of(data: Mapping[str, Any]) -> str:
    """The question's key in a task's data. Old tasks have none: their image's SHA-256 stands for it."""
    return str(data.get("ask") or str(data["sha256"])[:16])


def as_moment(value: Any) -> datetime:
    """A time of Label Studio's, with its zone: UTC where it names none. Raises ValueError for other text."""
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def label_config(answers: Sequence[str]) -> str:
    """The screen that reviewers see: the picture, a choice with a hotkey for each answer, a line for an explanation."""
    choices = "".join(
        f'<Choice value="{escape(answer)}" hotkey="{number}"/>'
        for number, answer in enumerate(answers, 1)
        if number <= HOTKEYS
    )
    return (
        '<View><Image name="image" value="$image" zoom="true" maxHeight="70vh"/>'
        f'<Choices name="label" toName="image" choice="single" required="true" showInline="true">{choices}</Choices>'
        '<TextArea name="why" toName="image" placeholder="why? (optional)" maxSubmissions="1" rows="1"/>'
        "</View>"
    )
