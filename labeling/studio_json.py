"""Label Studio's JSON: the tasks that we send, the answers that come back, the screen that reviewers see."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from itertools import zip_longest
from types import MappingProxyType
from typing import Any

EXPLANATION_MAX_CHARACTERS = 500
HOTKEYS = "123456789"  # Label Studio has no key of two digits; later choices are clicked
REVIEWER_MAX_CHARACTERS = 128  # of the catalog's column
ANSWER_MAX_CHARACTERS = 64  # of the catalog's column
LARGEST_NUMBER = 2**31 - 1  # of a task, a user or a project: the catalog's columns take no larger one
WHY = "All that is known about this picture (answer first: it influences people)"
STYLE = """
.isitcake { display: flex; flex-wrap: wrap; gap: 28px; align-items: flex-start; }
.isitcake-picture { flex: 1 1 420px; min-width: 0; }
.isitcake-answers { flex: 0 1 340px; min-width: 260px; }
.isitcake-answers .lsf-choice { margin: 0 0 8px; }
.isitcake-answers .lsf-choice__item, .isitcake-answers .lsf-choice__checkbox { width: 100%; margin: 0; }
.isitcake-answers .lsf-choice__checkbox { display: flex; align-items: center; padding: 12px 14px; font-size: 18px;
  border: 1px solid #8886; border-radius: 8px; }
.isitcake-answers .lsf-choice__checkbox:hover { border-color: currentColor; }
.isitcake-answers .ant-radio-wrapper-checked { border-color: #4c5fa9; background: #4c5fa922; }
.isitcake-answers .ant-radio { transform: scale(1.4); margin: 0 6px 0 2px; }
.isitcake-answers .lsf-hint { font-size: 13px; opacity: .7; }
.isitcake-answers .lsf-richtext__container { padding: 0; font-size: 14px; line-height: 1.45; }
.isitcake-answers .lsf-richtext li { margin: 6px 0; }
.isitcake-examples { display: flex; flex-wrap: wrap; gap: 6px; }
.isitcake-example { width: 96px; height: 96px; background: center / contain no-repeat; }
.lsf-sidepanels { padding-right: 0 !important; }
.lsf-sidepanels__wrapper_align_right { display: none; }
"""  # large radio buttons; without the panels of regions, which have nothing to say about one choice

FIRST_YEAR, LAST_YEAR = 1970, 9998  # of an answer; the catalog keeps UTC, so both leave room for every zone


class WrongShape(ValueError):
    """JSON that is not Label Studio's. The message says which part."""


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
    """The answers in one task, without skipped ones. emails: by the reviewer's number. url: of Label Studio.

    Raises WrongShape, and ValueError for what is no time.
    """
    data = _object(task.get("data") or {}, "data")
    for content in objects(task.get("annotations") or [], "annotations"):
        result = objects(content.get("result") or [], "result")
        if content.get("was_cancelled") or not (answer := _choice(result)):
            continue
        stamp = content.get("updated_at") or content.get("created_at")
        changed = as_moment(stamp) if stamp else datetime.min.replace(tzinfo=UTC)
        yield Annotation(
            external_id=f"{url}#{_id(content.get('id'))}@{changed.isoformat()}",
            task_id=int(task.get("id") or 0),
            sha256=text_of(data.get("sha256", ""), "sha256"),
            reviewer=_reviewer(content.get("completed_by"), emails),
            answer=answer,
            changed=changed,
            seconds=_seconds(content.get("lead_time")),
            why=_explanation(result),
        )


def objects(value: object, what: str) -> list[dict[str, Any]]:
    """The value, if it is a list of JSON objects. Raises WrongShape."""
    if not isinstance(value, list):
        raise WrongShape(f"{what} is not a list")
    return [_object(item, what) for item in value]


def number_of(value: object, what: str) -> int:
    """The value, if it is the number of a task, user or project. Raises WrongShape."""
    if type(value) is not int or not 0 <= value <= LARGEST_NUMBER:
        raise WrongShape(f"{what} is not a number of Label Studio's")
    return value


def text_of(value: object, what: str) -> str:
    """The value, if it is text that every database takes: no NUL, no half of a character. Raises WrongShape."""
    if not isinstance(value, str):
        raise WrongShape(f"{what} is not text")
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise WrongShape(f"{what} has a character that no database takes (NUL, or half of a character)")
    return value


def _object(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise WrongShape(f"{what} has something that is not a JSON object")
    return value


def _id(value: object) -> str:
    """The id of an annotation: a number, in files from elsewhere also text or nothing."""
    if isinstance(value, bool | float | list | dict) or len(str(value)) > ANSWER_MAX_CHARACTERS:
        raise WrongShape("the id of an annotation is not a number")
    return text_of(str(value), "the id of an annotation")


def _reviewer(author: object, emails: Mapping[Any, str]) -> str:
    """The e-mail address of a reviewer, given as a number or an object; "user-3" where it is not known."""
    number, email = author, None
    if isinstance(author, dict):
        number, email = author.get("id"), author.get("email")
    if email:
        return text_of(email, "email")[:REVIEWER_MAX_CHARACTERS]
    if number is not None:
        number = number_of(number, "completed_by")
    return text_of(emails.get(number, f"user-{number}"), "email")[:REVIEWER_MAX_CHARACTERS]


def _seconds(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise WrongShape("lead_time is not a number")
    return float(value) or None


def _choice(result: Sequence[Mapping[str, Any]]) -> str:
    for region in result:
        choices = _object(region.get("value") or {}, "value").get("choices")
        if region.get("from_name") == "label" and choices:
            if not isinstance(choices, list):
                raise WrongShape("choices is not a list")
            answer = text_of(choices[0], "a choice")
            if len(answer) > ANSWER_MAX_CHARACTERS:
                raise WrongShape(f"a choice has more than {ANSWER_MAX_CHARACTERS} characters")
            return answer
    return ""


def _explanation(result: Sequence[Mapping[str, Any]]) -> str:
    for region in result:
        if region.get("from_name") == "why" and (text := _object(region.get("value") or {}, "value").get("text")):
            parts = [text_of(part, "text") for part in (text if isinstance(text, list) else [text])]
            return " ".join(parts)[:EXPLANATION_MAX_CHARACTERS]
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
    return text_of(data.get("ask") or text_of(data["sha256"], "sha256")[:16], "ask")


def as_moment(value: Any) -> datetime:
    """A time, with its zone: UTC where it names none. Raises ValueError for other text, WrongShape for other years."""
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:  # in UTC, years 1 and 9999 can be years that no clock has
        raise WrongShape(f"a time is before the year {FIRST_YEAR} or after {LAST_YEAR}")
    return moment


def label_config(
    answers: Sequence[str],
    guideline_html: str = "",
    examples: Mapping[str, Sequence[str]] = MappingProxyType({}),
    why_url: str = "",
) -> str:
    """The screen that reviewers see: the picture; beside it a large radio button for each answer, a line for an
    explanation, the guideline, examples, and a link to all that is known about the picture.

    The first nine choices have a hotkey. examples: JPEG pictures in base64, by label. They are in the style sheet:
    Label Studio takes them out of HTML. why_url: address of the page, without the SHA-256 at its end.
    """
    drawn = "".join(
        f".isitcake-example-{n}-{m} {{ background-image: url(data:image/jpeg;base64,{picture}); }}\n"
        for n, pictures in enumerate(examples.values())
        for m, picture in enumerate(pictures)
    )
    shown = "".join(
        _shown(f"examples-{n}", f"Examples of {escape(label)}")
        + '<View className="isitcake-examples">'
        + "".join(f'<View className="isitcake-example isitcake-example-{n}-{m}"/>' for m in range(len(pictures)))
        + "</View>"
        for n, (label, pictures) in enumerate(examples.items())
    )
    choices = "".join(
        f'<Choice value="{escape(answer)}"' + (f' hotkey="{key}"/>' if key else "/>")
        for answer, key in zip_longest(answers, HOTKEYS[: len(answers)], fillvalue="")
    )
    link = f'<a href="{escape(why_url)}$sha256" target="_blank" rel="noopener">{WHY}</a>' if why_url else ""
    return (
        f"<View><Style>{STYLE}{drawn}</Style>"
        '<View className="isitcake"><View className="isitcake-picture">'
        '<Image name="image" value="$image" zoom="true" maxHeight="75vh"/></View>'
        '<View className="isitcake-answers">'
        '<Choices name="label" toName="image" choice="single-radio" required="true" layout="vertical">'
        f"{choices}</Choices>"
        '<TextArea name="why" toName="image" placeholder="why? (optional)" maxSubmissions="1" rows="1"/>'
        f"{_shown('guideline', guideline_html.replace('$', '&#36;'))}{shown}{_shown('about', link)}"
        "</View></View></View>"
    )


def _shown(name: str, content: str) -> str:
    """HTML on the screen; nothing where it is empty. $sha256 in it becomes the task's."""
    return f'<HyperText name="{name}" inline="true" valueType="text" value="{escape(content)}"/>' if content else ""


def with_stored_names(config: str, stored_as: Mapping[str, str]) -> str:
    """The screen with new names for answers that Label Studio stores under old ones. stored_as: old name by new name.

    Label Studio refuses a screen that lacks an answer which somebody gave.
    """
    for name, old in stored_as.items():
        shown = f'<Choice value="{escape(name)}"'
        config = config.replace(shown, f'{shown} alias="{escape(old)}"')
    return config
