"""Whether a run of a source went like its earlier runs, and the likeliest cause if it did not. Pure functions.

The words of a run are defined here too: outcomes, run states, and the kinds of its notes.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

FALLEN_SHARE = 0.2  # a run with this share of the usual images, or less, is unhealthy
PLACEHOLDER_SHARE = 0.7  # a run whose <img> elements are placeholders in this share, or more, is unhealthy
EQUAL_SHARE = 0.5  # a run where this share of the addresses, or more, gave one and the same picture is unhealthy
MIN_HISTORY_IMAGES = 5  # with fewer usable images than this, ups and downs mean nothing
HISTORY_RUNS = 5  # earlier runs whose median is the usual number of images
MAX_EVIDENCE_CHARS = 160
MAX_KINDS_HELD = 6  # kinds of files that an alarm about a folder names


class Outcome(StrEnum):
    """What became of a candidate."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"
    FAILED = "failed"


USABLE = (Outcome.STORED, Outcome.DUPLICATE, Outcome.UNCHANGED)
REFUSED = (Outcome.REJECTED, Outcome.FAILED)


class RunStatus(StrEnum):
    """State of a run. A killed run stays `running` in the catalog, and the next one continues it; it is shown as
    `interrupted`, which the catalog never has.
    """

    RUNNING = "running"
    INTERRUPTED = "interrupted"
    DONE = "done"
    DEFERRED = "deferred"
    UNHEALTHY = "unhealthy"


class NoteKind(StrEnum):
    """What a note is about. CAUSES says which kinds explain that a run found little; the others only inform."""

    DNS = "dns"
    BLOCKED = "blocked"
    NOT_FOUND = "404"
    PRIVATE_ADDRESS = "private address"
    ROBOTS = "robots.txt"
    OPTED_OUT = "opted out"
    SERVER_ERROR = "server error"
    UNREACHABLE = "unreachable"
    PAGE_FAILED = "page failed"
    GONE = "gone from the folder"
    ALL_GONE = "all gone from the folder"
    ROBOTS_UNREADABLE = "robots.txt cannot be read"
    ROBOTS_BLOCKED = "robots.txt cannot be read: blocked"
    ROBOTS_DNS = "robots.txt cannot be read: dns"
    ROBOTS_IS_HTML = "robots.txt is an HTML page"
    LIMIT = "limit reached"
    SITEMAP = "sitemap read in part"
    MOVED = "leads to another host"
    ELSEWHERE = "a host without pages and pictures of the source"
    UNREADABLE_FOLDER = "unreadable folder"
    ON_A_LIST = "on a hash list"


DEFERRALS = (NoteKind.ROBOTS_UNREADABLE, NoteKind.ROBOTS_BLOCKED, NoteKind.ROBOTS_DNS)
# The most telling cause first: a host that cannot be resolved explains more than a page that failed.
CAUSES: tuple[tuple[str, tuple[NoteKind, ...]], ...] = (
    ("dns", (NoteKind.DNS, NoteKind.ROBOTS_DNS)),
    ("blocked", (NoteKind.BLOCKED, NoteKind.ROBOTS_BLOCKED)),
    ("404", (NoteKind.NOT_FOUND,)),
    ("private address", (NoteKind.PRIVATE_ADDRESS,)),
    ("moved", (NoteKind.MOVED,)),
    ("robots.txt", (NoteKind.ROBOTS, NoteKind.ROBOTS_UNREADABLE)),
    ("opted out", (NoteKind.OPTED_OUT,)),
    ("server error", (NoteKind.SERVER_ERROR,)),
    ("unreachable", (NoteKind.UNREACHABLE,)),
    ("page failed", (NoteKind.PAGE_FAILED,)),
)
# What a candidate's reason starts with → kind. The catalog keeps reasons as text, so kinds are read from it.
REASON_KINDS = {
    "dns": NoteKind.DNS,
    "host paused": NoteKind.BLOCKED,
    "address": NoteKind.PRIVATE_ADDRESS,
    "robots.txt": NoteKind.ROBOTS,
    "opt-out": NoteKind.OPTED_OUT,
}
ANSWERED = re.compile(r"answered (\d{3})")


@dataclass(frozen=True)
class Note:
    """One thing that a crawl noticed. host: the `host[:port]` it is about. text: a sentence for people."""

    kind: NoteKind
    host: str
    text: str


@dataclass(frozen=True)
class Reason:
    """Why candidates ended as they did. subject: the reason's text up to its first colon."""

    outcome: Outcome
    subject: str

    def __str__(self) -> str:
        return f"{self.outcome}: {self.subject}"

    @classmethod
    def of(cls, outcome: str, text: str) -> "Reason":
        """The reason that an outcome row holds."""
        return cls(Outcome(outcome), text.partition(":")[0])

    @classmethod
    def parse(cls, text: str) -> "Reason":
        """A reason from its own text, such as `failed: answered 404`."""
        outcome, _, subject = text.partition(": ")
        return cls(Outcome(outcome), subject)

    @property
    def kind(self) -> NoteKind | None:
        """Kind of trouble with the source; None where the reason is about the one image."""
        if known := REASON_KINDS.get(self.subject):
            return known
        answered = ANSWERED.fullmatch(self.subject)
        by_status = kind_of_status(int(answered[1])) if answered else None
        return by_status or (NoteKind.UNREACHABLE if self.outcome == Outcome.FAILED else None)


@dataclass(frozen=True)
class Run:
    """One run of one source. outcomes and reasons: how many candidates of each. is_folder: of this disk.

    equal: how many candidates gave the one picture that most of them gave.
    """

    outcomes: Mapping[Outcome, int]
    reasons: Mapping[Reason, int]
    placeholders: int = 0
    notes: Sequence[Note] = ()
    is_folder: bool = False
    equal: int = 0


@dataclass(frozen=True)
class Diagnosis:
    """alarm: what is wrong, as a sentence; empty where nothing is."""

    status: RunStatus
    alarm: str = ""


def kind_of_status(status: int) -> NoteKind | None:
    """Kind of trouble that an HTTP status means; None where it means none that we know."""
    if status in (401, 403, 429):
        return NoteKind.BLOCKED
    if status in (404, 410):
        return NoteKind.NOT_FOUND
    return NoteKind.SERVER_ERROR if status >= 500 else None


def usable(outcomes: Mapping[Outcome, int]) -> int:
    """How many images a run stored, or knew already."""
    return sum(outcomes.get(outcome, 0) for outcome in USABLE)


def diagnose(run: Run, history: Sequence[int]) -> Diagnosis:
    """The run's status beside its earlier runs.

    history: usable images of earlier runs, newest first.
    """
    images = usable(run.outcomes)
    earlier = sorted(history[:HISTORY_RUNS])
    usual = earlier[len(earlier) // 2] if earlier else 0
    deferral = next((note for note in run.notes if note.kind in DEFERRALS), None)
    if deferral and not images:
        return Diagnosis(RunStatus.DEFERRED, deferral.text)
    closed = next((note for note in run.notes if note.kind is NoteKind.UNREADABLE_FOLDER), None)
    if closed:
        return Diagnosis(RunStatus.UNHEALTHY, closed.text)
    all_gone = next((note for note in run.notes if note.kind is NoteKind.ALL_GONE), None)
    if all_gone:
        return Diagnosis(RunStatus.UNHEALTHY, all_gone.text)
    if not images:
        return Diagnosis(RunStatus.UNHEALTHY, f"no usable picture: {cause(run, is_first=not usual)}")
    if not run.is_folder and run.equal >= max(MIN_HISTORY_IMAGES, EQUAL_SHARE * images):
        same = f"{run.equal} of {images} addresses gave the same picture"
        return Diagnosis(RunStatus.UNHEALTHY, f"{same}: the site may show it in place of its photos")
    if usual >= MIN_HISTORY_IMAGES and images <= FALLEN_SHARE * usual:
        return Diagnosis(
            RunStatus.UNHEALTHY, f"{images} usable pictures; earlier runs usually had {usual}: {cause(run)}"
        )
    offered = sum(run.outcomes.values()) + run.placeholders
    if run.placeholders >= MIN_HISTORY_IMAGES and run.placeholders >= PLACEHOLDER_SHARE * offered:
        share = run.placeholders / offered
        return Diagnosis(
            RunStatus.UNHEALTHY,
            f"{share:.0%} of its pictures are placeholders: site changed, we do not know its kind of lazy loading",
        )
    return Diagnosis(RunStatus.DONE)


def cause(run: Run, is_first: bool = False) -> str:
    """The likeliest reason that a run found little: a name of CAUSES with its evidence, or `site changed`.

    Of a folder, and where no run found pictures before (is_first): what it holds.
    """
    if run.is_folder:
        held = ", ".join(f"{count} {reason.subject}" for reason, count in _commonest(run.reasons))
        return f"the folder holds {held}" if held else "the folder is empty"
    troubles = list(_troubles(run))
    for name, kinds in CAUSES:
        for kind, evidence in troubles:
            if kind in kinds:
                return f"{name} ({evidence[:MAX_EVIDENCE_CHARS]})"
    if not is_first:
        return "site changed"
    shown = ", ".join(f"{count} {reason.subject}" for reason, count in _commonest(run.reasons))
    return f"its pages have {shown}" if shown else "its pages show none"


def _commonest(reasons: Mapping[Reason, int]) -> list[tuple[Reason, int]]:
    """The commonest reasons first."""
    return sorted(reasons.items(), key=lambda entry: (-entry[1], str(entry[0])))[:MAX_KINDS_HELD]


def _troubles(run: Run) -> Iterator[tuple[NoteKind, str]]:
    """Everything that may explain the run, with its evidence: notes, then reasons."""
    for note in run.notes:
        yield note.kind, note.text
    for reason in run.reasons:
        if reason.kind:
            yield reason.kind, str(reason)
