"""The wall in a real browser, and the look of every page: on a phone and on a desk, in light and dark."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from browsers.pages import DESK, PHONE, WIDE, Site, listen, look_at
from playwright.sync_api import Browser, Page, Route, expect

from dataset.catalog.tables import audit, judgements, queue, wall_pictures
from dataset.curate import curate
from dataset.opening import open_project
from dataset.versions import published
from foundation.network.ports import free_ports
from isitcake.serving import start_web
from simulator.web_service import answers, until
from web.pages.leaderboard import write_leaderboard
from web.pages.version_pages import write_pages

MOST_ALONE = 10  # pictures one by one, after the last wall
READY = '#single[data-ready="yes"]'  # a picture alone is on the screen, and may be answered
ANSWERS = re.compile(r"/review/walls/[0-9a-f]{16}/\d+$")  # addresses where answers are sent
COVERED_PX = """document.activeElement.getBoundingClientRect().bottom
    - document.getElementById("tools").getBoundingClientRect().top"""
TWO_KEYS = "for (const _ of [1, 2]) document.body.dispatchEvent(new KeyboardEvent('keydown', {key: '1', bubbles: 1}))"


@pytest.fixture(scope="module")
def served(trained_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The bakery with models, and with its written pages; its answers are forgotten, so that there is a queue."""
    home = tmp_path_factory.mktemp("wall") / "bakery"
    shutil.copytree(trained_home, home)
    project = open_project(home / "isitcake.toml")
    with project.catalog.write() as connection:
        connection.execute(judgements.delete())
    curate(project)
    version = published.newest(project.home)
    assert version is not None
    write_pages(project, version.name)
    write_leaderboard(project)
    (port,) = free_ports(1)
    server = start_web(project.settings, "127.0.0.1", port)
    url = f"http://127.0.0.1:{port}"
    until(lambda: answers(url))
    yield Site(url, project)
    server.should_exit = True
    project.close()


def confirm(page: Page) -> None:
    """Scroll on until every picture was on the screen, then confirm the rest."""
    button = page.locator("#confirm")
    ready = page.locator('#confirm[data-ready="yes"]')
    for _ in range(60):
        if ready.count():
            break
        button.click()
        page.wait_for_timeout(300)  # a picture counts as seen after a moment on the screen
    expect(ready).to_have_count(1)
    button.click()


@pytest.fixture(autouse=True)
def nothing_answered(served: Site) -> Iterator[None]:
    """Every test finds the whole queue, also after one that emptied it."""
    served.forget_answers()
    with served.project.catalog.read() as connection:
        kept = {table: [dict(row) for row in connection.execute(table.select()).mappings()] for table in (queue, audit)}
    yield
    with served.project.catalog.write() as connection:
        for table, rows in kept.items():
            connection.execute(table.delete())
            connection.execute(table.insert(), rows)


@pytest.mark.parametrize(("size", "scheme"), [(PHONE, "light"), (PHONE, "dark"), (DESK, "dark"), (WIDE, "light")])
def test_every_page_fits_and_is_readable(served: Site, browser: Browser, size: tuple[int, int], scheme: str) -> None:
    """No sideways scrolling from 390 to 2560 pixels, no violation of level AA, nothing in the console."""
    version = published.newest(served.project.home)
    assert version is not None
    name, sha256 = version.name, version.rows()[0].sha256
    paths = [
        "/", "/review", "/map", "/search", "/search?words=cake&label=cakes", "/report", "/versions",
        f"/versions/{name}", "/models", f"/models/{name}", "/probes",
        "/sources/baker-0", f"/why/{sha256}", f"/reports/{name}.html", f"/reports/leaderboard-{name}.html",
        "/why/ffff", "/play", "/play/table", "/show", "/join", "/playground", "/nothing",
    ]  # fmt: skip
    context = served.context(browser, size, scheme)
    page = context.new_page()
    logged = listen(page)
    problems = {}
    for path in paths:
        page.goto(served.url + path, wait_until="load")
        if wrong := look_at(page):
            problems[path] = wrong
        assert path == "/nothing" or page.locator("main, .one-file").count(), path
    assert problems == {}
    assert [text for text in logged if "404" not in text and "422" not in text] == []
    context.close()


def _on_a_wall(served: Site, browser: Browser, size: tuple[int, int], scheme: str, reviewer: str) -> Page:
    """A reviewer's page, with the first picture of a wall on the screen."""
    page = served.context(browser, size, scheme, reviewer).pages[0]
    page.reload()
    expect(page.locator(".brick[data-loaded]").first).to_be_visible()
    return page


def test_a_wall_by_keyboard(served: Site, browser: Browser) -> None:
    """Arrows, space, numbers, undo, zoom, confirm; then pictures alone by numbers, and the wall opened again."""
    context = served.context(browser, DESK, "light", "ann")
    page = context.pages[0]
    logged = listen(page)
    page.reload()
    bricks = page.locator(".brick[data-loaded]")
    expect(bricks.first).to_be_visible()
    assert look_at(page) == {}
    page.locator(".brick").first.focus()
    for key in ("ArrowRight", "ArrowDown", "Space", "ArrowLeft", "2", "ArrowUp", "Space", "u"):
        page.keyboard.press(key)
    odd = page.locator('.brick[aria-pressed="true"]')
    expect(odd).to_have_count(2)
    until(lambda: len(served.given("ann", "wall")) == 4)
    assert served.given("ann", "wall")[-1] == ""  # taken back
    page.keyboard.press("z")
    expect(page.locator("#zoom-alike img").first).to_be_visible()
    assert look_at(page) == {}
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    expect(page.locator('.brick[data-slot="1"]')).to_be_focused()  # where the zoom went, not where it opened
    total = page.locator(".brick").count()
    confirm(page)
    expect(page.locator("#single")).to_be_visible()
    assert look_at(page) == {}
    assert len([answer for answer in served.given("ann", "confirmed") if answer]) == total - 2
    page.keyboard.press("u")  # nothing to take back here: the wall opens again
    expect(page.locator("#grid")).to_be_visible()
    expect(odd).to_have_count(2)
    confirm(page)
    expect(page.locator(READY)).to_be_visible()
    before = len(served.given("ann", "wall"))
    page.keyboard.press("1")
    until(lambda: len(served.given("ann", "wall")) == before + 1)
    assert logged == []
    context.close()


def test_a_wall_by_touch_in_the_dark(served: Site, browser: Browser) -> None:
    """Tap, tap again, choose another answer, zoom, confirm: on a phone."""
    page = _on_a_wall(served, browser, PHONE, "dark", "bob")
    context = page.context
    assert look_at(page) == {}
    page.locator(".brick").nth(1).tap()
    page.locator("#brushes button", has_text="unusable").tap()
    page.locator(".brick").nth(2).tap()
    page.locator(".brick").nth(3).tap()
    page.locator(".brick").nth(3).tap()
    expect(page.locator(".brick .mark")).to_have_count(2)
    assert page.locator(".brick .mark").nth(1).inner_text() == "unusable"
    expect(page.locator(".claim:visible")).to_have_count(0)
    page.locator("#claims").check()
    expect(page.locator(".claim").first).to_be_visible()
    assert look_at(page) == {}
    confirm(page)
    expect(page.locator(READY)).to_be_visible()
    assert look_at(page) == {}
    page.locator("#brushes button").first.tap()
    until(lambda: len(served.given("bob", "wall")) >= 5)
    context.close()


def test_the_focus_is_never_behind_the_tools(served: Site, browser: Browser) -> None:
    """However far down the arrows go, the whole picture is on the screen."""
    page = _on_a_wall(served, browser, DESK, "light", "lea")
    page.locator(".brick").first.focus()
    for _ in range(8):
        page.keyboard.press("ArrowDown")
        assert page.evaluate(COVERED_PX) <= 1
    page.context.close()


def test_a_wall_that_the_back_button_brings_is_asked_for_anew(served: Site, browser: Browser) -> None:
    """Safari keeps the page as it was left: it may show a wall that has ended, or one of who signed out since."""
    page = _on_a_wall(served, browser, DESK, "light", "mia")
    with page.expect_navigation():
        page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    expect(page.locator(".brick[data-loaded]").first).to_be_visible()
    page.context.close()


def test_a_picture_alone_is_answered_when_it_is_seen(served: Site, browser: Browser) -> None:
    """Not while the picture before it is still on the screen, and not by the second tap of a double tap."""
    page = _on_a_wall(served, browser, DESK, "light", "gus")
    context = page.context
    confirm(page)
    expect(page.locator(READY)).to_be_visible()
    held: list[Route] = []
    context.route("**/picture", lambda route: held.append(route))
    page.evaluate(TWO_KEYS)
    expect(page.locator("#single-picture")).to_have_css("opacity", "0")
    page.keyboard.press("1")
    expect(page.locator("#single-count")).to_contain_text("2 of ")
    until(lambda: len(served.given("gus", "wall")) == 1)
    for route in held:
        route.continue_()
    expect(page.locator(READY)).to_be_visible()
    page.keyboard.press("1")
    until(lambda: len(served.given("gus", "wall")) == 2)
    context.close()


def test_the_end_of_a_wall_waits_for_the_last_answer(served: Site, browser: Browser) -> None:
    """However slow the connection is: a confirmation that comes first would close the wall, and refuse the answer."""
    page = _on_a_wall(served, browser, DESK, "light", "ida")
    context = page.context
    confirm(page)
    expect(page.locator(READY)).to_be_visible()
    logged = listen(page)
    n_alone = int(page.locator("#single-count").inner_text().split()[2].rstrip(","))
    served.slow_down(page, ANSWERS)
    for number in range(n_alone):
        expect(page.locator("#single-count")).to_contain_text(f"{number + 1} of {n_alone}")
        expect(page.locator(READY)).to_be_visible()
        with page.expect_response(lambda got: got.request.method == "POST" and bool(ANSWERS.search(got.url))) as sent:
            page.keyboard.press("1")
        assert sent.value.status == 200
    expect(page.locator("#status:visible, #done:visible")).to_contain_text("Thank you.")
    assert len(served.given("ida", "wall")) == n_alone
    assert logged == []
    context.close()


def test_the_page_says_why_an_answer_was_not_taken(served: Site, browser: Browser) -> None:
    """As after an erasure: the picture is gone, and the wall has not ended."""
    page = _on_a_wall(served, browser, PHONE, "light", "jan")
    context = page.context
    slot = int(page.locator(".brick").first.get_attribute("data-slot") or "")
    with served.project.catalog.write() as connection:
        connection.execute(wall_pictures.delete().where(wall_pictures.c.slot == slot))
    page.locator(".brick").first.tap()
    expect(page.locator("#status")).to_have_text("1 answer was not taken. This picture is not on the wall any more.")
    context.close()


def test_the_help_speaks_of_fingers_on_a_phone(served: Site, browser: Browser) -> None:
    """Keys are hidden there, and a list of keys without keys says nothing."""
    for size, shown, hidden in ((PHONE, "fingers", "keys"), (DESK, "keys", "fingers")):
        context = served.context(browser, size, "light", "kim")
        page = context.pages[0]
        page.reload()
        page.locator("#help-open:visible").click()
        expect(page.locator(f"#help .{shown}")).to_be_visible()
        expect(page.locator(f"#help .{hidden}")).to_be_hidden()
        context.close()


def test_the_last_wall_in_two_tabs(served: Site, browser: Browser) -> None:
    """What became of it is said at the end, and it can be opened again. The other tab says that it has ended."""
    page = _on_a_wall(served, browser, DESK, "light", "hal")
    context = page.context
    other = context.new_page()
    other.goto(f"{served.url}/review")
    expect(other.locator(".brick[data-loaded]").first).to_be_visible()
    with served.project.catalog.write() as connection:
        for table in (queue, audit):
            connection.execute(table.delete())
    page.bring_to_front()
    confirm(page)
    for _ in range(MOST_ALONE):
        expect(page.locator(f"{READY}:visible, #end:visible")).to_be_visible()
        page.keyboard.press("1")
    expect(page.locator("#done")).to_have_text("Thank you.")
    assert look_at(page) == {}
    other.bring_to_front()
    other.locator(".brick").first.click()
    expect(other.locator("#done")).to_contain_text("1 answer was not taken")
    page.bring_to_front()
    page.locator("#reopen").click()
    expect(page.locator(READY)).to_be_visible()
    expect(page.locator("#status")).to_have_text("The last wall is open again.")
    context.close()


def test_two_reviewers_at_once_have_different_walls(served: Site, browser: Browser) -> None:
    shown = []
    contexts = [served.context(browser, DESK, "light", name) for name in ("dora", "emil")]
    for context in contexts:
        page = context.pages[0]
        page.reload()
        expect(page.locator(".brick[data-loaded]").first).to_be_visible()
        shown.append({image.get_attribute("src") for image in page.locator(".brick img").all()})
    hidden = shown[0] & shown[1]  # pictures with a known answer may be on both
    assert len(hidden) <= len(shown[0]) // 5
    for context in contexts:
        context.close()


def test_a_killed_browser_loses_nothing(served: Site, browser: Browser) -> None:
    """Answers that the server did not get are sent by the next page of the same browser."""
    page = _on_a_wall(served, browser, DESK, "light", "fred")
    context = page.context
    page.locator(".brick").nth(0).click()
    until(lambda: len(served.given("fred", "wall")) == 1)
    context.route("**/review/walls/*/*", lambda route: route.abort())  # the connection is gone
    for number in (1, 2, 3):
        page.locator(".brick").nth(number).click()
    expect(page.locator("#status")).to_contain_text("wait")
    page.close()  # and then the browser
    context.unroute("**/review/walls/*/*")
    assert len(served.given("fred", "wall")) == 1
    again = context.new_page()
    again.goto(f"{served.url}/review")
    expect(again.locator('.brick[aria-pressed="true"]')).to_have_count(4)
    until(lambda: len(served.given("fred", "wall")) == 4)
    context.close()
