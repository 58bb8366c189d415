"""Commands about published versions."""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from foundation.safe_text import counted
from isitcake.options import Commands, Context, FilePath, FolderPath, json_option, pass_context
from isitcake.output import progress, short_path, show
from isitcake.tables import Grid

if TYPE_CHECKING:
    from dataset.erasure.erase import EraseReport


@click.command(short_help="Publish a version of the dataset.")
@click.option("--force", is_flag=True, help="Publish even if a gate refuses; the dataset card says so.")
@json_option
@pass_context
def publish(context: Context, force: bool, as_json: bool) -> None:
    """Publish a version of the dataset. Does nothing if nothing changed.

    Owners of pictures who were asked long ago are asked again first: see [publish] recheck_days.
    """
    from crawlers.recheck import recheck
    from dataset.publish import publish as stage
    from web.pages.version_pages import write_pages

    project = context.project()
    with progress(as_json) as steps:
        asked = recheck(project, progress=steps.step)
        report = stage(project, progress=steps.step, force=force).with_notes(asked.notes())
    write_pages(project, report.newest)
    labels = project.settings.project.labels
    rows = [(split, *(counts.get(label, 0) for label in labels)) for split, counts in report.counts.items()]
    show(report, as_json, Grid(["split", *labels], rows))
    if report.version and not as_json:
        show(f"folder: {short_path(project.home / 'versions' / report.version)}", False)


@click.group(cls=Commands, short_help="List, compare, check and export versions.")
def versions() -> None:
    """List, compare, check and export published versions."""


@versions.command(name="list", short_help="List every version.")
@json_option
@pass_context
def list_(context: Context, as_json: bool) -> None:
    """List every version, the oldest first, with the images that are left, and what was erased."""
    from dataset.versions.published import listing

    listed = listing(context.settings().home)
    rows = [
        (v.name, v.images, v.created[:16].replace("T", " "), v.parent or "", v.id[:16], v.erasure_note) for v in listed
    ]
    show(
        listed if listed or as_json else "no version yet; `isitcake publish` makes one",
        as_json,
        Grid(["version", "images", "published", "parent", "id", "note"], rows).without_empty(""),
    )


@versions.command(name="show", short_help="Show counts and identity of a version.")
@click.argument("version")
@json_option
@pass_context
def show_(context: Context, version: str, as_json: bool) -> None:
    """Show how many images each split of VERSION has now, its id, and what was erased."""
    from dataset.versions.published import load

    loaded = load(context.settings().home, version)
    rows = [(split, *(counts.get(label, 0) for label in loaded.labels)) for split, counts in loaded.counts.items()]
    show(loaded, as_json, Grid(["split", *loaded.labels], rows, f"{loaded.name}  id {loaded.id}"))
    if loaded.erasures and not as_json:
        show(loaded.erasure_note, as_json)


@versions.command(short_help="Compare two versions.")
@click.argument("old")
@click.argument("new")
@click.option("--html", type=FilePath("diff.html"), help="Write a page with thumbnails to this file, too.")
@json_option
@pass_context
def diff(context: Context, old: str, new: str, html: Path | None, as_json: bool) -> None:
    """List images added, removed and relabelled from version OLD to version NEW, with reasons."""
    from dataset.versions.changes import new_names
    from dataset.versions.published import diff as compare

    changes = compare(context.settings().home, old, new)
    kinds = {"added": changes.added, "removed": changes.removed, "relabelled": changes.relabelled}
    rows = [(kind, c["sha256"][:16], c["was"], c["label"], c["reason"]) for kind, cs in kinds.items() for c in cs]
    counts = ", ".join(f"{len(changed)} {kind}" for kind, changed in kinds.items())
    renames = new_names(changes.renamed, changes.renamed_sources, f"in {changes.new}")
    line = "; ".join(filter(None, [counts, *renames, changes.renumbered]))
    if html:
        from web.pages.diff import write_diff

        line += f"; page: {write_diff(context.project(reads_only=True), changes, html)}"
    show(changes if as_json else line, as_json, Grid(["change", "image", "was", "label", "reason"], rows))


@versions.command(short_help="Check that a version is unchanged.")
@click.argument("version")
@click.option("--quick", is_flag=True, help="Hash no file: check rows, paths and leaks only.")
@json_option
@pass_context
def verify(context: Context, version: str, quick: bool, as_json: bool) -> None:
    """Check that VERSION is what was published: every file, id, no leak between splits. Takes a folder, too."""
    from dataset.erasure.restored import restored
    from dataset.versions.verify import require_verified
    from dataset.versions.verify import verify as stage

    is_folder = (Path(version) / "version.json").is_file()  # a copied version needs no project
    home, name = (Path(version), str(Path(version).resolve())) if is_folder else (context.settings().home, version)
    with progress(as_json) as steps:
        result = stage(home, name, steps.step, quick=quick)
    if not is_folder:
        result.problems.extend(restored(context.project(reads_only=True), version))
    hashes = "no file hashed" if quick else "every hash right"
    intact = f"{result.version}: {counted(result.images, 'image')}, {hashes}, no leak; id {result.id}"
    if result.erasures:
        intact += f", after {counted(result.erasures, 'erasure')}"
    lines = [*(result.problems or [intact]), *filter(None, [result.note])]
    show(result if as_json else "\n".join(lines), as_json)
    require_verified(result)


@versions.command(short_help="Write a version in another format.")
@click.argument("version")
@click.option("--format", "kind", required=True, help="imagefolder, webdataset, parquet, coco, fiftyone, yolo or csv.")
@click.option("--to", required=True, type=FolderPath(), help="A folder: new, or of the same export.")
@json_option
@pass_context
def export(context: Context, version: str, kind: str, to: Path, as_json: bool) -> None:
    """Write VERSION in a format that other tools read. Run again after a crash, it continues."""
    from dataset.exports.export import export as stage
    from dataset.versions.published import load, path_note

    loaded = load(context.settings().home, version)
    with progress(as_json) as steps:
        images = stage(loaded, kind, to, steps.step)
    summary = {"version": loaded.name, "id": loaded.id, "format": kind, "images": images, "folder": str(to)}
    line = "; ".join(filter(None, [f"{counted(images, 'image')} of {loaded.name} as {kind} in {to}", path_note(to)]))
    show(summary if as_json else line, as_json)


@versions.command(short_help="Push a version to the Hugging Face Hub.")
@click.argument("target")
@click.argument("version", default="latest")
@click.option("--private", is_flag=True, help="Make a new repository private.")
@click.option("--only-open", is_flag=True, help="Leave out pictures without a licence known to permit sharing.")
@click.option("--allow-licence", "allowed", multiple=True, help="You may share this licence; as the manifest has it.")
@click.option("--dry-run", is_flag=True, help="Only say what would be pushed.")
@json_option
@pass_context
def push(context: Context, /, target: str, version: str, as_json: bool, **wish: Any) -> None:
    """Push VERSION, the newest by default, to TARGET: hf://OWNER/NAME, a dataset repository.

    Run again, it goes on; what is there already is not uploaded. After an erasure, it removes the pictures there, too.
    """
    from dataset.exports.hub_copy import Wish
    from dataset.exports.push import push as stage
    from dataset.versions.published import load
    from foundation.sharing.machines import VERSIONS_LOCK, held

    settings = context.settings()
    with progress(as_json) as steps:
        found, alone = load(settings.home, version), partial(held, settings, VERSIONS_LOCK)
        report = stage(settings.home, found, target, Wish(**wish), steps.step, alone)
    rows = [
        (licence, images, "yes" if licence in report.may_be_shared else "not known")
        for licence, images in report.licences.items()
    ]
    show(report, as_json, Grid(["licence", "images", "may be shared"], rows))


@click.command(short_help="Take pictures down, everywhere.")
@click.option("--sha256", default="", help="One image, with every copy of it; the first digits do.")
@click.option("--url", default="", help="The image at this address, or all images on this page.")
@click.option("--source", default="", help="All images of this source of isitcake.toml.")
@click.option("--site", default="", help="All images of this site.")
@click.option("--creator", default="", help="All images by this person.")
@click.option("--reason", default="", help="The reason, in a few words; kept with the tombstones.")
@click.option("--dry-run", is_flag=True, help="Only say what would be erased.")
@json_option
@pass_context
def erase(context: Context, /, reason: str, dry_run: bool, as_json: bool, **selection: str) -> None:
    """Take pictures down everywhere: files, rows of every version, tasks, reports. It cannot be undone."""
    from dataset.erasure.erase import erase as stage
    from dataset.erasure.erase import finished_since, require_found
    from dataset.erasure.selection import Selection

    started = datetime.now(UTC)
    project = context.project(fixes_names=True)
    report = stage(project, Selection.of(selection), reason, dry_run)
    if report.nothing and (finished := finished_since(project, started)):
        show(
            report if as_json else f"finished the erasure of {counted(finished, 'image')} that was interrupted before",
            as_json,
        )
        _tell_to_push(report, dry_run or as_json)
        return
    if report.nothing and not as_json:
        require_found(report)
    rows = [
        ("images", str(report.images)),
        ("versions", ", ".join(report.versions) or "none"),
        ("models trained on them", ", ".join(report.models) or "none"),
        ("tasks to withdraw at the next push or pull", str(report.tasks)),
    ]
    show(report, as_json, Grid(["would be erased" if dry_run else "erased", "what"], rows))
    _tell_to_push(report, dry_run or as_json)
    if report.models and not dry_run and not as_json:
        show("run `isitcake models refit` to fit these models anew without the pictures", False)
    require_found(report)


def _tell_to_push(report: "EraseReport", is_quiet: bool) -> None:
    """Print what to do about repositories that hold erased pictures. is_quiet: nothing was done, or JSON is printed."""
    from dataset.exports.pushed_to import push_again

    for target in () if is_quiet else report.pushed_to:
        show(push_again(target), False)


COMMANDS: tuple[click.Command, ...] = (publish, versions, erase)
