"""Commands about review: questions to people, and their answers."""

from pathlib import Path

import click

from foundation.errors import UsageError
from foundation.safe_text import counted
from isitcake.options import Commands, Context, FilePath, json_option, pass_context
from isitcake.output import short_path, show
from isitcake.tables import Grid

DIGITS = 12  # of a SHA-256 in tables; `review import` and `why` need no more


@click.group(cls=Commands, short_help="Ask people, and take their answers.")
def review() -> None:
    """Ask people about doubtful images, and take their answers."""


@review.command(short_help="Send questions to Label Studio.")
@json_option
@pass_context
def push(context: Context, as_json: bool) -> None:
    """Send the next round's questions to Label Studio."""
    from labeling.push import push as stage

    report = stage(context.project())
    show(report, as_json)
    if not as_json:
        for url in report.project_urls:
            show(f"answer at {url}", False)


@review.command(short_help="Fetch answers from Label Studio.")
@click.option("--full", is_flag=True, help="Fetch every answer, not only changed ones: finds deleted answers.")
@json_option
@pass_context
def pull(context: Context, full: bool, as_json: bool) -> None:
    """Fetch new and changed answers from Label Studio."""
    from labeling.pull import pull as stage

    show(stage(context.project(), everything=full), as_json)


@review.command(short_help="Count questions and answers.")
@json_option
@pass_context
def status(context: Context, as_json: bool) -> None:
    """Count the questions that wait and the answers by reviewer, and estimate what more answers would bring."""
    from labeling.queue import status as stage

    state = stage(context.project(reads_only=True))
    rows: list[tuple[str, int]] = [("queued", state.queued), ("waiting in Label Studio", state.waiting)]
    rows += [("settled", state.settled), ("need one more answer", state.one_more)]
    rows += [("stopped as unsure", state.stopped), ("waiting for the adjudicator", state.adjudicating)]
    rows += [("confirmed on walls", state.confirmed)] if state.confirmed else []
    rows += [(f"answers by {name}", count) for name, count in state.reviewers.items()]
    rows += [(f"answers {answer}", count) for answer, count in state.answers.items()]
    show(state, as_json, Grid(["review", "number"], rows))


@review.command(short_help="Measure the reviewers.")
@click.option("--week", is_flag=True, help="Count the last seven days only.")
@json_option
@pass_context
def reviewers(context: Context, week: bool, as_json: bool) -> None:
    """Measure how often each reviewer is right, and what a corrected label costs."""
    from datetime import UTC, datetime

    from labeling.reviewers import last_week, table_rows
    from labeling.reviewers import reviewers as stage

    project = context.project(reads_only=True)
    report = last_week(project, datetime.now(UTC)) if week else stage(project)
    head, rows = table_rows(report)
    show(report, as_json, Grid(head, rows))


@review.command(name="next", short_help="List the next images to look at.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(min=1), help="How many, at most.")
@click.option("--audit", is_flag=True, help="List images of the audit sample, which the card's error rate comes from.")
@click.option("--one-more", is_flag=True, help="List images that need one more answer, of another person.")
@click.option("--certify", is_flag=True, help="List images that the certificate's design looks at next.")
@json_option
@pass_context
def next_(context: Context, limit: int, audit: bool, one_more: bool, certify: bool, as_json: bool) -> None:
    """List the images that are most worth a look, without Label Studio."""
    from dataset.labels.label_ledger import n_uncurated
    from labeling.guideline import instructions
    from labeling.queue import certificate_items, next_items, unsettled_items

    if audit + one_more + certify > 1:
        raise UsageError("--audit, --one-more and --certify are different lists; ask for one")
    project = context.project(reads_only=True)
    if certify:
        items = certificate_items(project, limit)
    else:
        items = unsettled_items(project, limit) if one_more else next_items(project, limit, audit)
    rows = [
        (i["error_probability"], i["sha256"][:DIGITS], i["source_label"], i["suggested_label"], short_path(i["file"]),
         "; ".join(i["reasons"]))
        for i in items
    ]  # fmt: skip
    empty = "no image waits for an answer"
    with project.catalog.read() as connection:
        if not items and (waiting := n_uncurated(connection)):
            empty += f"; {counted(waiting, 'image')} collected and not curated yet: run `isitcake curate`"
    if not items and unsettled_items(project, 1):
        empty += "; some need one more answer: see `isitcake review next --one-more`"
    if audit:
        empty = "no image of the audit sample waits for an answer"
    elif certify:
        empty = "no picture waits for a certificate; `isitcake certify` says why"
    elif one_more:
        empty = "no image needs one more answer"
    show(
        items if items or as_json else empty,
        as_json,
        Grid(["wrong?", "sha256", "claimed", "suggested", "picture", "reasons"], rows).without_empty(None, ""),
    )
    doubts = [i["error_probability"] for i in items]
    if not (as_json or certify or audit or one_more) and doubts != sorted(doubts, reverse=True):
        show("First come images that players doubt or that look unusable, and copies count; then the doubts.", False)
    for label, text in instructions(project).items() if not as_json else ():
        show(f"{label}: {text}", False)


@review.command(short_help="List pictures excluded automatically.")
@json_option
@pass_context
def aside(context: Context, as_json: bool) -> None:
    """List pictures excluded automatically, with reasons; any answer restores one."""
    from labeling.queue import excluded

    items = excluded(context.project(reads_only=True))
    rows = [(i["sha256"][:DIGITS], i["source_label"], i["reason"], short_path(i["file"])) for i in items]
    show(
        items if items or as_json else "no picture is excluded automatically",
        as_json,
        Grid(["sha256", "claimed", "reason", "picture"], rows),
    )


@review.command(name="import", short_help="Read answers from a file.")
@click.argument("answers", type=FilePath("answers.csv"))
@click.option("--gold", is_flag=True, help="The answers are certain: they decide, and reviewers are measured by them.")
@json_option
@pass_context
def import_(context: Context, answers: Path, gold: bool, as_json: bool) -> None:
    """Read answers from a file: CSV sha256,label,reviewer[,answered_at], or a JSON export of Label Studio."""
    from labeling.answer_files import import_answers

    show(import_answers(context.project(), answers, are_known=gold), as_json)


@review.command(short_help="Write answers to a file.")
@click.argument("answers", type=FilePath("answers.csv"))
@json_option
@pass_context
def export(context: Context, answers: Path, as_json: bool) -> None:
    """Write every current answer to the file ANSWERS: Label Studio's JSON if it ends in .json, else CSV."""
    from labeling.answer_files import export_answers

    number = export_answers(context.project(reads_only=True), answers)
    line = f"{counted(number, 'answer')} in {answers}"
    show({"answers": number, "file": answers} if as_json else line, as_json)


@review.command(short_help="Make a link to the wall.")
@click.argument("name")
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, 365), help="How long the link is valid.")
@json_option
@pass_context
def invite(context: Context, name: str, days: int, as_json: bool) -> None:
    """Make a link with which the reviewer NAME signs in to the wall of `isitcake serve`."""
    from datetime import UTC, datetime

    from labeling.wall.invitations import invite as stage
    from labeling.wall.invitations import link

    project = context.project()
    url = link(project.settings, stage(project, name, datetime.now(UTC), days))
    show({"reviewer": name, "link": url, "days": days} if as_json else url, as_json)


@review.command(short_help="End a reviewer's links to the wall.")
@click.argument("name")
@json_option
@pass_context
def revoke(context: Context, name: str, as_json: bool) -> None:
    """End all links of the reviewer NAME, at once. The answers stay."""
    from datetime import UTC, datetime

    from labeling.wall.invitations import revoke as stage

    ended = stage(context.project(), name, datetime.now(UTC))
    show({"reviewer": name, "ended": ended} if as_json else f"{counted(ended, 'link')} ended", as_json)


COMMANDS: tuple[click.Command, ...] = (review,)
