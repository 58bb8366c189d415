"""isitcake init: the first file of a project."""

import sys
from pathlib import Path

import click

from isitcake.options import Context, json_option, pass_context
from isitcake.output import show

NEXT = "run `isitcake doctor`, then `isitcake collect`"
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
    from foundation.errors import ConfigError, StageError, UsageError
    from foundation.files import storage_errors
    from foundation.settings import CONFIG_NAME, SUBJECTS

    path = context.config or Path(CONFIG_NAME)
    path = path / CONFIG_NAME if path.is_dir() else path
    if path.exists():
        raise StageError(f"{path} exists already; remove it first, or name another file with --config")
    is_own = bool(labels or folders or sites)
    if subject is not None and (is_own or subject not in SUBJECTS):
        known = ", ".join(SUBJECTS)
        raise UsageError(f"--subject takes no other options, and one of {known}; leave it out for labels of your own")
    content = _content(labels, folders, sites, is_asked=not (is_own or subject or as_json) and sys.stdin.isatty())
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    try:
        settings = settings_file.load(path)
    except ConfigError:
        path.unlink()
        raise
    is_crawled = not settings.sources or any(source.kind != "folder" for source in settings.sources)
    next_step = f"{CONTACT if is_crawled and not settings.project.contact else ''}{NEXT}"
    if as_json:
        show({"config": path.absolute(), "labels": settings.project.labels, "next": next_step}, True)
    else:
        show(f"wrote {path}; {next_step}", False)


def _content(labels: tuple[str, ...], folders: tuple[str, ...], sites: tuple[str, ...], *, is_asked: bool) -> str:
    from foundation.default_config import default_config, own_config
    from foundation.errors import UsageError

    if is_asked:
        return _answered()
    pairs = [_pair("--folder", text) for text in folders], [_pair("--site", text) for text in sites]
    named = list(dict.fromkeys([*labels, *(label for some in pairs for _, label in some)]))
    if len(named) == 1:
        raise UsageError(f"a project needs two labels or more, and {named[0]!r} is one; repeat --label")
    return own_config(named, *pairs) if named else default_config()


def _pair(option: str, text: str) -> tuple[str, str]:
    """What stands before and after the last equals sign. Raises UsageError."""
    from foundation.errors import UsageError

    where, equals, label = text.rpartition("=")
    if not (where and equals and label):
        example = "mugs=mug" if option == "--folder" else "https://example.org/gallery=mug"
        raise UsageError(f"{option} {text!r} names no label; write it like {option} {example}")
    return where, label


def _answered() -> str:
    """The file for what a person answers on the terminal."""
    from foundation.default_config import default_config, own_config

    text = click.prompt(
        "Which classes, separated by commas? (Enter: cake, with the sources of the talk)",
        default="",
        show_default=False,
    )
    labels = [label.strip() for label in text.split(",") if label.strip()]
    if not labels:
        return default_config()
    folders: list[tuple[str, str]] = []
    sites: list[tuple[str, str]] = []
    for label in labels:
        where = click.prompt(
            f"A folder or web page with pictures of {label}? (Enter: later)", default="", show_default=False
        )
        if where.strip():
            (sites if where.startswith(("http://", "https://")) else folders).append((where.strip(), label))
    contact = click.prompt(
        "Your web page or e-mail address, for site owners? (Enter: later)", default="", show_default=False
    )
    return own_config(labels, folders, sites, contact.strip())
