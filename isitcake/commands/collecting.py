"""Commands that bring images in and sort them."""

import click

from foundation.safe_text import known_names
from isitcake.options import Commands, Context, json_option, pass_context
from isitcake.output import progress, short_path, show
from isitcake.tables import Grid


@click.command(short_help="Collect images from the sources.")
@click.argument("sources", nargs=-1)
@json_option
@pass_context
def collect(context: Context, sources: tuple[str, ...], as_json: bool) -> None:
    """Collect images from every source, or from each SOURCE that is named."""
    from crawlers.collect import collect as stage

    project = context.project()
    with progress(as_json) as steps:
        report = stage(project, sources, steps.note)
    rows = report.rows()
    show(report, as_json, Grid(list(rows[0]), [list(row.values()) for row in rows]).without_empty(0, ""))
    report.raise_for_failures()


@click.command(short_help="List what became of every file or address.")
@click.argument("source")
@click.option("--outcome", help="Only this outcome: stored, duplicate, unchanged, rejected, failed or quarantined.")
@click.option("--on-hash-lists", is_flag=True, help="Only pictures on a hash list, with addresses to tell.")
@json_option
@pass_context
def outcomes(context: Context, source: str, outcome: str | None, on_hash_lists: bool, as_json: bool) -> None:
    """List every file or address of the newest run of SOURCE, with its outcome and the reason.

    Addresses of pictures on a hash list are shown with --on-hash-lists only.
    """
    from crawlers.ledger.listing import LISTED_OUTCOMES, list_outcomes

    if outcome is not None and outcome not in LISTED_OUTCOMES:
        raise click.UsageError(f"no outcome {outcome!r}; {known_names(outcome, LISTED_OUTCOMES, 'use one of {}')}")
    project = context.project(reads_only=True)
    listed = list_outcomes(project, source, outcome, on_hash_lists=on_hash_lists)
    if not as_json and not listed:
        what = " ".join([*filter(None, [outcome]), *(["on a hash list"] if on_hash_lists else [])])
        show(f"{source}: nothing {what or 'collected'}", False)
        return
    show(listed, as_json, Grid(["outcome", "address", "reason"], [(o.outcome, o.address, o.reason) for o in listed]))


@click.group(cls=Commands, short_help="Try a source before you add it.")
def source() -> None:
    """Try a source before you add it."""


@source.command(short_help="Show what a web page would give.")
@click.argument("url")
@click.option("--label", help="Label of the page's pictures; the project's first label by default.")
@json_option
@pass_context
def probe(context: Context, url: str, label: str | None, as_json: bool) -> None:
    """Show what would be collected from the page at URL: a report with thumbnails, and the TOML to paste."""
    from crawlers.probe import probe as stage
    from foundation.sharing.machines import share
    from web.pages.probe import write_probe

    settings = context.settings()
    with stage(settings, url, label) as (probed, report):
        path = write_probe(report, probed, settings.home)
        share(settings)
    rows = [
        (photo.outcome, photo.reason, f"{photo.width}×{photo.height}" if photo.width else "", photo.fetched_url)
        for photo in report.photos
    ]
    show(report, as_json, Grid(["outcome", "reason", "pixels", "address"], rows))
    if not as_json:
        for note in [*(f"opt-out: {objection}" for objection in report.objections), *report.run.notes]:
            show(note, False)
        show(f"\npictures: {short_path(path)}", False)
        if not any(photo.sha256 for photo in report.photos):
            show("nothing to add to isitcake.toml: try a page that shows pictures", False)
            return
        first = (
            "" if label else f" (its label is the project's first; --label {settings.project.labels[-1]} for another)"
        )
        show(f"to collect it, add to {short_path(settings.config_path)}{first}:\n\n{report.toml}", False)


@click.command(short_help="Find duplicates and doubtful labels.")
@json_option
@pass_context
def curate(context: Context, as_json: bool) -> None:
    """Find duplicates and doubtful labels, and put the questions to reviewers in order."""
    from dataset.curate import curate as stage

    project = context.project()
    with progress(as_json) as steps:
        report = stage(project, steps.step)
    show(report, as_json, Grid(["detector", "findings"], list(report.findings.items())))


COMMANDS: tuple[click.Command, ...] = (collect, outcomes, source, curate)
