"""What an audit proposes: copies are decided, labels wait for a person."""

from pathlib import Path

from isitcake.auditing.audit import Audit, Suspect
from isitcake.auditing.copies import copies_of
from isitcake.auditing.fixes import fixes_of
from isitcake.auditing.layout import Dataset, Part
from isitcake.auditing.library import File

PARTS = tuple(Part(f"train/{label}", label, "train") for label in ("cake", "unusable"))


def file(number: int, label: str = "cake") -> File:
    return File(f"train/{label}/{number}.jpg", label, f"train/{label}", "train", f"{number:064x}", 9, 9, 9)


def audit(files: list[File], *suspects: Suspect, same: str = "") -> Audit:
    """same: the cluster of all files; without it, each is a picture of its own."""
    copies = copies_of(files, {one.path: same or one.path for one in files}, {}, frozenset())
    return Audit(Dataset(Path("set"), "set", PARTS), files, {}, copies, suspects, [])


def proposed(found: Audit) -> list[tuple[str, str, str, str, bool]]:
    return [(fix.action, fix.reason, fix.path, fix.to, fix.decided) for fix in fixes_of(found).fixes]


def test_a_label_waits_for_a_person() -> None:
    """No photo is to be removed. A data set may have a label `unusable` of its own."""
    found = audit(
        [file(1), file(2), file(3), file(4)],
        Suspect((file(1),), 0.9, "unusable", ("out_of_fold: 0.9",)),
        Suspect((file(2),), 0.8, None, ()),
        Suspect((file(3),), 0.7, "cake", ()),
        Suspect((file(4),), 0.4, "unusable", ()),
    )
    assert proposed(found) == [
        ("relabel", "label", "train/cake/1.jpg", "unusable", False),
        ("remove", "label", "train/cake/2.jpg", "", False),
    ]


def test_a_copy_that_goes_gets_no_label() -> None:
    found = audit([file(1), file(2)], Suspect((file(1), file(2)), 0.9, "unusable", ()), same="one")
    assert proposed(found) == [
        ("remove", "duplicate", "train/cake/2.jpg", "", True),
        ("relabel", "label", "train/cake/1.jpg", "unusable", False),
    ]


def test_a_copy_with_another_label_waits_for_a_person() -> None:
    (fix,) = fixes_of(audit([file(1), file(1, "unusable")], same="one")).fixes
    assert (fix.path, fix.decided, fix.because) == (
        "train/unusable/1.jpg", False, ["the other file's label is cake"],
    )  # fmt: skip
