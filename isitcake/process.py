"""This process: what stops it, and its standard streams, closed ones and those of a screen with few letters."""

import io
import os
import signal
import sys
import threading


def stop_like_ctrl_c() -> None:
    """Let SIGTERM and the end of the terminal stop the command as Ctrl-C does: in order, with the servers it started.

    A signal that the caller ignores stays ignored, as `nohup` wants it.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


def open_closed_streams() -> None:
    """Open standard streams that the caller closed (`>&-`) at nothing. Else the next file opened, such as the catalog,
    gets the number of one of them, and is written to as if it were the screen.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r" if number == 0 else "w", encoding="utf-8"))  # noqa: PTH123, SIM115


def print_any_letter() -> None:
    r"""Print letters that the screen's encoding lacks as escapes, such as \u8336. Standard error does so already."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
