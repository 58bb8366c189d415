"""Behaviour 26 of docs/crawling.md: a source that is unhealthy is flagged with its cause."""

from pathlib import Path
from typing import Any

import pytest
from crawling import crawled, gallery, html, site, stored

from crawlers.collect import CollectReport
from crawlers.source_health import (
    Diagnosis,
    Note,
    NoteKind,
    Outcome,
    Reason,
    Run,
    RunStatus,
    cause,
    diagnose,
    kind_of_status,
)
from foundation.errors import CrawlError
from simulator.server import Answer, Scripted, Server

PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACw="


@pytest.mark.parametrize(
    ("second", "why"),
    [
        ({"/gallery": Answer(404, b"no")}, "404"),
        ({"/gallery": Answer(403, b"no")}, "blocked"),
        ({"/gallery": html("<p>We have moved to another platform, and there is nothing to see on this page now.</p>")},
         "site changed"),
        ({"/gallery": html(*[f'<img src="{PIXEL}" data-of="{n}">' for n in range(9)], '<img src="/0.jpg">')},
         "site changed"),
        ({"/gallery": html(*[f'<img src="/{n}.jpg">' for n in range(8)], *[f'<img src="{PIXEL}">' for _ in range(30)])},
         "placeholders"),
        ({f"/{n}.jpg": Answer(500, b"") for n in range(1, 12)} | {"/gallery": html(*[f'<img src="/{n}.jpg">' for n in
          range(12)])}, "server error"),
    ],
    ids=["404", "403", "emptied", "fell by 90 %", "placeholders", "broken"],
)  # fmt: skip
def test_26_a_site_that_fell_ill_is_flagged_with_its_cause(tmp_path: Path, second: dict[str, Any], why: str) -> None:
    """Zero, by 80 %, or to placeholders; what was collected stays."""
    answers = gallery(12, per_page=12)
    server = Server(Scripted(answers))
    project = site(tmp_path, f"{server.url}/gallery", allowed=[server.address])
    assert crawled(project).status == "done"
    before = stored(project)
    answers.update(second)
    report = crawled(project)
    server.stop()
    assert report.status == "unhealthy"
    assert any(why in note for note in report.notes), report.notes
    assert stored(project) == before
    with pytest.raises(CrawlError, match="what was collected stays"):
        CollectReport([report]).raise_for_failures()


def test_26_a_name_that_is_gone_is_called_dns(tmp_path: Path) -> None:
    """The site's name does not resolve any more: no page is read, and the report says why."""
    report = crawled(site(tmp_path, "http://no-such-baker.invalid/", allowed=[]))
    assert report.status in ("unhealthy", "deferred")
    assert "CannotResolveHostError" in report.notes[0] or "dns" in report.notes[0], report.notes


def note(kind: NoteKind, text: str = "page http://x.example/: why") -> Note:
    return Note(kind, "x.example", text)


@pytest.mark.parametrize(
    ("outcomes", "placeholders", "history", "status"),
    [
        ({Outcome.STORED: 3}, 0, [], RunStatus.DONE),
        ({Outcome.UNCHANGED: 19}, 0, [20, 22], RunStatus.DONE),
        ({Outcome.STORED: 5}, 0, [20, 22, 24], RunStatus.DONE),
        ({Outcome.STORED: 4}, 0, [20, 22, 24], RunStatus.UNHEALTHY),
        ({Outcome.STORED: 1}, 0, [4, 4], RunStatus.DONE),  # so few that ups and downs mean nothing
        ({}, 0, [20], RunStatus.UNHEALTHY),
        ({Outcome.REJECTED: 9}, 0, [], RunStatus.UNHEALTHY),
        ({Outcome.STORED: 3}, 7, [], RunStatus.UNHEALTHY),
        ({Outcome.STORED: 3}, 6, [], RunStatus.DONE),
        ({Outcome.STORED: 1}, 4, [], RunStatus.DONE),
    ],
)
def test_status_of_a_run(
    outcomes: dict[Outcome, int], placeholders: int, history: list[int], status: RunStatus
) -> None:
    """Zero, a fifth of the median of earlier runs, or seven tenths placeholders: unhealthy."""
    assert diagnose(Run(outcomes, {}, placeholders), history).status == status


def test_a_source_is_deferred_only_if_it_gave_nothing() -> None:
    """An image host whose robots.txt is broken does not defer a site that gave other images."""
    notes = [note(NoteKind.ROBOTS_UNREADABLE, "deferred: http://x.example/robots.txt answered 500")]
    assert diagnose(Run({}, {}, 0, notes), [20]) == Diagnosis(RunStatus.DEFERRED, notes[0].text)
    assert diagnose(Run({Outcome.STORED: 20}, {}, 0, notes), [20]).status == RunStatus.DONE


@pytest.mark.parametrize(
    ("reasons", "says"), [([], "its pages show none"), (["rejected: too small"], "its pages have 1 too small")]
)
def test_a_first_run_without_pictures_says_what_the_pages_have(reasons: list[str], says: str) -> None:
    """Nobody knows that the site changed."""
    run = Run({}, {Reason.parse(text): 1 for text in reasons})
    assert diagnose(run, []).alarm == f"no usable picture: {says}"
    assert diagnose(run, [9]).alarm == "no usable picture: site changed"


@pytest.mark.parametrize(
    ("notes", "reasons", "name"),
    [
        ([NoteKind.PAGE_FAILED, NoteKind.NOT_FOUND], [], "404"),
        ([NoteKind.NOT_FOUND, NoteKind.BLOCKED, NoteKind.DNS], [], "dns"),
        ([NoteKind.ROBOTS_DNS], [], "dns"),
        ([NoteKind.ROBOTS_BLOCKED], [], "blocked"),
        ([NoteKind.ROBOTS_UNREADABLE], [], "robots.txt"),
        ([], ["failed: answered 403"], "blocked"),
        ([], ["failed: host paused"], "blocked"),
        ([], ["failed: answered 410"], "404"),
        ([], ["failed: answered 502"], "server error"),
        ([], ["failed: answered 418"], "unreachable"),
        ([], ["failed: timeout"], "unreachable"),
        ([], ["failed: dns"], "dns"),
        ([], ["rejected: robots.txt"], "robots.txt"),
        ([], ["rejected: address"], "private address"),
        ([], ["rejected: opt-out"], "opted out"),
        ([], ["rejected: too small"], "site changed"),
        ([NoteKind.LIMIT, NoteKind.ROBOTS_IS_HTML], [], "site changed"),
        ([NoteKind.PAGE_FAILED], ["failed: dns"], "dns"),
    ],
)
def test_cause(notes: list[NoteKind], reasons: list[str], name: str) -> None:
    """The most telling kind counts, whether a note or a reason has it; what a note says does not matter."""
    run = Run({}, {Reason.parse(text): 1 for text in reasons}, 0, [note(kind, "dns 404 opt-out") for kind in notes])
    assert cause(run).partition(" (")[0] == name


@pytest.mark.parametrize(
    ("status", "kind"),
    [(200, None), (302, None), (400, None), (401, NoteKind.BLOCKED), (404, NoteKind.NOT_FOUND),
     (429, NoteKind.BLOCKED), (500, NoteKind.SERVER_ERROR), (503, NoteKind.SERVER_ERROR)],
)  # fmt: skip
def test_kind_of_status(status: int, kind: NoteKind | None) -> None:
    assert kind_of_status(status) == kind


def test_a_reason_survives_its_text() -> None:
    """Reports keep reasons as text."""
    reason = Reason.of("rejected", "address: private host")
    assert str(reason) == "rejected: address"
    assert Reason.parse(str(reason)) == reason
