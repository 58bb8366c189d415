"""isitcake.toml and the environment, read and checked."""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import (
    SecretStr,
    ValidationError,
)

from foundation.errors import ConfigError
from foundation.settings import CONFIG_NAME, WEIGHTS_NAME, Secrets, Settings, _Section


def load(path: Path | None = None, environ: Mapping[str, str] | None = None, *, needs_weights: bool = True) -> Settings:
    """Settings of the project at `path` (default: ISITCAKE_CONFIG, then isitcake.toml here or above).

    needs_weights: whether a folder without weights is an error. Raises ConfigError with one sentence that names file,
    line, key and mend.
    """
    environ = os.environ if environ is None else environ
    path = path or _find(environ)
    if path.is_dir():
        path = path / CONFIG_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"no {path}; `isitcake init` writes one") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read ({error}); mend or replace it") from None
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}; mend that line") from None
    origins = _apply_environment(content, environ)
    extra = {
        "config_path": path.absolute(),
        "secrets": Secrets(
            label_studio_api_key=SecretStr(environ.get("ISITCAKE_LABEL_STUDIO_API_KEY", "")),
            unsplash_access_key=SecretStr(environ.get("ISITCAKE_UNSPLASH_ACCESS_KEY", "")),
            secret=SecretStr(environ.get("ISITCAKE_SECRET", "")),
            webhook_secret=SecretStr(environ.get("ISITCAKE_WEBHOOK_SECRET", "")),
            blobs_key_id=SecretStr(environ.get("ISITCAKE_BLOBS_KEY_ID", "")),
            blobs_secret=SecretStr(environ.get("ISITCAKE_BLOBS_SECRET", "")),
        ),
        "browser": environ.get("ISITCAKE_BROWSER", ""),
    }
    if unknown := sorted(set(content) & set(extra)):
        raise ConfigError(f"{path}, line {_line(text, (unknown[0],))}: unknown key {unknown[0]!r}; remove it")
    try:
        settings = Settings.model_validate({**content, **extra})
    except ValidationError as error:
        raise ConfigError(_explain(path, text, origins, error)) from None
    _check_paths(settings, text, needs_weights)
    return settings


def _find(environ: Mapping[str, str]) -> Path:
    if named := environ.get("ISITCAKE_CONFIG"):
        return Path(named)
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / CONFIG_NAME).is_file():
            return folder / CONFIG_NAME
    return here / CONFIG_NAME


def _apply_environment(content: dict[str, Any], environ: Mapping[str, str]) -> dict[tuple[str, str], str]:
    """Lay ISITCAKE_SECTION_KEY over the file. Returns which variable set which (section, key)."""
    origins: dict[tuple[str, str], str] = {}
    for section_name, section in Settings.model_fields.items():
        model = section.annotation
        if not (isinstance(model, type) and issubclass(model, _Section)):
            continue
        for key, field in model.model_fields.items():
            variable = f"ISITCAKE_{section_name}_{key}".upper()
            if section_name == "models" and key == "folder":
                variable = "ISITCAKE_MODELS"
            if variable not in environ:
                continue
            raw = environ[variable]
            value: Any = raw
            if field.annotation is bool:
                value = {"true": True, "false": False}.get(raw.lower(), raw)
            elif field.annotation is float:
                value = float(raw) if re.fullmatch(r"\d+(\.\d+)?", raw) else raw
            elif field.annotation is int:
                value = int(raw) if re.fullmatch(r"\d+", raw) else raw
            elif field.annotation is not str and str(field.annotation).startswith("list"):
                value = [part.strip() for part in raw.split(",") if part.strip()]
            target = content.setdefault(section_name, {})
            if isinstance(target, dict):
                target[key] = value
                origins[section_name, key] = variable
    return origins


def _explain(path: Path, text: str, origins: dict[tuple[str, str], str], error: ValidationError) -> str:
    first = error.errors()[0]
    location = tuple(part for part in first["loc"] if part not in ("function-after", "constrained-str"))
    key = ".".join(str(part) for part in location) or "the file"
    message = first["msg"].removeprefix("Value error, ")
    match first["type"]:
        case "extra_forbidden":
            message = "unknown key; remove it or mend its name"
        case "missing":
            message = "is missing; add it"
        case "string_pattern_mismatch":
            message = f"{first['input']!r} is not a name; use letters, digits, '-', '_' and '.'"
        case "value_error":
            pass
        case _:
            message = f"{message[0].lower()}{message[1:]}, got {first['input']!r}; mend the value"
    if location[:2] in origins:
        return f"{origins[location[:2]]}: {message}"  # type: ignore[index]
    if not location:
        return f"{path}: {message}"
    return f"{path}, line {_line(text, location)}: {key}: {message}"


def _line(text: str, location: tuple[str | int, ...]) -> int:
    """Line (from 1) where the key at `location` stands; that of its table where the key is absent."""
    lines = text.splitlines()
    table = next((str(part) for part in location if isinstance(part, str)), "")
    index = next((part for part in location if isinstance(part, int)), 0)
    headers = [n for n, line in enumerate(lines) if re.match(rf"\s*\[+\s*{re.escape(table)}\s*\]+", line)]
    if not headers:
        plain = [n for n, line in enumerate(lines) if re.match(rf"\s*{re.escape(table)}\s*=", line)]
        return plain[0] + 1 if plain else 1
    start = headers[min(index, len(headers) - 1)]
    keys = [part for part in location if isinstance(part, str)][1:]
    if keys:
        for n in range(start + 1, len(lines)):
            if re.match(r"\s*\[", lines[n]) and not re.match(r"\s*\[[^\]]*,", lines[n]):
                break
            if re.match(rf"\s*{re.escape(keys[0])}\s*=", lines[n]):
                return n + 1
    return start + 1


def _check_paths(settings: Settings, text: str, needs_weights: bool) -> None:
    for number, source in enumerate(settings.sources):
        if source.kind == "folder":
            folder = settings.root / Path(source.path).expanduser()
            if not folder.is_dir():
                line = _line(text, ("sources", number, "path"))
                raise ConfigError(
                    f"{settings.config_path}, line {line}: sources.{number}.path: no folder {folder}; "
                    "create it or mend the path"
                )
    if needs_weights and settings.weights is not None and not settings.weights.is_file():
        raise ConfigError(
            f"{settings.config_path}: models.folder: no {settings.weights}; put {WEIGHTS_NAME} there, let "
            "`isitcake models fetch` bring weights, or remove the key to use the built-in features"
        )
    parent = settings.home
    while not parent.exists():
        parent = parent.parent
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise ConfigError(
            f"{settings.config_path}, line {_line(text, ('project', 'home'))}: project.home: {settings.home} "
            "cannot be written; choose another folder"
        )
