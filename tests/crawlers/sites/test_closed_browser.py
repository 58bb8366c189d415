"""The browser has no network of its own: whatever a page tries, a third party that forbids crawling sees nothing."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from crawling import crawled, html, jpeg, outcome_by_name, site, text
from third_party import ThirdParty

from crawlers.sites import browser
from simulator.server import Answer, Scripted, Server

# By name: what a page's script does to reach {u} (http://host:port), {w} (ws://host:port) and {p} (its port).
TRIES = {
    "fetch": "fetch('{u}/fetch').catch(() => 0)",
    "post": "fetch('{u}/post', {{method: 'POST', mode: 'no-cors', body: 'x'}}).catch(() => 0)",
    "put": "fetch('{u}/put', {{method: 'PUT', body: 'x'}}).catch(() => 0)",
    "keepalive": "addEventListener('pagehide', () => fetch('{u}/keepalive', {{keepalive: true, mode: 'no-cors'}}))",
    "xhr": "var x = new XMLHttpRequest(); x.open('GET', '{u}/xhr'); x.send()",
    "script": "add('script', {{src: '{u}/script.js'}})",
    "module": "import('{u}/module.js').catch(() => 0)",
    "style": "add('link', {{rel: 'stylesheet', href: '{u}/style.css'}})",
    "image": "add('img', {{src: '{u}/image.jpg'}})",
    "video": "add('video', {{src: '{u}/video.mp4', preload: 'auto'}})",
    "font": "new FontFace('f', 'url({u}/font.woff2)').load().catch(() => 0)",
    "object": "add('object', {{data: '{u}/object', type: 'text/html'}})",
    "embed": "add('embed', {{src: '{u}/embed', type: 'text/html'}})",
    "iframe": "add('iframe', {{src: '{u}/iframe'}})",
    "iframe in iframe": "add('iframe', {{srcdoc: '<iframe src={u}/inner></iframe>'}})",
    "data iframe": "add('iframe', {{src: 'data:text/html,<img src={u}/data><script src={u}/data.js></'+'script>'}})",
    "preload": "add('link', {{rel: 'preload', as: 'fetch', href: '{u}/preload', crossOrigin: ''}})",
    "modulepreload": "add('link', {{rel: 'modulepreload', href: '{u}/modulepreload.js'}})",
    "prefetch": "add('link', {{rel: 'prefetch', href: '{u}/prefetch'}})",
    "prerender": "add('link', {{rel: 'prerender', href: '{u}/prerender'}})",
    "preconnect": "add('link', {{rel: 'preconnect', href: '{u}'}})",
    "dns-prefetch": "add('link', {{rel: 'dns-prefetch', href: '{u}'}})",
    "icon": "add('link', {{rel: 'icon', href: '{u}/icon.png'}})",
    "manifest": "add('link', {{rel: 'manifest', href: '{u}/manifest.json'}})",
    "speculation": "add('script', {{type: 'speculationrules', text: JSON.stringify({{"
                   "prefetch: [{{source: 'list', urls: ['{u}/speculated']}}],"
                   "prerender: [{{source: 'list', urls: ['{u}/prerendered']}}]}})}})",
    "beacon": "navigator.sendBeacon('{u}/beacon', 'x')",
    "ping": "add('a', {{href: '#x', ping: '{u}/ping'}}).click()",
    "eventsource": "new EventSource('{u}/events')",
    "websocket": "new WebSocket('{w}/socket')",
    "wss": "new WebSocket('wss{u}/socket'.replace('http', ''))",
    "websocket of an iframe": "var f = add('iframe', {{}}); new f.contentWindow.WebSocket('{w}/inner-socket')",
    "webtransport": "new WebTransport('https{u}/t'.replace('http', '')).ready.catch(() => 0)",
    "worker": "new Worker(URL.createObjectURL(new Blob([`fetch('{u}/worker').catch(() => 0);"
              "new WebSocket('{w}/worker-socket'); new EventSource('{u}/worker-events');"
              "importScripts('{u}/imported.js')`])))",
    "worker at an address": "new Worker('/worker.js')",
    "shared worker": "new SharedWorker('/worker.js')",
    "shared worker of a blob": "new SharedWorker(URL.createObjectURL(new Blob([`fetch('{u}/shared').catch(() => 0);"
                               "new WebSocket('{w}/shared-socket')`])))",
    "service worker": "navigator.serviceWorker.register('/worker.js').catch(() => 0)",
    "service worker by its prototype": "ServiceWorkerContainer.prototype.register.call(navigator.serviceWorker,"
                                       "'/worker.js').catch(() => 0)",
    "window.open": "window.open('{u}/popup')",
    "window.open without opener": "window.open('{u}/popup2', '_blank', 'noopener')",
    "window.open of our own page": "var w = window.open('/popup'); w && (w.location = '{u}/popup3')",
    "link to a new window": "add('a', {{href: '{u}/popup4', target: '_blank', rel: 'noopener'}}).click()",
    "form to a new window": "add('form', {{action: '{u}/popup5', target: '_blank', method: 'post'}}).submit()",
    "form to an iframe": "add('iframe', {{name: 'f'}}); add('form', {{action: '{u}/form', target: 'f'}}).submit()",
    "download": "add('a', {{href: '{u}/download', download: 'x'}}).click()",
    "redirected fetch": "fetch('/go').catch(() => 0)",
    "redirected script": "add('script', {{src: '/go'}})",
    "redirected iframe": "add('iframe', {{src: '/go'}})",
    "refreshed iframe": "add('iframe', {{src: '/refresh'}})",
    "css": "add('style', {{textContent: `@import url({u}/import.css); body {{ background: url({u}/css.png) }}`}})",
    "svg": "document.body.insertAdjacentHTML('beforeend',"
           "'<svg><image href={u}/svg.png /><use href={u}/use.svg#a /></svg>')",
    "webrtc": "var r = new RTCPeerConnection({{iceServers: [{{urls: ['stun:127.0.0.1:{p}', 'turn:127.0.0.1:{p}',"
              "'turn:127.0.0.1:{p}?transport=tcp'], username: 'a', credential: 'b'}}]}}); r.createDataChannel('x');"
              "r.createOffer().then(o => r.setLocalDescription(o))",
    "navigation": "setTimeout(() => location = '{u}/navigated', 1500)",
    "navigation by redirect": "setTimeout(() => location = '/go', 1500)",
}  # fmt: skip
FRAME = """<main id="gallery"></main><script>addEventListener('scroll', () => {{}});
const add = (name, values) => {{ const e = Object.assign(document.createElement(name), values);
  document.body.append(e); return e; }};
addEventListener('load', () => {{ {tries}
  fetch('/tried').then(() => add('img', {{src: '/shown.jpg'}})) }});</script>"""


@pytest.fixture(params=[True, False], ids=["robots.txt forbids", "private"])
def third_party(request: pytest.FixtureRequest) -> Iterator[ThirdParty]:
    made = ThirdParty(request.param)
    yield made
    made.stop()


def page_that(*names: str, port: int) -> Answer:
    """A page that makes the named tries."""
    forms = {"u": f"http://127.0.0.1:{port}", "w": f"ws://127.0.0.1:{port}", "p": port}
    tries = "".join(f"try {{ {TRIES[name].format(**forms)} }} catch (e) {{}};\n" for name in names)
    return html(FRAME.format(tries=tries))


def test_whatever_a_page_tries_a_third_party_sees_nothing(third_party: ThirdParty, tmp_path: Path) -> None:
    """Security 6: pop-ups, WebSockets, workers, beacons, WebRTC, redirects … and the page's own photos are collected.

    The third party is once allowed by address, with a robots.txt that forbids everything, and once private.
    """
    target = f"http://127.0.0.1:{third_party.port}"
    worker = f"fetch('{target}/w').catch(() => 0); new WebSocket('ws{target[4:]}/w');"
    together = [name for name in TRIES if not name.startswith("navigation")]
    answers: dict[str, Any] = {
        "/": page_that(*together, port=third_party.port),
        "/away": page_that("navigation", port=third_party.port),
        "/away2": page_that("navigation by redirect", port=third_party.port),
        "/worker.js": Answer(body=worker.encode(), content_type="text/javascript"),
        "/go": Answer(302, headers={"Location": f"{target}/redirected"}),
        "/refresh": html(f'<meta http-equiv="refresh" content="0; url={target}/refreshed">'),
        "/popup": page_that("fetch", "websocket", "beacon", port=third_party.port),
        "/tried": text("ok"),
        "/shown.jpg": jpeg(1),
    }
    server = Server(Scripted(answers))
    allowed = [server.address, f"127.0.0.1:{third_party.port}"][: 2 if third_party.answers else 1]
    project = site(tmp_path, *(f"{server.url}{path}" for path in ("/", "/away", "/away2")), allowed=allowed)
    report = crawled(project)
    server.stop()
    assert report.notes == []
    assert any(hit.path == "/tried" for hit in server.log)
    assert outcome_by_name(project)["shown.jpg"] == ("stored", "")
    if third_party.answers:
        assert set(third_party.log) <= {b"GET /robots.txt HTTP/1.1"}
        assert len(third_party.log) <= 1
    else:
        assert third_party.log == []


def test_the_browser_and_its_driver_have_no_secret_and_no_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Security 35: what a page of a stranger may break out into holds nothing of the project."""
    for name in ("ISITCAKE_SECRET", "PREFECT_API_AUTH_STRING", "AWS_SECRET_ACCESS_KEY", "PGPASSWORD", "https_proxy"):
        monkeypatch.setenv(name, "http://user:s3cret-of-the-project@a.example")
    seen: list[tuple[str, dict[str, str]]] = []

    def look(_headers: dict[str, str]) -> Answer:
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                seen.append((" ".join(process.cmdline()), process.environ()))
        return text("ok")

    answers: dict[str, Any] = {"/": page_that("fetch", port=1), "/tried": look, "/shown.jpg": jpeg(1)}
    server = Server(Scripted(answers))
    crawled(site(tmp_path, f"{server.url}/", allowed=[server.address]))
    server.stop()
    browsers = [environment for name, environment in seen if "chromium" in name and "run-driver" not in name]
    drivers = [environment for name, environment in seen if "run-driver" in name]
    assert browsers
    assert drivers
    assert not [value for environment in browsers for value in environment.values() if "s3cret" in value]
    ours = ("ISITCAKE_", "PREFECT_", "https_proxy")
    assert not [name for environment in drivers for name in environment if name.startswith(ours)]


def test_the_sandbox_is_on_unless_it_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """Security 6: decided when the browser starts, with the reason; off for root, and without user namespaces."""
    path = browser.executable()
    monkeypatch.setattr(browser, "HELPER_FOLDERS", ())
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "root has no sandbox" in browser.sandbox_obstacle(path)
    assert browser.launch_options(path, "http://127.0.0.1:9")["chromium_sandbox"] is False
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(browser, "NAMESPACE_PROBE", "import sys; sys.exit(1)")
    assert browser.sandbox_obstacle(path) == "this system gives no user namespaces to ordinary users"
    monkeypatch.setattr(browser, "NAMESPACE_PROBE", "")
    assert browser.sandbox_obstacle(path) == ""
    assert browser.launch_options(path, "http://127.0.0.1:9")["chromium_sandbox"] is True


def test_the_sandboxed_browser_starts(tmp_path: Path) -> None:
    """As an ordinary user, where the system allows a sandbox: with our options, and without `--no-sandbox`."""
    nobody = 65534
    is_root = os.geteuid() == 0
    probe = subprocess.run(["unshare", "--user", "--pid", "--net", "--fork", "true"],
                           user=nobody if is_root else None, check=False)  # fmt: skip
    if probe.returncode != 0:
        pytest.skip("no user namespaces here")
    home = Path(tempfile.mkdtemp(prefix="isitcake-sandbox-"))
    if is_root:
        os.chown(home, nobody, nobody)
    shown = subprocess.run(
        [browser.executable(), *browser.ARGUMENTS, *browser.CLOSED_ARGUMENTS, "--headless",
         f"--user-data-dir={home}/profile", "--dump-dom", "data:text/html,<p>shown"],
        user=nobody if is_root else None, env={"HOME": str(home), "PATH": os.environ["PATH"]},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    shutil.rmtree(home, ignore_errors=True)
    assert "<p>shown</p>" in shown.stdout, shown.stderr[-500:]
