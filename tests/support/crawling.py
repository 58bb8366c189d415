"""Sites on loopback and crawls of them, for the tests of crawlers/."""

import io
import random
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image
from sqlalchemy import select

from crawlers.collect import CollectReport, collect
from crawlers.ledger.reports import SourceReport
from dataset.catalog.tables import images, outcomes
from dataset.opening import open_project
from dataset.project import Project
from foundation.environment import child_environment
from simulator import drawings
from simulator.server import Answer

# A gallery that a script fills with the images that /more.json lists.
GALLERY_BY_FETCH = """<main id="gallery"></main><script>
window.addEventListener('scroll', () => {});
fetch('/more.json').then(a => a.json()).then(names => names.forEach(name => {
  const image = document.createElement('img'); image.src = name; document.getElementById('gallery').append(image);
}));</script>"""


@cache
@cache
def photo(number: int = 1) -> bytes:
    """A drawn photo, another one for each number."""
    return drawings.thing(random.Random(number), "cup")


def jpeg(number: int = 1, **headers: str) -> Answer:
    return Answer(body=photo(number), content_type="image/jpeg", headers=_header_names(headers))


def with_xmp(number: int, mining: str = "", notice: str = "", etag: str = "new") -> Answer:
    """A photo with XMP. mining: value of plus:DataMining. notice: the copyright notice."""
    out = io.BytesIO()
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        f'plus:DataMining="{mining}"><dc:rights>{notice}</dc:rights></rdf:Description></rdf:RDF></x:xmpmeta>'
    )
    Image.open(io.BytesIO(photo(number))).save(out, "JPEG", xmp=packet.encode())
    return Answer(body=out.getvalue(), content_type="image/jpeg", headers={"ETag": f'"{etag}"'})


def html(*parts: str, **headers: str) -> Answer:
    return Answer(body="\n".join(parts).encode(), headers=_header_names(headers))


def _header_names(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def text(body: str) -> Answer:
    return Answer(body=body.encode(), content_type="text/plain")


def gallery(photos: int, per_page: int = 6) -> dict[str, Any]:
    """Pages of a numbered gallery, with their photos."""
    answers: dict[str, Any] = {}
    for page in range(-(-photos // per_page)):
        numbers = range(page * per_page, min(photos, (page + 1) * per_page))
        tags = [f'<img src="/{n}.jpg">' for n in numbers]
        path = f"/gallery/{page + 1}" if page else "/gallery"
        answers[path] = html(*tags, f'<a href="/gallery/{page + 2}">next</a>')
        answers |= {f"/{n}.jpg": jpeg(n, ETag=f'"{n}"') for n in numbers}
    return answers


def site(folder: Path, *start_urls: str, allowed: list[str], name: str = "one") -> Project:
    """A project with one source. allowed: private hosts that it may connect to."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "isitcake.toml"
    listed = ", ".join(f'"{host}"' for host in allowed)
    starts = ", ".join(f'"{url}"' for url in start_urls)
    path.write_text(
        f'[project]\ncontact = "https://example.org/c"\n[crawl]\nallow_private_hosts = [{listed}]\n'
        f'[[sources]]\nname = "{name}"\nkind = "site"\nlabel = "cake"\nstart_urls = [{starts}]\n'
    )
    return open_project(path)


def crawled(project: Project) -> SourceReport:
    """The report of the one source; a failure of the crawl itself is a failure of the test."""
    report: CollectReport = collect(project)
    assert not report.failed
    return report.sources[0]


def outcome_by_name(project: Project) -> dict[str, tuple[str, str]]:
    """Outcome and reason of every candidate of the newest run, by what follows the last slash of its address."""
    with project.catalog.read() as connection:
        rows = connection.execute(select(outcomes).order_by(outcomes.c.id)).all()
    newest = max(row.run_id for row in rows)
    return {row.image_url.rpartition("/")[2]: (row.outcome, row.reason) for row in rows if row.run_id == newest}


def add_source(project: Project, name: str, url: str) -> Project:
    """The project opened again, with one more site."""
    path = project.settings.config_path
    more = f'[[sources]]\nname = "{name}"\nkind = "site"\nlabel = "cake"\nstart_urls = ["{url}"]\n'
    path.write_text(path.read_text() + more)
    return open_project(path)


def command(project: Project, *arguments: str) -> "subprocess.Popen[str]":
    """`isitcake` with these arguments, started in the project's folder."""
    return subprocess.Popen(
        [sys.executable, "-c", "from isitcake.cli import main; main()", *arguments],
        cwd=project.settings.root, env=child_environment(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def wait_until(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    """Return once the condition holds. Fails after timeout_s."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout_s:.0f} s"
        time.sleep(0.02)


def stored(project: Project) -> set[str]:
    """SHA-256 of every image in the catalog."""
    with project.catalog.read() as connection:
        return set(connection.execute(select(images.c.sha256)).scalars())
