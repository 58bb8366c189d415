"""Pictures on a hash list, as a run meets them: nothing of them is stored or shown; they are counted."""

from collections import Counter
from dataclasses import replace

from sqlalchemy import ColumnElement, Connection, select

from crawlers.ledger.rows import Arrival, Fetch
from crawlers.source_health import Note, NoteKind
from dataset.catalog.tables import fetches, outcomes
from dataset.pictures.hash_lists import ON_A_LIST, hash_lists, reason_of
from foundation.safe_text import counted
from foundation.settings import Settings

NOT_SHOWN = "(not shown)"  # in place of the address of a picture on a hash list


class ListedPictures:
    """The hash lists of a project, for one run: `lists`, which whoever takes pictures in compares them with.

    Raises ConfigError, before anything is asked, if one cannot be read.
    """

    def __init__(self, settings: Settings) -> None:
        self.lists = hash_lists(settings)
        self._contact = settings.safety.contact

    def without(self, arrival: Arrival) -> Arrival:
        """The arrival, refused and without its picture if that is on a list. It is compared if it was not before."""
        name = arrival.taken.listed if arrival.taken else arrival.listed
        if name is None:
            name = self.lists.list_of(arrival.download.body)
        return replace(arrival, taken=None, refused=reason_of(name)) if name else arrival

    def fetches(self, connection: Connection, source: str) -> dict[str, Fetch]:
        """The last downloads of a source by address of the image, without those that lists refused as they were before:
        these are asked for again, since an entry may have been removed.
        """
        still_holds = ~_is_listed(fetches.c.reason) | (fetches.c.lists == self.lists.digest)
        rows = connection.execute(select(fetches).where(fetches.c.source == source, still_holds))
        return {
            row.image_url: Fetch(row.fetched_url, row.sha256, row.etag, row.last_modified, row.reason, row.lists)
            for row in rows
        }

    def notes(self, connection: Connection, run_id: int) -> list[Note]:
        """A sentence with the number of pictures on each list, and whom to tell; none without a picture."""
        of_run = select(outcomes.c.reason).where(outcomes.c.run_id == run_id, _is_listed(outcomes.c.reason))
        by_list = Counter(
            reason.removeprefix(f"{ON_A_LIST}: ") for reason in connection.execute(of_run).scalars().all()
        )
        if not by_list:
            return []
        total = by_list.total()
        verb = "is" if total == 1 else "are"
        lists = ", ".join(f"{name} {n}" for name, n in sorted(by_list.items()))
        text = f"{counted(total, 'picture')} {verb} on a hash list ({lists}), not stored and not shown"
        return [Note(NoteKind.ON_A_LIST, "", f"{text}; tell {self._contact}")]


def _is_listed(reason: ColumnElement[str]) -> ColumnElement[bool]:
    return reason.startswith(f"{ON_A_LIST}: ")


def is_on_a_list(reason: str) -> bool:
    """Whether an outcome has this reason because of a hash list."""
    return reason.startswith(f"{ON_A_LIST}: ")


def shown_address(address: str, reason: str) -> str:
    """The address of a candidate as listings have it. reason: of its outcome."""
    return NOT_SHOWN if is_on_a_list(reason) else address
