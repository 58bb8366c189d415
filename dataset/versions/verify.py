"""Check that a version is what was published."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from more_itertools import sliced

from dataset.splits.assignment import UNSEEN
from dataset.versions import certificate_file, manifest, merkle
from dataset.versions.facts import ErasedRow, positions
from dataset.versions.leaks import leaks
from dataset.versions.listed_files import changed_files, rows_id, unlisted
from dataset.versions.published import LEAF_BYTES, LEAVES, Version, load, read_erased
from dataset.versions.stored.pictures import Layout
from foundation.errors import DamagedVersion, StageError

PROVES_LESS = (
    "an earlier release published it: its id covers rows and pictures, but not metadata.parquet, README.md, "
    "croissant.json, diff.parquet, the facts in version.json, or added files other than .jpg"
)


Progress = Callable[[str, int, int], None]  # what is done, how many pictures are, how many there are


@dataclass(frozen=True)
class Verification:
    """problems: one sentence each; an empty list means that the version is unchanged.

    note: what the check cannot prove about a version of an earlier release. erasures: how many removed rows from it.
    leaks: how many of the problems are pictures in two splits that only their pixels tell; the rest is as published.
    """

    version: str
    id: str
    images: int
    problems: list[str]
    note: str = ""
    erasures: int = 0
    leaks: int = 0


@dataclass
class _Check:
    """Collected in one pass over the manifest. leaves: empty for a quick check. files: names by folder, where pictures
    are files.
    """

    leaves: list[str] = field(default_factory=list)
    tally: Counter[tuple[str, str]] = field(default_factory=Counter)
    files: dict[str, set[str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def verify(home: Path, name: str, progress: Progress | None = None, *, quick: bool = False) -> Verification:
    """Hash every file again, rebuild the id, look for leaks between splits. Needs the version's files only.

    Leaks are found by cluster, by held-out site, and by comparing the pictures of two splits, as duplicates are found.
    quick: hash no file, so the id is not rebuilt.
    """
    version, check, tell = load(home, name), _Check(), progress or _silent
    try:
        _check_rows(version, check, tell, quick)
    except (DamagedVersion, OSError, ValueError, TypeError) as error:
        return Verification(version.name, version.id, 0, [f"{manifest.FILE_NAME} cannot be read: {error}"])
    problems = check.problems
    try:
        gone = read_erased(version.path)
    except DamagedVersion as error:
        gone = []
        problems.append(str(error))
    if not quick:
        problems += _changed(version, check.leaves, gone)
    if version.texts:
        problems += changed_files(version, quick=quick)
    problems += _in_two_splits(version)
    leaking = [] if quick else leaks(version.pictures, version.rows(), partial(tell, "looking for leaks"))
    problems += leaking
    problems += _certificate(version, gone)
    problems += unlisted(version, check.files)
    as_published = version.published_counts
    expected = Counter({(split, label): n for split, labels in as_published.items() for label, n in labels.items()})
    expected.subtract((row.split, row.label) for row in gone)
    if check.tally != +expected:
        problems.append("version.json and the manifest count different numbers of images")
    note = "" if version.texts else PROVES_LESS
    return Verification(version.name, version.id, check.tally.total(), problems, note, version.erasures, len(leaking))


def _check_rows(version: Version, check: _Check, tell: Progress, quick: bool) -> None:
    """Compare each row with its file."""
    for row in manifest.each(version.path / manifest.FILE_NAME):
        file_sha256 = "" if quick else version.pictures.digest(row)
        if not file_sha256 and version.pictures.where(row).is_symlink():
            check.problems.append(f"{row.file} is a symbolic link, not the picture")
        elif not file_sha256 and not version.pictures.has(row):
            check.problems.append(f"{row.file} is missing")
        if row.file.split("/")[1:3] != [row.split, row.label]:
            check.problems.append(f"{row.file} is not in the folder of its split and label")
        if not quick:
            check.leaves.append(version.leaf(row, file_sha256))
        check.tally[row.split, row.label] += 1
        if version.layout is Layout.FOLDER:
            folder, _, file = row.file.rpartition("/")
            check.files.setdefault(folder, set()).add(file)
        tell("verifying", check.tally.total(), version.images)


def _certificate(version: Version, gone: Sequence[ErasedRow]) -> list[str]:
    """What the certificate claims, and its design and answers do not give."""
    if version.certificate is None:
        return []
    path, rows = version.path / certificate_file.FILE_NAME, manifest.each(version.path / manifest.FILE_NAME)
    return certificate_file.problems(version.certificate, path, rows, len(gone))


def _in_two_splits(version: Version) -> list[str]:
    """Clusters that are in more than one split, and held-out sites that other splits have images of."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pq.read_table(version.path / manifest.FILE_NAME, columns=["cluster", "split", "site"])
    clusters = table.group_by("cluster").aggregate([("split", "distinct")])
    twice = clusters.filter(pc.greater(pc.list_value_length(clusters["split_distinct"]), 1)).to_pylist()
    is_unseen = pc.equal(table["split"], UNSEEN)
    held_out, others = (set(table.filter(part)["site"].to_pylist()) for part in (is_unseen, pc.invert(is_unseen)))
    shared = [f"site {site!r} is in {UNSEEN} and in another split" for site in sorted(held_out & others)]
    return shared + [
        f"cluster {row['cluster'][:16]} is in {' and '.join(sorted(row['split_distinct']))}"
        for row in sorted(twice, key=lambda row: row["cluster"])
    ]


def _changed(version: Version, leaves: Sequence[str], gone: Sequence[ErasedRow]) -> list[str]:
    """Nothing where rows and files give the version's id; else what was changed, by name where leaves.bin is whole."""
    total = len(leaves) + len(gone)
    if gone and gone[-1].position >= total:
        return [f"erased.json names row {gone[-1].position}, and there are {total}"]
    if rows_id(version, merkle.root(_all_leaves(leaves, gone))) == version.id:
        return []
    try:
        content = (version.path / LEAVES).read_bytes()
    except OSError:
        content = b""
    kept = [leaf.hex() for leaf in sliced(content, LEAF_BYTES)]
    problems = ["the rows and files do not give the version's id: something was changed"]
    if rows_id(version, merkle.root(kept)) != version.id:
        return [*problems, f"{LEAVES} or version.json was changed too, so the changed files and rows cannot be named"]
    known = set(kept)
    files = (row.file for row in manifest.each(version.path / manifest.FILE_NAME))
    changed = [file for file, leaf in zip(files, leaves, strict=True) if leaf not in known]
    problems += [f"{file} or its row was changed" for file in changed]
    if missing := len(kept) - total:
        problems.append(f"{abs(missing)} rows are {'missing' if missing > 0 else 'too many'}")
    return problems


def _all_leaves(leaves: Sequence[str], gone: Sequence[ErasedRow]) -> list[str]:
    """Leaves of all rows as published: of those that are left and of those that were erased, by position."""
    by_position = dict(zip(positions(len(leaves), gone), leaves, strict=True))
    by_position |= {row.position: row.leaf for row in gone}
    return [by_position[position] for position in sorted(by_position)]


def _silent(_what: str, _done: int, _total: int) -> None: ...


def require_verified(result: Verification) -> None:
    """Raise StageError with the first problem."""
    if result.problems:
        more = f" (and {len(result.problems) - 1} more)" if len(result.problems) > 1 else ""
        if len(result.problems) == result.leaks:
            raise StageError(
                f"version {result.version} has one picture in two splits: {result.problems[0]}{more}; erase one of the "
                "two, or answer `unusable` about it, and publish again"
            )
        raise StageError(f"version {result.version} is not what was published: {result.problems[0]}{more}")
