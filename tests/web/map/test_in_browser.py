"""The map in a real browser: coloured, a lasso by mouse and by touch, the keyboard, and the way to the wall."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from browsers.pages import DESK, PHONE, Site, listen, look_at
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import update

from dataset.catalog.tables import audit, positions, queue, wall_pictures
from dataset.opening import open_project
from foundation.network.ports import free_ports
from isitcake.serving import start_web
from simulator.web_service import answers, until

CORNERS = ((0.02, 0.02), (0.98, 0.02), (0.98, 0.8), (0.02, 0.8), (0.02, 0.02))  # of the map: around most pictures


@pytest.fixture(scope="module")
def served(bakery_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The bakery; its answers and its audit sample are forgotten, so that any picture may be on a wall."""
    home = tmp_path_factory.mktemp("map") / "bakery"
    shutil.copytree(bakery_home, home)
    project = open_project(home / "isitcake.toml")
    with project.catalog.write() as connection:
        connection.execute(audit.delete())
        connection.execute(update(queue).values(error_probability=0.3))
    (port,) = free_ports(1)
    server = start_web(project.settings, "127.0.0.1", port)
    url = f"http://127.0.0.1:{port}"
    until(lambda: answers(url))
    yield Site(url, project)
    server.should_exit = True
    project.close()


@pytest.fixture(autouse=True)
def nobody_reviews(served: Site) -> None:
    """No picture is on a wall yet."""
    served.forget_answers()


def open_map(page: Page, served: Site, query: str = "") -> list[str]:
    """Open the map and wait until it is drawn. Returns what the console will say."""
    logged = listen(page)
    page.goto(f"{served.url}/map{query}")
    expect(page.locator("body[data-ready=yes]")).to_have_count(1)
    return logged


def places(page: Page) -> Sequence[tuple[float, float]]:
    """The corners of the lasso on the screen."""
    box = page.locator("#surface").bounding_box()
    assert box is not None
    return [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in CORNERS]


def draw_by_mouse(page: Page) -> None:
    first, *others = places(page)
    page.mouse.move(*first)
    page.mouse.down()
    for place in others:
        page.mouse.move(*place, steps=8)
    page.mouse.up()


def draw_by_touch(page: Page) -> None:
    """With one finger; Playwright itself only taps."""
    session = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]})

    first, *others = places(page)
    touch("touchStart", first)
    for place in others:
        touch("touchMove", place)
    touch("touchEnd")


@pytest.mark.parametrize(("size", "scheme", "reviewer"), [(DESK, "light", "ann"), (PHONE, "dark", "bob")])
def test_a_lasso_leads_to_the_wall(
    served: Site, browser: Browser, size: tuple[int, int], scheme: str, reviewer: str
) -> None:
    """By mouse and by touch; with the selection open, the page fits and is readable."""
    context = served.context(browser, size, scheme, reviewer)
    page = context.pages[0]
    logged = open_map(page, served)
    for mode in page.locator("#colour option").all_inner_texts():
        page.select_option("#colour", label=mode)
        expect(page.locator("#legend label").first).to_be_visible()
        assert look_at(page) == {}, mode
    page.select_option("#colour", label="label")
    page.locator("#legend label", has_text="not cake").locator("input").uncheck()
    page.locator("#lasso").click()
    page.locator("#surface").scroll_into_view_if_needed()
    (draw_by_touch if size == PHONE else draw_by_mouse)(page)
    tiles = page.locator("#selection-list button")
    expect(tiles.first).to_be_visible()
    assert not any(name.startswith("not cake") for name in tiles.evaluate_all("all => all.map((one) => one.ariaLabel)"))
    tiles.first.click()
    expect(page.locator("#one-reasons li").first).to_be_visible()
    assert look_at(page) == {}
    page.locator("#review").click()
    expect(page.locator(".brick[data-loaded]").first).to_be_visible()
    assert "/review" in page.url
    assert page.locator("#believed").inner_text() == "cake"
    with served.project.catalog.read() as connection:
        purposes = set(connection.execute(wall_pictures.select()).mappings().all()[0].values())
    assert "chosen" in purposes
    assert logged == []
    context.close()


def test_the_map_by_keyboard_and_without_webgl(served: Site, browser: Browser) -> None:
    """From picture to picture, more like this, from a picture's own page; points are drawn plainly, and it says so."""
    context = served.context(browser, DESK, "dark")
    context.add_init_script(
        "const made = HTMLCanvasElement.prototype.getContext;"
        "HTMLCanvasElement.prototype.getContext = function (kind, ...more) {"
        "  return kind === 'webgl2' ? null : made.call(this, kind, ...more); };"
    )
    page = context.new_page()
    logged = open_map(page, served)
    expect(page.locator("#plain")).to_be_visible()
    page.locator("#surface").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#map-message")).to_contain_text("cake")
    first = page.locator("#one-picture").get_attribute("src")
    page.keyboard.press("ArrowRight")
    until(lambda: page.locator("#one-picture").get_attribute("src") != first)
    page.keyboard.press("Space")
    expect(page.locator("#selection-count")).to_have_text("1 selected")
    page.keyboard.press("m")
    expect(page.locator("#map-message")).to_contain_text("look like it are selected")
    page.locator("#review").click()
    expect(page.locator("#sign-in a")).to_be_visible()
    assert look_at(page) == {}
    page.keyboard.press("Escape")
    page.locator("#one-why").click()
    page.locator("a", has_text="More like this").click()
    expect(page.locator("#map-message")).to_contain_text("look like it are selected")
    assert logged == []
    context.close()


def test_an_empty_map_says_what_to_do(served: Site, browser: Browser) -> None:
    with served.project.catalog.write() as connection:
        rows = [dict(row) for row in connection.execute(positions.select()).mappings()]
        connection.execute(positions.delete())
    context = served.context(browser, PHONE, "light")
    page = context.new_page()
    page.goto(f"{served.url}/map")
    expect(page.locator("#empty")).to_contain_text("isitcake curate")
    assert look_at(page) == {}
    with served.project.catalog.write() as connection:
        connection.execute(positions.insert(), rows)
    context.close()
