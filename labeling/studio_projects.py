"""Our projects in Label Studio: one for each number of people who are to answer, and the adjudicator's."""

import uuid
from collections.abc import Iterable

from sqlalchemy import select

from dataset.catalog.tables import cursors
from dataset.catalog.writes import upsert
from dataset.project import Project
from foundation.settings import NOT_LABELS
from labeling.guideline import as_html, guideline
from labeling.label_studio import LabelStudio, Shape
from labeling.plan_round import ADJUDICATE, AUDIT, RISK

TITLE_MAX = 50
ADJUDICATOR = "adjudicator"


def open_studio(project: Project) -> LabelStudio:
    """Raises LabelStudioError without a key."""
    settings = project.settings
    return LabelStudio(settings.review.label_studio_url, settings.secrets.label_studio_api_key.get_secret_value())


def screen_of(project: Project, purpose: str) -> str:
    """Which of our projects a question belongs to: by how many are to answer it, or who."""
    review = project.settings.review
    if purpose == ADJUDICATE:
        return ADJUDICATOR
    return str(max(review.answers_needed, review.audit_answers) if purpose == AUDIT else review.answers_needed)


def every_screen(project: Project) -> list[str]:
    """The first is where most questions are."""
    return list(dict.fromkeys([screen_of(project, RISK), screen_of(project, AUDIT), ADJUDICATOR]))


def known_screens(project: Project, studio: LabelStudio, *, search: bool = True) -> dict[str, int]:
    """Numbers of our projects that are there, by screen; what was lost with Label Studio's database is not.

    search: look over there for those that we have no note of.
    """
    found = {}
    for screen in every_screen(project):
        mark, title = _mark(project, screen), _title(project, screen)
        noted = _noted(project, studio, screen)
        if noted is not None and studio.carries(noted, mark, title):
            found[screen] = noted
        elif (search or noted is not None) and (number := studio.find_project(mark)) is not None:
            _note(project, studio, screen, number)
            found[screen] = number
    return found


def make_screens(project: Project, studio: LabelStudio, screens: Iterable[str]) -> tuple[dict[str, int], list[str]]:
    """The projects that these questions need and all that are there, in shape. Returns numbers, and what was mended."""
    found, mended = known_screens(project, studio), []
    for screen in dict.fromkeys([*found, *screens]):
        shape = _shape(project, screen)
        if screen in found:
            if bent := studio.mend_project(found[screen], shape):
                mended.append(f"mended {', '.join(bent)} of project {found[screen]}")
        else:
            found[screen] = studio.create_project(_title(project, screen), shape)
            _note(project, studio, screen, found[screen])
    return found, mended


def _shape(project: Project, screen: str) -> Shape:
    settings = project.settings
    return Shape(
        mark=_mark(project, screen),
        labels=[*settings.project.labels, *NOT_LABELS],
        guideline_html=as_html(guideline(project)),
        answers_needed=1 if screen == ADJUDICATOR else int(screen),
        pre_annotated=settings.review.pre_annotate,
    )


def _title(project: Project, screen: str) -> str:
    title = f"Is it right? {project.settings.project.name}"
    more = "" if screen == screen_of(project, RISK) else f" · {screen}" + ("" if screen == ADJUDICATOR else " answers")
    return title[: TITLE_MAX - len(more)] + more


def _mark(project: Project, screen: str) -> str:
    """What the project's description says: nobody else's says it."""
    with project.catalog.write() as connection:
        query = select(cursors.c.value).where(cursors.c.name == "catalog_id")
        known = connection.execute(query).scalar()
        if known is None:
            known = uuid.uuid4().hex[:12]
            upsert(connection, cursors, [{"name": "catalog_id", "value": known}])
    return f"Made by isitcake: {project.settings.project.name}, {screen}, {known}. Its settings are kept as they are."


def _noted(project: Project, studio: LabelStudio, screen: str) -> int | None:
    with project.catalog.read() as connection:
        value = connection.execute(select(cursors.c.value).where(cursors.c.name == _cursor(studio, screen))).scalar()
        if value is None and screen == screen_of(project, RISK):  # noted when there was one project only
            old = select(cursors.c.value).where(cursors.c.name == f"review_project:{studio.url}")
            value = connection.execute(old).scalar()
    return int(value) if value else None


def _note(project: Project, studio: LabelStudio, screen: str, number: int) -> None:
    with project.catalog.write() as connection:
        upsert(connection, cursors, [{"name": _cursor(studio, screen), "value": str(number)}])


def _cursor(studio: LabelStudio, screen: str) -> str:
    return f"review_project:{screen}:{studio.url}"
