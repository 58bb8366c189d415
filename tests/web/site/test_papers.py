"""Papers as pages and files: one file, no script, A4, the same numbers by JSON; and links from the version."""

import json
import re
from pathlib import Path

import pytest
from commands import here
from playwright.sync_api import Browser
from starlette.testclient import TestClient

from dataset.project import Project
from dataset.versions.published import Version
from web.app import create_app
from web.site.papers import KINDS, paper_html, paper_of, write_paper

A4_WIDTH_PX = 657  # 210 mm less two margins of 18 mm, at 96 px to an inch
OUTSIDE = re.compile(r"(?:src|href)=\"(?!#|data:)[^\"]*\"")


@pytest.mark.parametrize("kind", KINDS)
def test_a_paper_is_one_file_without_scripts(kind: str, published_project: Project) -> None:
    path = write_paper(published_project, paper_of(published_project, kind))
    page = path.read_text(encoding="utf-8")
    assert path.parent == published_project.home / "reports"
    assert "<script" not in page
    assert OUTSIDE.findall(page) == []
    assert "@page" in page


@pytest.mark.parametrize("kind", KINDS)
def test_a_paper_fits_a4_and_becomes_a_pdf(
    kind: str, published_project: Project, browser: Browser, tmp_path: Path
) -> None:
    path = write_paper(published_project, paper_of(published_project, kind), tmp_path / "paper.html")
    page = browser.new_page(viewport={"width": A4_WIDTH_PX, "height": 900})
    page.emulate_media(media="print")
    page.goto(path.as_uri())
    wide = page.evaluate("document.documentElement.scrollWidth")
    content = page.pdf(prefer_css_page_size=True)
    page.close()
    assert wide <= A4_WIDTH_PX
    assert content.startswith(b"%PDF")


def test_the_version_links_to_its_papers(published_project: Project, version: Version) -> None:
    client = TestClient(create_app(published_project))
    page = client.get(f"/versions/{version.name}").text
    for kind in KINDS:
        assert f'href="/versions/{version.name}/{kind}"' in page
        answer = client.get(f"/versions/{version.name}/{kind}")
        assert answer.status_code == 200
        assert version.id[:16] in answer.text
        assert 'aria-label="Pages"' in answer.text
    assert client.get(f"/versions/{version.name}/nothing").status_code == 404
    assert client.get("/versions/2020.1.0/datasheet").status_code == 404


def test_the_command_writes_a_file_or_prints_json(published_project: Project, version: Version, tmp_path: Path) -> None:
    folder = published_project.settings.root
    ended = here(folder, "report", "--ai-act", "--to", str(tmp_path / "act.html"))
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "act.html").is_file()
    assert "wait for a person" in ended.stdout
    paper = json.loads(here(folder, "report", version.name, "--datasheet", "--json").stdout)
    assert (paper["kind"], paper["version"], len(paper["sections"])) == ("datasheet", version.name, 7)
    assert not list((published_project.home / "reports").glob("*-datasheet.html"))


def test_what_sources_say_is_no_markup(published_project: Project) -> None:
    paper = paper_of(published_project, "datasheet")
    changed = type(paper)(**{**vars(paper), "title": "<script>alert(1)</script>"})
    assert "<script" not in paper_html(changed)
