"""isitcake init: the first file of a project."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from isitcake.options import Context, json_option, pass_context
from isitcake.output import show

NEXT = "run `isitcake doctor`, then `isitcake collect`"
Answer = TypeVar("Answer")
CONTACT = "write your web page or e-mail address under contact, then "


@click.command(short_help="Write isitcake.toml, with comments.")
@click.option("--label", "labels", multiple=True, metavar="LABEL", help="A class, such as mug. Repeat it for each.")
@click.option("--folder", "folders", multiple=True, metavar="PATH=LABEL", help="A folder with pictures of a class.")
@click.option("--site", "sites", multiple=True, metavar="URL=LABEL", help="A gallery with pictures of a class.")
@click.option("--subject", metavar="NAME", help="A subject pack with its sources: cake is the talk's.")
@json_option
@pass_context
def init(
    context: Context,
    labels: tuple[str, ...],
    folders: tuple[str, ...],
    sites: tuple[str, ...],
    subject: str | None,
    as_json: bool,
) -> None:
    """Write isitcake.toml for your labels. Never overwrites one.

    Without options it asks on a terminal; elsewhere it writes the sources of the talk.
    """
    from foundation import settings_file
    from foundation.errors import ConfigError, UsageError
    from foundation.files import storage_errors
    from foundation.settings import CONFIG_NAME, SUBJECTS

    path = context.config or Path(CONFIG_NAME)
    path = path / CONFIG_NAME if path.is_dir() else path
    if path.exists():
        raise UsageError(f"{path} exists already; remove it first, or name another file with --config")
    is_own = bool(labels or folders or sites)
    if subject is not None and (is_own or subject not in SUBJECTS):
        known = ", ".join(SUBJECTS)
        raise UsageError(f"--subject takes no other options, and one of {known}; leave it out for labels of your own")
    is_asked = not (is_own or subject or as_json) and sys.stdin.isatty()
    root = path.parent.absolute()
    content = _answered(root) if is_asked else _content(labels, folders, sites, root)
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    try:
        settings = settings_file.load(path)
    except ConfigError:
        path.unlink()
        raise
    is_crawled = not settings.sources or any(source.kind != "folder" for source in settings.sources)
    without = [label for label in settings.project.labels if label not in {one.label for one in settings.sources}]
    steps = [f"add [[sources]] of {', '.join(without)}, then "] if without else []
    steps += [CONTACT] if is_crawled and not settings.project.contact else []
    next_step = f"{''.join(steps)}{NEXT}"
    if as_json:
        show({"config": path.absolute(), "labels": settings.project.labels, "next": next_step}, True)
    else:
        show(f"wrote {path}; {next_step}", False)


def _content(labels: tuple[str, ...], folders: tuple[str, ...], sites: tuple[str, ...], root: Path) -> str:
    """The file for these options. root: the folder that it will be in. Raises UsageError, which names the option."""
    from foundation.default_config import default_config, own_config
    from foundation.errors import UsageError
    from foundation.settings.texts import address_problem, case_problem, new_label_problem

    pairs = [_pair("--folder", text) for text in folders], [_pair("--site", text) for text in sites]
    named = list(dict.fromkeys([*labels, *(label for some in pairs for _, label in some)]))
    problems = [f"label {problem}" for problem in filter(None, map(new_label_problem, named))]
    problems += [f"labels {problem}" for problem in filter(None, [case_problem(named)])]
    problems += [f"--folder: {problem}" for where, _ in pairs[0] if (problem := _folder_problem(where, root))]
    problems += [f"--site: {problem}" for where, _ in pairs[1] if (problem := address_problem(where))]
    if problems:
        raise UsageError(problems[0])
    if len(named) == 1:
        raise UsageError(f"a project needs two labels or more, and {named[0]!r} is one; repeat --label")
    if not named:
        return default_config()
    return own_config(named, _each_once("--folder", pairs[0], root), _each_once("--site", pairs[1], root))


def _each_once(option: str, pairs: list[tuple[str, str]], root: Path) -> list[tuple[str, str]]:
    """The pairs without repetitions. Raises UsageError for a folder or page with two labels: both would be claimed."""
    from foundation.errors import UsageError

    kept: dict[str, tuple[str, str]] = {}
    for where, label in pairs:
        first = kept.setdefault(_place_of(where, root), (where, label))
        if first[1] != label:
            what = "folder" if option == "--folder" else "page"
            names = where if where == first[0] else f"{first[0]} and {where}"
            raise UsageError(
                f"{option}: {names} {'is' if where == first[0] else 'are'} one {what} with two labels, {first[1]!r} "
                f"and {label!r}; give each label a {what} of its own"
            )
    return list(kept.values())


def _place_of(where: str, root: Path) -> str:
    """The same for all ways to write a folder, seen from `root`; a web address as it is."""
    from foundation.settings.texts import address_problem

    return str((root / Path(where).expanduser()).resolve()) if address_problem(where) else where


def _pair(option: str, text: str) -> tuple[str, str]:
    """What stands before and after the last equals sign. Raises UsageError."""
    from foundation.errors import UsageError

    where, equals, label = text.rpartition("=")
    if not (where and equals and label):
        example = "mugs=mug" if option == "--folder" else "https://example.org/gallery=mug"
        raise UsageError(f"{option} {text!r} names no label; write it like {option} {example}")
    return where, label


def _folder_problem(text: str, root: Path) -> str:
    """Why the pictures of a folder, seen from `root`, cannot be collected; empty where they can."""
    from foundation.files import pictures_folder_problem
    from foundation.settings import ProjectSection

    return pictures_folder_problem(root / Path(text).expanduser(), root / ProjectSection().home)


def _answered(root: Path) -> str:
    """The file for what a person answers on the terminal. Each question is asked until its answer can be used."""
    from foundation.default_config import default_config, own_config
    from foundation.settings.texts import address_problem

    labels = _ask("Which classes, separated by commas? (Enter: cake, with the sources of the talk)", _labels)
    if not labels:
        return default_config()
    folders: list[tuple[str, str]] = []
    sites: list[tuple[str, str]] = []
    taken: dict[str, str] = {}
    for label in labels:
        question = f"A folder or web page with pictures of {label}? (Enter: later)"
        where = _ask(question, lambda text: _place(text, root, taken))
        if where:
            taken[_place_of(where, root)] = label
            (sites if not address_problem(where) else folders).append((where, label))
    contact = _ask("Your web page or e-mail address, for site owners? (Enter: later)", _contact)
    return own_config(labels, folders, sites, contact)


def _ask(question: str, read: Callable[[str], Answer]) -> Answer:
    """What `read` makes of the answer; a click.UsageError of it is printed, and the question asked again."""
    answer: Answer = click.prompt(question, default="", show_default=False, value_proc=lambda text: read(text.strip()))
    return answer


def _labels(text: str) -> list[str]:
    from foundation.settings.texts import case_problem, new_label_problem

    labels = list(dict.fromkeys(label.strip() for label in text.split(",") if label.strip()))
    if len(labels) == 1:
        raise click.UsageError(f"a project needs two classes or more, and {labels[0]!r} is one")
    for problem in filter(None, [*map(new_label_problem, labels), case_problem(labels)]):
        raise click.UsageError(problem)
    return labels


def _place(text: str, root: Path, taken: dict[str, str]) -> str:
    from foundation.settings.texts import address_problem

    if text and address_problem(text) and (problem := _folder_problem(text, root)):
        raise click.UsageError(f"{problem}, or write a web page with http:// or https://")
    if text and (other := taken.get(_place_of(text, root))):
        raise click.UsageError(f"{text} has the pictures of {other} already; give each label a place of its own")
    return text


def _contact(text: str) -> str:
    from foundation.settings.texts import contact_problem

    if problem := contact_problem(text):
        raise click.UsageError(problem)
    return text
