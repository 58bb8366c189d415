"""Whether a source's run went as its earlier ones did, and what seems to be the matter. Pure functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

USABLE = ("stored", "duplicate", "unchanged")
FALLEN_TO = 0.2  # of the median of earlier runs
PLACEHOLDERS = 0.7  # share of <img> that offer nothing
MIN_HISTORY = 5  # usable images: below that, ups and downs mean nothing
RUNS = 5


@dataclass(frozen=True)
class Run:
    """One run of one source. outcomes and reasons: counts; reasons as `failed: answered 404`."""

    outcomes: Mapping[str, int]
    reasons: Mapping[str, int]
    placeholders: int = 0
    notes: Sequence[str] = ()
    deferred: bool = False


def usable(outcomes: Mapping[str, int]) -> int:
    """Images a run found in good order."""
    return sum(outcomes.get(kind, 0) for kind in USABLE)


def diagnose(run: Run, history: Sequence[int]) -> tuple[str, str]:
    """The run's status (done, deferred, unhealthy) and what is wrong; empty where nothing is.

    history: usable images of earlier runs, newest first.
    """
    found = usable(run.outcomes)
    before = sorted(history[:RUNS])
    usual = before[len(before) // 2] if before else 0
    if run.deferred and not found:
        return "deferred", next((note for note in run.notes if note.startswith("deferred")), "deferred: robots.txt")
    if not found:
        return "unhealthy", f"no usable picture: {cause(run)}"
    if usual >= MIN_HISTORY and found <= FALLEN_TO * usual:
        return "unhealthy", f"{found} usable pictures where {usual} were usual: {cause(run)}"
    offered = sum(run.outcomes.values()) + run.placeholders
    if run.placeholders >= MIN_HISTORY and run.placeholders >= PLACEHOLDERS * offered:
        share = run.placeholders / offered
        return "unhealthy", f"{share:.0%} of its pictures are placeholders: site changed, its lazy loading is new to us"
    return "done", ""


def cause(run: Run) -> str:
    """The likeliest reason that little was found: dns, blocked, 404, robots, opt-out, site changed."""
    said = [note.lower() for note in run.notes] + [
        reason.lower() for reason, count in run.reasons.items() for _ in range(count)
    ]
    for name, signs in (
        ("dns", ("dns", "cannot resolve", "cannotresolve", "no such name", "no such host")),
        ("blocked", ("answered 401", "answered 403", "answered 429", "host paused", "left alone")),
        ("404", ("answered 404", "answered 410")),
        ("private address", ("private host", "address:")),
        ("robots.txt", ("robots.txt",)),
        ("opted out", ("opt-out",)),
        ("server error", ("answered 5",)),
        ("unreachable", ("timeout", "refused", "failed:", "connection")),
        ("page failed", ("page ",)),
    ):
        hit = next((line for line in said if any(sign in line for sign in signs)), None)
        if hit:
            return f"{name} ({hit[:160]})"
    return "site changed"
