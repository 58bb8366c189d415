"""What changed between the manifests of two versions. Needs Arrow, which takes 0.2 s to import."""

import contextlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dataset.labels.vocabulary import KEPT_OUT
from dataset.objections import OBJECTS
from dataset.versions.identity import DIFF
from dataset.versions.manifest import unreadable
from foundation.json_files import read_json
from foundation.safe_text import counted

DIFF_SCHEMA = pa.schema([(name, pa.string()) for name in ("change", "sha256", "label", "was", "reason")])

GONE = "no longer has one of the project's labels"  # why an image was removed that is known no more about
RENAMED = "renamed"  # kind of change: the class has another name, and the image is still in it


def changes(old: Path | None, new: Path, why: Mapping[str, str] = MappingProxyType({}), gone: str = GONE) -> pa.Table:
    """Compare two manifests; columns as in DIFF_SCHEMA. old: None for the first version.

    why: reasons for removed images that the manifests do not tell, by SHA-256. gone: the reason for the others.

    Raises DamagedVersion if one cannot be read. Sorted by kind of change (added, relabelled, removed, renamed), then by
    SHA-256.
    """
    with unreadable(new):
        after = pq.read_table(new, columns=["sha256", "label", "label_origin", "cluster"])
    before = after.drop_columns(["label_origin"]).slice(0, 0)
    if old:
        with unreadable(old):
            before = pq.read_table(old, columns=["sha256", "label", "cluster"])
    place = pc.index_in(after["sha256"], before["sha256"])  # needs a tenth of the memory of a join
    after = after.append_column("was", before["label"].take(place))
    removed = before.filter(pc.invert(pc.is_in(before["sha256"], after["sha256"])))
    twins = after["sha256"].take(pc.index_in(removed["cluster"], after["cluster"]))
    text = pa.string()
    reason = pc.if_else(
        pc.is_null(twins),
        pa.scalar(gone, text),
        pc.binary_join_element_wise("the same picture as", pc.utf8_slice_codeunits(twins, 0, 16), " "),
    )
    known = pa.array([why.get(sha256) for sha256 in removed["sha256"].to_pylist()], text)
    parts = [_diff("removed", removed.rename_columns({"label": "was"}), pc.coalesce(known, reason))]
    other_label = after.filter(pc.fill_null(pc.not_equal(after["label"], after["was"]), False))
    is_renamed = _is_renamed(other_label, _labels(old), _labels(new))
    for kind, table in (
        ("added", after.filter(pc.is_null(place))),
        ("relabelled", other_label.filter(pc.invert(is_renamed))),
        (RENAMED, other_label.filter(is_renamed)),
    ):
        parts.append(_diff(kind, table, pc.binary_join_element_wise("label from", table["label_origin"], " ")))
    return pa.concat_tables(parts).sort_by([("change", "ascending"), ("sha256", "ascending")])


def n_changes(table: pa.Table) -> Counter[str]:
    """Images by kind of change. table: of `changes`."""
    return Counter({kind["values"]: kind["counts"] for kind in pc.value_counts(table["change"]).to_pylist()})


def renames_in(table: pa.Table) -> dict[tuple[str, str], int]:
    """Images of each renamed class, by its label before and after. table: of `changes`."""
    rows = table.filter(pc.equal(table["change"], RENAMED))
    return dict(sorted(Counter(zip(rows["was"].to_pylist(), rows["label"].to_pylist(), strict=True)).items()))


def renamed_sources(old: Path, new: Path) -> dict[tuple[str, str], int]:
    """Images of each source that has another name, by both names: one that is gone became one that is new.

    old, new: manifests. None are found in a manifest of an earlier release, which has no sources.
    """
    with unreadable(old), unreadable(new):
        if any("sources" not in pq.read_schema(path).names for path in (old, new)):
            return {}
        those_then, those_now = (
            set(pc.unique(pc.list_flatten(pq.read_table(path, columns=["sources"])["sources"])).to_pylist())
            for path in (old, new)
        )
        gone, come = those_then - those_now, those_now - those_then
        if not gone or not come:  # most versions
            return {}
        tables = [pq.read_table(path, columns=["sha256", "sources"]) for path in (old, new)]
    before, after = (dict(zip(*table.to_pydict().values(), strict=True)) for table in tables)
    pairs = Counter(
        (was, source)
        for sha256 in before.keys() & after.keys()
        for was in gone.intersection(before[sha256])
        for source in come.intersection(after[sha256])
    )
    olds, news = Counter(was for was, _ in pairs), Counter(source for _, source in pairs)
    return {pair: n for pair, n in sorted(pairs.items()) if olds[pair[0]] == news[pair[1]] == 1}


def as_rows(renames: Mapping[tuple[str, str], int], kind: str) -> list[dict[str, str | int]]:
    """What `renames_in` or `renamed_sources` found, with keys. kind: label or source."""
    return [{"was": was, kind: name, "images": images} for (was, name), images in renames.items()]


def new_names(
    labels: Iterable[Mapping[str, str | int]], sources: Iterable[Mapping[str, str | int]], when: str = "now"
) -> list[str]:
    """A sentence for each label and each source that has another name. labels, sources: of `as_rows`.

    when: now, or in which version. An older version may be compared with a newer one.
    """
    return [
        *(f"{row['images']} {row['was']} are {row['label']} {when}" for row in labels),
        *(
            f"source {row['was']} is {row['source']} {when}, for {counted(int(row['images']), 'image')}"
            for row in sources
        ),
    ]


def other_numbers(before: Sequence[str], after: Sequence[str], renames: Iterable[tuple[str, str]]) -> str:
    """A sentence about classes that have another number; empty where none has. renames: labels before and after."""
    new_name = dict(renames)
    moved = [
        f"{label} was {number} and is {after.index(label)}"
        for number, label in enumerate(new_name.get(name, name) for name in before)
        if label in after and after.index(label) != number
    ]
    return f"the numbers of the labels changed: {', '.join(moved)}" if moved else ""


def told(folders: Iterable[Path]) -> dict[str, str]:
    """Why images were kept out, by SHA-256: as the versions in these folders, oldest first, said when published.

    A version that cannot be read says nothing.
    """
    found: dict[str, str] = {}
    for folder in folders:
        with contextlib.suppress(OSError, ValueError, KeyError):
            table = pq.read_table(folder / DIFF)
            removed = table.filter(pc.equal(table["change"], "removed"))
            rows = zip(removed["sha256"].to_pylist(), removed["reason"].to_pylist(), strict=True)
            found |= {sha256: reason for sha256, reason in rows if reason.startswith((OBJECTS, KEPT_OUT))}
    return found


def _labels(manifest: Path | None) -> list[str]:
    """The labels of the version that has this manifest; none where version.json cannot be read."""
    default: dict[str, Any] = {}
    return list(read_json(manifest.with_name("version.json"), default).get("labels", [])) if manifest else []


def _is_renamed(relabelled: pa.Table, before: Sequence[str], after: Sequence[str]) -> Any:
    """Of each row, whether its class has another name: one label that is gone became one that is new."""
    rows = list(zip(relabelled["was"].to_pylist(), relabelled["label"].to_pylist(), strict=True))
    candidates = {(was, label) for was, label in set(rows) if before and was not in after and label not in before}
    olds, news = Counter(was for was, _ in candidates), Counter(label for _, label in candidates)
    renames = {(was, label) for was, label in candidates if olds[was] == news[label] == 1}
    return pa.array([row in renames for row in rows], pa.bool_())


def _diff(kind: str, table: pa.Table, reason: Any) -> pa.Table:
    """Rows of the diff; label and was are empty where the table has no such column, or nothing in it."""
    labels = [pc.fill_null(table[name], "") if name in table.column_names else pa.repeat("", len(table))
              for name in ("label", "was")]  # fmt: skip
    return pa.table([pa.repeat(kind, len(table)), table["sha256"], *labels, reason], DIFF_SCHEMA)
