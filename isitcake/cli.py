"""The `isitcake` command: its groups put together, and errors turned into one sentence and an exit code."""

import sys
from pathlib import Path

import click

from foundation.environment import let_idle_threads_sleep
from foundation.errors import IsItCakeError
from foundation.memory import rare_garbage_collection
from foundation.safe_text import printable
from isitcake.commands import audit, certify, collecting, models, names, papers, project, review, search, versions
from isitcake.extras import missing_extra
from isitcake.options import CONFIG_HELP, Commands, Context, debug_option, wide_option
from isitcake.output import be_wide
from isitcake.process import open_closed_streams, print_any_letter, stop_like_ctrl_c


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="isitcake", prog_name="isitcake")
@click.option("--config", type=click.Path(path_type=Path), help=CONFIG_HELP)
@click.pass_context
def cli(context: click.Context, config: Path | None) -> None:
    """Collect an image dataset that nobody has, find the wrong labels, publish versions that can be trusted."""
    context.obj = Context(config)


cli.params += [wide_option(), debug_option()]
for module in (project, search, collecting, review, certify, versions, papers, models, names, audit):
    for command in module.COMMANDS:
        cli.add_command(command)


def main() -> None:
    """Run the command. Every error is one sentence on stderr and an exit code."""
    debug = "--debug" in sys.argv
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    open_closed_streams()
    print_any_letter()
    stop_like_ctrl_c()
    let_idle_threads_sleep()
    be_wide(False)  # where one process runs several commands
    try:
        with rare_garbage_collection():  # loading modules makes many objects, and no cycles to look for
            code = cli.main(arguments, prog_name="isitcake", standalone_mode=False)
        if isinstance(code, int) and code:  # of click.exceptions.Exit, which click turns into a value
            sys.exit(code)
    except click.ClickException as error:
        _print_usage_error(error)
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        is_temporary = {"audit", "dedupe"} & set(arguments) and "--work" not in arguments
        _print_error("stopped; --work FOLDER keeps the work" if is_temporary else "stopped; what was done is kept")
        sys.exit(130)
    except Exception as error:
        if debug:
            raise
        _print_error(f"error: {_sentence(error)}")
        sys.exit(error.exit_code if isinstance(error, IsItCakeError) else _exit_code(error))


def _print_usage_error(error: click.ClickException) -> None:
    """As click does it, but nothing that was typed moves the cursor. A group without a command shows its help."""
    if isinstance(error, getattr(click.exceptions, "NoArgsIsHelpError", ())):  # click 8.1 shows the help by itself
        click.echo(error.format_message(), err=True)
        return
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is not None:
        click.echo(f"{context.get_usage()}\nTry '{context.command_path} --help' for help.\n", err=True)
    click.echo(f"Error: {printable(error.format_message())}", err=True)


def _print_error(message: str) -> None:
    from isitcake.output import err

    err().print(printable(message), style="bold red", markup=False)


def _exit_code(error: Exception) -> int:
    return 2 if isinstance(error, ModuleNotFoundError) and missing_extra(error) else 1


def _sentence(error: Exception) -> str:
    """What happened, where, and the fix; also for errors that no stage expected."""
    import errno

    if isinstance(error, IsItCakeError):
        return str(error)
    if isinstance(error, ModuleNotFoundError) and (missing := missing_extra(error)):
        return missing
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "no space left on the disk; free some and run this again, nothing is lost"
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS) and error.filename:
        return f"no permission for {error.filename}; fix its permissions and run this again"
    where = f" ({error.filename})" if isinstance(error, OSError) and error.filename else ""
    return f"{type(error).__name__}: {error}{where}; run it again with --debug and report the output"
