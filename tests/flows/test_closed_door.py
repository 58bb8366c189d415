"""Prefect is not an open door: a page in a browser on the same machine can create nothing. Security 1."""

import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import sync_playwright

from crawlers.sites import browser
from dataset.project import Project
from foundation.environment import child_environment
from foundation.network.ports import free_ports
from simulator.servers import Service, prefect_environment

FLOW = {"name": "stolen"}
DEPLOYMENT = {
    "name": "evil", "flow_id": "00000000-0000-0000-0000-000000000000", "entrypoint": "/tmp/evil.py:run",
    "pull_steps": [{"prefect.deployments.steps.run_shell_script": {"script": "touch /tmp/evil"}}],
}  # fmt: skip
ATTEMPTS = """async ([api, flow, deployment]) => {
  const results = [];
  const tried = async (name, attempt) => {
    try { results.push([name, String(await attempt())]); } catch (error) { results.push([name, 'refused: ' + error]); }
  };
  const headers = {'content-type': 'application/json'};
  const post = (path, body, more) => fetch(api + path, {method: 'POST', body, ...more});
  for (const [path, content] of [['/flows/', flow], ['/deployments/', deployment], ['/automations/', {}]]) {
    const body = JSON.stringify(content);
    await tried('cors ' + path, async () => (await post(path, body, {headers})).status);
    await tried('cookies ' + path, async () => (await post(path, body, {headers, credentials: 'include'})).status);
    await tried('simple ' + path, async () => (await post(path, body, {mode: 'no-cors'})).type);
    await tried('beacon ' + path, async () => navigator.sendBeacon(api + path, new Blob([body])));
  }
  await tried('read', async () => (await (await post('/flows/filter', '{}', {headers})).text()));
  await tried('events', () => new Promise((resolve, reject) => {
    const socket = new WebSocket(api.replace('http', 'ws') + '/events/in', 'prefect');
    const event = {event: 'dataset.version.published', resource: {'prefect.resource.id': 'x'},
      payload: {version: '/tmp/evil'}, occurred: new Date().toISOString(), id: crypto.randomUUID()};
    socket.onopen = () => socket.send(JSON.stringify(event));
    socket.onclose = (closed) => resolve('closed ' + closed.code);
    socket.onerror = () => reject('error');
    setTimeout(() => resolve('open'), 3000);
  }));
  return results;
}"""


@pytest.fixture
def page_address() -> Iterator[str]:
    """A page of another origin on the same machine."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<title>another page</title>")

        def log_message(self, *arguments: object) -> None:
            """Quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def attempts_of_a_page(address: str, api: str, chromium: str) -> dict[str, str]:
    """Status of each attempt, by name."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = running.new_page()
        page.goto(address)
        results: dict[str, str] = dict(page.evaluate(ATTEMPTS, [api, FLOW, DEPLOYMENT]))
        running.close()
    return results


def test_a_page_in_a_browser_creates_nothing(prefect_server: Service, page_address: str) -> None:
    """By CORS requests, simple ones, beacons and a WebSocket."""
    user, _, password = prefect_server.auth.partition(":")
    api = f"{prefect_server.url}/api"
    with httpx.Client(base_url=api, auth=(user, password), timeout=20) as client:

        def held() -> list[object]:
            return [client.post(f"/{kind}/filter", json={}).json() for kind in ("flows", "deployments", "automations")]

        before = held()
        with ThreadPoolExecutor(1) as pool:  # a thread of its own: Playwright wants no event loop beside it
            results = pool.submit(attempts_of_a_page, page_address, api, browser.executable("")).result()
        assert held() == before
    assert not [name for name, result in results.items() if result in ("200", "201")], results
    assert results["read"].startswith("refused")
    assert results["events"] != "open"


def test_no_request_without_the_password_is_obeyed(prefect_server: Service) -> None:
    api = f"{prefect_server.url}/api"
    for path in ("/flows/", "/deployments/", "/automations/", "/flows/filter", "/work_pools/", "/block_documents/"):
        assert httpx.post(f"{api}{path}", json=FLOW, timeout=20).status_code == 401


def serve(project: Project, tmp_path: Path, api_url: str, auth: str) -> subprocess.CompletedProcess[str]:
    """`isitcake serve` until it ends by itself."""
    environment = prefect_environment(tmp_path / "client", api_url, auth)
    return subprocess.run(
        [sys.executable, "-c", "from isitcake.cli import main; main()", "serve", "--port", str(free_ports(1)[0])],
        cwd=project.settings.root, env=child_environment(**environment), capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip


def test_serve_refuses_a_server_without_a_password(collected: Project, tmp_path: Path) -> None:
    """It is named, with the two variables that close it."""

    class Open(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say(True)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self._say([])

        def _say(self, content: object) -> None:
            body = json.dumps(content).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Open)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    ended = serve(collected, tmp_path, f"http://127.0.0.1:{server.server_port}/api", "user:password")
    server.shutdown()
    server.server_close()
    assert ended.returncode == 1
    assert "has no password" in ended.stderr
    assert "PREFECT_SERVER_API_AUTH_STRING" in ended.stderr


CHOOSE = """
import json, sys
from pathlib import Path
from foundation.environment import protect_temporary_prefect

protect_temporary_prefect()
from flows import loop
from flows.deployments import run
from foundation.errors import UnknownVersion

for version in json.loads(sys.argv[2]):
    try:
        run(loop.train, Path(sys.argv[1]), version)
    except UnknownVersion as error:
        print(error)
"""


def test_a_version_from_an_event_is_a_name(collected: Project) -> None:
    """Never a path: each of these is refused before anything is read."""
    versions = ["/tmp/evil", "../../evil", "2026.11.0/../..", "", "2026.11.0\n", "x" * 10_000]
    ended = subprocess.run(
        [sys.executable, "-c", CHOOSE, str(collected.settings.config_path), json.dumps(versions)],
        env=child_environment(PREFECT_API_URL="", PREFECT_LOGGING_LEVEL="CRITICAL"), capture_output=True, text=True,
        timeout=180, check=False,
    )  # fmt: skip
    assert ended.stdout.count("is not the name of a version") == len(versions), ended.stderr[-2000:]
