"""What a crawl in its own process says of its hosts."""

from crawlers.sites.process import of_the_source
from crawlers.sites.spider import SiteSpider
from crawlers.source_health import Note, NoteKind, Run, RunStatus, diagnose


def test_a_host_without_pictures_is_not_the_source() -> None:
    """A font's host whose robots.txt cannot be read defers nothing; the host of a candidate does."""
    spider = SiteSpider(["https://www.a.example/"])
    spider.photo_hosts = {"cdn.example"}
    notes = [
        Note(NoteKind.ROBOTS_UNREADABLE, host, "deferred") for host in ("fonts.example", "cdn.example", "a.example")
    ]
    kinds = [note.kind for note in of_the_source(notes, spider)]
    assert kinds == [NoteKind.ELSEWHERE, NoteKind.ROBOTS_UNREADABLE, NoteKind.ROBOTS_UNREADABLE]
    assert diagnose(Run({}, {}, 0, of_the_source(notes[:1], spider)), []).status == RunStatus.UNHEALTHY
