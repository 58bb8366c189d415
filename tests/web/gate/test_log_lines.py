"""web/gate/log_lines.py: what visitors can write into the log."""

import logging
from collections.abc import Iterator

import pytest

from web.gate.log_lines import LINES, LINES_S, OneLine


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))


@pytest.fixture
def now() -> list[float]:
    return [0.0]


@pytest.fixture
def lines(now: list[float]) -> Iterator[Lines]:
    """What the logger "of-the-test" writes."""
    logger, handler = logging.getLogger("of-the-test"), Lines()
    only = OneLine(clock=lambda: now[0])
    logger.addHandler(handler)
    logger.addFilter(only)
    yield handler
    logger.removeHandler(handler)
    logger.removeFilter(only)


def test_an_error_is_one_line_with_its_place(lines: Lines) -> None:
    """Security 11: no traceback."""
    try:
        raise KeyError("text")
    except KeyError:
        logging.getLogger("of-the-test").exception("Exception in ASGI application\n")
    (line,) = lines.texts
    assert line.startswith("Exception in ASGI application: KeyError: 'text' (")
    assert "test_log_lines.py:" in line
    assert "\n" not in line


def test_lines_of_one_kind_are_few_in_a_minute(lines: Lines, now: list[float]) -> None:
    """Security 11: they differ in addresses and numbers only. Later, one line says how many were left out."""
    for number in range(1000):
        logging.getLogger("of-the-test").warning(f"Task 0x{number:x} failed\nwith {number}")
    assert len(lines.texts) == LINES
    now[0] = LINES_S
    logging.getLogger("of-the-test").warning("something else")
    assert lines.texts[-1] == f"something else ({1000 - LINES} lines were left out before)"


def test_many_kinds_are_few_lines_too(lines: Lines) -> None:
    for number in range(5000):
        logging.getLogger("of-the-test").warning("kind " + "abcdefghij"[number % 10] * (1 + number // 10))
    assert len(lines.texts) < 200


def test_a_visitor_forges_no_line(lines: Lines) -> None:
    """Security 13, 19: new lines, escapes of terminals, surrogates."""
    logging.getLogger("of-the-test").warning("%s", "GET /a\nERROR \x1b[2Jall is lost \ud800" + "a" * 5000)
    (line,) = lines.texts
    assert "\n" not in line
    assert "\x1b" not in line
    assert len(line) <= 500
    line.encode()
