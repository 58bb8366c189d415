"""labeling.studio_json: tasks and annotations in Label Studio's JSON."""

from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

import pytest
from label_studio_sdk._extensions.label_studio_tools.core.label_config import parse_config

from labeling.studio_json import (
    Task,
    annotations_of,
    as_import,
    choice_region,
    explanation_region,
    label_config,
    with_stored_names,
)

URL = "http://studio.example"
STORED = {
    "id": 7,
    "completed_by": 3,
    "updated_at": "2026-11-24T10:00:00Z",
    "lead_time": 4.5,
    "result": [choice_region("cake"), explanation_region("three tiers")],
}
TASK: dict[str, Any] = {"id": 5, "data": {"sha256": "ab" * 32}}


def test_an_answer_is_read_with_its_author_and_time() -> None:
    (annotation,) = annotations_of({**TASK, "annotations": [STORED]}, {3: "ann@example.org"}, URL)
    assert annotation.external_id == f"{URL}#7@2026-11-24T10:00:00+00:00"
    assert (annotation.task_id, annotation.sha256, annotation.reviewer) == (5, "ab" * 32, "ann@example.org")
    assert (annotation.answer, annotation.seconds, annotation.why) == ("cake", 4.5, "three tiers")
    assert annotation.changed == datetime(2026, 11, 24, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("author", "reviewer"),
    [(3, "ann@example.org"), (4, "user-4"), ({"id": 3}, "ann@example.org"), ({"email": "bob"}, "bob")],
)
def test_authors_are_named_in_several_ways(author: object, reviewer: str) -> None:
    task = {**TASK, "annotations": [{**STORED, "completed_by": author}]}
    assert [annotation.reviewer for annotation in annotations_of(task, {3: "ann@example.org"}, URL)] == [reviewer]


def test_skipped_and_empty_answers_are_left_out() -> None:
    skipped, empty = {**STORED, "was_cancelled": True}, {**STORED, "result": []}
    assert not list(annotations_of({**TASK, "annotations": [skipped, empty]}, {}, URL))


@pytest.mark.parametrize("suggestion", ["", "cake"])
def test_a_suggestion_is_sent_only_if_there_is_one(suggestion: str) -> None:
    content = as_import(Task("key", "ab" * 32, "http://a.example/p.jpg", "http://a.example/", suggestion))
    assert content["data"]["ask"] == "key"
    assert ("predictions" in content) is bool(suggestion)


def test_labels_are_escaped() -> None:
    """A label is text, never markup."""
    assert '<Choice value="a&quot;b" hotkey="1"/>' in label_config(['a"b'])


def test_the_screen_has_radio_buttons_guideline_examples_and_a_link() -> None:
    """Label Studio's own reader takes it; only $image and $sha256 are filled in from a task."""
    interface = pytest.importorskip("label_studio_sdk.label_interface")
    screen = label_config(["cake", "pie"], "<p>A pie costs $sha256 & more</p>", {"pie": ["QUJD"]}, "http://h/why/")
    parsed = interface.LabelInterface(screen)
    assert parsed.get_control("label").attr["choice"] == "single-radio"
    shown = {one.get("name"): one.get("value", "") for one in ElementTree.fromstring(screen).iter("HyperText")}
    assert shown["guideline"] == "<p>A pie costs &#36;sha256 & more</p>"
    assert shown["examples-0"] == "Examples of pie"
    assert '<a href="http://h/why/$sha256"' in shown["about"]
    assert "url(data:image/jpeg;base64,QUJD)" in screen


def test_a_renamed_label_keeps_its_name_in_label_studio() -> None:
    """Data F5: Label Studio goes on storing the old name, or it would refuse the screen; it shows the new one."""
    screen = with_stored_names(label_config(["torte", "tor", "unsure"]), {"torte": "cake"})
    parsed = parse_config(screen)["label"]
    assert set(parsed["labels"]) == {"cake", "tor", "unsure"}
    assert parsed["labels_attrs"]["cake"]["value"] == "torte"


@pytest.mark.parametrize("count", [2, 8, 10, 15])
def test_every_choice_is_on_the_screen(count: int) -> None:
    """Data F8: with many labels no choice is left out; Label Studio's own reader of the screen sees all of them."""
    interface = pytest.importorskip("label_studio_sdk.label_interface")
    answers = [*(f"label-{n}" for n in range(count)), "unusable", "unsure"]
    screen = label_config(answers)
    assert list(interface.LabelInterface(screen).get_control("label").labels) == answers
    assert screen.count("hotkey=") == min(len(answers), 9)
