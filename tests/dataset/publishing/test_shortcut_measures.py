"""Trivial features are measured on originals and on published pictures, each once."""

import numpy as np
from PIL import Image
from sqlalchemy import select, update

from dataset.catalog.tables import looks
from dataset.project import Project
from dataset.publishing.shortcut_measures import MEASURES_RECIPE, offenders, shortcuts_of
from dataset.versions import published


def test_scores_before_and_after_the_recipe(published_project: Project) -> None:
    version = published.newest(published_project.home)
    assert version is not None
    rows = sorted(version.rows(), key=lambda row: row.sha256)  # as when it was published
    boards = shortcuts_of(published_project, rows)
    assert boards == version.shortcuts
    before, after = ({row.feature for row in boards[when]} for when in ("before", "after"))
    assert before == {
        "site kind", "JPEG tables", "format", "width", "height", "aspect", "bytes per pixel", "source",
    }  # fmt: skip
    assert after == (before - {"site kind", "source"}) | {"border", "colour", "thumbnail"}
    score = {row.feature: row.score for row in boards["after"]}
    assert score["format"] == score["JPEG tables"] == 0.5


def test_stored_measures_are_used(published_project: Project) -> None:
    """Publishing stored them: where the stored widths are changed so that they reveal the label, the score shows it."""
    version = published.newest(published_project.home)
    assert version is not None
    rows = version.rows()
    with published_project.catalog.write() as connection:
        stored = select(looks).where(looks.c.recipe == MEASURES_RECIPE)
        measures = {row.sha256: row.measures for row in connection.execute(stored)}
        assert set(measures) == {row.sha256 for row in rows}
        for row in rows:
            changed = {**measures[row.sha256], "shape": [100 if row.label == "cake" else 900, 500]}
            connection.execute(update(looks).where(looks.c.sha256 == row.sha256).values(measures=changed))
    before = {row.feature: row.score for row in version.shortcuts["after"]}["width"]
    after = {row.feature: row.score for row in shortcuts_of(published_project, rows)["after"]}["width"]
    assert before is not None
    assert after is not None
    assert after > before + 0.1


def test_the_worst_offenders_of_a_version(published_project: Project) -> None:
    """They are pictures of their own label, for features of files and of pixels."""
    version = published.newest(published_project.home)
    assert version is not None
    rows = version.rows()
    label_of = {row.sha256: row.label for row in rows}
    for feature in ("bytes per pixel", "colour", "width"):
        for label, names in offenders(published_project, rows, feature).items():
            assert {label_of[name] for name in names} <= {label}


def test_jpeg_tables_tell_the_quality(published_project: Project) -> None:
    """Mean of the tables in the stored measures: above zero for JPEG originals, zero for other formats."""
    version = published.newest(published_project.home)
    assert version is not None
    with published_project.catalog.read() as connection:
        measures = {row.sha256: row.measures for row in connection.execute(select(looks))}
    for row in version.rows():
        assert (np.array(measures[row.sha256]["tables"]).any()) == (row.format == "JPEG")
        with Image.open(version.path / row.file) as picture:
            assert list(picture.size) == measures[row.sha256]["shape"]
