"""The columns of the map say what the catalog says. Names web/map/content.py."""

import base64
import json
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from dataset.catalog.tables import clusters, positions, queue, sightings, splits
from dataset.labels import label_ledger
from dataset.labels.decisions import Answer
from dataset.project import Project
from web.map.content import AGREEMENTS, NOT_QUEUED, agreement_of, map_content


def column(content: dict[str, Any], name: str, kind: str = "u1") -> list[int]:
    numbers: list[int] = np.frombuffer(base64.b64decode(content["columns"][name]), dtype=kind).tolist()
    return numbers


def texts(content: dict[str, Any], name: str, kind: str = "u1") -> list[str]:
    return [content["texts"][name][number] for number in column(content, name, kind)]


def test_every_column_is_that_of_the_catalog(published_project: Project) -> None:
    content = json.loads(map_content(published_project, with_answers=True))
    packed = base64.b64decode(content["columns"]["sha256"])
    names = [packed[at : at + 32].hex() for at in range(0, len(packed), 32)]
    assert len(names) == content["count"] == content["measured"]
    with published_project.catalog.read() as connection:
        places = {row.sha256: (row.x, row.y) for row in connection.execute(select(positions))}
        decided = label_ledger.latest(connection)
        split_of = dict(connection.execute(select(splits.c.sha256, splits.c.split)).all())
        errors = dict(connection.execute(select(queue.c.sha256, queue.c.error_probability)).all())
        groups = {row.sha256: row for row in connection.execute(select(clusters))}
        sources = {row.sha256: row.source for row in connection.execute(select(sightings))}
    assert set(names) == set(places)
    for axis, index in (("x", 0), ("y", 1)):
        found = np.array(column(content, axis, "<u2")) / 65_535 * 2 - 1
        assert found == pytest.approx([places[name][index] for name in names], abs=1e-4)
    assert texts(content, "label") == [decided[name].label for name in names]
    assert texts(content, "split") == [split_of.get(name, "no split yet") for name in names]
    assert set(texts(content, "source", "<u2")) == set(sources.values())
    error = [errors.get(groups[name].representative) for name in names]
    assert column(content, "error") == [NOT_QUEUED if e is None else round(200 * e) for e in error]
    sizes = [sum(row.cluster == groups[name].cluster for row in groups.values()) for name in names]
    assert column(content, "copies") == sizes
    assert max(sizes) > 1
    labels = published_project.settings.project.labels
    assert column(content, "out") == [decided[name].label not in labels for name in names]


def test_only_the_owner_gets_what_reviewers_said(published_project: Project) -> None:
    content = json.loads(map_content(published_project, with_answers=False))
    assert "agreement" not in content["columns"]
    assert "agreement" not in content["texts"]


@pytest.mark.parametrize(
    ("given", "agreement"),
    [
        ([], "nobody answered"),
        (["cake"], "one answer"),
        (["cake", "cake"], "answers agree"),
        (["cake", "not_cake"], "answers disagree"),
        (["+cake"], "confirmed on a wall only"),
        (["+cake", "not_cake"], "answers disagree"),
        (["+cake", "cake"], "one answer"),
    ],
)
def test_agreement(given: list[str], agreement: str) -> None:
    """A plus stands for a picture that was confirmed on a wall."""
    answers = [Answer(f"r{n}", text.lstrip("+"), is_confirmed=text[0] == "+") for n, text in enumerate(given)]
    assert AGREEMENTS[agreement_of(answers)] == agreement


def test_a_project_without_features_has_an_empty_map(published_project: Project) -> None:
    with published_project.catalog.write() as connection:
        connection.execute(positions.delete())
    assert json.loads(map_content(published_project, with_answers=True))["count"] == 0
