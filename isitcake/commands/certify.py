"""The command that certifies how few labels are wrong."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from isitcake.options import Context, json_option, pass_context
from isitcake.output import note, show
from isitcake.tables import Grid

if TYPE_CHECKING:
    from dataset.certificates.certificate import Certificate
    from dataset.certificates.ledger import Design

DEFAULT_ERROR = 0.01
CONFIDENCE = 0.95


class Share(click.ParamType[float]):
    """A share between 0 and 1, written as 0.01 or 1%."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The share as a number."""
        text = str(value).strip()
        try:
            share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            self.fail(f"{value!r} is no share; write it like 1% or 0.01", param, ctx)
        if not 0 < share < 1:
            self.fail(f"{value!r} is not between 0 and 1; write it like 1% or 0.01", param, ctx)
        return share


@click.command(short_help="Show that few labels are wrong.")
@click.option("--error", type=Share(), help="Wrong labels to allow: 1% or 0.01. By default [publish] certify, else 1%.")
@click.option("--confidence", type=Share(), help="How sure the result is; 95% by default. Fixed with the design.")
@click.option("--renew", is_flag=True, help="Make a new design, because pictures came or labels changed.")
@click.option("--stop", is_flag=True, help="End the open design; answers stay.")
@json_option
@pass_context
def certify(
    context: Context, error: float | None, confidence: float | None, renew: bool, stop: bool, as_json: bool
) -> None:
    """Show that at most so many labels are wrong, with the fewest looks.

    The first run makes a design: which pictures people look at, in an order drawn at random, riskier ones more often.
    The wall (`isitcake serve`), Label Studio and `isitcake review next --certify` ask about them. Every later run says
    what the answers show so far. You may stop at any time, and go on at any time: the numbers hold. The next version
    that you publish has the certificate, and `isitcake versions verify` recomputes it.
    """
    from dataset.certificates import ledger
    from foundation.errors import UsageError

    if stop and renew:
        raise UsageError("--stop ends a design and --renew makes one; use one of them")
    project = context.project()
    now = datetime.now(UTC)
    if stop:
        ended = ledger.stop(project, now)
        show({"ended": ended} if as_json else "the design is ended" if ended else "no design is open", as_json)
        return
    if renew or not ledger.has_open_design(project):
        if not as_json:
            note("planning which pictures to look at …")
        ledger.begin(project, error or project.settings.publish.certify or DEFAULT_ERROR, confidence or CONFIDENCE, now)
    elif error or confidence:
        ledger.aim(project, error, confidence)
    _show(*ledger.present_certificate(project), as_json)


def _show(design: "Design", certificate: "Certificate", as_json: bool) -> None:
    if as_json:
        summary = {**asdict(certificate), "wrong_at_most": certificate.wrong_at_most, "share": certificate.share}
        show({**summary, "holds": certificate.holds, "design": design.id, "most_looks": design.plan.most_looks}, True)
        return
    rows: list[tuple[str, Any]] = [
        ("images", certificate.images),
        ("labels that people settled", certificate.known),
        ("looks so far", certificate.looks),
        ("wrong labels found and corrected", certificate.found),
        ("wrong labels left, at most", certificate.wrong_at_most),
    ]
    rows += [("new or changed since the design", certificate.uncovered)] if certificate.uncovered else []
    for kind, part in (("label", certificate.by_label), ("held-out site", certificate.larger_sites)):
        rows += [(f"{kind} {name}: wrong at most", f"{wrong} of {n}") for name, (n, wrong) in part.items()]
    show("", False, Grid(["certificate", f"for {certificate.error:.2%}"], rows))
    show(_sentence(design, certificate), False)


def _sentence(design: "Design", certificate: "Certificate") -> str:
    """What is shown, and what to do next."""
    if certificate.holds:
        return f"shown: {certificate.line()}; `isitcake publish` writes the certificate into the next version"
    text = f"so far: {certificate.line()}"
    if certificate.uncovered > certificate.error * certificate.images:
        return f"{text}; too many pictures are new: `isitcake certify --renew` makes a design that has them"
    plan = design.plan
    expected = f"about {plan.looks} looks, and {plan.most_looks} in one case of ten" if plan.looks else "many looks"
    return (
        f"{text}; expected to need {expected}. Answer at the wall of `isitcake serve`, or list them with "
        "`isitcake review next --certify`"
    )


COMMANDS: tuple[click.Command, ...] = (certify,)
