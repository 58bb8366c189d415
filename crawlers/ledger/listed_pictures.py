"""Pictures on a hash list, as a run meets them: nothing of them is stored or shown; they are counted."""

from collections import Counter
from dataclasses import replace

from sqlalchemy import Connection, select

from crawlers.ledger.rows import Arrival
from crawlers.source_health import Note, NoteKind
from dataset.catalog.tables import outcomes
from dataset.pictures.hash_lists import ON_A_LIST, hash_lists, reason_of
from foundation.safe_text import counted
from foundation.settings import Settings

NOT_SHOWN = "(not shown)"  # in place of the address of a picture on a hash list


class ListedPictures:
    """The hash lists of a project, for one run. Raises ConfigError, before anything is asked, if one cannot be read."""

    def __init__(self, settings: Settings) -> None:
        self._lists = hash_lists(settings)
        self._contact = settings.safety.contact
        self._reasons = {reason_of(name) for name in (*self._lists.md5.values(), *self._lists.pdq_names)}

    def reason(self, content: bytes) -> str:
        """Why these bytes must not be stored; empty where no list has them."""
        name = self._lists.list_of(content) if self._lists else ""
        return reason_of(name) if name else ""

    def without(self, arrival: Arrival) -> Arrival:
        """The arrival, refused and without its picture if that is on a list."""
        reason = self.reason(arrival.download.body)
        return replace(arrival, taken=None, refused=reason) if reason else arrival

    def known(self, reason: str) -> str:
        """The reason of an earlier run, if it is a list that still holds: then the address is not asked for again."""
        return reason if reason in self._reasons else ""

    def notes(self, connection: Connection, run_id: int) -> list[Note]:
        """A sentence with the number of pictures on each list, and whom to tell; none without a picture."""
        of_run = select(outcomes.c.reason).where(
            outcomes.c.run_id == run_id, outcomes.c.reason.startswith(f"{ON_A_LIST}: ")
        )
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


def is_on_a_list(reason: str) -> bool:
    """Whether an outcome has this reason because of a hash list."""
    return reason.startswith(f"{ON_A_LIST}: ")


def shown_address(address: str, reason: str) -> str:
    """The address of a candidate as listings have it. reason: of its outcome."""
    return NOT_SHOWN if is_on_a_list(reason) else address
