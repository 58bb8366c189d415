"""The `isitcake` command: parse, call one function, show."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from foundation.default_config import default_config
from foundation.errors import IsItCakeError, StageError
from foundation.settings import CONFIG_NAME
from foundation.settings_file import load
from isitcake import __version__
from isitcake.output import err, grid, json_option, progress, show


class Context:
    """What the options before the command said."""

    def __init__(self, config: Path | None) -> None:
        self.config = config

    def project(self) -> Any:
        from dataset.opening import open_project

        return open_project(load(self.config))


pass_context = click.make_pass_decorator(Context)


class Commands(click.Group):
    """A group whose every command takes --config too."""

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        if not isinstance(cmd, click.Group):
            cmd.params.append(_config_option())
        super().add_command(cmd, name)


def _config_option() -> click.Option:
    def keep(context: click.Context, parameter: click.Parameter, value: Path | None) -> None:  # noqa: ARG001
        if value is not None:
            context.ensure_object(Context).config = value

    return click.Option(
        ["--config"],
        type=click.Path(path_type=Path),
        expose_value=False,
        callback=keep,
        help=f"{CONFIG_NAME} of the project, or its folder.",
    )


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="isitcake")
@click.option("--config", type=click.Path(path_type=Path), help=f"{CONFIG_NAME} of the project, or its folder.")
@click.pass_context
def cli(context: click.Context, config: Path | None) -> None:
    """Collect an image dataset nobody has, find the labels that are wrong, publish versions to trust."""
    context.obj = Context(config)


@cli.command()
@pass_context
def init(context: Context) -> None:
    """Write a commented isitcake.toml with the talk's sources."""
    path = context.config or Path(CONFIG_NAME)
    path = path / CONFIG_NAME if path.is_dir() else path
    if path.exists():
        raise StageError(f"{path} is there already; remove it first, or name another with --config")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(default_config(), encoding="utf-8")
    show(f"wrote {path}; put your web page or e-mail address under contact, then `isitcake collect`", False)


@cli.command()
@json_option
@pass_context
def doctor(context: Context, as_json: bool) -> None:
    """Check what a run needs, and say how to mend what is missing."""
    from isitcake.doctor import examine

    checks = examine(context.config)
    rows = [("ok" if c.ok else "MISSING" if c.needed else "absent", c.name, c.says) for c in checks]
    show(checks, as_json, grid(["", "what", ""], rows))
    if any(check.needed and not check.ok for check in checks):
        sys.exit(1)


@cli.command()
@click.option("--photos", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Real photos to serve.")
@click.option("--once", is_flag=True, help="End when the loop is through, instead of at Ctrl-C.")
@click.option("--folder", type=click.Path(path_type=Path), default=Path("demo"), show_default=True, help="Its files.")
def demo(photos: Path | None, once: bool, folder: Path) -> None:
    """The whole loop against a small internet on this machine."""
    from isitcake.demo import run_demo

    run_demo(folder.resolve(), photos.resolve() if photos else None, once)


@cli.command()
@json_option
@pass_context
def run(context: Context, as_json: bool) -> None:
    """The whole loop once, as the Prefect flow `refresh`."""
    from flows import loop
    from flows.deployments import run as run_flow

    settings = load(context.config)
    version = run_flow(loop.refresh, settings.config_path)
    show({"version": version} if as_json else f"published {version}" if version else "nothing new to publish", as_json)


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8090, show_default=True, type=click.IntRange(1, 65535))
@pass_context
def serve(context: Context, host: str, port: int) -> None:
    """Keep the web service, the schedules and the triggers."""
    from isitcake.serving import serve_all

    serve_all(load(context.config), host, port)


@cli.command()
@json_option
@pass_context
def status(context: Context, as_json: bool) -> None:
    """What there is: sources, images, review, versions, models."""
    from isitcake.status import describe, tables

    found = describe(context.project())
    if as_json:
        show(found, True)
        return
    for table in tables(found):
        show("", False, table)


@cli.command()
@click.argument("sources", nargs=-1)
@json_option
@pass_context
def collect(context: Context, sources: tuple[str, ...], as_json: bool) -> None:
    """Collect from every SOURCE, or those named."""
    from crawlers.collect import collect as stage

    project = context.project()
    with progress(as_json) as steps:
        report = stage(project, sources, steps.note)
    rows = report.rows()
    show(report, as_json, grid(list(rows[0]), [list(row.values()) for row in rows]))
    report.raise_for_failures()


@cli.group(cls=Commands)
def source() -> None:
    """Where pictures come from."""


@source.command()
@click.argument("url")
@click.option("--label", help="What the page's pictures would be labelled; the project's first label by default.")
@json_option
@pass_context
def probe(context: Context, url: str, label: str | None, as_json: bool) -> None:
    """What would be collected from the page at URL, as a report with thumbnails, and the TOML to paste."""
    from crawlers.probe import probe as look
    from web.pages.probe import write_probe

    settings = load(context.config)
    with look(settings, url, label) as (probed, found):
        path = write_probe(found, probed, settings.home)
    rows = [
        (photo.outcome, photo.reason, f"{photo.width}×{photo.height}" if photo.width else "", photo.fetched_url)
        for photo in found.photos
    ]
    show(found, as_json, grid(["", "why", "pixels", "address"], rows))
    if not as_json:
        for note in [*(f"opt-out: {objection}" for objection in found.objections), *found.run.notes]:
            show(note, False)
        show(f"\npictures: {path}\nto collect it, add to {settings.config_path}:\n\n{found.toml}", False)


@cli.command()
@json_option
@pass_context
def curate(context: Context, as_json: bool) -> None:
    """Find duplicates and doubtful labels; order the review queue."""
    from dataset.curate import curate as stage

    project = context.project()
    with progress(as_json) as steps:
        report = stage(project, steps.step)
    show(report, as_json, grid(["detector", "findings"], list(report.findings.items())))


@cli.group(cls=Commands)
def review() -> None:
    """Questions to people, and their answers."""


@review.command()
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


@review.command()
@click.option("--full", is_flag=True, help="Ask for every answer, not only what changed: finds deleted ones.")
@json_option
@pass_context
def pull(context: Context, full: bool, as_json: bool) -> None:
    """Bring new answers back from Label Studio."""
    from labeling.pull import pull as stage

    show(stage(context.project(), everything=full), as_json)


@review.command(name="status")
@json_option
@pass_context
def review_status(context: Context, as_json: bool) -> None:
    """How many questions wait, who answered what."""
    from labeling.queue import status as stage

    found = stage(context.project())
    rows: list[tuple[str, int]] = [("queued", found.queued), ("waiting in Label Studio", found.waiting)]
    rows += [("disputed", found.disputed), ("waiting for the adjudicator", found.adjudicating)]
    rows += [(f"answered by {name}", count) for name, count in found.reviewers.items()]
    rows += [(f"answered {answer}", count) for answer, count in found.answers.items()]
    show(found, as_json, grid(["review", "images"], rows))


@review.command(name="reviewers")
@click.option("--week", is_flag=True, help="Of the last seven days only.")
@json_option
@pass_context
def review_reviewers(context: Context, week: bool, as_json: bool) -> None:
    """What each reviewer's answers are worth, and what a corrected label costs."""
    from labeling.reviewers import last_week, reviewers, table_rows

    project = context.project()
    found = last_week(project, datetime.now(UTC)) if week else reviewers(project)
    head, rows = table_rows(found)
    show(found, as_json, grid(head, rows))


@review.command(name="next")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(min=1))
@click.option("--audit", is_flag=True, help="Of the random sample that the card's error rate comes from.")
@json_option
@pass_context
def review_next(context: Context, limit: int, audit: bool, as_json: bool) -> None:
    """The queue's next images, without Label Studio."""
    from labeling.queue import next_items

    found = next_items(context.project(), limit, audit)
    rows = [(i["error_probability"], i["suggested_label"], "; ".join(i["reasons"]), i["path"]) for i in found]
    show(found, as_json, grid(["wrong?", "suggested", "why", "picture"], rows))


@review.command(name="aside")
@json_option
@pass_context
def review_aside(context: Context, as_json: bool) -> None:
    """What was set aside without a person, and why; any judgement brings an image back."""
    from labeling.queue import excluded

    found = excluded(context.project())
    rows = [(i["label"], i["reason"], i["path"]) for i in found]
    show(found if found or as_json else "nothing is set aside", as_json, grid(["", "why", "picture"], rows))


@review.command(name="import")
@click.argument("answers", type=click.Path(path_type=Path))
@click.option("--gold", is_flag=True, help="The answers are certain: they settle, and reviewers are measured by them.")
@json_option
@pass_context
def review_import(context: Context, answers: Path, gold: bool, as_json: bool) -> None:
    """Take judgements made elsewhere: CSV sha256,label,reviewer[,answered_at], or Label Studio's JSON export."""
    from labeling.answer_files import import_answers

    show(import_answers(context.project(), answers, are_known=gold), as_json)


@review.command(name="export")
@click.argument("answers", type=click.Path(path_type=Path))
@pass_context
def review_export(context: Context, answers: Path) -> None:
    """Write every judgement that stands to ANSWERS: CSV, or Label Studio's JSON where the name ends in .json."""
    from labeling.answer_files import export_answers

    show(f"{export_answers(context.project(), answers)} answers in {answers}", False)


@cli.command()
@click.argument("sha256")
@json_option
@pass_context
def why(context: Context, sha256: str, as_json: bool) -> None:
    """Everything known of one image and what follows from it: SHA256, or its first digits."""
    from web.pages.why import explain, steps

    found = explain(context.project(), sha256)
    show(found, as_json, grid(["", ""], steps(found)))


@cli.command()
@click.option("--force", is_flag=True, help="Publish though a gate refuses; the card says so.")
@json_option
@pass_context
def publish(context: Context, force: bool, as_json: bool) -> None:
    """Publish a version of what is known now; nothing where nothing changed."""
    from dataset.publish import publish as stage
    from web.pages.contact_sheet import write_contact_sheet
    from web.pages.report import write_report

    project = context.project()
    with progress(as_json) as steps:
        report = stage(project, progress=steps.step, force=force)
    if report.version:
        write_report(project, report.version)
        write_contact_sheet(project.home, report.version)
    labels = project.settings.project.labels
    rows = [(split, *(found.get(label, 0) for label in labels)) for split, found in report.counts.items()]
    show(report, as_json, grid(["split", *labels], rows))


@cli.group(cls=Commands)
def versions() -> None:
    """Published versions."""


@versions.command(name="list")
@json_option
@pass_context
def versions_list(context: Context, as_json: bool) -> None:
    """Every version, oldest first."""
    from dataset.versions.published import listing

    found = listing(load(context.config).home)
    rows = [(v.name, v.images, v.created[:16].replace("T", " "), v.parent or "", v.id[:16]) for v in found]
    show(found if found or as_json else "none yet; `isitcake publish` makes one", as_json,
         grid(["version", "images", "published", "after", "id"], rows))  # fmt: skip


@versions.command(name="show")
@click.argument("version")
@json_option
@pass_context
def versions_show(context: Context, version: str, as_json: bool) -> None:
    """Counts and identity of one VERSION."""
    from dataset.versions.published import load as load_version

    found = load_version(load(context.config).home, version)
    rows = [(split, *(counts.get(label, 0) for label in found.labels)) for split, counts in found.counts.items()]
    show(found, as_json, grid(["split", *found.labels], rows, f"{found.name}  id {found.id}"))


@versions.command()
@click.argument("old")
@click.argument("new")
@click.option("--html", type=click.Path(path_type=Path), help="Also write a page with thumbnails there.")
@json_option
@pass_context
def diff(context: Context, old: str, new: str, html: Path | None, as_json: bool) -> None:
    """Images added, removed and relabelled from version OLD to NEW, with reasons."""
    from dataset.versions.published import diff as compare

    found = compare(load(context.config).home, old, new)
    kinds = {"added": found.added, "removed": found.removed, "relabelled": found.relabelled}
    rows = [(kind, c["sha256"][:16], c["was"], c["label"], c["reason"]) for kind, cs in kinds.items() for c in cs]
    line = ", ".join(f"{len(changes)} {kind}" for kind, changes in kinds.items())
    if html:
        from web.pages.diff import write_diff

        line += f"; to look at: {write_diff(context.project(), found, html)}"
    show(found if as_json else line, as_json, grid(["change", "image", "was", "label", "why"], rows))


@versions.command()
@click.argument("version")
@click.option("--quick", is_flag=True, help="Hash no file: rows, places and leaks only.")
@json_option
@pass_context
def verify(context: Context, version: str, quick: bool, as_json: bool) -> None:
    """Prove that VERSION is what was published: hashes, identity, no leaks between splits."""
    from dataset.erasure.restored import restored
    from dataset.versions.verify import require_verified
    from dataset.versions.verify import verify as prove

    copied = (Path(version) / "version.json").is_file()  # a folder is verified without a project
    settings = None if copied else load(context.config)
    home, name = (settings.home, version) if settings else (Path(version), str(Path(version).resolve()))
    with progress(as_json) as steps:
        found = prove(home, name, lambda done, total: steps.step("hashing", done, total), quick=quick)
    if settings:
        found.problems.extend(restored(context.project(), version))
    hashes = "no file hashed" if quick else "every hash right"
    intact = f"{found.version}: {found.images} images, {hashes}, no leak; id {found.id}"
    show(found if as_json else "\n".join(found.problems) or intact, as_json)
    require_verified(found)


@versions.command()
@click.argument("version")
@click.option("--format", "kind", required=True, help="imagefolder, webdataset, parquet, coco or csv.")
@click.option("--to", required=True, type=click.Path(path_type=Path), help="A folder, new or of the same export.")
@json_option
@pass_context
def export(context: Context, version: str, kind: str, to: Path, as_json: bool) -> None:
    """Write VERSION in a form that others read; run again after a crash, it goes on."""
    from dataset.exports.export import export as write
    from dataset.versions.published import load as load_version

    found = load_version(load(context.config).home, version)
    with progress(as_json) as steps:
        images = write(found, kind, to, steps.step)
    told = {"version": found.name, "id": found.id, "format": kind, "images": images, "folder": str(to)}
    show(told if as_json else f"{images} images of {found.name} as {kind} in {to}", as_json)


@cli.command()
@click.option("--sha256", default="", help="One image, with every copy of it that is known.")
@click.option("--url", default="", help="The image at this address, or all on this page.")
@click.option("--source", default="", help="All that this source of isitcake.toml brought.")
@click.option("--site", default="", help="All from this site.")
@click.option("--creator", default="", help="All by this maker.")
@click.option("--reason", default="", help="Why, in a few words; kept with the tombstones.")
@click.option("--dry-run", is_flag=True, help="Say what would be erased, and do nothing.")
@json_option
@pass_context
def erase(context: Context, /, reason: str, dry_run: bool, as_json: bool, **what: str) -> None:
    """Take pictures down: bytes, derivatives, rows of every version, tasks, reports. Not undone by anything."""
    from dataset.erasure.erase import erase as stage

    report = stage(context.project(), reason, dry_run=dry_run, **what)
    rows = [("images", str(report.images)), ("versions", ", ".join(report.versions) or "none"),
            ("models trained on them", ", ".join(report.models) or "none"),
            ("tasks to withdraw at the next push or pull", str(report.tasks))]  # fmt: skip
    show(report, as_json, grid(["", ""], rows))


@cli.command()
@click.argument("version", required=False)
@click.option("--model", "names", multiple=True, help="An attempt to train; every one that can be where not given.")
@json_option
@pass_context
def train(context: Context, version: str | None, names: tuple[str, ...], as_json: bool) -> None:
    """Train every model on VERSION, the newest where none is named, and put ours before the champion."""
    from training.leaderboard import COLUMNS, board
    from training.train import train as stage
    from web.pages.leaderboard import write_leaderboard

    project = context.project()
    with progress(as_json) as steps:
        report = stage(project.settings, version, steps.step, names)
    page = write_leaderboard(project, report.version)
    show(report, as_json, grid(list(COLUMNS), board(report.trained)))
    if not as_json:
        for name, why in report.skipped.items():
            show(f"not tried: {name}, which {why}", False)
        for why in (report.promotion.refusals if report.promotion else [])[1:]:
            show(f"not promoted either because: {why}", False)
        show(f"to look at: {page}", False)


@cli.group(cls=Commands)
def models() -> None:
    """Trained models."""


@models.command(name="list")
@json_option
@pass_context
def models_list(context: Context, as_json: bool) -> None:
    """Every model, with its balanced accuracy on unseen sites; * is the champion."""
    from training.models import champion_id, listing

    home = load(context.config).home
    found, champion = listing(home), champion_id(home)
    rows = []
    for model in found:
        unseen = model.metrics.get("test_unseen_sites")
        tainted = "trained on images that were erased since" if model.is_tainted else ""
        score = unseen.balanced_accuracy if unseen else None
        mark = "*" if model.id == champion else ""
        rows.append((mark, model.name, model.version, model.trained_on, score, tainted))
    show(found if found or as_json else "none yet; `isitcake train` makes one", as_json,
         grid(["", "model", "version", "trained on", "unseen sites", ""], rows))  # fmt: skip


@models.command(name="show")
@click.argument("model")
@json_option
@pass_context
def models_show(context: Context, model: str, as_json: bool) -> None:
    """Metrics of one MODEL: its name, or name/version."""
    from training.models import find

    found = find(load(context.config).home, model)
    slices = [(name, part["images"], part["accuracy"]) for name, part in found.slices.items()]
    show(found, as_json, _metrics(found.metrics))
    if not as_json:
        show("", False, grid(["part of both tests", "images", "accuracy"], slices))
        show(str(found.path / "card.md"), False)


@models.command()
@click.argument("model")
@click.option("--force", is_flag=True, help="Whatever the gates say; the record tells.")
@json_option
@pass_context
def promote(context: Context, model: str, force: bool, as_json: bool) -> None:
    """Make MODEL the champion, which is asked where none is named, if it is better than the one there is."""
    from training.promotion import promote as stage

    report = stage(load(context.config), model, force=force)
    show(report, as_json)
    if report.refusals:
        for why in [] if as_json else report.refusals[1:]:
            show(f"and: {why}", False)
        raise click.exceptions.Exit(1)


@models.command()
@json_option
@pass_context
def rollback(context: Context, as_json: bool) -> None:
    """Go back to the champion before this one."""
    from training.promotion import rollback as stage

    show(stage(load(context.config)), as_json)


@models.command()
@json_option
@pass_context
def fetch(context: Context, as_json: bool) -> None:
    """Download pretrained weights into the folder that [models] folder names, and check them."""
    from networks.weights import fetch as stage

    with progress(as_json) as steps:
        found = stage(load(context.config, needs_weights=False), steps.step)
    show(found if as_json else f"{len(found)} files checked", as_json,
         grid(["file", "", "licence"], [(f.file, f.state, f.licence) for f in found]))  # fmt: skip


@cli.command()
@click.argument("images", nargs=-1, required=True)
@click.option("--model", help="Name, or name/version; the champion where not given.")
@click.option("--explain", is_flag=True, help="Name the training pictures that look most alike.")
@json_option
@pass_context
def predict(context: Context, images: tuple[str, ...], model: str | None, explain: bool, as_json: bool) -> None:
    """What a model takes every picture for. IMAGES are files, folders and addresses."""
    from training.models import find
    from training.predict import learned_from
    from training.predict import predict as ask

    settings = load(context.config)
    chosen = find(settings.home, model)
    with progress(as_json) as steps:
        examples = learned_from(settings, chosen, steps.step) if explain else None
        answers = ask(chosen, images, examples, steps.step)
    rows = [(a["file"], a["label"], max(a["probabilities"].values())) for a in answers]
    show(answers, as_json, grid(["picture", "label", "probability"], rows))
    if explain and not as_json:
        near = [(a["file"], n["label"], n["similarity"], n["file"]) for a in answers for n in a["nearest"]]
        show("", False, grid(["picture", "is like this", "similarity", "in training"], near))


@cli.command()
@click.argument("version", required=False)
@json_option
@pass_context
def report(context: Context, version: str | None, as_json: bool) -> None:
    """Write the HTML report with pictures, about VERSION or the newest."""
    from web.pages.report import write_report

    path = write_report(context.project(), version)
    show({"path": path} if as_json else f"wrote {path}", as_json)


def _metrics(metrics: Any) -> Any:
    rows = [
        (name, m.images, m.accuracy, m.balanced_accuracy, "{:.3f} to {:.3f}".format(*m.interval) if m.interval else "")
        for name, m in metrics.items()
    ]
    return grid(["split", "images", "accuracy", "balanced", "95 % interval"], rows)


def main() -> None:
    """Run the command; every error is one sentence on stderr and an exit code."""
    debug = "--debug" in sys.argv
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    try:
        cli.main(arguments, prog_name="isitcake", standalone_mode=False)
    except click.exceptions.Exit as ended:
        sys.exit(ended.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        err.print("stopped; what was done is kept", style="bold")
        sys.exit(130)
    except IsItCakeError as error:
        if debug:
            raise
        err.print(f"error: {error}", style="bold red", markup=False)
        sys.exit(error.exit_code)
    except Exception as error:
        if debug:
            raise
        told = _translate(error)
        err.print(f"error: {told}", style="bold red", markup=False)
        sys.exit(1)


def _translate(error: Exception) -> str:
    """A sentence for what no stage foresaw."""
    import errno

    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "no room left on the disk; free some and run this again, nothing is lost"
    where = f" ({error.filename})" if isinstance(error, OSError) and error.filename else ""
    return f"{type(error).__name__}: {error}{where}; run it again with --debug and report what it prints"
