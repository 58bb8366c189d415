"""What changed between the manifests of two versions. Needs Arrow, which takes 0.2 s to import."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dataset.versions.manifest import unreadable

DIFF_SCHEMA = pa.schema([(name, pa.string()) for name in ("change", "sha256", "label", "was", "reason")])


def changes(old: Path | None, new: Path) -> pa.Table:
    """Compare two manifests; columns as in DIFF_SCHEMA. old: None for the first version.

    Raises DamagedVersion if one cannot be read. Sorted by kind of change (added, relabelled, removed), then by SHA-256.
    """
    with unreadable(new):
        after = pq.read_table(new, columns=["sha256", "label", "label_origin", "cluster"])
    before = after.select([0, 1, 3]).slice(0, 0)
    if old:
        with unreadable(old):
            before = pq.read_table(old, columns=["sha256", "label", "cluster"])
    both = after.drop_columns(["cluster"]).join(
        before.rename_columns(["sha256", "was", "cluster"]), "sha256", join_type="full outer"
    )
    is_new, is_gone = pc.is_null(both["was"]), pc.is_null(both["label"])
    both = both.filter(pc.or_(pc.or_(is_new, is_gone), pc.fill_null(pc.not_equal(both["label"], both["was"]), True)))
    is_new, is_gone = pc.is_null(both["was"]), pc.is_null(both["label"])
    twins = after.select(["cluster", "sha256"]).rename_columns(["cluster", "twin"])
    removed = both.filter(is_gone).join(twins, "cluster", join_type="left outer")
    text = pa.string()
    reason = pc.if_else(
        pc.is_null(removed["twin"]),
        pa.scalar("no longer has one of the project's labels", text),
        pc.binary_join_element_wise("the same picture as", pc.utf8_slice_codeunits(removed["twin"], 0, 16), " "),
    )
    parts = [_diff("removed", removed, reason)]
    for kind, table in (
        ("added", both.filter(is_new)),
        ("relabelled", both.filter(pc.invert(pc.or_(is_new, is_gone)))),
    ):
        parts.append(_diff(kind, table, pc.binary_join_element_wise("label from", table["label_origin"], " ")))
    return pa.concat_tables(parts).sort_by([("change", "ascending"), ("sha256", "ascending")])


def _diff(kind: str, table: pa.Table, reason: Any) -> pa.Table:
    columns = [
        pa.array([kind] * len(table), pa.string()), table["sha256"], pc.fill_null(table["label"], ""),
        pc.fill_null(table["was"], ""), reason,
    ]  # fmt: skip
    return pa.table(columns, DIFF_SCHEMA)
