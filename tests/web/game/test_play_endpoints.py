"""A round for one player, in a real browser and over HTTP."""

from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect
from sqlalchemy import func, select
from starlette.testclient import TestClient

from dataset.catalog.tables import audit, judgements, rounds
from dataset.catalog.writes import append
from dataset.project import Project
from web.app import create_app
from web.game.deck import load_deck
from web.gate.listening import Listening

Served = tuple[str, Project]


def test_a_round_needs_no_mouse(
    served: Served, browser: Browser, count_plays: Callable[[], int], console_of: Callable[[Page], list[str]]
) -> None:
    """Nine pictures by keyboard. The truth comes after the answer, and the result has everybody's score."""
    url, _ = served
    page = browser.new_page()
    console = console_of(page)
    before = count_plays()
    page.goto(f"{url}/play")
    page.keyboard.press("Tab")
    page.locator("#nickname").focus()
    page.keyboard.type("Ann")
    with page.expect_response(lambda response: response.url.endswith("/play/rounds")) as begun:
        page.keyboard.press("Enter")
    assert "truth" not in begun.value.text()
    for number in range(9):
        expect(page.locator("#count")).to_have_text(f"Picture {number + 1} of 9")
        expect(page.locator("#choices button").first).to_be_enabled()
        assert page.locator("#verdict").inner_text() == ""
        assert page.locator("#predictions li").count() == 0
        page.keyboard.press("1" if number % 2 else "ArrowRight")
        expect(page.locator("#verdict")).to_contain_text("it is ")
        assert page.locator("#predictions .name").first.inner_text() in ("svm", "linear")
        page.keyboard.press("Enter")
    expect(page.locator("#end")).to_be_visible()
    result = httpx.get(f"{url}/play/rounds/{begun.value.json()['round']}").json()
    assert page.locator("#score").inner_text() == f"{result['right']} of 9"
    assert page.locator("#results li").count() == 9
    assert page.locator("#scores li").count() == 3
    assert count_plays() == before + 9
    assert console == []
    page.close()


def test_the_page_promises_as_many_pictures_as_a_round_has(bakery: Project) -> None:
    """A small project has fewer than nine test images that may be shown."""
    client = TestClient(create_app(bakery, Listening("127.0.0.1", 8090)), base_url="http://127.0.0.1:8090")
    assert "You see 9 photos and choose a label for each." in client.get("/play").text
    rows = load_deck(bakery).today.tests
    two_clusters = {row.cluster for row in rows[:1]} | {rows[-1].cluster}
    with bakery.catalog.write() as connection:
        connection.execute(audit.delete())
        connection.execute(judgements.delete())
        tickets = [
            {"sha256": row.sha256, "ticket": f"{number:016}", "label": row.label, "drawn_at": datetime.now(UTC)}
            for number, row in enumerate(rows)
            if row.cluster not in two_clusters
        ]
        append(connection, audit, tickets)
    assert "You see 2 photos" in client.get("/play").text
    begun = client.post("/play/rounds", json={}).json()
    assert len(begun["pictures"]) == 2


def test_the_choices_are_those_of_the_round(served: Served, browser: Browser) -> None:
    """A version with other labels may be published while the page is open."""

    def relabelled(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "labels": ["bread", "cake", "not_cake"]})

    page = browser.new_page()
    page.goto(f"{served[0]}/play")
    page.route("**/play/rounds", relabelled)
    page.locator("#begin").click()
    expect(page.locator("#choices button")).to_have_text(["bread1", "cake2", "not cake3"])
    expect(page.locator("#choices button").first).to_be_enabled()
    page.keyboard.press("2")
    expect(page.locator("#verdict")).to_contain_text("it is ")
    page.close()


def test_a_round_fits_on_a_phone(served: Served, browser: Browser, console_of: Callable[[Page], list[str]]) -> None:
    """By touch, in dark mode, on a small screen: buttons are in view, and nothing scrolls sideways."""
    url, _ = served
    context = browser.new_context(
        viewport={"width": 375, "height": 667}, has_touch=True, is_mobile=True, color_scheme="dark"
    )
    page = context.new_page()
    console = console_of(page)
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
    assert console == []
    context.close()


def test_a_round_goes_on_when_the_server_is_back(
    served: Served, browser: Browser, count_plays: Callable[[], int]
) -> None:
    """A reply and a picture that were lost are asked for again. The page says so, and the answer counts once."""

    def lose_reply(route: Route) -> None:
        route.fetch()
        route.abort()

    page = browser.new_page()
    page.goto(f"{served[0]}/play")
    page.click("#begin")
    before = count_plays()
    expect(page.locator("#choices button").first).to_be_enabled()
    for lost, lose in (("**/play/rounds/*/0", lose_reply), ("**/1.jpg", lambda route: route.abort())):
        page.route(lost, lose)
        page.locator("#choices:not([hidden]) button:enabled, #next:not([hidden])").first.click()
        expect(page.locator("#verdict")).to_contain_text("The server does not answer. Trying again")
        page.unroute(lost)
        expect(page.locator("#verdict")).not_to_contain_text("Trying again")
    assert count_plays() == before + 1
    expect(page.locator("#choices button").first).to_be_enabled()
    page.close()


def test_an_answer_counts_once_and_only_for_a_dealt_picture(web: httpx.Client, count_plays: Callable[[], int]) -> None:
    """A score in the request, an unknown label, a guessed round and a second answer are refused and not kept."""
    round_id = web.post("/play/rounds", json={"nickname": "Eve"}).json()["round"]
    before = count_plays()
    assert web.post(f"/play/rounds/{round_id}", json={"right": 9}).status_code == 405
    assert web.post(f"/play/rounds/{round_id}/0", json={"answer": "unusable"}).status_code == 409
    assert web.post(f"/play/rounds/{round_id}/99", json={"answer": "cake"}).status_code == 409
    assert web.post(f"/play/rounds/{'0' * 32}/0", json={"answer": "cake"}).status_code == 409
    assert count_plays() == before
    first = web.post(f"/play/rounds/{round_id}/0", json={"answer": "cake", "is_right": True, "truth": "cake"})
    assert first.status_code == 200
    resent = web.post(f"/play/rounds/{round_id}/0", json={"answer": "cake"})  # as after a reply that got lost
    assert resent.json() == first.json()
    again = web.post(f"/play/rounds/{round_id}/0", json={"answer": "not_cake"})
    assert again.status_code == 409
    assert again.json() == {"detail": "this picture was answered before"}
    assert count_plays() == before + 1


def test_pictures_are_found_by_round_and_slot_only(web: httpx.Client) -> None:
    begun = web.post("/play/rounds", json={}).json()
    assert begun["nickname"] == "somebody"
    assert begun["labels"] == ["cake", "not_cake"]
    assert len(begun["pictures"]) == 9
    for path in begun["pictures"]:
        picture = web.get(path)
        assert (picture.status_code, picture.headers["content-type"]) == (200, "image/jpeg")
        assert picture.headers["cache-control"] == "private, no-store"
    assert web.get(f"/play/rounds/{begun['round']}/9.jpg").status_code == 404
    assert web.get(f"/play/rounds/{'a' * 32}/0.jpg").status_code == 404
    assert web.get("/play/rounds/unknown").status_code == 404


def test_a_player_keeps_the_id_of_an_earlier_round(web: httpx.Client) -> None:
    """An id that is none of ours is replaced."""
    player = web.post("/play/rounds", json={}).json()["player"]
    assert web.post("/play/rounds", json={"player": player}).json()["player"] == player
    assert web.post("/play/rounds", json={"player": "admin"}).json()["player"] != "admin"


@pytest.mark.parametrize("made_up", ["0" * 32, "a" * 24 + "0" * 8])
def test_a_player_that_somebody_made_up_gets_another_id(web: httpx.Client, made_up: str) -> None:
    """Security 32: a browser cannot choose its network, or invent players of many."""
    assert web.post("/play/rounds", json={"player": made_up}).json()["player"] != made_up


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a" * 21, "F.u.c.k", "Ann<b>"])
def test_a_bad_nickname_begins_no_round(served: Served, web: httpx.Client, name: str) -> None:
    _, project = served
    before = count_rounds(project)
    assert web.post("/play/rounds", json={"nickname": name}).status_code == 422
    assert count_rounds(project) == before


@pytest.mark.parametrize(
    ("content", "status"), [(b"x" * 5000, 413), (b"[1]", 400), (b"{", 400), (b'{"nickname": "Ann"}', 200)]
)
def test_the_body_must_be_a_small_json_object(web: httpx.Client, content: bytes, status: int) -> None:
    assert web.post("/play/rounds", content=content).status_code == status


def test_a_slot_that_is_no_number_is_explained(web: httpx.Client) -> None:
    answer = web.post(f"/play/rounds/{'a' * 32}/x", json={"answer": "cake"})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["path", "slot"]


def count_rounds(project: Project) -> int:
    with project.catalog.read() as connection:
        return int(connection.execute(select(func.count()).select_from(rounds)).scalar_one())
