"""The page of a source: what became of every file or address."""

from collections import Counter
from pathlib import Path

from starlette.testclient import TestClient

from crawlers.collect import collect
from crawlers.ledger.listing import LISTED_OUTCOMES, count_outcomes, first_outcomes, list_outcomes
from dataset.opening import open_project
from web.app import create_app
from web.pages.report import report_html


def test_the_page_lists_every_file_with_its_reason(tmp_path: Path) -> None:
    """Data F13: Use 18: a page of the owner, linked from the report; text from outside is shown, not interpreted."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "<b>notes.txt").write_text("hello")
    (tmp_path / "isitcake.toml").write_text(
        '[[sources]]\nname = "mine"\nkind = "folder"\nlabel = "cake"\npath = "photos"\n'
    )
    project = open_project(tmp_path)
    client = TestClient(create_app(project))
    assert "Nothing was collected yet" in client.get("/sources/mine").text
    collect(project)
    answer = client.get("/sources/mine")
    assert answer.status_code == 200
    assert "1 rejected" in answer.text
    assert "folder:mine/&lt;b&gt;notes.txt" in answer.text
    assert "not an image: text" in answer.text
    assert client.get("/sources/other").status_code == 404
    assert 'href="/sources/mine"' in report_html(project, served=True)
    project.close()


def test_counts_and_order_are_those_of_the_command(tmp_path: Path) -> None:
    """`isitcake outcomes` lists them all; the page reads the first ones only."""
    (tmp_path / "photos").mkdir()
    for number in range(3):
        (tmp_path / "photos" / f"{number}.txt").write_text("hello")
    (tmp_path / "photos" / "a.png").write_bytes(b"")
    (tmp_path / "isitcake.toml").write_text(
        '[[sources]]\nname = "mine"\nkind = "folder"\nlabel = "cake"\npath = "photos"\n'
    )
    project = open_project(tmp_path)
    collect(project)
    listed = list_outcomes(project, "mine")
    assert count_outcomes(project, "mine") == Counter(one.outcome for one in listed)
    order = list(LISTED_OUTCOMES)[::-1]
    expected = sorted(listed, key=lambda one: (order.index(one.outcome), one.address))
    assert first_outcomes(project, "mine", order, 100) == expected
    assert first_outcomes(project, "mine", order, 2) == expected[:2]
    project.close()
