"""What of a version goes to the Hub, and whether it may be there in public."""

import hashlib
import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from more_itertools import powerset

from dataset.exports.licences import may_be_shared, permits_sharing
from dataset.versions.manifest import NOT_STATED, Row, counted_licences
from dataset.versions.published import Version
from foundation.errors import UsageError
from foundation.safe_text import counted

MOST_NAMED = 10  # allowed licences of which every part is tried; of more, all or none
UNFINISHED = " ..."  # ends the title of a commit while old large files are still on the Hub
TITLE = re.compile(
    r"(?P<version>\d{4}\.\d{1,2}\.\d+) \((?P<id>v[0-9a-f]{12})-(?P<erasures>\d+)(?P<part>\.[0-9a-f]{8})?\)"
    r"(?P<unfinished> \.\.\.)?"
)


@dataclass(frozen=True)
class Wish:
    """private: make a new repository private. only_open: leave out pictures whose licence is not known to permit it.

    allowed: licences, word by word, that the publisher may share. dry_run: change nothing.
    """

    private: bool = False
    only_open: bool = False
    allowed: Sequence[str] = ()
    dry_run: bool = False


@dataclass(frozen=True)
class Copy:
    """What of a version goes to the Hub. rows: all of them, or those with an open licence. config: its short name.

    left_out: how many rows have no open licence.
    """

    version: Version
    rows: Sequence[Row]
    config: str
    left_out: int = 0

    @property
    def title(self) -> str:
        """Of the commit."""
        return f"{self.version.name} ({self.config})"

    @property
    def is_whole(self) -> bool:
        return self.left_out == 0

    @property
    def licences(self) -> dict[str, int]:
        """Images that go along by licence, the one of most images first."""
        return counted_licences((row.licence, 1) for row in self.rows)

    @property
    def absent(self) -> str:
        """For whoever reads the copy: how many images are not in it; empty where all are."""
        if self.is_whole:
            return ""
        verb = "is" if self.left_out == 1 else "are"
        return f"{counted(self.left_out, 'image')} of the version {verb} not in this copy"

    @property
    def left_out_note(self) -> str:
        """For whoever pushes it: how many images do not go along; empty where all do."""
        if self.is_whole:
            return ""
        images = counted(self.left_out, "image")
        return f"{images} of {self.version.name} left out: no licence that is known to permit sharing"


def copy_of(version: Version, wish: Wish) -> Copy:
    """What would be pushed of a version; with only_open, that may be no row at all."""
    rows = version.rows()
    licences = counted_licences((row.licence, 1) for row in rows)
    closed = [licence for licence in licences if wish.only_open and not may_be_shared(licence, wish.allowed)]
    return _copy_without(version, rows, closed)


def copy_again(version: Version, part: str, wish: Wish) -> Copy:
    """What is pushed again of a version. part: of the title that it has on the Hub; empty: it was pushed whole.

    What was left out before stays out. Of licences that were allowed then, those go along that are allowed again.
    """
    if not part:
        return copy_of(version, wish)
    rows = version.rows()
    closed = _closed_sets(rows, wish.allowed)
    before = next((one for one in closed if _config(version, one) == version.tag + part), closed[0])
    return _copy_without(version, rows, before)


def open_configs(version: Version, wish: Wish) -> set[str]:
    """Short names of the copies that have no picture but those with an open or an allowed licence."""
    return {_config(version, closed) for closed in _closed_sets(version.rows(), wish.allowed)}


def _closed_sets(rows: Sequence[Row], allowed: Collection[str]) -> list[list[str]]:
    """Licences that a copy may be without: all that are not open, then these without some of those that are allowed."""
    licences = counted_licences((row.licence, 1) for row in rows)
    closed = [licence for licence in licences if not permits_sharing(licence)]
    named = [licence for licence in closed if licence in allowed]
    parts = powerset(named) if len(named) <= MOST_NAMED else [(), named]
    return [[licence for licence in closed if licence not in some] for some in parts]


def _config(version: Version, licences: Collection[str]) -> str:
    """Short name of the copy without these licences. By them, it keeps its name through most erasures."""
    digest = hashlib.sha256(json.dumps(sorted(licences)).encode()).hexdigest()[:8]
    return f"{version.tag}.{digest}" if licences else version.tag


def _copy_without(version: Version, rows: Sequence[Row], licences: Collection[str]) -> Copy:
    kept = [row for row in rows if (row.licence.strip() or NOT_STATED) not in licences]
    return Copy(version, kept, _config(version, licences), len(rows) - len(kept))


def closed_note(copy: Copy, wish: Wish, *, private: bool) -> str:
    """What to say about images whose licence is not known to permit sharing; empty without one.

    private: whether the repository is. Raises UsageError for such an image where it is not.
    """
    closed = {licence: images for licence, images in copy.licences.items() if not may_be_shared(licence, wish.allowed)}
    if not closed:
        return ""
    listed = "; ".join(f"{licence}: {images}" for licence, images in closed.items())
    said = (
        f"{sum(closed.values())} of {len(copy.rows)} images of {copy.version.name} have a licence that is not known to "
        "permit sharing"
    )
    if not private:
        raise UsageError(
            f"{said} ({listed}); push with --private, with --only-open, or name each licence that you may share with "
            "--allow-licence"
        )
    return f"{said}: keep the repository private ({listed})"
