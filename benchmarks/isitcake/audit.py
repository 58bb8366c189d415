"""make bench-audit: what an audit of the real photos finds, as a folder of labels that nobody has answered about.

The bakers' photos are `cake` and the objects `not_cake`, as their sources claim; nothing says which site a photo is
from. A label is wrong if the truth is not_cake or unusable. An unsure picture costs a look and finds nothing. Beside
it: the same list in random order.
"""

import csv
import random
import shutil
import tempfile
import time
from pathlib import Path

from table import figures, out, table

from foundation.environment import shared_folder
from isitcake.auditing.audit import Audit
from isitcake.auditing.target import audited
from isitcake.output import progress

SHARES = (0.1, 0.2, 0.3)  # of the list, that a person looks at
WRONG = ("not_cake", "unusable")
DRAWS = 200  # random orders


def main() -> None:
    shared = shared_folder()
    if shared is None:
        out.print("../shared is missing: nothing is measured")
        figures(dict.fromkeys(("found_at_20", "pairs_missed", "seconds")))
        return
    with tempfile.TemporaryDirectory(prefix="bench-audit-") as temporary:
        folder = Path(temporary, "photos")
        truth, names = _lay_out(shared / "photos", folder)
        started = time.perf_counter()
        with progress() as steps, audited(str(folder), None, lambda: folder, steps.step) as (found, _):
            seconds = time.perf_counter() - started
        missed, false, pairs = _pairs(found, shared / "photos", names)
        wrong = {path for path, label in truth.items() if label in WRONG}
        order = [{file.path for file in suspect.files} for suspect in found.suspects]
        rows = [("audit", *(_found(order, wrong, share) for share in SHARES))]
        rng = random.Random(1)
        draws = [[_found(rng.sample(order, len(order)), wrong, share) for share in SHARES] for _ in range(DRAWS)]
        rows.append(("random", *(sum(draw[n] for draw in draws) / DRAWS for n in range(len(SHARES)))))
        head = ["", *(f"{share:.0%} looked at" for share in SHARES)]
        table(f"{len(wrong)} wrong labels of {len(found.files)} files, found by", head, rows)
        out.print(f"{pairs} near-duplicate pairs: {missed} missed, {false} false; {seconds:.0f} s")
        figures({
            "found_at_10": rows[0][1], "found_at_20": rows[0][2], "found_at_30": rows[0][3],
            "random_at_20": rows[1][2], "pairs_missed": missed, "false_pairs": false, "seconds": seconds,
        })  # fmt: skip


def _lay_out(photos: Path, folder: Path) -> tuple[dict[str, str], dict[tuple[str, str], str]]:
    """Copy the photos into folders of labels. Returns the truth by path, and the path by site and file."""
    truth, names = {}, {}
    with (photos / "truth.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            path = f"cake/{row['site']}-{row['file']}"
            truth[path], names[row["site"], row["file"]] = row["label"], path
            _copy(photos / "bakers" / row["site"] / row["file"], folder / path)
    with (photos / "objects.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            _copy(photos / "objects" / row["file"], folder / "not_cake" / row["file"])
    return truth, names


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _found(order: list[set[str]], wrong: set[str], share: float) -> float:
    """Share of the wrong labels in the first part of the list; a look at a picture covers its copies."""
    seen = set().union(*order[: round(share * len(order))])
    return len(seen & wrong) / len(wrong)


def _pairs(found: Audit, photos: Path, names: dict[tuple[str, str], str]) -> tuple[int, int, int]:
    """Near-duplicate pairs that were missed, pairs of other pictures in one group, and how many pairs there are."""
    with (photos / "near_duplicates.csv").open(encoding="utf-8") as file:
        true = {
            frozenset((names[row["site_a"], row["file_a"]], names[row["site_b"], row["file_b"]]))
            for row in csv.DictReader(file)
        }
    digest = {file.path: file.sha256 for file in found.files}

    def of_bytes(pairs: set[frozenset[str]]) -> set[frozenset[str]]:
        return {pair for paths in pairs if len(pair := frozenset(digest[path] for path in paths)) > 1}

    ours = {
        frozenset((one.path, other.path))
        for group in found.copies.groups
        for one in group
        for other in group
        if one.path.startswith("cake/") and other.path.startswith("cake/")
    }
    return len(of_bytes(true) - of_bytes(ours)), len(of_bytes(ours) - of_bytes(true)), len(of_bytes(true))


if __name__ == "__main__":
    main()
