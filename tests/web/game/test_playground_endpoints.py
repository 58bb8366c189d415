"""The playground in a real browser: in the page, and on the server for browsers that cannot run the model."""

import base64
from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from dataset.project import Project
from dataset.reader import decode
from dataset.versions import published
from dataset.versions.published import Version
from foundation.environment import shared_folder
from training import models
from web.game.playground_endpoints import RUNTIME

PARITY_PICTURES = 50
ON_DEVICE = "stays on this device"
NOISE = """CanvasRenderingContext2D.prototype.getImageData = (x, y, width, height) =>
    new ImageData(Uint8ClampedArray.from({length: 4 * width * height}, () => 256 * Math.random()), width, height)"""
needs_runtime = pytest.mark.skipif(
    not (RUNTIME / "ort.wasm.min.mjs").is_file(), reason="onnxruntime-web is not installed (npm)"
)


def newest(project: Project) -> Version:
    version = published.newest(project.home)
    assert version is not None
    return version


@needs_runtime
def test_the_photo_stays_in_the_browser(
    served: tuple[str, Project], browser: Browser, console_of: Callable[[Page], list[str]]
) -> None:
    """The page classifies it and sends nothing."""
    url, project = served
    page = browser.new_page()
    console = console_of(page)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method != "GET" else None)
    page.goto(f"{url}/playground")
    page.get_by_text(ON_DEVICE).wait_for()
    version = newest(project)
    row = next(row for row in version.rows() if row.label == "cake")
    page.set_input_files("#file", version.path / row.file)
    expect(page.locator("#verdict")).to_contain_text("cake")
    assert sent == []
    assert console == []
    page.set_input_files("#file", {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"})
    expect(page.locator("#verdict")).to_have_text("This browser cannot read this file as a picture.")
    page.close()


def test_the_page_calls_no_model_the_default_that_is_none(served: tuple[str, Project]) -> None:
    """Without a promotion it asks the newest model, as `predict` does."""
    url, project = served
    path = project.home / "models" / models.DEFAULT_MODEL_FILE
    content = path.read_bytes()
    assert "Default model: " in httpx.get(f"{url}/playground").text
    path.unlink()
    try:
        text, listed = httpx.get(f"{url}/playground").text, httpx.get(f"{url}/models").text
    finally:
        path.write_bytes(content)
    assert "Newest model: " in text
    assert "Default model" not in text
    assert "No model is the default yet" in listed


@pytest.mark.parametrize("lacks", ["the runtime", "pixels"])
def test_the_server_helps_a_browser_that_cannot_run_the_model(
    served: tuple[str, Project], browser: Browser, lacks: str
) -> None:
    """One that is too old, or one that gives pages noise instead of pixels, as Firefox does where it hides its user."""
    url, project = served
    page = browser.new_page()
    if lacks == "pixels":
        page.add_init_script(NOISE)
    else:
        page.route("**/vendor/ort/**", lambda route: route.abort())
    page.goto(f"{url}/playground")
    page.get_by_text("classified in memory, and not kept").wait_for()
    version = newest(project)
    page.set_input_files("#file", version.path / version.rows()[0].file)
    expect(page.locator("#predictions li")).to_have_count(2)
    page.close()


@needs_runtime
def test_browser_and_python_agree(served: tuple[str, Project], browser: Browser) -> None:
    """Probabilities differ by less than 0.01 on fifty photos, real ones where there are any."""
    url, project = served
    shared = shared_folder()
    version = newest(project)
    paths = [version.path / row.file for row in version.rows()]
    if shared is not None:
        paths = sorted((shared / "photos" / "objects").glob("*.jpg"))
    model = models.find(project.home)
    page = browser.new_page()
    page.goto(f"{url}/playground")
    page.get_by_text(ON_DEVICE).wait_for()
    differences = []
    for path in paths[:PARITY_PICTURES]:
        expected = model.probabilities(decode(path))
        probabilities = page.evaluate(
            "async (text) => window.classify(new Blob([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))]))",
            base64.b64encode(path.read_bytes()).decode(),
        )
        differences.append(max(abs(probabilities[label] - expected[label]) for label in expected))
    assert len(differences) == PARITY_PICTURES
    assert max(differences) < 0.01
    page.close()


def test_the_model_of_the_page_is_the_default_model(served: tuple[str, Project], web: httpx.Client) -> None:
    model = models.find(served[1].home)
    about = web.get("/play/model.json").json()
    assert (about["model"], about["labels"]) == (model.id, model.labels)
    assert web.get("/play/model.onnx").content == (model.path / "model.onnx").read_bytes()


def test_uploads_are_limited_and_not_kept(served: tuple[str, Project], web: httpx.Client) -> None:
    """Too many bytes, announced or not, and files that are no picture are refused. No file is written."""
    _, project = served
    version = newest(project)
    files = sum(1 for _ in project.home.rglob("*"))

    def endless() -> Iterator[bytes]:
        for _ in range(50):
            yield bytes(1_000_000)

    assert upload_status(web, b"\xff\xd8" + bytes(50_000_000)) == 413
    assert upload_status(web, endless()) == 413
    assert web.post("/playground/judge", content=b"no picture").status_code == 422
    answer = web.post("/playground/judge", content=(version.path / version.rows()[0].file).read_bytes())
    assert sum(answer.json()["probabilities"].values()) == pytest.approx(1)
    assert sum(1 for _ in project.home.rglob("*")) == files


def test_too_many_uploads_of_one_address_must_wait(web: httpx.Client) -> None:
    statuses = [web.post("/playground/judge", content=b"").status_code for _ in range(25)]
    assert statuses[-1] == 429


def upload_status(web: httpx.Client, content: bytes | Iterator[bytes]) -> int:
    """The status of an upload. A server that closes the connection while we still send has refused it, too."""
    try:
        return web.post("/playground/judge", content=content).status_code
    except httpx.TransportError:
        return 413
