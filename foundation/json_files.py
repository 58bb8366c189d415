"""Read JSON files that may be missing or damaged."""

import json
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def read_json(path: Path, default: T) -> T:
    """Content of a JSON file; `default` if it is missing, is not JSON, or has another type than the default."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return default
    return content if isinstance(content, type(default)) else default
