"""The variables of this process. The only module, with settings_file, that reads os.environ."""

import os
from collections.abc import Mapping
from pathlib import Path


def browser_from_environment(environ: Mapping[str, str] | None = None) -> str:
    """Path of the Chromium named by ISITCAKE_BROWSER; empty where none is."""
    return (os.environ if environ is None else environ).get("ISITCAKE_BROWSER", "")


def prefect_api_url(environ: Mapping[str, str] | None = None) -> str:
    """Prefect's own setting; empty where none is made in the environment."""
    return (os.environ if environ is None else environ).get("PREFECT_API_URL", "")


def put_in_environment(**values: str) -> None:
    """Set variables for this process and those it starts: for the demo, which has servers of its own."""
    os.environ.update(values)


def child_environment(**changes: str) -> dict[str, str]:
    """This process's environment with `changes`, for a subprocess."""
    return {**os.environ, **changes}


def shared_folder() -> Path | None:
    """Real photos and weights for tests and benchmarks, where they are at hand (ISITCAKE_SHARED)."""
    folder = Path(os.environ.get("ISITCAKE_SHARED") or Path(__file__).resolve().parents[2] / "shared")
    return folder if (folder / "photos" / "truth.csv").is_file() else None
