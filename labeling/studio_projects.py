"""Our projects in Label Studio: the reviewers', and the adjudicator's.

Older ones, which were made for another number of answers, are read until their questions are answered or withdrawn.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from dataset.catalog.tables import asked, cursors
from dataset.catalog.writes import upsert
from dataset.labels import judgement_ledger
from dataset.labels.vocabulary import Purpose
from dataset.names.renamed import LABEL, first_names
from dataset.project import Project
from foundation.errors import LabelStudioError
from foundation.safe_text import counted
from foundation.settings import NOT_LABELS
from labeling.guideline import as_html, examples, guideline
from labeling.label_studio import LabelStudio, ProjectSettings

TITLE_MAX_CHARACTERS = 50
ADJUDICATOR = "adjudicator"
MOST_ANSWERS = 10  # that [review] answers_needed and audit_answers take


@dataclass(frozen=True)
class StudioProject:
    """One of our projects in Label Studio.

    audience: who answers there: a number of people, as text, or ADJUDICATOR. number: the project's. address: how the
    catalog names it.
    """

    audience: str
    number: int
    address: str


def open_studio(project: Project) -> LabelStudio:
    """Connect to the project's Label Studio. Raises LabelStudioError without a key."""
    settings = project.settings
    return LabelStudio(settings.review.label_studio_url, settings.secrets.label_studio_api_key.get_secret_value())


def audience_of(project: Project, purpose: Purpose) -> str:
    """Who answers questions of this purpose; names one of our Label Studio projects."""
    return ADJUDICATOR if purpose == Purpose.ADJUDICATE else str(project.settings.review.answers_needed)


def answers_needed(project: Project, purpose: Purpose) -> int:
    """How many different people answer a question of this purpose."""
    review = project.settings.review
    if purpose == Purpose.ADJUDICATE:
        return 1
    return max(review.answers_needed, review.audit_answers) if purpose == Purpose.AUDIT else review.answers_needed


def find_projects(project: Project, studio: LabelStudio, *, search: bool = True) -> dict[str, StudioProject]:
    """Our projects that exist in this Label Studio, by audience. The first is the reviewers'.

    search: search Label Studio for projects whose number the catalog does not know.
    """
    audiences = [audience_of(project, Purpose.RISK), *_recorded_audiences(project, studio), ADJUDICATOR]
    projects = {}
    for audience in dict.fromkeys(audiences):
        mark = _mark(project, audience)
        recorded = _recorded_number(project, studio, audience)
        if recorded is not None and studio.is_ours(recorded, mark, _title(project, audience)):
            projects[audience] = _studio_project(studio, audience, recorded)
        elif (search or recorded is not None) and (number := studio.find_project(mark)) is not None:
            _record_number(project, studio, audience, number)
            projects[audience] = _studio_project(studio, audience, number)
    return projects


def ensure_projects(
    project: Project, studio: LabelStudio, audiences: Iterable[str]
) -> tuple[dict[str, StudioProject], list[str]]:
    """Create the projects that these audiences need, and restore settings of all that exist.

    Returns all our projects by audience, and a note for each project whose settings were restored. Where the number of
    answers was restored, Label Studio forgot that some tasks need more of them: `ask_more_people` says it again.
    """
    projects, notes = find_projects(project, studio), []
    for audience in dict.fromkeys([*projects, *audiences]):
        settings = _settings(project, audience)
        if audience in projects:
            number = projects[audience].number
            if restored := studio.restore_settings(number, settings):
                if "maximum_annotations" in restored:
                    ask_more_people(project, studio, projects[audience])
                notes.append(f"restored {', '.join(restored)} of project {number}")
        else:
            number = studio.create_project(_title(project, audience), settings)
            _record_number(project, studio, audience, number)
            projects[audience] = _studio_project(studio, audience, number)
    return projects, notes


def ask_more_people(
    project: Project, studio: LabelStudio, studio_project: StudioProject, tasks: Mapping[str, int] | None = None
) -> None:
    """Tell Label Studio which tasks need more answers than the others: the audit sample's.

    tasks: task number by question key; None: every question that waits in this project.
    """
    if studio_project.audience == ADJUDICATOR:
        return
    people = answers_needed(project, Purpose.AUDIT)
    if people == int(studio_project.audience):
        return
    is_audit = asked.c.purpose == Purpose.AUDIT.value, asked.c.withdrawn_at.is_(None)
    query = select(asked.c.ask, asked.c.task_id).where(asked.c.project == studio_project.address, *is_audit)
    with project.catalog.read() as connection:
        rows = connection.execute(query).all()
    for row in rows:
        number = row.task_id if tasks is None else tasks.get(row.ask)
        if number is not None:
            studio.set_answers_needed(number, people)


def _studio_project(studio: LabelStudio, audience: str, number: int) -> StudioProject:
    return StudioProject(audience, number, f"{studio.url}/projects/{number}")


def _settings(project: Project, audience: str) -> ProjectSettings:
    settings = project.settings
    with project.catalog.read() as connection:
        stored_as = first_names(connection, LABEL)
    return ProjectSettings(
        mark=_mark(project, audience),
        answers=[*settings.project.labels, *NOT_LABELS],
        guideline_html=as_html(guideline(project)),
        examples=examples(project),
        why_url=f"{settings.review.pictures_url.rstrip('/')}/why/",
        answers_needed=1 if audience == ADJUDICATOR else int(audience),
        pre_annotated=settings.review.pre_annotate,
        stored_as=stored_as,
    )


def _title(project: Project, audience: str) -> str:
    title = f"Is it right? {project.settings.project.name}"
    suffix = ""
    if audience != audience_of(project, Purpose.RISK):
        suffix = f" · {audience}" if audience == ADJUDICATOR else f" · {counted(int(audience), 'answer')}"
    return title[: TITLE_MAX_CHARACTERS - len(suffix)] + suffix


def _mark(project: Project, audience: str) -> str:
    """The project's description, by which we recognise it. No other project has it."""
    with project.catalog.write() as connection:
        query = select(cursors.c.value).where(cursors.c.name == "catalog_id")
        catalog_id = connection.execute(query).scalar()
        if catalog_id is None:
            catalog_id = uuid.uuid4().hex[:12]
            upsert(connection, cursors, [{"name": "catalog_id", "value": catalog_id}])
    # This text is in Label Studio's database: another wording would not recognise our existing projects.
    name = project.settings.project.name
    return f"Made by isitcake: {name}, {audience}, {catalog_id}. Its settings are kept as they are."


def _recorded_audiences(project: Project, studio: LabelStudio) -> list[str]:
    """The numbers of answers for which we ever made a project in this Label Studio."""
    names = [_cursor(studio, str(people)) for people in range(1, MOST_ANSWERS + 1)]
    with project.catalog.read() as connection:
        found = set(connection.execute(select(cursors.c.name).where(cursors.c.name.in_(names))).scalars())
    return [str(people) for people, name in enumerate(names, 1) if name in found]


def _recorded_number(project: Project, studio: LabelStudio, audience: str) -> int | None:
    with project.catalog.read() as connection:
        query = select(cursors.c.value).where(cursors.c.name == _cursor(studio, audience))
        value = connection.execute(query).scalar()
        if value is None and audience == audience_of(project, Purpose.RISK):  # from when there was one project only
            old = select(cursors.c.value).where(cursors.c.name == f"review_project:{studio.url}")
            value = connection.execute(old).scalar()
    return int(value) if value else None


def _record_number(project: Project, studio: LabelStudio, audience: str, number: int) -> None:
    with project.catalog.write() as connection:
        upsert(connection, cursors, [{"name": _cursor(studio, audience), "value": str(number)}])


def _cursor(studio: LabelStudio, audience: str) -> str:
    return f"review_project:{audience}:{studio.url}"


@dataclass(frozen=True)
class People:
    """Who the numbers in a JSON export of Label Studio are.

    servers: address of the Label Studio by question key. known: names by server and number. note: what is not known.
    """

    servers: Mapping[str, str]
    known: Mapping[str, Mapping[int, str]]
    note: str = ""

    def names(self, task: Mapping[str, Any]) -> Mapping[int, str]:
        """Names by number, for one task: of the server that we sent it to; else of the only server that we know."""
        data = task.get("data")
        key = data.get("ask") if isinstance(data, dict) else None
        server = self.servers.get(key) if isinstance(key, str) else None
        if server is None and len(self.known) == 1:
            (server,) = self.known
        return self.known.get(server or "", {})


def people_of(project: Project, tasks: Sequence[Mapping[str, Any]]) -> People:
    """Who answered these exported tasks. Asks the running Label Studio for numbers that are not known."""
    with project.catalog.read() as connection:
        known = judgement_ledger.users(connection)
        sent = connection.execute(select(asked.c.ask, asked.c.project)).all()
    servers = {row.ask: row.project.rpartition("/projects/")[0] for row in sent}
    people = People(servers, known)
    if not (unknown := _unknown_numbers(people, tasks)):
        return people
    try:
        with open_studio(project) as studio:
            users = studio.users()
    except LabelStudioError:
        names = ", ".join(judgement_ledger.numbered_name(number) for number in sorted(unknown))
        return People(servers, known, f"{names}: Label Studio, which knows their e-mail addresses, cannot be asked")
    with project.catalog.write() as connection:
        judgement_ledger.learn_users(connection, studio.url, users)
        return People(servers, judgement_ledger.users(connection))


def _unknown_numbers(people: People, tasks: Iterable[Mapping[str, Any]]) -> set[int]:
    unknown = set()
    for task in tasks:
        annotations = task.get("annotations")
        for annotation in annotations if isinstance(annotations, list) else ():
            author = annotation.get("completed_by") if isinstance(annotation, dict) else None
            if isinstance(author, dict):
                author = None if author.get("email") else author.get("id")
            if type(author) is int and author not in people.names(task):
                unknown.add(author)
    return unknown
