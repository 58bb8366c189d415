"""Options that several commands share, and what they carry to a command. Imports nothing slow."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from dataset.project import Project
    from foundation.settings import Settings

CONFIG_HELP = "isitcake.toml of the project, or its folder."


class Context:
    """Values of the options that stand before a command."""

    def __init__(self, config: Path | None) -> None:
        self.config = config

    def settings(self, *, needs_weights: bool = True) -> "Settings":
        """Raises ConfigError."""
        from foundation.settings_file import load

        return load(self.config, needs_weights=needs_weights)

    def project(self, *, reads_only: bool = False, fixes_names: bool = False) -> "Project":
        """reads_only: the library may be one that cannot be written. fixes_names: names in isitcake.toml and in the
        catalog may differ. Raises ConfigError, CatalogError.
        """
        from dataset.opening import open_project

        return open_project(self.settings(), reads_only=reads_only, fixes_names=fixes_names)


pass_context = click.make_pass_decorator(Context)


class Commands(click.Group):
    """A group whose every command takes --config too."""

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        if not isinstance(cmd, click.Group):
            cmd.params.append(_config_option())
        super().add_command(cmd, name)


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")(command)


def _config_option() -> click.Option:
    def keep(context: click.Context, parameter: click.Parameter, value: Path | None) -> None:  # noqa: ARG001
        if value is not None:
            context.ensure_object(Context).config = value

    return click.Option(
        ["--config"], type=click.Path(path_type=Path), expose_value=False, callback=keep, help=CONFIG_HELP
    )
