"""Behaviours 18 to 23 of docs/crawling.md: what the server sent, kept as it is; what it should not do, survived."""

import hashlib
import io
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from crawling import crawled, html, jpeg, outcome_by_name, photo, site, stored
from PIL import Image, features
from sqlalchemy import select

from dataset.catalog.tables import images, sightings
from simulator.hostile import (
    HostileServer,
    compression_bomb,
    drips,
    endless_headers,
    floods,
    huge_png,
    lies_about_length,
    promises_a_flood,
    redirects,
    says,
)
from simulator.server import Answer, Scripted, Server
from web.pages.report import write_report


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def pictures() -> dict[str, tuple[str, bytes]]:
    """One of each kind: name → (format, bytes)."""
    rgb = Image.open(io.BytesIO(photo())).convert("RGB").resize((320, 260))
    exif = Image.Exif()
    exif[0x0112] = 6
    wide = Image.fromarray(np.asarray(rgb.convert("L"), dtype=np.uint16) * np.uint16(200))
    clear = rgb.convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(rgb.size))
    kinds = {
        "plain.jpg": ("JPEG", encoded(rgb, "JPEG")),
        "turned.jpg": ("JPEG", encoded(rgb, "JPEG", exif=exif)),
        "print.jpg": ("JPEG", encoded(rgb.convert("CMYK"), "JPEG")),
        "clear.png": ("PNG", encoded(clear, "PNG")),
        "deep.png": ("PNG", encoded(wide, "PNG")),
        "web.webp": ("WEBP", encoded(rgb, "WEBP")),
        "moving.gif": (
            "GIF",
            encoded(rgb.convert("P"), "GIF", save_all=True, append_images=[rgb.rotate(90).convert("P")]),
        ),
    }
    if features.check("avif"):
        kinds["new.avif"] = ("AVIF", encoded(rgb, "AVIF"))
    return kinds


def test_18_stored_bytes_equal_the_servers(tmp_path: Path) -> None:
    """Every format, untouched; turning and flattening happen in derivatives only."""
    kinds = pictures()
    answers: dict[str, Any] = {
        f"/{name}": Answer(body=body, content_type="image/x") for name, (_, body) in kinds.items()
    }
    server = Server(Scripted({"/": html(*(f'<img src="/{name}">' for name in kinds)), **answers}))
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    crawled(project)
    server.stop()
    with project.catalog.read() as connection:
        rows = {row.sha256: row for row in connection.execute(select(images))}
    for name, (kind, body) in kinds.items():
        sha256 = hashlib.sha256(body).hexdigest()
        assert rows[sha256].format == kind, name
        assert project.blobs.path(sha256, kind).read_bytes() == body
        with Image.open(project.normalised.make(sha256, kind)) as normal:
            assert (normal.format, normal.mode) == ("JPEG", "RGB")
            assert normal.size == ((832, 1024) if name == "turned.jpg" else (1024, 832))


def test_19_the_type_comes_from_the_bytes(tmp_path: Path) -> None:
    """Names and headers lie; what is truncated is outcome_by_name to be."""
    png = pictures()["clear.png"][1]
    bodies = {
        "page.jpg": b"<!doctype html><html>no</html>",
        "drawing.jpg": b"<svg xmlns='http://www.w3.org/2000/svg'></svg>",
        "menu.jpg": b"%PDF-1.7 ...",
        "png.jpg": png,
        "cut.jpg": photo()[: len(photo()) // 2],
        "empty.jpg": b"",
    }
    answers: dict[str, Any] = {f"/{n}": Answer(body=body, content_type="image/jpeg") for n, body in bodies.items()}
    server = Server(Scripted({"/": html(*(f'<img src="/{name}">' for name in bodies)), **answers}))
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    crawled(project)
    server.stop()
    outcomes = outcome_by_name(project)
    assert {name: outcome for name, (outcome, _) in outcomes.items()} == dict.fromkeys(bodies, "rejected") | {
        "png.jpg": "stored"
    }
    for name, reason in (
        ("page", "HTML"),
        ("drawing", "SVG"),
        ("menu", "PDF"),
        ("cut", "truncated"),
        ("empty", "empty"),
    ):
        assert reason in outcomes[f"{name}.jpg"][1]
    with project.catalog.read() as connection:
        assert connection.execute(select(images.c.format)).scalar_one() == "PNG"


class Trap:
    """A private address on this machine that counts who connects to it."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            connection.close()

    def close(self) -> None:
        self._socket.close()


def test_20_nothing_private_is_connected_to_by_http_or_by_the_browser(tmp_path: Path) -> None:
    """Literals in every notation, names, redirects, meta refresh, scripts, an image proxy's inner address."""
    trap = Trap()
    port = trap.port
    forms = [f"127.0.0.1:{port}", f"[::1]:{port}", f"0x7f.1:{port}", f"2130706433:{port}", f"localhost:{port}",
             f"localhost.:{port}", f"127.1:{port}", f"[::ffff:127.0.0.1]:{port}",
             "169.254.169.254", "10.0.0.1"]  # fmt: skip
    hosts = [f"http://{form}" for form in forms]
    listed = [f'<img src="{host}/x.jpg">' for host in hosts]
    inner = f'<img src="/_next/image?url=http%3A%2F%2F127.0.0.1%3A{port}%2Fx.jpg&w=640&q=75">'
    refresh = f'<meta http-equiv="refresh" content="0; url=http://127.0.0.1:{port}/">'
    script = "<script>addEventListener('scroll', () => {});" + "".join(
        f"fetch('{host}/').catch(() => 0); new WebSocket('ws{host[4:]}/');"
        f"document.head.append(Object.assign(document.createElement('script'), {{src: '{host}/s.js'}}));"
        for host in hosts
    )
    script += (
        f"const f = document.createElement('iframe'); f.src = 'http://127.0.0.1:{port}/'; document.body.append(f);"
    )
    answers: dict[str, Any] = {
        "/": html("<p>", *listed, inner, '<img src="file:///etc/passwd"><img src="/hop.jpg"><img src="/good.jpg">'),
        "/hop.jpg": Answer(302, headers={"Location": f"http://127.0.0.1:{port}/x.jpg"}),
        "/go": Answer(302, headers={"Location": f"http://127.0.0.1:{port}/"}),
        "/script": html(
            "<p>", refresh, script, "setTimeout(() => {", f"location = 'http://127.0.0.1:{port}/'", "}, 900)</script>"
        ),
        "/script2": html("<p>", script, "</script>"),
        "/good.jpg": jpeg(),
    }
    server = Server(Scripted(answers))
    starts = [f"{server.url}{path}" for path in ("/", "/go", "/script", "/script2")]
    project = site(tmp_path, *starts, "http://a.invalid/", allowed=[server.address])
    crawled(project)
    server.stop()
    trap.close()
    assert trap.connections == 0
    assert stored(project) == {hashlib.sha256(photo()).hexdigest()}
    assert all(outcome in ("rejected", "failed", "stored") for outcome, _ in outcome_by_name(project).values())


def test_20_a_name_that_resolves_to_a_private_address_is_not_connected_to(tmp_path: Path) -> None:
    """This machine's own name: checked where the connection is made."""
    name = socket.gethostname()
    try:
        address = socket.gethostbyname(name)
    except OSError:
        pytest.skip("this machine's name resolves to nothing")
    if name == "localhost" or not (address.startswith(("127.", "10.", "192.168.", "172.", "169.254.", "21."))):
        pytest.skip("this machine's name is no private address")
    trap = Trap()
    script = (
        f"<script>addEventListener('scroll', () => {{}}); fetch('http://{name}:{trap.port}/').catch(() => 0)</script>"
    )
    answers: dict[str, Any] = {
        "/": html(f'<p><img src="http://{name}:{trap.port}/x.jpg"><img src="/good.jpg">', script),
        "/good.jpg": jpeg(),
    }
    server = Server(Scripted(answers))
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    crawled(project)
    server.stop()
    trap.close()
    assert trap.connections == 0


def test_21_servers_that_never_end_are_ended(tmp_path: Path) -> None:
    """Drips, endless headers, floods, bombs: stopped by size or by time, memory bounded, other hosts go on."""
    huge = huge_png()
    assert len(huge) < 60_000
    drip_ended_at: list[float] = []

    def drips_until_cut_off(connection: socket.socket) -> None:
        try:
            drips(connection)
        finally:
            drip_ended_at.append(time.monotonic())

    bad: dict[str, Any] = {
        "/drip.jpg": drips_until_cut_off, "/headers.jpg": endless_headers, "/flood.jpg": floods,
        "/promise.jpg": promises_a_flood, "/short.jpg": lies_about_length(photo()), "/bomb": compression_bomb,
    }  # fmt: skip
    evil = HostileServer(bad)
    large = HostileServer({"/huge.png": says(huge, "image/png")})
    answers: dict[str, Any] = {
        "/": html(
            *(f'<img src="{evil.url}{path}">' for path in bad if path != "/bomb"),
            *(f'<img src="/{n}.jpg">' for n in range(5)),
            f'<img src="{large.url}/huge.png">',
        ),
        **{f"/{n}.jpg": jpeg(n) for n in range(5)},
    }
    server = Server(Scripted(answers))
    hosts = [server.address, evil.address, large.address]
    project = site(tmp_path, f"{server.url}/", f"{evil.url}/bomb", allowed=hosts)
    peak = PeakMemory()
    with peak:
        report = crawled(project)
    for stopped in (evil, large, server):
        stopped.stop()
    outcomes = outcome_by_name(project)
    assert {f"{n}.jpg": outcomes[f"{n}.jpg"][0] for n in range(5)} == {f"{n}.jpg": "stored" for n in range(5)}
    assert outcomes["huge.png"] == ("rejected", "too many pixels: 13000x13000")
    for name in ("drip.jpg", "headers.jpg", "flood.jpg", "promise.jpg", "short.jpg"):
        assert outcomes[name][0] == "failed", (name, outcomes[name])
    assert sum(report.outcomes.values()) == report.candidates == 11
    assert any("/bomb" in note for note in report.notes)
    assert max(hit.at for hit in server.log) < min(drip_ended_at)  # the other host went on meanwhile
    assert peak.megabytes < 900


class PeakMemory:
    """The most that this process's children held together, sampled."""

    def __enter__(self) -> "PeakMemory":
        self.megabytes = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.1):
            total = 0
            for process in psutil.Process().children(recursive=True):
                try:
                    total += process.memory_info().rss
                except psutil.Error:
                    continue
            self.megabytes = max(self.megabytes, total / 1e6)


def test_22_redirects_end_and_bad_certificates_fail(tmp_path: Path) -> None:
    """Loops end, hops are followed and checked; a certificate nobody vouches for is a failure, not a fetch."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "k", "-out", tmp_path / "c",
         "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    pem = tmp_path / "pem"
    pem.write_bytes((tmp_path / "k").read_bytes() + (tmp_path / "c").read_bytes())
    secure = HostileServer({"/s.jpg": says(photo(5), "image/jpeg")}, certificate=pem)
    loops = HostileServer(
        {
            "/loop.jpg": redirects("/loop2.jpg"),
            "/loop2.jpg": redirects("/loop.jpg"),
            "/away.jpg": redirects("/here.jpg"),
            "/here.jpg": says(photo(1), "image/jpeg"),
        }
    )
    names = ("loop.jpg", "away.jpg")
    page = html(f'<img src="{secure.url}/s.jpg">', *(f'<img src="{loops.url}/{name}">' for name in names))
    server = Server(Scripted({"/": page}))
    project = site(tmp_path, f"{server.url}/", allowed=[server.address, loops.address, secure.address])
    crawled(project)
    for stopped in (server, loops, secure):
        stopped.stop()
    outcomes = outcome_by_name(project)
    assert outcomes["away.jpg"] == ("stored", "")
    assert outcomes["loop.jpg"][0] == "failed"
    assert outcomes["s.jpg"][0] in ("failed", "rejected")
    assert "/s.jpg" not in secure.log


def test_23_text_from_outside_is_harmless(tmp_path: Path) -> None:
    """Formulas, scripts, control characters, a megabyte: capped in the catalog, escaped on every page."""
    alts = [
        "=HYPERLINK(&quot;http://x&quot;)",
        "<script>alert(1)</script>",
        "a&#13;&#10;b&#0;c",
        "\u202egnp.exe",
        "x" * 1_000_000,
    ]
    answers: dict[str, Any] = {
        "/": html(*(f'<img src="/{n}.jpg" alt="{alt}">' for n, alt in enumerate(alts))),
        **{f"/{n}.jpg": jpeg(n) for n in range(len(alts))},
    }
    server = Server(Scripted(answers))
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    crawled(project)
    server.stop()
    with project.catalog.read() as connection:
        kept = list(connection.execute(select(sightings.c.alt)).scalars())
    assert len(kept) == len(alts)
    assert all(len(alt) <= 500 and alt.isprintable() for alt in kept)
    from dataset.curate import curate

    curate(project)
    page = write_report(project).read_text(encoding="utf-8")
    assert "<script>alert" not in page
