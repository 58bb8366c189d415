"""The ledger of judgements: who answered what, and when. An answer is one row, by whatever road it came.

An answer is known by its reviewer, picture, answer and time. Of two answers of one reviewer about one picture the later
one holds. A time later than the answer's arrival is wrong; then the order of arrival decides.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from more_itertools import chunked
from sqlalchemy import Connection, func, select, update

from dataset.catalog.engine import Catalog
from dataset.catalog.tables import cursors, judgements
from dataset.catalog.writes import insert_new, upsert
from dataset.labels.vocabulary import FINAL_ORIGINS, WITHDRAWN, JudgementOrigin

ALLOWED_CLOCK_SKEW = timedelta(minutes=5)  # by which the clock of a reviewer's machine may be ahead of ours
PICTURES_PER_QUERY = 500
ROWS_PER_LOCK = 5000  # written in a tenth of a second
LOCK_PAUSE_S = 0.05  # SQLite's waiting writers try again after 25 to 100 ms
USER_CURSOR = "studio_user:"  # then a server's address, # and the user's number there; the value is the user's name

Identity = tuple[str, str, str, datetime]  # reviewer, picture, answer, time


def replaces(row: Any, current: Any) -> bool:
    """Whether a row of the ledger replaces the reviewer's row that came before it."""
    return bool(
        row.answered_at >= current.answered_at
        or row.answered_at > row.recorded_at
        or current.answered_at > current.recorded_at
    )


def current(rows: Iterable[Any], cluster_of: Mapping[str, str] | None = None) -> dict[tuple[str, str], Any]:
    """The row that holds for each picture and reviewer, withdrawals included.

    rows: in the order of their ids. cluster_of: names by picture; the row is then that of the cluster and reviewer.
    """
    names = cluster_of or {}
    held: dict[tuple[str, str], Any] = {}
    for row in rows:
        key = (names.get(row.sha256, row.sha256), row.reviewer)
        before = held.get(key)
        if before is None or replaces(row, before):
            held[key] = row
    return held


def n_dated_in_the_future(connection: Connection) -> int:
    """How many answers have a time that was in the future when they came."""
    columns = judgements.c.answered_at, judgements.c.recorded_at
    rows = connection.execute(select(*columns).where(judgements.c.answered_at > judgements.c.recorded_at))
    return sum(row.answered_at > row.recorded_at + ALLOWED_CLOCK_SKEW for row in rows)


def add(catalog: Catalog, rows: Sequence[Mapping[str, Any]], undated: Iterable[int] = ()) -> int:
    """Add the answers that are new, in parts: a repetition adds what a kill left out. Returns their number.

    rows: of the table `judgements`. undated: indices of rows whose time is only that of the import; these are new where
    the reviewer's current answer is another one. The ledger is compared before the lock is taken, and again with it
    only if somebody wrote meanwhile.
    """
    no_time = set(undated)
    undated_rows = {id(rows[index]) for index in no_time}
    with catalog.read() as connection:
        last = _last_id(connection)
        new = _new(connection, rows, no_time)
    n_added = 0
    for part in parts(new):
        with catalog.write() as connection:
            if _last_id(connection) != last:
                left = _new(connection, part, {i for i, row in enumerate(part) if id(row) in undated_rows})
            else:
                left = part
            n_added += insert_new(connection, judgements, left)
            last = _last_id(connection)
    return n_added


def parts(rows: Sequence[Any]) -> Iterator[list[Any]]:
    """The rows in parts, each for one short transaction. Between two of them, others get the catalog's lock."""
    for number, part in enumerate(chunked(rows, ROWS_PER_LOCK)):
        if number:
            time.sleep(LOCK_PAUSE_S)
        yield part


def _new(connection: Connection, rows: Sequence[Mapping[str, Any]], undated: set[int]) -> list[Mapping[str, Any]]:
    is_gold = bool(rows) and rows[0]["origin"] == JudgementOrigin.GOLD
    stored = _stored(connection, {row["sha256"] for row in rows})
    if is_gold:  # the same answer may be in the ledger without being known to be true
        stored = [row for row in stored if row.origin in FINAL_ORIGINS]
    known = {(row.reviewer, row.sha256, row.answer, row.answered_at) for row in stored}
    held = {key: (row.answer, row.why) for key, row in current(stored).items()}
    new = []
    for index, row in enumerate(rows):
        if index in undated:
            answer, why = held.get((row["sha256"], row["reviewer"]), (WITHDRAWN, ""))
            is_known = row["answer"] == answer and row["why"] in ("", why)
        else:
            is_known = _identity(row) in known
        if not is_known:
            known.add(_identity(row))
            held[row["sha256"], row["reviewer"]] = row["answer"], row["why"]
            new.append(row)
    return new


def _identity(row: Mapping[str, Any]) -> Identity:
    return row["reviewer"], row["sha256"], row["answer"], row["answered_at"]


def _stored(connection: Connection, pictures: set[str]) -> list[Any]:
    """Rows about these pictures, in the order of their ids; without what was confirmed on walls."""
    names = "sha256", "reviewer", "answer", "answered_at", "recorded_at", "origin", "why"
    columns = [judgements.c[name] for name in names]
    rows: list[Any] = []
    for part in chunked(sorted(pictures), PICTURES_PER_QUERY):
        is_single = judgements.c.origin != JudgementOrigin.CONFIRMED.value
        these = select(*columns).where(judgements.c.sha256.in_(part), is_single).order_by(judgements.c.id)
        rows += connection.execute(these).all()
    return rows


def _last_id(connection: Connection) -> int:
    return connection.execute(select(func.max(judgements.c.id))).scalar() or 0


def learn_users(connection: Connection, server: str, names: Mapping[int, str]) -> None:
    """Keep the names of a Label Studio's users. Answers that a file gave under a user's number become the user's.

    That is done only while one server is known: the number in a file does not name the server.
    """
    if not names:
        return
    rows = [{"name": f"{USER_CURSOR}{server}#{number}", "value": name} for number, name in names.items()]
    upsert(connection, cursors, rows)
    if set(users(connection)) != {server}:
        return
    numbered = {numbered_name(number): name for number, name in names.items()}
    is_numbered = judgements.c.reviewer.startswith(numbered_name(""), autoescape=True)
    for old in connection.execute(select(judgements.c.reviewer).where(is_numbered).distinct()).scalars().all():
        if old in numbered:
            renamed = update(judgements).where(judgements.c.reviewer == old)
            connection.execute(renamed.values(reviewer=numbered[old]))


def users(connection: Connection) -> dict[str, dict[int, str]]:
    """Names of the users that we know, by server and number."""
    known: dict[str, dict[int, str]] = {}
    for row in connection.execute(select(cursors).where(cursors.c.name.startswith(USER_CURSOR, autoescape=True))):
        server, _, number = row.name.removeprefix(USER_CURSOR).rpartition("#")
        known.setdefault(server, {})[int(number)] = row.value
    return known


def numbered_name(number: object) -> str:
    """Name of a user of Label Studio of whom we know the number only."""
    return f"user-{number}"


def spelling(connection: Connection) -> dict[str, str]:
    """E-mail addresses of the ledger's reviewers and of known users, by the address in lower case."""
    names = [*connection.execute(select(judgements.c.reviewer).distinct()).scalars()]
    names += [name for names_ in users(connection).values() for name in names_.values()]
    return {name.casefold(): name for name in reversed(names) if "@" in name}


def too_late(moment: datetime, now: datetime) -> bool:
    """Whether the time of an answer lies in the future."""
    return moment.astimezone(UTC) > now + ALLOWED_CLOCK_SKEW
