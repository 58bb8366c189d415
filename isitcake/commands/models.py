"""Commands about models: train, compare, promote, ask."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from foundation.safe_text import counted, printable
from isitcake.options import Commands, Context, json_option, pass_context
from isitcake.output import note, plain, print_grid, progress, short_path, show
from isitcake.tables import Grid

if TYPE_CHECKING:
    from training.comparison import Standing
    from training.metrics import Metrics
    from training.models import Model


@click.command(short_help="Train models on a version.")
@click.argument("version", required=False)
@click.option("--model", "names", multiple=True, help="Attempt to train; by default every one that can be trained.")
@json_option
@pass_context
def train(context: Context, version: str | None, names: tuple[str, ...], as_json: bool) -> None:
    """Train models on VERSION, the newest by default, then try to promote the best of them (docs/training.md)."""
    from training.comparison import COLUMNS, UNKNOWN, board
    from training.train import train as stage
    from web.pages.leaderboard import write_leaderboard

    project = context.project()
    with progress(as_json) as steps:
        report = stage(project.settings, version, steps.step, names)
    page = write_leaderboard(project, report.version)
    rows = [[cell for name, cell in zip(COLUMNS, row, strict=True) if name != "what"] for row in board(report.trained)]
    show(report, as_json, Grid([name for name in COLUMNS if name != "what"], rows).without_empty(UNKNOWN))
    if not as_json:
        for name, reason in report.skipped.items():
            show(f"not trained: {name} {reason}", False)
        for refusal in (report.promotion.refusals if report.promotion else [])[1:]:
            show(f"also not promoted because: {refusal}", False)
        show(f"page: {short_path(page)}", False)


@click.group(cls=Commands, short_help="List, promote and fetch models.")
def models() -> None:
    """List, show and promote trained models; fetch pretrained weights."""


@models.command(name="list", short_help="List every model.")
@json_option
@pass_context
def list_(context: Context, as_json: bool) -> None:
    """List every model with its mean recall over groups on the newest version's tests; * marks the default model."""
    from dataset.reader import todays_labels
    from training.comparison import standings
    from training.models import listing

    settings = context.settings()
    listed, today = listing(settings.home), todays_labels(settings)
    measured = standings(settings.home, today, listed) if today and listed else []
    if as_json:
        found = {one.model.id: one for one in measured}
        show([_with_standing(model, found.get(model.id)) for model in listed], as_json)
        return
    rows = [
        ("*" if one.is_default else "", one.model.name, one.model.version, one.model.trained_on, one.headline,
         one.worst, "; ".join(one.notes))
        for one in measured
    ]  # fmt: skip
    title = measured[0].measured_on.replace("test_unseen_sites", "unseen sites") if measured else ""
    columns = ["", "model", "version", "trained on", title, "worst group", "note"]
    note = f"on the tests of {today.version.name}, with the labels that hold now" if today else ""
    show(
        measured or "no model yet; `isitcake train` makes one",
        as_json,
        Grid(columns, rows, note),
    )


def _with_standing(model: "Model", standing: "Standing | None") -> dict[str, Any]:
    """A model as JSON, with its standing on the common tests."""
    if standing is None:
        return dict(plain(model))
    return {
        **plain(model), "default": standing.is_default, "measured_on": standing.measured_on,
        "headline": standing.headline, "headline_interval": standing.measured.headline_interval,
        "worst_group": standing.worst, "changed_labels": standing.changed, "outdated": standing.is_outdated,
    }  # fmt: skip


@models.command(name="show", short_help="Show the metrics of a model.")
@click.argument("model")
@json_option
@pass_context
def show_(context: Context, model: str, as_json: bool) -> None:
    """Show the metrics of MODEL: its name, or name/version."""
    from training.models import find

    chosen = find(context.settings().home, model)
    parts = [(name, part["images"], part["accuracy"]) for name, part in chosen.slices.items()]
    show(chosen, as_json, _metrics(chosen.metrics))
    if not as_json:
        print_grid(Grid(["part of both tests", "images", "accuracy"], parts))
        show(str(chosen.path / "card.md"), False)


@models.command(short_help="Make a model the default model.")
@click.argument("model")
@click.option("--force", is_flag=True, help="Promote even if it does not beat the default model; this is recorded.")
@json_option
@pass_context
def promote(context: Context, model: str, force: bool, as_json: bool) -> None:
    """Make MODEL the default for `predict`, if it beats the current default."""
    from training.promotion import promote as stage

    report = stage(context.settings(), model, force=force)
    show(report, as_json)
    if report.refusals:
        for refusal in [] if as_json else report.refusals[1:]:
            show(f"and: {refusal}", False)
        raise click.exceptions.Exit(1)


@models.command(short_help="Restore the previous default model.")
@json_option
@pass_context
def rollback(context: Context, as_json: bool) -> None:
    """Restore the previous default model."""
    from training.promotion import rollback as stage

    show(stage(context.settings()), as_json)


@models.command(short_help="Fit models anew after an erasure.")
@click.argument("names", metavar="[MODEL …]", nargs=-1)
@json_option
@pass_context
def refit(context: Context, names: tuple[str, ...], as_json: bool) -> None:
    """Fit models anew on the images that their versions still have; by default all that learned from erased images.

    The numbers are those of a training that never saw the erased images. A default model stays the default model.
    """
    from training.refit import refit as stage

    project = context.project()
    with progress(as_json) as steps:
        report = stage(project.settings, names, steps.step)
    rows = [(model.id, model.trained_on, model.rows_digest[:16]) for model in report.refitted]
    show(report, as_json, Grid(["model", "trained on", "digest of its images"], rows))


@models.command(short_help="Check what a model learned from.")
@click.argument("model", required=False)
@json_option
@pass_context
def verify(context: Context, model: str | None, as_json: bool) -> None:
    """Check that every image that MODEL learned from is still in its version: no erased image is left in it."""
    from training.refit import prove

    proof = prove(context.settings(), model)
    show(proof, as_json)
    if proof.problem:
        raise click.exceptions.Exit(1)


@models.command(short_help="Download pretrained weights.")
@click.argument("network", metavar="[NAME]", required=False)
@json_option
@pass_context
def fetch(context: Context, network: str | None, as_json: bool) -> None:
    """Download pretrained weights to the folder that `[models] folder` names, and check them.

    NAME: of one network, such as `siglip2` or `clip`; without it MobileNetV2 and a detector of objects.
    """
    from networks.weights import fetch as stage

    with progress(as_json) as steps:
        files = stage(context.settings(needs_weights=False), steps.step, network)
    show(
        files if as_json else f"{counted(len(files), 'file')} checked",
        as_json,
        Grid(["file", "state", "licence"], [(f.file, f.state, f.licence) for f in files]),
    )


@click.command(short_help="Classify pictures.")
@click.argument("images", nargs=-1, required=True)
@click.option("--model", help="Name, or name/version; the default model otherwise.")
@click.option("--explain", is_flag=True, help="Name the training pictures that look most alike.")
@json_option
@pass_context
def predict(context: Context, images: tuple[str, ...], model: str | None, explain: bool, as_json: bool) -> None:
    """Classify pictures: files, folders or URLs. What cannot be read is skipped, and named on stderr.

    In a folder, and below it, every file with the ending of a picture counts. Exit code 1 if a file, folder or URL that
    you named, or everything, was skipped.
    """
    from dataset.reader import new_label_names
    from foundation.errors import StageError
    from training.models import find, why_chosen
    from training.predict import learned_from, outgoing_of
    from training.predict import predict as stage

    settings = context.settings()
    chosen = find(settings.home, model).renamed(new_label_names(settings))
    if not as_json:
        note(why_chosen(settings.home, chosen, model))
    skipped: list[tuple[str, str]] = []
    with progress(as_json) as steps:
        examples = learned_from(settings, chosen, steps.step) if explain else None
        answers = stage(chosen, images, examples, steps.step, outgoing_of(settings), lambda *one: skipped.append(one))
    rows = [(a["file"], a["label"], max(a["probabilities"].values())) for a in answers]
    show(answers, as_json, Grid(["picture", "label", "probability"], rows))
    if explain and not as_json:
        near = [(a["file"], n["label"], n["similarity"], n["file"]) for a in answers for n in a["nearest"]]
        print_grid(Grid(["picture", "is like this", "similarity", "in training"], near))
    for _, why in skipped:
        note(f"skipped: {printable(why)}")
    if skipped and (not answers or any(name in images for name, _ in skipped)):
        raise StageError(f"{counted(len(skipped), 'picture')} skipped, {len(answers)} classified")


def _metrics(metrics: "Mapping[str, Metrics]") -> Grid:
    rows = [
        (name, m.images, m.accuracy, m.headline, m.balanced_accuracy,
         "{:.3f} to {:.3f}".format(*m.interval) if m.interval else "")
        for name, m in metrics.items()
        if m.images
    ]  # fmt: skip
    return Grid(["split", "images", "accuracy", "groups", "balanced", "95 % interval"], rows)


COMMANDS: tuple[click.Command, ...] = (train, models, predict)
