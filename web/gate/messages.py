"""JSON from visitors: one flat object of small texts and numbers, read strictly."""

import json
import math
from typing import Any

MESSAGE_BYTES = 4096  # largest JSON body or socket message; far more than any page of ours sends
NUMBER_DIGITS = 15  # digits that a browser's number keeps; longer ones are an attack or a mistake


class BadMessage(ValueError):
    """What was sent is not one flat JSON object; the message says why."""


def parse_message(content: bytes | str) -> dict[str, Any]:
    """The fields of a JSON object: texts, finite numbers, true, false and null. No content is an empty object.

    Raises BadMessage: not UTF-8, not JSON, not an object, nested, too long a number, NaN, a field twice, surrogates.
    """
    try:
        text = content.decode("utf-8") if isinstance(content, bytes) else content
        text.encode("utf-8")
        if text.count("{") + text.count("[") > 1 and _is_nested(text):
            raise BadMessage("the JSON object must be flat: texts, numbers, true, false and null")
        fields = json.loads(
            text or "{}",
            object_pairs_hook=_fields,
            parse_int=_integer,
            parse_float=_number,
            parse_constant=_constant,
        )
    except UnicodeError:
        raise BadMessage("the text is not valid Unicode") from None
    except BadMessage:
        raise
    except (ValueError, RecursionError):
        raise BadMessage("the body is not JSON") from None
    if not isinstance(fields, dict):
        raise BadMessage("the body is not a JSON object")
    return fields


def _is_nested(text: str) -> bool:
    """Whether a bracket opens inside another one. Read without recursion, before the parser sees the text."""
    depth, is_text, is_escaped = 0, False, False
    for character in text:
        if is_text:
            is_text = is_escaped or character != '"'
            is_escaped = character == "\\" and not is_escaped
        elif character == '"':
            is_text = True
        elif character in "[{":
            depth += 1
            if depth > 1:
                return True
        elif character in "]}":
            depth -= 1
    return False


def _fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise BadMessage("a field of the JSON object occurs twice")
    for text in (*fields, *fields.values()):
        if isinstance(text, str):
            text.encode("utf-8")  # a surrogate that stands alone raises UnicodeEncodeError
            if "\0" in text:
                raise BadMessage("a text has the character NUL")
    return fields


def _integer(text: str) -> int:
    if len(text.lstrip("-")) > NUMBER_DIGITS:
        raise BadMessage(f"a number has more than {NUMBER_DIGITS} digits")
    return int(text)


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise BadMessage("a number is too large")
    return number


def _constant(text: str) -> None:
    raise BadMessage(f"{text} is not JSON")
