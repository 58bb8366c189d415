"""Commands that write something about a version for people who do not use this program."""

from pathlib import Path

import click

from isitcake.options import Context, FilePath, json_option, pass_context
from isitcake.output import short_path, show


@click.command(short_help="Write a report with pictures, or a paper about a version.")
@click.argument("version", required=False)
@click.option("--datasheet", is_flag=True, help="Write the datasheet instead.")
@click.option("--ai-act", is_flag=True, help="Write the summary of training content (AI Act) instead.")
@click.option("--to", type=FilePath("report.html"), help="Write it to this file; library/reports/ by default.")
@json_option
@pass_context
def report(
    context: Context, version: str | None, datasheet: bool, ai_act: bool, to: Path | None, as_json: bool
) -> None:
    """Write an HTML report with pictures about VERSION, the newest by default.

    --datasheet answers the questions of "Datasheets for Datasets", --ai-act those of the European Commission's template
    for the summary of training content. Both print on A4; --json prints them and writes no file without --to.
    """
    if datasheet and ai_act:
        raise click.UsageError("--datasheet and --ai-act are two papers; ask for one at a time")
    kind = "datasheet" if datasheet else "ai-act" if ai_act else None
    project = context.project(reads_only=to is not None or (as_json and kind is not None))
    if kind is None:
        from web.pages.version_pages import write_report_to

        path = write_report_to(project, version, to)
        show({"path": path} if as_json else f"wrote {path}", as_json)
        return
    from web.site.papers import paper_of, write_paper

    paper = paper_of(project, kind, version)
    written = write_paper(project, paper, to) if to is not None or not as_json else None
    show(paper, as_json)
    if written and not as_json:
        show(f"wrote {short_path(written)}; print it from a browser to make a PDF", False)


@click.command(short_help="Show what owners say about training, and when.")
@click.argument("about", metavar="[SHA256|URL]", required=False)
@click.option("--csv", type=FilePath("receipts.csv"), help="Write the receipts of a whole version to this file.")
@click.option("--version", help="The version of --csv; the newest by default.")
@json_option
@pass_context
def consent(context: Context, about: str | None, csv: Path | None, version: str | None, as_json: bool) -> None:
    """Print the receipt of a picture: what was asked about training, when, and what the answer was, each time.

    SHA256|URL: a SHA-256 or its first digits, or the address of a picture or a page. --csv writes one row for each
    picture of a version instead.
    """
    if (about is None) == (csv is None):
        raise click.UsageError("name a picture by its SHA-256 or an address, or a file with --csv")
    if version and csv is None:
        raise click.UsageError("--version is for --csv; a single receipt is about every version")
    project = context.project(reads_only=True)
    if csv is not None:
        from crawlers.ledger.receipts import write_receipts

        show(write_receipts(project, csv, version), as_json)
        return
    from crawlers.ledger.receipt import receipt
    from isitcake.tables import Grid

    found = receipt(project, about or "")
    show(found, as_json, Grid(["asked", "what", "verdict", "said", "address"], found.rows()))


COMMANDS: tuple[click.Command, ...] = (report, consent)
