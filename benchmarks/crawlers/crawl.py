"""make bench-crawl: our crawl beside the talk's, on the same sites with the same latency; then a site of 10,000 pages.

Usable: a photo of the gallery whose shorter side has at least 200 pixels and which is not blurred; each counts
once. Bad: a placeholder, a blurred or small variant, a logo, a second copy of a photo that was collected already.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from growth import worst_growth
from kinds import missed, show
from sqlalchemy import func, select
from table import Peak, figures, out, table

from crawlers.collect import SOURCES_AT_ONCE, collect, crawl_apart, options_of
from crawlers.sites.messages import CrawlOptions, Finished
from dataset.catalog.tables import images, outcomes, sightings
from dataset.opening import open_project
from dataset.pictures.decoding import Undecodable, examine
from dataset.project import Project
from foundation.environment import child_environment, shared_folder
from simulator.internet import Internet
from simulator.platforms import PLATFORMS
from simulator.server import PER_PAGE, BakerSite
from simulator.world import Baker, World, drawn_world, photo_world

ROOT = Path(__file__).resolve().parents[2]
LATENCY_S = 0.1
MIN_SIDE_PX = 200
STATIC = tuple(name for name, platform in PLATFORMS.items() if not platform.by_script)
SCALES = ((1_000, 1), (10_000, 1))  # pages, images a page


@dataclass(frozen=True)
class TalkResult:
    """What the talk's way collected. by_site: usable photos and bad images of each site."""

    seconds: float
    by_site: dict[str, tuple[int, int]]


@dataclass(frozen=True)
class Comparison:
    """Our crawl beside the talk's, on the same sites. static: of sites that need no browser.

    kept: SHA-256 of our stored images by site. stored: how many images that are. image_requests, second_bodies: ours,
    on the first run and on the second. static_share: share of the pages of static sites that the browser showed.
    """

    ours_s: float
    ours_static_s: float
    second_s: float
    image_requests: int
    second_bodies: int
    kept: dict[str, set[str]]
    stored: int
    talk: TalkResult
    talk_static: TalkResult
    talk_requests: int
    static_share: float


def main() -> None:
    shared = shared_folder()
    world = photo_world(shared / "photos", tuple(PLATFORMS)) if shared else drawn_world(tuple(PLATFORMS))
    kind = f"{sum(len(b.gallery) for b in world.bakers)} real files" if shared else "drawings (no ../shared here)"
    out.print(f"{len(world.bakers)} sites, {kind}, {LATENCY_S * 1000:.0f} ms latency\n")
    wanted = {b.name: {p.sha256 for p in b.gallery if _is_large(p.content)} for b in world.bakers}
    with tempfile.TemporaryDirectory() as folder:
        result = _compare(world.bakers, Path(folder))
    originals = {name: len(wanted[name] & result.kept.get(name, set())) for name in wanted}
    rows = [
        (baker.name, baker.platform, len(wanted[baker.name]), originals[baker.name], *result.talk.by_site[baker.name])
        for baker in world.bakers
    ]
    table("originals found, site by site", ["site", "platform", "there", "ours", "talk: usable", "talk: bad"], rows)
    talk_usable = sum(usable for usable, _ in result.talk.by_site.values())
    talk_bad = sum(bad for _, bad in result.talk.by_site.values())
    total = sum(originals.values())
    ours_bad = sum(len(result.kept[name] - wanted[name]) for name in wanted if name in result.kept)
    table(
        "ours beside the talk's way",
        ["", "ours", "talk"],
        [
            ("usable photos", total, talk_usable),
            ("bad images taken", ours_bad, talk_bad),
            ("image requests", result.image_requests, result.talk_requests),
            ("seconds, all sites", result.ours_s, result.talk.seconds),
            ("seconds, sites that need no browser", result.ours_static_s, result.talk_static.seconds),
            ("bodies on a second run", result.second_bodies, result.talk_requests),
            ("seconds, second run", result.second_s, result.talk.seconds),
        ],
    )
    peak_mb = _scale()
    kinds = show(missed())
    figures(
        {
            **kinds,
            "browser_pages_share": result.static_share,
            "worst_growth": worst_growth(),
            "originals_found": total / sum(map(len, wanted.values())),
            "bad_taken": ours_bad,
            "requests_per_image": result.image_requests / result.stored,
            "second_run_bodies": result.second_bodies,
            "usable_vs_talk": total / talk_usable,
            "time_vs_talk": result.talk_static.seconds / result.ours_static_s,
            "peak_mb": peak_mb,
        }
    )


def _compare(bakers: list[Baker], folder: Path) -> Comparison:
    """Crawl the sites our way, twice, and the talk's way."""
    net = Internet.start(World(bakers, {}), latency_s=LATENCY_S)
    static = [baker for baker in bakers if baker.platform in STATIC]
    project = _project(folder / "static", static, net)
    runs: list[Finished] = []
    ours_static_s = _timed(lambda: runs.extend(_crawled(project)))
    shown = sum(run.traits.rendered_pages for run in runs)
    talk_static = _talk(net, static)
    _clear_logs(net)
    project = _project(folder / "all", bakers, net)
    ours_s = _timed(lambda: collect(project))
    image_requests = _image_requests(net)
    kept, stored = _kept(project)
    _clear_logs(net)
    second_s = _timed(lambda: collect(project))
    second_bodies = _image_requests(net, status=200)
    _clear_logs(net)
    talk = _talk(net, bakers)
    talk_requests = _image_requests(net)
    net.stop()
    return Comparison(
        ours_s=ours_s,
        ours_static_s=ours_static_s,
        second_s=second_s,
        image_requests=image_requests,
        second_bodies=second_bodies,
        kept=kept,
        stored=stored,
        talk=talk,
        talk_static=talk_static,
        talk_requests=talk_requests,
        static_share=shown / sum(run.report.pages for run in runs),
    )


def _crawled(project: Project) -> list[Finished]:
    """All sources of a project, as `collect` crawls them, with what their pages showed."""
    with ThreadPoolExecutor(SOURCES_AT_ONCE) as pool:
        return list(
            pool.map(lambda s: crawl_apart(project, s, options_of(s), lambda *_: None), project.settings.sources)
        )


def _clear_logs(net: Internet) -> None:
    for server in net.servers:
        server.log.clear()


def _image_requests(net: Internet, status: int | None = None) -> int:
    """Image requests in the access logs; of one status, or of all."""
    hits = [hit for server in net.servers for hit in server.log if hit.is_image]
    return sum(status in (None, hit.status) for hit in hits)


def _is_large(content: bytes) -> bool:
    try:
        header = examine(content)
    except Undecodable:
        return False
    return min(header.width, header.height) >= MIN_SIDE_PX


def _timed(work) -> float:  # type: ignore[no-untyped-def]
    started = time.monotonic()
    work()
    return time.monotonic() - started


def _project(folder: Path, bakers: list[Baker], net: Internet) -> Project:
    """A project with each baker's gallery as a source."""
    folder.mkdir(parents=True)
    lines = ["[project]", 'contact = "https://example.org/c"', "[crawl]"]
    lines.append(f"allow_private_hosts = {json.dumps(net.addresses)}")
    for baker in bakers:
        url = f"{net.sites[baker.name].url}/gallery"
        lines += ["[[sources]]", f'name = "{baker.name}"', 'kind = "site"', 'label = "cake"', f'start_urls = ["{url}"]']
    path = folder / "isitcake.toml"
    path.write_text("\n".join(lines))
    return open_project(path)


def _kept(project: Project) -> tuple[dict[str, set[str]], int]:
    """Stored images by source, and how many there are in all."""
    kept: dict[str, set[str]] = {}
    with project.catalog.read() as connection:
        for row in connection.execute(select(sightings.c.source, sightings.c.sha256).distinct()):
            kept.setdefault(row.source, set()).add(row.sha256)
        return kept, connection.execute(select(func.count()).select_from(images)).scalar_one()


def _talk(net: Internet, bakers: list[Baker]) -> TalkResult:
    """Crawl the talk's way. It gets the address of every page of every gallery, which the talk did not have."""
    seconds, by_site = 0.0, {}
    for baker in bakers:
        site = net.sites[baker.name]
        count = 1 if PLATFORMS[baker.platform].by_script else -(-len(baker.gallery) // PER_PAGE)
        pages = [f"{site.url}/gallery" + (f"/{n}" if n > 1 else "") for n in range(1, count + 1)]
        ended = subprocess.run(
            [sys.executable, str(Path(__file__).parent / "talk.py"), *pages],
            check=True, capture_output=True, text=True, env=child_environment(PYTHONPATH=str(ROOT)),
        )  # fmt: skip
        result = json.loads(ended.stdout)
        seconds += result["seconds"]
        by_site[baker.name] = _judge(baker, result["fetched"], result["placeholders"])
    return TalkResult(seconds, by_site)


def _judge(baker: Baker, fetched: list[str], placeholders: int) -> tuple[int, int]:
    """How many usable photos and bad images the addresses gave."""
    site = BakerSite(baker)
    usable: set[str] = set()
    bad = placeholders
    for address in fetched:
        parts = urlsplit(address)
        variant = site.platform.read(parts.path, parts.query)
        picture = site.files.get(variant.file) if variant else None
        if picture is None or variant is None or picture is baker.logo or variant.blurred:
            bad += 1
            continue
        try:
            header = examine(picture.content)
        except Undecodable:
            bad += 1
            continue
        scale = min(1.0, (variant.width or header.width) / header.width)
        if min(header.width, header.height) * scale < MIN_SIDE_PX or picture.sha256 in usable:
            bad += 1
        else:
            usable.add(picture.sha256)
    return len(usable), bad


def _scale() -> float:
    """Crawl thousands of pages and images of a site that another process generates. Returns our peak memory in MB."""
    rows, peak_mb = [], 0.0
    for pages, each in SCALES:
        with tempfile.TemporaryDirectory() as folder:
            server = subprocess.Popen(
                [sys.executable, str(Path(__file__).parent / "generated_site.py"), str(pages), str(each)],
                stdout=subprocess.PIPE, text=True, env=child_environment(PYTHONPATH=str(ROOT)),
            )  # fmt: skip
            assert server.stdout is not None
            address = server.stdout.readline().strip()
            path = Path(folder) / "isitcake.toml"
            path.write_text(
                f'[project]\ncontact = "https://example.org/c"\n[crawl]\nallow_private_hosts = ["{address}"]\n'
                f'[[sources]]\nname = "big"\nkind = "site"\nlabel = "cake"\nstart_urls = ["http://{address}/g"]\n'
            )
            project = open_project(path)
            source = project.settings.source("big")
            server_mb = 60.0  # the generated site's own, not ours
            with Peak() as peak:
                seconds = _timed(
                    lambda p=project, s=source, n=pages: crawl_apart(
                        p, s, CrawlOptions(pages=n + 10, min_delay_s=0.0), lambda *_: None
                    )
                )
            server.kill()
            server.wait()
            with project.catalog.read() as connection:
                counts = Counter(connection.execute(select(outcomes.c.outcome)).scalars())
            crawl_mb = peak.megabytes - server_mb
            peak_mb = max(peak_mb, crawl_mb)
            rows.append((pages, counts["stored"], seconds, (pages + counts["stored"]) / seconds, crawl_mb))
    table("a generated site, no delay", ["pages", "images stored", "seconds", "requests/s", "peak MB"], rows)
    growth = (rows[-1][2] / rows[0][2]) / (rows[-1][0] / rows[0][0])
    out.print(f"time grows {growth:.2f} times as fast as the site (1 is linear)\n")
    return peak_mb


if __name__ == "__main__":
    main()
