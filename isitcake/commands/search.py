"""The command that searches pictures."""

import click

from foundation.safe_text import counted
from isitcake.options import Context, json_option, pass_context
from isitcake.output import note, print_grid, show
from isitcake.tables import Grid

SHOWN = 20  # pictures
WAYS = ("look", "text")  # as in dataset.search.query, which is slow to import


@click.command(short_help="Find pictures by words, label, source, …")
@click.argument("words", nargs=-1)
@click.option("--label", default="", help="The label that holds now; also: excluded, undecided.")
@click.option("--source", default="", help="A source that claims the picture.")
@click.option("--finding", default="", help="A detector that suspects it; or none.")
@click.option("--answer", default="", help="What a reviewer answered; or none.")
@click.option("--by", type=click.Choice(WAYS), help="Compare WORDS with pictures, or texts.")
@click.option("--limit", default=SHOWN, show_default=True, type=click.IntRange(1, 100_000), help="Most pictures.")
@json_option
@pass_context
def search(
    context: Context, /, words: tuple[str, ...], limit: int, as_json: bool, by: str | None, **chosen: str
) -> None:
    """Find pictures whose file name, alternative text or source has all WORDS, or that look like WORDS.

    Looks need a network with a tower of texts; see the documentation of [models].
    """
    from dataset.search.find import Search
    from dataset.search.query import Query

    query = Query(" ".join(words), {facet: value for facet, value in chosen.items() if value}, by or "")
    results = Search(context.project(reads_only=True)).find(query, limit=limit)
    if as_json:
        show(results, True)
        return
    rows = [(one.sha256[:12], one.label, ", ".join(one.sources), one.file, one.alt) for one in results.pictures]
    if rows:
        print_grid(Grid(["sha256", "label", "source", "file", "alternative text"], rows).without_empty(""))
    if results.note and words:
        note(results.note)
    note(f"{len(rows)} of {counted(results.total, 'picture')} shown" if rows else "no picture fits")
    for part, n in results.wider.items():
        note(f"without {'the words' if part == 'words' else f'--{part}'}: {n}")


COMMANDS: tuple[click.Command, ...] = (search,)
