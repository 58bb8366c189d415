"""make bench-audit: what an audit of the real photos finds, as a folder of labels that nobody has answered about.

The bakers' photos are `cake` and the objects `not_cake`, as their sources claim. A label is wrong if the truth is
not_cake or unusable. An unsure picture costs a look and finds nothing.

Three audits, and the same list in random order: as a user gets it, with the subject pack of these two labels; with the
pack's prior fitted anew for each site, on the other sites; and without a pack. The shipped prior was fitted on these
photos, so the first figure says nothing about other photos: the second one does.
"""

import csv
import random
import shutil
import tempfile
import time
import unittest.mock
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from photos import labelled
from table import figures, out, table

from dataset.suspicion import shipped_prior, subjects
from foundation.environment import shared_folder
from isitcake.auditing.audit import Audit
from isitcake.auditing.target import audited
from isitcake.output import progress
from networks.backbone import backbone

SHARES = (0.1, 0.2, 0.3)  # of the list, that a person looks at
WRONG = ("not_cake", "unusable")
DRAWS = 200  # random orders
STRENGTH = 0.001  # C of the prior: as benchmarks/dataset/fit_prior.py has it for the default network


def main() -> None:
    shared = shared_folder()
    if shared is None:
        out.print("../shared is missing: nothing is measured")
        figures(dict.fromkeys(("found_at_20_sites_left_out", "found_at_20_no_pack", "pairs_missed", "seconds")))
        return
    with tempfile.TemporaryDirectory(prefix="bench-audit-") as temporary:
        folder = Path(temporary, "photos")
        truth, names = _lay_out(shared / "photos", folder)
        wrong = {path for path, label in truth.items() if label in WRONG}
        started = time.perf_counter()
        with progress() as steps, audited(str(folder), None, lambda: folder, steps.step) as (found, _):
            seconds = time.perf_counter() - started
        audits = {"audit": found}
        left_out = _left_out_prior(shared)
        for name, subject, prior in (("sites left out", "cake", left_out), ("no pack", "", subjects._prior)):
            with (
                unittest.mock.patch.object(subjects, "_prior", prior),
                progress() as steps,
                audited(str(folder), None, lambda: folder, steps.step, subject=subject) as (another, _),
            ):
                audits[name] = another
        missed, false, pairs = _pairs(found, shared / "photos", names)
        rows: list[tuple[Any, ...]] = []
        for name, one in audits.items():
            order = _order(one)
            rows.append((name, *(_found(order, wrong, share) for share in SHARES)))
        order, rng = _order(found), random.Random(1)
        draws = [[_found(rng.sample(order, len(order)), wrong, share) for share in SHARES] for _ in range(DRAWS)]
        rows.append(("random", *(sum(draw[n] for draw in draws) / DRAWS for n in range(len(SHARES)))))
        head = ["", *(f"{share:.0%} looked at" for share in SHARES)]
        table(f"{len(wrong)} wrong labels of {len(found.files)} files, found by", head, rows)
        out.print(f"{pairs} near-duplicate pairs: {missed} missed, {false} false; {seconds:.0f} s")
        figures({
            "found_at_20": rows[0][2],
            "found_at_20_sites_left_out": rows[1][2], "found_at_30_sites_left_out": rows[1][3],
            "found_at_20_no_pack": rows[2][2], "found_at_30_no_pack": rows[2][3], "random_at_20": rows[3][2],
            "pairs_missed": missed, "false_pairs": false, "seconds": seconds,
        })  # fmt: skip


def _order(found: Audit) -> list[set[str]]:
    return [{file.path for file in suspect.files} for suspect in found.suspects]


def _left_out_prior(shared: Path) -> Callable[..., list[dict[str, float]]]:
    """What takes the place of the shipped prior: each photo's answer by a prior that never saw its site."""
    photos = labelled(shared, backbone(), with_objects=False)
    known = photos.of_known_label()
    chances: dict[str, dict[str, float]] = {}
    for site in np.unique(photos.sites):
        rest = known.subset(known.sites != site) if site != "objects" else known
        made = shipped_prior.fit(rest.vectors, rest.measures, rest.labels, STRENGTH)
        there = photos.subset(photos.sites == site)
        rows = made.probabilities(there.vectors, there.measures).tolist()
        chances |= {
            str(sha256): dict(zip(made.labels, row, strict=True))
            for sha256, row in zip(there.sha256, rows, strict=True)
        }
    return lambda images, *_: [chances.get(row.sha256, {}) for row in images]


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
