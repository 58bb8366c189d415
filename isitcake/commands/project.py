"""Commands about a project as a whole: make one, check it, run its stages, serve it, look at it."""

import sys
from pathlib import Path

import click

from isitcake.commands.init import init
from isitcake.options import Context, FolderPath, json_option, pass_context
from isitcake.output import note, print_grid, show
from isitcake.tables import Grid


@click.command(short_help="Check that everything needed is there.")
@json_option
@pass_context
def doctor(context: Context, as_json: bool) -> None:
    """Check that everything a run needs is there, and say how to fix what is missing."""
    from isitcake.doctor import examine

    checks = list(examine(context.config))
    rows = [(check.state, check.name, check.message) for check in checks]
    show(
        [{"name": c.name, "ok": c.ok, "needed": c.needed, "says": c.message} for c in checks],
        as_json,
        Grid(["state", "what", "details"], rows),
    )
    if any(check.needed and not check.ok for check in checks):
        sys.exit(1)


@click.command(short_help="Run the whole loop on this machine.")
@click.option("--photos", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Folder of real photos.")
@click.option("--once", is_flag=True, help="End after the loop; otherwise servers stay up until Ctrl-C.")
@click.option("--folder", type=FolderPath(), default=Path("demo"), show_default=True, help="For its files.")
@json_option
def demo(photos: Path | None, once: bool, folder: Path, as_json: bool) -> None:
    """Run the whole loop on this machine, against a small internet with known truth."""
    from isitcake.demo import run_demo

    run_demo(folder.resolve(), photos.resolve() if photos else None, once, as_json)


@click.command(short_help="Run every stage once.")
@json_option
@pass_context
def run(context: Context, as_json: bool) -> None:
    """Run every stage once, as the Prefect flow `refresh`: collect, curate, ask, publish, train."""
    from foundation.environment import protect_temporary_prefect

    protect_temporary_prefect()
    from flows import loop
    from flows.deployments import run as run_flow

    settings = context.settings()
    version = run_flow(loop.refresh, settings.config_path)
    if not settings.has_label_studio:
        note(loop.NO_STUDIO)
    show({"version": version} if as_json else f"published {version}" if version else "nothing new to publish", as_json)


@click.command(short_help="Serve pages, pictures and schedules.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8090, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on.")
@json_option
@pass_context
def serve(context: Context, host: str, port: int, as_json: bool) -> None:
    """Serve the pages and pictures, and run the schedules and triggers, until you stop it."""
    from isitcake.serving import serve_all

    serve_all(context.settings(), host, port, (lambda opened: show(opened, True)) if as_json else None)


@click.command(short_help="Show what the project holds.")
@json_option
@pass_context
def status(context: Context, as_json: bool) -> None:
    """Show what the project holds: sources, images, review, versions, models."""
    from isitcake.status import describe, grids

    state = describe(context.project(reads_only=True))
    if as_json:
        show(state, True)
        return
    for grid in grids(state):
        print_grid(grid)


@click.command(short_help="Explain the label of one image.")
@click.argument("sha256")
@json_option
@pass_context
def why(context: Context, sha256: str, as_json: bool) -> None:
    """Explain the label of one image: everything known of it, in order. SHA256: or its first digits."""
    from web.pages.why import explain, steps

    history = explain(context.project(reads_only=True), sha256)
    show(history, as_json, Grid(["step", "details"], steps(history)))


COMMANDS: tuple[click.Command, ...] = (init, doctor, demo, run, serve, status, why)
