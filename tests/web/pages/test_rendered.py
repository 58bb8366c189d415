"""Pages that are kept: web/pages/rendered.py."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from dataset.project import Project
from dataset.versions import published
from labeling.answer_files import import_answers
from labeling.queue import next_items
from web.pages.rendered import MAIN, Page, Rendered, State, collected_state, marked_old, project_state, version_state

BEFORE, AFTER, ERASED = State("", 1), State("", 2), State("erased", 2)


def text(content: str) -> Callable[[], str]:
    return lambda: content


async def begin(rendered: Rendered, state: State, is_over: threading.Event) -> Page:
    """Ask for a page that takes until `is_over`."""

    def make() -> str:
        assert is_over.wait(30)
        return "new"

    return await rendered.page("report", state, make)


def test_a_page_is_made_once_for_each_state() -> None:
    made: list[int] = []

    def make() -> str:
        made.append(1)
        return "page"

    async def ask() -> None:
        rendered = Rendered(most=2)
        await asyncio.gather(*(rendered.page("home", BEFORE, make) for _ in range(5)))
        await rendered.page("home", BEFORE, make)
        await rendered.page("home", AFTER, make)

    asyncio.run(ask())
    assert len(made) == 2


def test_an_earlier_page_is_shown_while_the_next_one_is_made() -> None:
    """And says so. The next visitor gets the new one."""

    async def ask() -> tuple[Page, Page]:
        rendered, is_over = Rendered(most=2, shows_old=True), threading.Event()
        await rendered.page("report", BEFORE, text(f"<body>{MAIN}old"))
        earlier = await begin(rendered, AFTER, is_over)
        is_over.set()
        while (page := await begin(rendered, AFTER, is_over)).is_old:
            await asyncio.sleep(0.01)
        return earlier, page

    earlier, page = asyncio.run(ask())
    assert earlier.is_old
    assert "something changed since" in marked_old(earlier)
    assert marked_old(earlier).endswith("old")
    assert (page.content, page.is_old) == ("new", False)


@pytest.mark.parametrize(("shows_old", "state"), [(False, AFTER), (True, ERASED)])
def test_no_earlier_page_is_shown_after_an_erasure_or_where_it_must_not(shows_old: bool, state: State) -> None:
    async def ask() -> Page:
        rendered, is_over = Rendered(most=2, shows_old=shows_old), threading.Event()
        await rendered.page("report", BEFORE, text("old"))
        asyncio.get_running_loop().call_later(0.3, is_over.set)
        return await begin(rendered, state, is_over)

    assert asyncio.run(ask()).content == "new"


def test_a_page_that_fails_is_made_again() -> None:
    async def ask() -> str:
        rendered = Rendered(most=2)
        with pytest.raises(ZeroDivisionError):
            await rendered.page("home", BEFORE, lambda: str(1 // 0))
        return (await rendered.page("home", BEFORE, text("page"))).content

    assert asyncio.run(ask()) == "page"


def test_an_answer_changes_the_state_of_pages_that_show_it(published_project: Project, tmp_path: Path) -> None:
    """Pages of versions and sources do not: they are not made again."""
    version = published.newest(published_project.home)
    assert version is not None

    def states() -> tuple[State, ...]:
        project = published_project
        return project_state(project), version_state(project, version.name), collected_state(project)

    before = states()
    assert states() == before
    path = tmp_path / "answers.csv"
    path.write_text(f"sha256,label,reviewer\n{next_items(published_project, 1)[0]['sha256']},unusable,ann\n")
    import_answers(published_project, path)
    after = states()
    assert [one != other for one, other in zip(before, after, strict=True)] == [True, False, False]
