"""The variables of this process. Only this module and settings_file read os.environ."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path


def browser_from_environment(environ: Mapping[str, str] | None = None) -> str:
    """Path of a Chromium from ISITCAKE_BROWSER; empty if the variable is not set."""
    return (os.environ if environ is None else environ).get("ISITCAKE_BROWSER", "")


def prefect_api_url(environ: Mapping[str, str] | None = None) -> str:
    """Address of the Prefect server from PREFECT_API_URL; empty if the variable is not set."""
    return (os.environ if environ is None else environ).get("PREFECT_API_URL", "")


def served_config() -> Path | None:
    """The project that this process serves, from ISITCAKE_CONFIG; None if the variable is not set."""
    named = os.environ.get("ISITCAKE_CONFIG", "")
    return Path(named) if named else None


def protect_temporary_prefect() -> None:
    """Give the Prefect server that a flow starts for itself a password, and no foreign origin.

    Without them any page in a browser on this machine could create a deployment there and run code. Call it before
    prefect is imported. Does nothing where a Prefect server is named.
    """
    if not prefect_api_url():
        password = f"isitcake:{secrets.token_urlsafe(24)}"
        put_in_environment(
            PREFECT_SERVER_API_AUTH_STRING=password,
            PREFECT_API_AUTH_STRING=password,
            PREFECT_SERVER_CORS_ALLOWED_ORIGINS="http://127.0.0.1",
            PREFECT_SERVER_ANALYTICS_ENABLED="false",
            PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS="120",  # its 20 are too few on a busy machine
            DO_NOT_TRACK="1",
        )


def let_idle_threads_sleep() -> None:
    """Tell NumPy's threads to sleep at once when there is nothing to multiply; they wait awake for 0.1 s otherwise.

    Call it before NumPy is loaded. What the user has set stays.
    """
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")  # 2 to the power of this, in cycles; 4 is the least


def put_in_environment(**values: str) -> None:
    """Set variables for this process and its subprocesses. The demo needs it, because it starts its own servers."""
    os.environ.update(values)


def child_environment(**changes: str) -> dict[str, str]:
    """The environment of this process with `changes`, for a subprocess."""
    return {**os.environ, **changes}


# What a browser needs to find its libraries, fonts, language and folders. It shows pages of strangers.
BROWSER_VARIABLES = (
    "PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "FONTCONFIG_PATH", "FONTCONFIG_FILE",
    "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_DATA_DIRS", "XDG_RUNTIME_DIR",
)  # fmt: skip
SECRET_PREFIXES = ("ISITCAKE_", "PREFECT_", "LABEL_STUDIO_")


def bare_environment() -> dict[str, str]:
    """The environment for a browser: no secret, no proxy, nothing that it does not need."""
    return {name: value for name, value in os.environ.items() if name in BROWSER_VARIABLES or name.startswith("LC_")}


def drop_secrets() -> None:
    """Remove the project's secrets and the proxies from this process's environment, for the processes it starts.

    The settings were read before. ISITCAKE_BROWSER stays: it is no secret, and read later.
    """
    for name in list(os.environ):
        is_ours = name.startswith(SECRET_PREFIXES) and name != "ISITCAKE_BROWSER"
        if is_ours or name.lower().endswith("_proxy"):
            del os.environ[name]


def shared_folder() -> Path | None:
    """Folder of real photos and weights for tests and benchmarks (ISITCAKE_SHARED); None if there is none."""
    folder = Path(os.environ.get("ISITCAKE_SHARED") or Path(__file__).resolve().parents[2] / "shared")
    return folder if (folder / "photos" / "truth.csv").is_file() else None
