"""Options that several commands share, and what they carry to a command. Imports nothing slow."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from foundation.errors import UsageError
from isitcake.output import be_wide, progress

if TYPE_CHECKING:
    from dataset.project import Project
    from foundation.settings import Settings

CONFIG_HELP = "isitcake.toml of the project, or its folder."
WIDE_HELP = "Print each row as one line, however long."
DEBUG_HELP = "Show the whole traceback of an error."


class Context:
    """Values of the options that stand before a command."""

    def __init__(self, config: Path | None) -> None:
        self.config = config

    def settings(self, *, needs_weights: bool = True) -> "Settings":
        """With what other machines published brought here, where machines share a library.

        Raises ConfigError, StorageError.
        """
        from foundation.files import may_write
        from foundation.settings_file import load
        from foundation.sharing.machines import BRING_WAIT_S, bring, is_shared

        settings = load(self.config, needs_weights=needs_weights)
        if is_shared(settings) and may_write(settings.home):
            with progress(_is_json()) as steps:
                bring(settings, BRING_WAIT_S, steps.step)
        return settings

    def project(self, *, reads_only: bool = False, fixes_names: bool = False) -> "Project":
        """reads_only: the library may be one that cannot be written. fixes_names: names in isitcake.toml and in the
        catalog may differ. Raises ConfigError, CatalogError.
        """
        from dataset.opening import open_project

        return open_project(self.settings(), reads_only=reads_only, fixes_names=fixes_names)


def _is_json() -> bool:
    """Whether the command that runs was given --json: then no progress is shown."""
    running = click.get_current_context(silent=True)
    return bool(running and running.params.get("as_json"))


pass_context = click.make_pass_decorator(Context)


class FilePath(click.Path):
    """The path of a file that a command reads or writes. A folder is refused before any work.

    example: name of a file.
    """

    def __init__(self, example: str) -> None:
        super().__init__(path_type=Path)
        self._example = example

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path. Raises UsageError for a folder."""
        path = Path(str(super().convert(value, param, ctx)))
        if path.is_dir():
            raise UsageError(f"{path} is a folder; name a file, such as {path / self._example}")
        return path


class FolderPath(click.Path):
    """The path of a folder, which may be missing. A file is refused before any work."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path. Raises UsageError for a file."""
        path = Path(str(super().convert(value, param, ctx)))
        if path.is_file():
            raise UsageError(f"{path} is a file; name a folder")
        return path


class Commands(click.Group):
    """A group whose every command takes --config, --wide and --debug too. A wrong name gets the nearest right one."""

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        if not isinstance(cmd, click.Group):
            cmd.params += [_config_option(), wide_option(), debug_option()]
        super().add_command(cmd, name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Each command with its whole summary, on two lines where one is too short."""
        rows = [(name, command.get_short_help_str(limit=200)) for name, command in self.commands.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")(command)


def _config_option() -> click.Option:
    def keep(context: click.Context, parameter: click.Parameter, value: Path | None) -> None:  # noqa: ARG001
        if value is not None:
            context.ensure_object(Context).config = value

    return click.Option(
        ["--config"], type=click.Path(path_type=Path), expose_value=False, callback=keep, help=CONFIG_HELP
    )


def wide_option() -> click.Option:
    def widen(_context: click.Context, _parameter: click.Parameter, is_wide: bool) -> None:
        if is_wide:
            be_wide(True)

    return click.Option(["--wide"], is_flag=True, expose_value=False, callback=widen, help=WIDE_HELP)


def debug_option() -> click.Option:
    """For the help only: `main` looks for it itself, so that it also helps where the options cannot be read."""
    return click.Option(["--debug"], is_flag=True, expose_value=False, help=DEBUG_HELP)
