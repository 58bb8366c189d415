"""web/gate/messages.py: JSON from visitors."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.gate.messages import BadMessage, parse_message

FLAT = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
    st.none() | st.booleans() | st.integers(-(10**14), 10**14) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=50),
    max_size=5,
)  # fmt: skip


@given(FLAT)
def test_flat_objects_are_read_as_they_are(fields: dict[str, Any]) -> None:
    assert parse_message(json.dumps(fields)) == fields
    assert parse_message(json.dumps(fields, ensure_ascii=False).encode()) == fields


def test_no_body_is_an_empty_object() -> None:
    assert parse_message(b"") == {}


@pytest.mark.parametrize(
    "sent",
    [
        b"{", b"[1]", b"null", b'"a"', b"1", b"\xff", b"{'a': 1}", b'{"a": 1} x', b'{"a": NaN}', b'{"a": Infinity}',
        b'{"a": -Infinity}', b'{"a": 1e999}', b'{"a": -1e999}', b'{"a": 12345678901234567890}',
        b'{"a": ' + b"9" * 4000 + b"}", b"[" * 4000, b'{"a":' * 700, b'{"a": [1]}', b'{"a": {}}', b'{"a": {"b": 1}}',
        b'{"a": 1, "a": 2}', b'{"a": "\\ud800"}', b'{"\\udfff": 1}', b'{"a": "\\u0000"}', b'{"a": "\\"[", "b": [[]]}',
        '{"a": "é"}'.encode("utf-16"), "\ud800", '{"a": "\udc80"}',
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_a_reason(sent: bytes | str) -> None:
    """Security 13: never another error, however deep or long it is."""
    with pytest.raises(BadMessage) as refused:
        parse_message(sent)
    assert str(refused.value)


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_whatever_is_sent_is_read_or_refused(sent: bytes | str) -> None:
    try:
        fields = parse_message(sent)
    except BadMessage:
        return
    assert isinstance(fields, dict)


def test_brackets_in_texts_are_text() -> None:
    assert parse_message(b'{"a": "[[{{\\"[", "b": "{"}') == {"a": '[[{{"[', "b": "{"}
