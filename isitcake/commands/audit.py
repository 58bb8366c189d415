"""Commands for pictures that were not collected here: audit a data set, find copies, find originals. No project."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from isitcake.options import Context, FilePath, FolderPath, json_option, pass_context
from isitcake.output import print_grid, progress, say, short_path, show
from isitcake.tables import Grid

if TYPE_CHECKING:
    from foundation.settings import Settings
    from isitcake.auditing.audit import Audit
    from isitcake.auditing.dedupe import Found
    from isitcake.auditing.fixes import SignedFixes

A_FOLDER, FIXES, A_REPORT = FolderPath(), FilePath("fixes.json"), FilePath("audit-report.html")
REPORT = Path("audit-report.html")
NOT_WITH = {  # options that are another task each
    "sign": ("apply", "fixes", "report", "work", "dry_run", "signer", "subject"),
    "apply": ("fixes", "report", "work", "subject"),
}
SUBJECT_HELP = "Subject pack that knows the labels. By default the one of exactly these labels, if there is one."
WORK_HELP = "Folder that keeps the work, so that the next run goes on. By default a temporary one, deleted at the end."


@click.command(short_help="Find what is wrong with a data set.")
@click.argument("target", required=False, metavar="FOLDER|hf:NAME|VERSION")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1), help="Rows of each table.")
@click.option("--report", type=A_REPORT, help="Where the report goes: audit-report.html here, none with --json.")
@click.option("--fixes", type=FIXES, help="Write what to remove and relabel to this file, signed.")
@click.option("--apply", type=FIXES, help="Move the files that this file of fixes names and has decided.")
@click.option("--dry-run", is_flag=True, help="With --apply: check and list, but move nothing.")
@click.option("--signer", default="", metavar="FINGERPRINT", help="With --apply: whose fixes these are, if not yours.")
@click.option("--sign", type=FIXES, help="Sign this file of fixes again, because you decided some of them.")
@click.option("--subject", metavar="NAME|none", help=SUBJECT_HELP)
@click.option("--work", type=A_FOLDER, help=WORK_HELP)
@json_option
@pass_context
def audit(context: Context, /, target: str | None, as_json: bool, **options: Any) -> None:
    """Find what is wrong with a data set that was not made here: no project, no configuration.

    It lists copies, leaks between splits, suspicious labels and shortcuts, and writes a report with pictures. FOLDER is
    FOLDER/LABEL/*.jpg or FOLDER/SPLIT/LABEL/*.jpg. The data set stays as it is; only --apply moves files, and deletes
    none.
    """
    from foundation.errors import UsageError

    _refuse_together(options)
    if options["sign"]:
        _sign(options["sign"], as_json)
        return
    if not target:
        raise UsageError("give a FOLDER, hf:NAME or VERSION; `isitcake audit --help` lists the options")
    if options["dry_run"] and not options["apply"]:
        raise UsageError("--dry-run needs --apply FILE.json; without it, nothing is moved anyway")
    if options["signer"] and not options["apply"]:
        raise UsageError("--signer needs --apply FILE.json; it says whose fixes you apply")
    if options["apply"]:
        _apply(Path(target), options, as_json)
        return
    _audit(context, target, as_json, options)


def _refuse_together(options: dict[str, Any]) -> None:
    from foundation.errors import UsageError

    for one, others in NOT_WITH.items():
        if options[one] and (other := next((name for name in others if options[name]), "")):
            raise UsageError(f"--{one} and --{other.replace('_', '-')} do not go together; leave one of them out")


def _audit(context: Context, target: str, as_json: bool, options: dict[str, Any]) -> None:
    from isitcake.auditing.fixes import fixes_of, write_fixes
    from isitcake.auditing.report import write_report
    from isitcake.auditing.signature import require_key
    from isitcake.auditing.target import audited

    written = {}
    report: Path | None = options["report"] or (None if as_json else REPORT)
    outputs = [path for path in (report, options["fixes"]) if path]
    subject = "" if options["subject"] == "none" else options["subject"]
    if options["fixes"]:
        require_key()  # before the work, which may take long

    with (
        progress(as_json) as steps,
        audited(target, options["work"], lambda: _home(context), steps.step, outputs, subject) as (found, opened),
    ):
        if report:
            write_report(found, opened.project, report)
            written["report"] = str(report)
    if signed_by := write_fixes(options["fixes"], fixes_of(found)) if options["fixes"] else "":
        written |= {"fixes": str(options["fixes"]), "signed_by": signed_by}
    if as_json:
        show({**_as_json(found), **written}, True)
        return
    _print(found, options["limit"])
    if report:
        show(f"report with pictures: {short_path(report)}", False)
    if signed_by:
        show(f"fixes: {short_path(options['fixes'])}, signed by key {signed_by}", False)


def _home(context: Context) -> Path:
    return context.settings(needs_weights=False).home


def _as_json(found: "Audit") -> dict[str, Any]:
    return {
        "dataset": found.dataset.name,
        "files": len(found.files),
        "counts": found.counts(),
        "unread": dict(found.unread),
        "duplicates": [removal.facts() for removal in found.copies.duplicates],
        "leaks": [removal.facts() for removal in found.leaks],
        "labels": [
            {
                "files": [file.path for file in suspect.files],
                "sha256": suspect.file.sha256,
                "label": suspect.file.label,
                "suggestion": suspect.suggestion,
                "error_probability": suspect.error_probability,
                "reasons": suspect.reasons,
            }
            for suspect in found.suspects
        ],
        "shortcuts": list(found.shortcuts),
        "notes": list(found.notes),
    }


def _print(found: "Audit", limit: int) -> None:
    """The tables for people, the summary last."""
    from isitcake.auditing.report import said

    counts = found.counts()
    splits = found.dataset.splits or ["all"]
    rows = [(label, *(of_split[split] for split in splits)) for label, of_split in counts.items()]
    _grid(f"{found.dataset.name}: files", ["label", *splits], rows, limit)
    _grid("not read", ["file", "why"], list(found.unread.items()), limit)
    head = ["file", "same picture as"]
    removals = [(removal.file.path, removal.keeps.path) for removal in found.copies.duplicates]
    _grid("near-duplicates", head, removals, limit)
    _grid("leaks between splits", head, [(one.file.path, one.keeps.path) for one in found.leaks], limit)
    if len(found.dataset.labels) > 1:
        suspects = [
            (
                suspect.file.path,
                suspect.file.label,
                "" if suspect.suggestion == suspect.file.label else said(suspect),
                f"{suspect.error_probability:.2f}",
            )
            for suspect in found.suspects
        ]
        title = "most suspicious labels: the figures only order them"
        _grid(title, ["file", "label", "perhaps", "wrong"], suspects, limit)
    shortcuts = [(row.feature, f"{row.score:.2f}", row.advice) for row in found.worst_shortcuts]
    title = f"shortcuts: what predicts the label alone; {found.chance:.2f} is chance level"
    _grid(title, ["property", "accuracy", "how to fix it"], shortcuts, limit)
    for note in found.notes:
        show(f"note: {note}", False)
    show(_summary(found), False)


def _summary(found: "Audit") -> str:
    from foundation.safe_text import counted

    conflicts = len(found.copies.conflicts)
    parts = [
        f"{counted(len(found.files), 'picture')} read",
        f"{len(found.unread)} not read" if found.unread else "",
        counted(len(found.copies.duplicates), "near-duplicate"),
        counted(len(found.leaks), "leak") if len(found.dataset.splits) > 1 else "",
        f"{counted(conflicts, 'picture')} with two labels" if conflicts else "",
        f"{counted(len(found.proposed), 'label')} to check first" if len(found.dataset.labels) > 1 else "",
        counted(len(found.worst_shortcuts), "shortcut") if found.shortcuts else "",
    ]
    return ", ".join(filter(None, parts))


def _grid(title: str, head: list[str], rows: list[Any], limit: int) -> None:
    if not rows:
        return
    print_grid(Grid(head, rows[:limit], title))
    _more(len(rows), limit)
    say()


def _more(rows: int, limit: int) -> None:
    if rows > limit:
        say(f"… and {rows - limit} more; --limit {rows} shows all")


def _apply(folder: Path, options: dict[str, Any], as_json: bool) -> None:
    from foundation.safe_text import counted
    from isitcake.auditing.apply import carry_out, plan
    from isitcake.auditing.fixes import read_fixes, require_signer

    path, is_dry = options["apply"], options["dry_run"]
    read = read_fixes(path)
    if not is_dry or options["signer"]:
        require_signer(path, read, options["signer"])
    if not as_json:
        say(f"{short_path(path)}: {_whose(read)}")
    with progress(as_json) as steps:
        planned = plan(folder, read.fixes, steps.step)
        if not is_dry:
            carry_out(planned, steps.step)
    moves = [{"from": str(move.source), "to": str(move.target), "reason": move.fix.reason} for move in planned.waiting]
    summary = {"moved": 0 if is_dry else len(moves), "moves": moves, "undecided": planned.undecided}
    if as_json:
        show({**summary, "dry_run": is_dry, "signed_by": read.signer}, True)
        return
    show("", False, Grid(["file", "to"], [(short_path(m["from"]), short_path(m["to"])) for m in moves]))
    done = len(planned.moves) - len(moves)
    parts = [
        f"{counted(len(moves), 'file')} {'to move' if is_dry else 'moved'}",
        f"{done} moved before" if done else "",
        f"{planned.undecided} undecided" if planned.undecided else "",
    ]
    say(", ".join(filter(None, parts)))


def _whose(read: "SignedFixes") -> str:
    from isitcake.auditing.signature import own_fingerprint

    whose = "yours" if read.signer == own_fingerprint() else "not yours: compare it with what its author says"
    return f"signed by key {read.signer} ({whose})"


def _sign(path: Path, as_json: bool) -> None:
    from isitcake.auditing.fixes import sign_again

    read = sign_again(path)
    decided = sum(fix.decided for fix in read.fixes.fixes)
    line = f"{short_path(path)}: signed by key {read.signer}; {decided} of {len(read.fixes.fixes)} fixes are decided"
    show({"signed_by": read.signer, "decided": decided, "fixes": len(read.fixes.fixes)} if as_json else line, as_json)


@click.command(short_help="Find copies in a folder of pictures.")
@click.argument("folder", type=A_FOLDER)
@click.option("--move", "target", type=A_FOLDER, help="Move the copies into this folder. Nothing is deleted.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1), help="Groups that are listed.")
@click.option("--work", type=A_FOLDER, help=WORK_HELP)
@json_option
def dedupe(folder: Path, target: Path | None, limit: int, work: Path | None, as_json: bool) -> None:
    """Find the files below FOLDER that show the same picture. The largest of each group stays."""
    from isitcake.auditing.dedupe import find_copies, move_copies, require_elsewhere

    if target:
        require_elsewhere(folder, target)
    with progress(as_json) as steps:
        found = find_copies(folder, work, steps.step)
        if target:
            move_copies(found, target, steps.step)
    if as_json:
        show(_groups_as_json(found, target), True)
        return
    _print_groups(found, limit)
    say(_copies(found) + (f"; moved to {short_path(target)}" if target and found.copies else ""))


def _print_groups(found: "Found", limit: int) -> None:
    from foundation.safe_text import printable

    for group in found.groups[:limit]:
        size = f"{group.kept.width}×{group.kept.height}"
        lines = [f"keep  {printable(str(group.kept.path))}  {size}"]
        lines += [f"copy  {printable(str(file.path))}  {file.width}×{file.height}" for file in group.copies]
        lines += [f"like  {printable(str(file.path))}  other colours" for file in group.recoloured]
        say("\n".join([*lines, ""]))
    _more(len(found.groups), limit)
    _grid("not read", ["file", "why"], list(found.unread.items()), limit)


def _copies(found: "Found") -> str:
    from foundation.safe_text import counted

    copies = "1 copy" if len(found.copies) == 1 else f"{len(found.copies)} copies"
    of = counted(sum(bool(group.copies) for group in found.groups), "picture")
    text = f"{counted(found.files, 'picture')}; {copies} of {of}"
    if number := len(found.recoloured):
        text += f"; {counted(number, 'file')} of the same shapes in other colours: look at them, they are not moved"
    return text


def _groups_as_json(found: "Found", target: Path | None) -> dict[str, Any]:
    groups = [
        {"keep": g.kept.path, "copies": [f.path for f in g.copies], "other_colours": [f.path for f in g.recoloured]}
        for g in found.groups
    ]
    moved = {"moved_to": str(target)} if target else {}
    return {"files": found.files, "groups": groups, "unread": dict(found.unread), **moved}


@click.command(short_help="List where the original of a picture may be.")
@click.argument("urls", nargs=-1, required=True, metavar="URL…")
@click.option("--check", is_flag=True, help="Ask which of them exist: after robots.txt, and slowly.")
@click.option("--contact", default="", help="Your web page or e-mail address, which --check shows to site owners.")
@json_option
@pass_context
def originals(context: Context, urls: tuple[str, ...], check: bool, contact: str, as_json: bool) -> None:
    """List addresses at which the original of each picture may be, the best first. No request, unless you --check."""
    from crawlers.original_addresses import asked, candidates

    found = [candidates(url) for url in urls]
    if check:
        with progress(as_json) as steps:
            found = asked(found, _asking(context, contact), steps.step)
    if as_json:
        show(found, True)
        return
    for picture in found:
        rows = [(one.url, one.because, *([one.answer] if check else [])) for one in picture.candidates]
        head = ["address", "because", *(["answer"] if check else [])]
        print_grid(Grid(head, rows, picture.url))
        say()


def _asking(context: Context, contact: str) -> "Settings":
    """Who asks: the project's settings, with another contact if one is given; without a project, the contact alone.

    Raises ConfigError, UsageError without a contact.
    """
    from pydantic import ValidationError

    from foundation.errors import NoProject, UsageError
    from foundation.settings import ProjectSection, Settings

    try:
        own: Settings | None = context.settings(needs_weights=False)
    except NoProject:
        if context.config:
            raise
        own = None
    if contact:
        try:
            section = ProjectSection(contact=contact)
        except ValidationError as error:
            raise UsageError(f"--contact: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from None
        return own.model_copy(update={"project": section}) if own else Settings(project=section)
    if own is None:
        raise UsageError("--check shows site owners who asks: add --contact with your web page or e-mail address")
    own.require_contact()
    return own


COMMANDS: tuple[click.Command, ...] = (audit, dedupe, originals)
