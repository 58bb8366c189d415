"""The game, played in a real browser and attacked over real HTTP."""

import base64
import json
import random
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from sqlalchemy import func, select

from crawlers.sites.browser import executable, launch_options
from dataset.catalog.tables import audit, judgements, plays, rounds
from dataset.catalog.writes import append
from dataset.curate import curate
from dataset.erasure.erase import erase
from dataset.labels.players import Play, minds, objections, reliability
from dataset.opening import open_project
from dataset.project import Project
from dataset.reader import decode
from dataset.versions import published
from foundation.environment import shared_folder
from foundation.errors import StageError
from foundation.ports import free_ports
from isitcake.serving import start_web
from labeling.queue import next_items
from training import models
from training.train import train
from web.game.deck import deck
from web.game.plays import Refused, begin, dealt
from web.game.routes import VENDOR
from web.guard import Limit, nickname

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
PARITY_PICTURES = 50
PATIENCE_MS = 60_000  # the model is asked in the page on whatever cores other tests leave
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def served(bakery_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Project]]:
    """The game of a trained project: its address, and the project."""
    home = tmp_path_factory.mktemp("game") / "bakery"
    shutil.copytree(bakery_home, home)
    project = open_project(home / "isitcake.toml")
    train(project.settings, names=["linear", "svm"])
    (port,) = free_ports(1)
    server = start_web(project.settings, "127.0.0.1", port)
    url = f"http://127.0.0.1:{port}"
    for _ in range(200):
        try:
            httpx.get(f"{url}/health", timeout=1)
            break
        except httpx.HTTPError:
            continue
    yield url, project
    server.should_exit = True
    project.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = executable()
    with sync_playwright() as playwright:
        options = launch_options(path, "")
        del options["proxy"]
        found = playwright.chromium.launch(**options)  # type: ignore[arg-type]
        yield found
        found.close()


def answers(project: Project) -> int:
    with project.catalog.read() as connection:
        return int(connection.execute(select(func.count()).select_from(plays)).scalar_one())


def watched(page: Page) -> list[str]:
    """What the page complains of."""
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: told.append(str(error)))
    return told


def test_a_round_with_the_keyboard(served: tuple[str, Project], browser: Browser) -> None:
    """Nine pictures without a mouse; the truth comes after the answer; the table has everybody's score."""
    url, project = served
    page = browser.new_page()
    told = watched(page)
    before = answers(project)
    page.goto(f"{url}/play")
    page.keyboard.press("Tab")
    page.locator("#nickname").focus()
    page.keyboard.type("Ann")
    with page.expect_response(lambda response: response.url.endswith("/play/rounds")) as begun:
        page.keyboard.press("Enter")
    assert "truth" not in begun.value.text()
    given = begun.value.json()
    for number in range(9):
        expect(page.locator("#count")).to_have_text(f"Picture {number + 1} of 9")
        expect(page.locator("#choices button").first).to_be_enabled()
        assert page.locator("#verdict").inner_text() == ""
        assert page.locator("#said li").count() == 0
        page.keyboard.press("1" if number % 2 else "ArrowRight")
        expect(page.locator("#verdict")).to_contain_text("it is ")
        assert page.locator("#said .name").first.inner_text() in ("svm", "linear")
        page.keyboard.press("Enter")
    expect(page.locator("#end")).to_be_visible()
    table = httpx.get(f"{url}/play/rounds/{given['round']}").json()
    assert page.locator("#score").inner_text() == f"{table['right']} of 9"
    assert page.locator("#results li").count() == 9
    assert page.locator("#sides li").count() == 3
    assert answers(project) == before + 9
    assert told == []
    page.goto(f"{url}/play/table")
    expect(page.locator("tbody tr")).to_have_count(3)
    page.close()


def test_a_round_on_a_phone(served: tuple[str, Project], browser: Browser) -> None:
    """By touch, in the dark, on a small screen: everything fits, nothing scrolls sideways."""
    url, _ = served
    context = browser.new_context(
        viewport={"width": 375, "height": 667}, has_touch=True, is_mobile=True, color_scheme="dark"
    )
    page = context.new_page()
    told = watched(page)
    page.goto(f"{url}/play")
    page.tap("#begin")
    for number in range(9):
        expect(page.locator("#count")).to_have_text(f"Picture {number + 1} of 9")
        button = page.locator("#choices button").nth(number % 2)
        expect(button).to_be_in_viewport(ratio=1)
        button.tap()
        page.locator("#next").tap()
    expect(page.locator("#end")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert told == []
    context.close()


def test_the_playground_keeps_the_photo(served: tuple[str, Project], browser: Browser, tmp_path: Path) -> None:
    """A photo is judged in the page: nothing is sent anywhere."""
    if not (VENDOR / "ort.wasm.min.mjs").is_file():
        pytest.skip("no onnxruntime-web here (npm)")
    url, project = served
    page = browser.new_page()
    told = watched(page)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method != "GET" else None)
    page.goto(f"{url}/playground")
    page.get_by_text("stays on this device").wait_for()
    version = published.newest(project.home)
    assert version is not None
    row = next(row for row in version.rows() if row.label == "cake")
    page.set_input_files("#file", version.path / row.file)
    expect(page.locator("#verdict")).to_contain_text("cake")
    assert sent == []
    assert told == []
    page.set_input_files("#file", {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"})
    expect(page.locator("#verdict")).to_have_text("That is no picture this browser can read.")
    page.close()


def test_a_browser_that_cannot(served: tuple[str, Project], browser: Browser) -> None:
    """Without WebAssembly the server judges, in memory."""
    url, project = served
    page = browser.new_page()
    page.route("**/vendor/ort/**", lambda route: route.abort())
    page.goto(f"{url}/playground")
    page.get_by_text("judged in memory and not kept").wait_for()
    version = published.newest(project.home)
    assert version is not None
    page.set_input_files("#file", version.path / version.rows()[0].file)
    expect(page.locator("#said li")).to_have_count(2)
    page.close()


def test_browser_and_python_agree(served: tuple[str, Project], browser: Browser) -> None:
    """Within 0.01 on fifty photos: decoding, scaling and all. Real ones where they are at hand."""
    if not (VENDOR / "ort.wasm.min.mjs").is_file():
        pytest.skip("no onnxruntime-web here (npm)")
    url, project = served
    shared = shared_folder()
    version = published.newest(project.home)
    assert version is not None
    paths = [version.path / row.file for row in version.rows()]
    if shared is not None:
        paths = sorted((shared / "photos" / "objects").glob("*.jpg"))
    model = models.find(project.home)
    page = browser.new_page()
    page.goto(f"{url}/playground")
    page.get_by_text("stays on this device").wait_for()
    apart = []
    for path in paths[:PARITY_PICTURES]:
        expected = model.probabilities(decode(path))
        found = page.evaluate(
            "async (text) => window.judge(new Blob([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))]))",
            base64.b64encode(path.read_bytes()).decode(),
        )
        apart.append(max(abs(found[label] - expected[label]) for label in expected))
    assert len(apart) == PARITY_PICTURES
    assert max(apart) < 0.01
    page.close()


def test_a_room_with_two_players(served: tuple[str, Project], browser: Browser) -> None:
    """A host, a code, two phones: the same picture, live counts, the truth when time is up, a winner."""
    url, project = served
    before = answers(project)
    host = browser.new_page()
    told = watched(host)
    host.goto(f"{url}/show")
    host.fill("#pictures", "2")
    host.fill("#seconds", "20")
    host.get_by_role("button", name="Open the room").click()
    expect(host.locator("#code")).to_have_text(re.compile(r"^[A-Z]{4}$"))
    assert host.evaluate("document.getElementById('qr').naturalWidth > 50")
    code = host.locator("#code").inner_text()
    phones = []
    for name in ("Ann", "Ben"):
        phone = browser.new_context(viewport={"width": 375, "height": 667}, has_touch=True, is_mobile=True).new_page()
        phone.goto(f"{url}/join/{code}")
        phone.fill("#nickname", name)
        phone.get_by_role("button", name="Join").tap()
        expect(phone.locator("#verdict")).to_contain_text("You are in")
        phones.append(phone)
    expect(host.locator("#players")).to_have_text("2 players")
    assert httpx.get(f"{url}/show/{code}/0.jpg").status_code == 404  # not on yet
    for number in range(2):
        host.locator("#go").click()
        for choice, phone in enumerate(phones):
            expect(phone.locator("#choices")).to_be_visible()
            phone.locator("#choices button:visible").nth(choice).tap()
        expect(host.locator("#verdict")).to_contain_text("It is ")
        for phone in phones:
            expect(phone.locator("#verdict")).to_contain_text("it is ")
        expect(host.locator("#bars li")).to_have_count(2)
        assert httpx.get(f"{url}/show/{code}/{number + 1}.jpg").status_code == 404
    host.locator("#go").click()
    expect(host.locator("#finish")).to_be_visible()
    expect(host.locator("#final li")).to_have_count(4)
    expect(phones[0].locator("#verdict")).to_contain_text("The end: place ")
    assert answers(project) == before + 4
    assert told == []
    for page in (host, *phones):
        page.close()


def test_what_is_refused(served: tuple[str, Project]) -> None:
    """A forged score, an answer twice, a guessed picture, a script for a name, too much: refused, nothing stored."""
    url, project = served
    web = httpx.Client(base_url=url, timeout=30)
    given = web.post("/play/rounds", json={"nickname": "Eve"}).json()
    before = answers(project)
    home = given["round"]
    assert web.post(f"/play/rounds/{home}", json={"right": 9}).status_code == 405
    assert web.post(f"/play/rounds/{home}/0", json={"answer": "unusable"}).status_code == 409
    assert web.post(f"/play/rounds/{home}/99", json={"answer": "cake"}).status_code == 409
    assert web.post(f"/play/rounds/{'0' * 32}/0", json={"answer": "cake"}).status_code == 409
    assert answers(project) == before
    first = web.post(f"/play/rounds/{home}/0", json={"answer": "cake", "is_right": True, "truth": "cake"})
    assert first.status_code == 200
    again = web.post(f"/play/rounds/{home}/0", json={"answer": "not_cake"})
    assert again.status_code == 409
    assert answers(project) == before + 1
    for path in (f"/play/rounds/{'a' * 32}/0.jpg", f"/play/rounds/{home}/9.jpg", "/play/rounds/../0.jpg",
                 "/static/../game.py", "/vendor/ort/..%2f..%2fgame.py", "/show/ABCD/0.jpg"):  # fmt: skip
        assert web.get(path).status_code == 404, path
    with project.catalog.read() as connection:
        begun = connection.execute(select(func.count()).select_from(rounds)).scalar_one()
    for name in ("<script>alert(1)</script>", "a" * 21, "F.u.c.k", "Ann<b>"):
        assert web.post("/play/rounds", json={"nickname": name}).status_code == 422, name
    assert web.post("/play/rounds", content=b"x" * 5000).status_code == 413
    assert web.post("/play/rounds", content=b"[1]").status_code == 400
    with project.catalog.read() as connection:
        assert connection.execute(select(func.count()).select_from(rounds)).scalar_one() == begun
    files = sum(1 for _ in project.home.rglob("*"))
    large = b"\xff\xd8" + bytes(50_000_000)
    assert refused(web, large) == 413

    def endless() -> Iterator[bytes]:
        for _ in range(50):
            yield bytes(1_000_000)

    assert refused(web, endless()) == 413
    assert web.post("/playground/judge", content=b"no picture").status_code == 422
    assert sum(1 for _ in project.home.rglob("*")) == files
    web.close()


def refused(web: httpx.Client, content: bytes | Iterator[bytes]) -> int:
    """The status of an upload; a server that hangs up on who still sends has refused, too."""
    try:
        return web.post("/playground/judge", content=content).status_code
    except httpx.TransportError:
        return 413


def test_headers_and_limits(served: tuple[str, Project]) -> None:
    """A strict policy on every page; who asks too often waits."""
    url, _ = served
    for path in ("/play", "/playground", "/show", "/join", "/play/table", "/static/play.js"):
        answer = httpx.get(f"{url}{path}")
        assert answer.status_code == 200, path
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "unsafe-inline" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    now = [0.0]
    limit = Limit(3, 60, remembered=2, clock=lambda: now[0])
    assert [limit.allows("a") for _ in range(4)] == [True, True, True, False]
    now[0] = 20.0
    assert limit.allows("a")
    assert not limit.allows("a")
    assert limit.allows("b")


@pytest.mark.parametrize(
    ("given", "shown"),
    [("Ann", "Ann"), ("  Zoë  O'Hara ", "Zoë O'Hara"), ("", "somebody"), ("Jean-Luc 2", "Jean-Luc 2")],
)
def test_nickname(given: str, shown: str) -> None:
    assert nickname(given) == shown


def test_what_is_dealt(bakery: Project) -> None:
    """Never a training image, never one of an open audit, labels in balance, hard ones among them."""
    train(bakery.settings, names=["svm"])
    found = deck(bakery)
    assert {row.split for row in found.rows} <= {"test", "test_unseen_sites"}
    for seed in range(20):
        hand = found.deal(random.Random(seed))
        assert len({row.sha256 for row in hand}) == 9
        counts = [sum(row.label == label for row in hand) for label in found.version.labels]
        assert sorted(counts) == [4, 5]
    with bakery.catalog.write() as connection:
        taken = found.rows[0].sha256
        connection.execute(audit.delete())
        connection.execute(judgements.delete().where(judgements.c.sha256 == taken))
        append(connection, audit, [{"sha256": taken, "ticket": "0" * 16, "label": "cake", "drawn_at": NOW}])
    assert taken not in {row.sha256 for row in deck(bakery).rows}


def test_nothing_to_play_with(collected: Project) -> None:
    with pytest.raises(StageError, match="isitcake publish"):
        deck(collected)


def test_most_players_bring_a_picture_to_the_top(bakery: Project) -> None:
    """Five players think otherwise about a wrong label: it is the queue's first, with the reason; and never a label."""
    version = published.newest(bakery.home)
    assert version is not None
    rows = [row for row in version.rows() if row.split != "train"]
    wrong = rows[0]
    other = next(label for label in version.labels if label != wrong.label)
    with bakery.catalog.write() as connection:
        known = [
            {"round": f"r{player}", "slot": slot, "player": f"p{player}", "sha256": row.sha256, "label": row.label,
             "version": version.name, "answer": row.label, "played_at": datetime.now(UTC)}
            for player in range(5) for slot, row in enumerate(rows[1:9])
        ]  # fmt: skip
        said = [
            {"round": f"r{player}", "slot": 20, "player": f"p{player}", "sha256": wrong.sha256, "label": wrong.label,
             "version": version.name, "answer": other, "played_at": datetime.now(UTC)}
            for player in range(5)
        ]  # fmt: skip
        append(connection, plays, known + said)
        assert [mind.answer for mind in objections(connection).values()] == [other]
    curate(bakery)
    (first, *_) = next_items(bakery, 3)
    assert first["sha256"] == wrong.sha256
    assert first["suggested_label"] == other
    assert first["reasons"][0] == f"players: 5 of 5 say {other}"
    with bakery.catalog.write() as connection:
        append(connection, judgements, [
            {"sha256": wrong.sha256, "reviewer": "ann", "answer": wrong.label, "answered_at": datetime.now(UTC),
             "origin": "import", "external_id": "again", "recorded_at": datetime.now(UTC)}])  # fmt: skip
    curate(bakery)
    assert wrong.sha256 not in {item["sha256"] for item in next_items(bakery, 10)}  # a person has said


def test_who_beats_the_model_is_heard(bakery: Project) -> None:
    """Players agree with a label that nobody judged, and the model does not: asked about sooner, with that reason."""
    version = published.newest(bakery.home)
    assert version is not None
    row = next(row for row in version.rows() if row.split == "test")
    other = next(label for label in version.labels if label != row.label)
    with bakery.catalog.write() as connection:
        connection.execute(judgements.delete().where(judgements.c.sha256 == row.sha256))
        append(connection, plays, [
            {"round": f"r{n}", "slot": 0, "player": f"p{n}", "sha256": row.sha256, "label": row.label, "version": "v",
             "answer": row.label, "model_answer": other, "played_at": datetime.now(UTC)}
            for n in range(4)])  # fmt: skip
    curate(bakery)
    (first, *_) = next_items(bakery, 1)
    assert first["sha256"] == row.sha256
    assert first["reasons"][0] == f"players: 4 of 4 say {row.label}, and the model says {other}"


def test_strangers_weigh_little() -> None:
    """Who is wrong on known pictures counts for nothing; two are too few; a change of mind counts once."""
    known = [Play("bad", f"k{n}", "a", "b", True) for n in range(8)]
    known += [Play("good", f"k{n}", "b", "b", True) for n in range(8)]
    worth = reliability(known)
    assert worth["bad"] < 0.5 < worth["good"]
    votes = [Play(player, "x", "a", "b", False) for player in ("bad", "bad2", "bad3")]
    assert minds(votes, dict.fromkeys(("bad", "bad2", "bad3"), worth["bad"])) == {}
    assert minds([Play("good", "x", "a", "b", False)] * 5, worth) == {}


def test_an_erased_picture_is_in_no_round(bakery: Project) -> None:
    name, _, _ = begin(bakery, deck(bakery), "Ann")
    erase(bakery, "asked", sha256=dealt(bakery, name, 0))
    with pytest.raises(Refused):
        dealt(bakery, name, 0)
    with bakery.catalog.read() as connection:
        left = [json.dumps(row.pictures) for row in connection.execute(select(rounds))]
    assert left == []
