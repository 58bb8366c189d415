"""Which files of a data set show the same picture, which of them leak between splits, and which to keep. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from isitcake.auditing.layout import PROTECTED_FIRST
from isitcake.auditing.library import File

DUPLICATE, LEAK = "duplicate", "leak"
MANY, MANY_SHARE = 20, 0.1  # files that seem to be copies; of web pictures a twentieth is
HUES = 24  # parts of the circle of hues
LEAST_COLOUR = 0.05  # mean of saturation times brightness, 0 to 1: a greyer picture has no colours to compare
SAME_COLOURS = 0.7  # least common share of hues; crops of real photos keep 0.79 and more


@dataclass(frozen=True)
class Removal:
    """A file that another one makes superfluous. reason: DUPLICATE, or LEAK where the other is in another split.

    doubt: why a person has to look, besides that; empty where nothing speaks against it.
    """

    file: File
    keeps: File
    reason: str
    doubt: str = ""

    @property
    def doubts(self) -> list[str]:
        """All reasons why a person has to look."""
        labels = f"the other file's label is {self.keeps.label}" if self.file.label != self.keeps.label else ""
        return [doubt for doubt in (labels, self.doubt) if doubt]

    @property
    def is_decided(self) -> bool:
        return not self.doubts

    @property
    def is_exact(self) -> bool:
        """Whether both files have the same bytes."""
        return self.file.sha256 == self.keeps.sha256

    def facts(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "path": self.file.path,
            "label": self.file.label,
            "keeps": self.keeps.path,
            "keeps_label": self.keeps.label,
            "same_bytes": self.is_exact,
            "doubts": self.doubts,
        }


@dataclass(frozen=True)
class Copies:
    """groups: files that show one picture, several each, the one to keep first. removals: in the order of the files."""

    groups: Sequence[Sequence[File]]
    removals: Sequence[Removal]

    @property
    def duplicates(self) -> list[Removal]:
        return [removal for removal in self.removals if removal.reason == DUPLICATE]

    @property
    def conflicts(self) -> list[Sequence[File]]:
        """Groups whose files have different labels."""
        return [group for group in self.groups if len({file.label for file in group}) > 1]


def copies_of(
    files: Sequence[File], cluster_of: Mapping[str, str], joined: Mapping[str, str], best: Set[str]
) -> Copies:
    """Find what to keep.

    cluster_of: cluster by path. joined: the picture of clusters that confirmed pairs connect (splits.split_leaks).
    best: SHA-256 of the representatives. Kept is a file of the most protected split: the representative, else the one
    with most pixels. Of every picture, files in less protected splits are leaks; in the kept split, the other files of
    each cluster are duplicates.
    """
    by_picture: dict[str, list[File]] = defaultdict(list)
    for file in files:
        cluster = cluster_of[file.path]
        by_picture[joined.get(cluster, cluster)].append(file)
    groups, removals = [], []
    for members in by_picture.values():
        if len(members) < 2:
            continue
        in_order = sorted(members, key=lambda file: _order(file, best))
        protected = in_order[0].split
        kept_split = [file for file in in_order if file.split == protected]
        removals += [Removal(file, in_order[0], LEAK) for file in in_order if file.split != protected]
        for same in _by_cluster(kept_split, cluster_of):
            removals += [Removal(file, same[0], DUPLICATE) for file in same[1:]]
        groups.append(in_order)
    groups.sort(key=lambda group: group[0].path)
    return Copies(groups, sorted(removals, key=lambda removal: removal.file.path))


def _by_cluster(files: Iterable[File], cluster_of: Mapping[str, str]) -> list[list[File]]:
    found: dict[str, list[File]] = defaultdict(list)
    for file in files:
        found[cluster_of[file.path]].append(file)
    return list(found.values())


def _order(file: File, best: Set[str]) -> tuple[int, bool, int, int, str]:
    """The file to keep comes first."""
    return (
        PROTECTED_FIRST.index(file.split),
        file.sha256 not in best,
        -file.width * file.height,
        -file.size_bytes,
        file.path,
    )


def are_look_alikes(removals: Sequence[Removal], files: Sequence[File]) -> bool:
    """Whether so many of the files seem to be copies that they may only look alike, as products at one camera do."""
    seeming = {removal.file.path for removal in removals if not removal.is_exact}
    return len(seeming) >= MANY and len(seeming) >= MANY_SHARE * len(files)


def has_other_colours(a: Image.Image, b: Image.Image) -> bool:
    """Whether two colourful pictures, RGB, share few hues. Mirroring, light and crops hardly change the hues."""
    one, two = _hues(a), _hues(b)
    if min(one.sum(), two.sum()) < LEAST_COLOUR:
        return False
    return float(np.minimum(one / one.sum(), two / two.sum()).sum()) < SAME_COLOURS


def _hues(picture: Image.Image) -> NDArray[np.float64]:
    """How much of each hue a picture has, (HUES,), each shared with its neighbours; the sum is the mean colour."""
    hue, saturation, value = (np.asarray(band, np.float64).ravel() for band in picture.convert("HSV").split())
    colour = saturation * value / 255**2
    found = np.bincount((hue * HUES // 256).astype(np.int64), colour, HUES) / colour.size
    return np.asarray((np.roll(found, 1) + 2 * found + np.roll(found, -1)) / 4)
