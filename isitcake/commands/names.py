"""Commands that rename labels and sources, and retire sources."""

import click

from isitcake.options import Commands, Context, json_option, pass_context
from isitcake.output import show


@click.group(cls=Commands, short_help="Rename labels.")
def labels() -> None:
    """Rename labels."""


@labels.command(name="rename", short_help="Rename a label in the catalog.")
@click.argument("old")
@click.argument("new")
@json_option
@pass_context
def rename_label(context: Context, old: str, new: str, as_json: bool) -> None:
    """Rename the label OLD to NEW in the catalog: what sources claim, answers and decisions. Versions keep OLD."""
    from dataset.names.rename import rename_label as stage

    show(stage(context.project(fixes_names=True), old, new), as_json)


@click.group(cls=Commands, short_help="Rename and retire sources.")
def sources() -> None:
    """Rename and retire sources."""


@sources.command(name="rename", short_help="Rename a source in the catalog.")
@click.argument("old")
@click.argument("new")
@json_option
@pass_context
def rename_source(context: Context, old: str, new: str, as_json: bool) -> None:
    """Rename the source OLD to NEW in the catalog, with its sites and runs. Versions keep OLD."""
    from dataset.names.rename import rename_source as stage

    show(stage(context.project(fixes_names=True), old, new), as_json)


@sources.command(short_help="Leave a source's pictures out from now on.")
@click.argument("source")
@json_option
@pass_context
def retire(context: Context, source: str, as_json: bool) -> None:
    """End what SOURCE claims: later versions leave out the pictures that no other source has."""
    from dataset.names.rename import retire_source

    show(retire_source(context.project(fixes_names=True), source), as_json)


COMMANDS: tuple[click.Command, ...] = (labels, sources)
