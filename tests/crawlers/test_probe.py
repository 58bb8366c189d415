"""`isitcake source probe`: what a page would give, without a trace in the library."""

import tomllib
from pathlib import Path

import pytest
from commands import here
from crawling import html, jpeg, site, stored

from crawlers.probe import probe
from foundation.errors import ConfigError, CrawlError, UsageError
from foundation.settings_file import load
from simulator.server import Answer, Scripted, Server
from web.pages.probe import write_probe


def test_a_page_is_shown_as_a_crawl_would_take_it(tmp_path: Path) -> None:
    """Originals, refusals, the builder, the objection of nobody, and lines that collect it."""
    page = html(
        '<img src="/2024/05/cake-300x200.jpg" srcset="/2024/05/cake-768x512.jpg 768w">',
        '<img src="/logo.svg"><a href="/about">about</a>',
    )
    server = Server(Scripted({"/": page, "/2024/05/cake.jpg": jpeg(1), "/about": html('<img src="/x.jpg">')}))
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    with probe(project.settings, f"{server.url}/") as (probed, report):
        path = write_probe(report, probed, project.home)
    server.stop()
    outcomes = {(photo.outcome, photo.fetched_url.rpartition("/")[2]) for photo in report.photos}
    assert outcomes == {("stored", "cake.jpg"), ("rejected", "logo.svg")}
    assert report.platforms == {"wordpress": 1}
    assert not report.took_browser
    assert "/about" not in {hit.path for hit in server.log}
    assert report.run.notes == []
    assert tomllib.loads(report.toml)["sources"][0]["start_urls"] == [f"{server.url}/"]
    (tmp_path / "isitcake.toml").write_text('[project]\ncontact = "a@example.org"\n' + report.toml)
    assert load(tmp_path / "isitcake.toml").sources[0].label == "cake"
    cake = next(photo for photo in report.photos if photo.outcome == "stored")
    assert cake.evidence.startswith("guessed by a rule (")
    assert "wordpress" in cake.evidence
    text = path.read_text(encoding="utf-8")
    assert cake.evidence in text
    assert "No objection to training was found" in text
    assert "data:image/jpeg;base64" in text
    assert "drawing: SVG or icon file" in text
    assert stored(project) == set()


def test_an_objection_is_shown(tmp_path: Path) -> None:
    server = Server(Scripted({"/": html('<meta name="robots" content="noai"><img src="/a.jpg">'), "/a.jpg": jpeg()}))
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    with probe(project.settings, f"{server.url}/") as (_, report):
        pass
    server.stop()
    assert report.objections == [f"{server.url}/: meta robots: noai"]
    assert report.photos[0].reason == "opt-out: meta robots: noai"


def test_what_is_wrong_is_said_before_anything_is_asked(tmp_path: Path) -> None:
    server = Server(Scripted({"/": Answer(404)}))
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    with pytest.raises(UsageError, match="is not a web address"), probe(project.settings, "baker.example"):
        pass
    with pytest.raises(UsageError, match="no label 'pie'"), probe(project.settings, server.url, "pie"):
        pass
    path = tmp_path / "isitcake.toml"
    path.write_text(path.read_text().replace("https://example.org/c", ""))
    with pytest.raises(ConfigError, match="contact is empty"), probe(load(path), server.url):
        pass
    server.stop()
    assert server.log == []


def test_what_only_the_browser_saw_is_shown(tmp_path: Path) -> None:
    page = html('<img src="/1.jpg"><div id="more"></div>', "<script>document.getElementById('more').innerHTML = "
                "'<im' + 'g src=/2' + '.jpg>'</script>")  # fmt: skip
    server = Server(Scripted({"/": page, "/1.jpg": jpeg(1), "/2.jpg": jpeg(2)}))
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    with probe(project.settings, f"{server.url}/") as (probed, report):
        text = write_probe(report, probed, project.home).read_text(encoding="utf-8")
    server.stop()
    assert {photo.fetched_url.rpartition("/")[2]: photo.only_in_browser for photo in report.photos} == {
        "1.jpg": False, "2.jpg": True,
    }  # fmt: skip
    assert "only the browser saw it" in text
    assert "which alone saw 1" in report.line()


def test_a_page_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """It is dead, unknown or private: no TOML to paste. A private host is refused with the key that allows it."""
    server = Server(Scripted({"/": Answer(404)}))
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    with pytest.raises(CrawlError, match="could not be read: answered 404"), probe(project.settings, server.url):
        pass
    key = r'address: private host; if it is yours, add "127.0.0.1:9" to \[crawl\] allow_private_hosts'
    with pytest.raises(CrawlError, match=key), probe(project.settings, "http://127.0.0.1:9/"):
        pass
    with pytest.raises(CrawlError, match=r"dns|deferred"), probe(project.settings, "http://no-such-baker.invalid/"):
        pass
    server.stop()


def test_the_lines_to_paste_fit_the_project(tmp_path: Path) -> None:
    """Their name is no other source's; pages that a probe does not read are not mentioned; an empty page gives none."""
    gallery = html('<img src="/1.jpg"><a rel="next" href="/?page=2">Next</a><iframe src="/frame"></iframe>')
    empty = html("<p>Nothing to see here, and it was never any other way.</p>")
    server = Server(Scripted({"/": gallery, "/1.jpg": jpeg(1), "/empty": empty}))
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    path = tmp_path / "isitcake.toml"
    path.write_text(path.read_text().replace(f'"{project.settings.sources[0].name}"', '"127-0-0-1"'))
    shown = here(tmp_path, "source", "probe", f"{server.url}/", "--label", "cake").stdout
    nothing = here(tmp_path, "source", "probe", f"{server.url}/empty").stdout
    server.stop()
    assert 'name = "127-0-0-1-2"' in shown
    assert "stopped at" not in shown
    assert "its label is" not in shown
    assert "no usable picture: its pages show none" in nothing
    assert "[[sources]]" not in nothing
