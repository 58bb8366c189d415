"""The page of `isitcake source probe`; tests/crawlers/test_probe.py has one of a real crawl."""

from pathlib import Path

from sqlalchemy import select

from crawlers.ledger.reports import last_reports
from crawlers.probe import ProbedPhoto, ProbeReport
from dataset.catalog.tables import images
from dataset.project import Project
from web.pages.probe import write_probe


def test_the_page_shows_what_would_be_collected_and_what_not(collected: Project, tmp_path: Path) -> None:
    """A thumbnail for the one, outcome and reason for the other, and the lines for isitcake.toml."""
    with collected.catalog.read() as connection:
        image = connection.execute(select(images).limit(1)).one()
    kept = ProbedPhoto("https://a.example/1-small.jpg", "https://a.example/1.jpg", "stored", "", image.sha256,
                       image.format, image.width, image.height, "a cake")  # fmt: skip
    refused = ProbedPhoto("https://a.example/logo.svg", "https://a.example/logo.svg", "rejected", "drawing: SVG",
                          None, None, None, None, "")  # fmt: skip
    run = last_reports(collected)[0]
    report = ProbeReport(
        "https://a.example/", run, [kept, refused], {"wordpress": 1}, ["noai in <meta>"], False, "[[sources]]"
    )
    path = write_probe(report, collected, tmp_path)
    assert path == tmp_path / "reports" / f"probe-{run.source}.html"
    page = path.read_text(encoding="utf-8")
    assert page.count("data:image/jpeg") == 1
    assert f"{image.width}×{image.height} {image.format}" in page
    assert "rejected: drawing: SVG" in page
    assert "noai in &lt;meta&gt;" in page
    assert "[[sources]]" in page
