"""Subgroups of a version by site, source, size and look."""

from datetime import UTC, datetime

import numpy as np
from rows import made_row

from dataset.catalog.tables import clusters, features, judgements
from dataset.catalog.writes import append
from dataset.project import Project
from dataset.publishing.subgroups import EXAMPLES, IMAGES_PER_LOOK_GROUP, Subgroup, subgroups
from dataset.versions.manifest import Row

NOVEMBER = datetime(2026, 11, 24, tzinfo=UTC)


def grouped(project: Project, rows: list[Row]) -> dict[str, list[Subgroup]]:
    with project.catalog.read() as connection:
        groups = subgroups(connection, rows, "test-backbone")
    return {kind: [group for group in groups if group.kind == kind] for kind in ("site", "source", "size", "look")}


def test_by_site_source_and_size(project: Project) -> None:
    rows = [
        made_row(1, site="a.example", width=299, height=100),
        made_row(2, site="b.example", width=1200, sources=["baker", "api"], judgements=2, label="not_cake"),
        made_row(3, site="b.example", width=300),
    ]
    with project.catalog.write() as connection:
        append(connection, clusters, [{"sha256": row.sha256, "cluster": row.cluster, "representative": row.sha256}
                                      for row in rows])  # fmt: skip
        for reviewer, answer in (("ann", "cake"), ("bob", "not_cake")):
            append(connection, judgements, [
                {"sha256": rows[1].sha256, "reviewer": reviewer, "answer": answer, "answered_at": NOVEMBER,
                 "origin": "import", "external_id": reviewer, "recorded_at": NOVEMBER}])  # fmt: skip
    groups = grouped(project, rows)
    b, a = groups["site"]
    assert (b.name, b.images, b.labels) == ("b.example", 2, {"cake": 1, "not_cake": 1})
    assert (b.judged, b.relabelled, b.expected_wrong, b.agreement) == (1, 1, 0.5, 0.0)
    assert (a.name, a.images, a.agreement) == ("a.example", 1, None)
    assert [(group.name, group.images) for group in groups["source"]] == [("baker", 3), ("api", 1)]
    assert {group.name for group in groups["size"]} == {"under 300 px", "under 600 px", "1200 px and more"}
    assert groups["look"] == []


def test_pictures_that_look_alike_are_one_subgroup(project: Project) -> None:
    """Three directions of features are three looks, the largest first, and always the same."""
    rng = np.random.default_rng(0)
    sizes = (IMAGES_PER_LOOK_GROUP + 15, IMAGES_PER_LOOK_GROUP, IMAGES_PER_LOOK_GROUP - 15)
    rows = [made_row(n) for n in range(sum(sizes))]
    direction_of = dict(zip((row.sha256 for row in rows), np.repeat(range(3), sizes).tolist(), strict=True))
    with project.catalog.write() as connection:
        for sha256, direction in direction_of.items():
            vector = rng.normal(0, 0.05, 8)
            vector[direction] += 1
            record = {"sha256": sha256, "backbone": "test-backbone", "vector": vector.astype(np.float16).tobytes()}
            append(connection, features, [record])
    looks = grouped(project, rows)["look"]
    assert [(group.name, group.images) for group in looks] == [
        (f"look {number}", size) for number, size in enumerate(sizes, 1)
    ]
    for group in looks:
        assert len(group.examples) == EXAMPLES
        assert len({direction_of[sha256] for sha256 in group.examples}) == 1
    assert grouped(project, rows)["look"] == looks


def test_pictures_with_equal_features_are_one_look(project: Project) -> None:
    """Features that do not differ give no warning of k-means."""
    rows = [made_row(n) for n in range(2 * IMAGES_PER_LOOK_GROUP)]
    with project.catalog.write() as connection:
        vector = np.ones(8, dtype=np.float16).tobytes()
        append(connection, features, [
            {"sha256": row.sha256, "backbone": "test-backbone", "vector": vector} for row in rows
        ])  # fmt: skip
    assert [group.name for group in grouped(project, rows)["look"]] == ["look 1"]
