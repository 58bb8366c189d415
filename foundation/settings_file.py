"""isitcake.toml and the ISITCAKE_… variables, read and checked."""

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from foundation.errors import ConfigError, NoProject
from foundation.files import in_words
from foundation.settings import CONFIG_NAME, LabelSection, Section, Settings, Source
from foundation.settings.texts import name_problem
from foundation.settings.variables import Variables, read_variables, sections

SHA256 = re.compile(r"[0-9a-f]{64}")
NOT_IN_THE_FILE = ("config_path", "secrets", "browser")  # fields of Settings that the environment alone sets

Location = tuple[str | int, ...]


def load(path: Path | None = None, environ: Mapping[str, str] | None = None, *, needs_weights: bool = True) -> Settings:
    """Settings of the project at `path`.

    path: the file, or its folder. Default: ISITCAKE_CONFIG, then isitcake.toml in the current folder or above.
    environ: the variables; default: those of this process. needs_weights: raise an error if the file of [models]
    network is missing. Raises ConfigError with one sentence: file, line, key and fix, or the variable and the fix;
    NoProject if there is no file.
    """
    environ = os.environ if environ is None else environ
    path = path or _default_path(environ)
    if path.is_dir():
        path = path / CONFIG_NAME
    text = _read(path)
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}; fix that line") from None
    if reserved := sorted(set(content) & set(NOT_IN_THE_FILE)):
        raise ConfigError(f"{path}, line {_line(text, (reserved[0],))}: unknown key {reserved[0]!r}; remove it")
    variables = read_variables(environ)
    overlaid = _overlay(content, variables)
    fields = {"config_path": path.absolute(), "secrets": variables.secrets, "browser": variables.browser}
    try:
        settings = Settings.model_validate({**overlaid, **fields})
    except ValidationError as error:
        raise ConfigError(_explain(path, text, variables, error)) from None
    _check_paths(settings, text, needs_weights)
    return settings


def _default_path(environ: Mapping[str, str]) -> Path:
    if configured := environ.get("ISITCAKE_CONFIG"):
        return Path(configured)
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / CONFIG_NAME).is_file():
            return folder / CONFIG_NAME
    return here / CONFIG_NAME


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")  # some editors of Windows write a byte order mark
    except FileNotFoundError:
        fix = "go to the folder of your project, name it with --config, or begin one with `isitcake init`"
        raise NoProject(f"{path} does not exist; {fix}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read ({in_words(error)}); fix or replace it") from None


def _overlay(content: dict[str, Any], variables: Variables) -> dict[str, Any]:
    """The content of the file, with the values of variables in place of its own."""
    overlaid = dict(content)
    for section, values in variables.sections.items():
        table = overlaid.get(section, {})
        if isinstance(table, dict):  # anything else is reported as the file's mistake
            overlaid[section] = {**table, **values}
    return overlaid


def _explain(path: Path, text: str, variables: Variables, error: ValidationError) -> str:
    first = error.errors()[0]
    location: Location = tuple(part for part in first["loc"] if part not in ("function-after", "constrained-str"))
    message = first["msg"].removeprefix("Value error, ")
    match first["type"]:
        case "extra_forbidden":
            message = _unknown_key(location)
        case "missing":
            message = "is missing; add it"
        case "string_pattern_mismatch":
            message = name_problem(first["input"])
        case "value_error":
            pass
        case "list_type" if location == ("sources",):
            message = "is not a list of tables; write [[sources]] above each source"
        case "list_type":
            message = f'is {first["input"]!r}; write a list, like ["{first["input"]}"]'
        case "model_type" | "dict_type":
            message = f"is {first['input']!r}; write a table, [{'.'.join(map(str, location))}], with a key on each line"
        case "too_short":
            least, given = first["ctx"]["min_length"], first["ctx"]["actual_length"]
            message = f"needs {least} entries or more, and has {given}"
        case _:
            rule = message.replace("Input should be", "must be")
            message = f"{rule[0].lower()}{rule[1:]}, got {first['input']!r}; fix the value"
    if len(location) >= 2 and (variable := variables.names.get((str(location[0]), str(location[1])))):
        return f"{variable}: {message}"
    if not location:
        return f"{path}: {message}"
    return f"{path}, line {_line(text, location)}: {_key_name(text, location)}: {message}"


def _unknown_key(location: Location) -> str:
    table = str(location[0])
    if len(location) == 1:
        known = [name for name in Settings.model_fields if name not in NOT_IN_THE_FILE]
    else:
        repeated: dict[str, type[Section]] = {"sources": Source, "labels": LabelSection}
        known = list((repeated.get(table) or sections()[table]).model_fields)
    if near := difflib.get_close_matches(str(location[-1]), known, 1):
        return f"unknown key; did you mean `{near[0]}`?"
    return f"unknown key; remove it, or use one of {', '.join(known)}"


def _key_name(text: str, location: Location) -> str:
    """The key as people write it: `review.budget`; a key of a source with the source's name."""
    if len(location) > 1 and location[0] == "sources" and isinstance(location[1], int):
        source = tomllib.loads(text)["sources"][location[1]]
        if isinstance(source, dict) and isinstance(source.get("name"), str):
            return " ".join([f"source {source['name']!r}", *(str(part) for part in location[2:3])])
    return ".".join(str(part) for part in location)


def _line(text: str, location: Location) -> int:
    """Line (from 1) of the key at `location`; the line of its table if the key is absent."""
    lines = text.splitlines()
    table = next((str(part) for part in location if isinstance(part, str)), "")
    index = next((part for part in location if isinstance(part, int)), 0)
    keys = [part for part in location if isinstance(part, str)][1:]
    header = re.escape(table)
    if table == "labels" and keys:  # a table of its own for each label
        header += rf"\s*\.\s*[\"']?{re.escape(keys.pop(0))}[\"']?"
        index = 0
    headers = [n for n, line in enumerate(lines) if re.match(rf"\s*\[+\s*{header}\s*\]+", line)]
    if not headers:
        plain = [n for n, line in enumerate(lines) if re.match(rf"\s*{re.escape(table)}\s*=", line)]
        return plain[0] + 1 if plain else 1
    start = headers[min(index, len(headers) - 1)]
    if keys:
        for n in range(start + 1, len(lines)):
            if re.match(r"\s*\[", lines[n]) and not re.match(r"\s*\[[^\]]*,", lines[n]):
                break
            if re.match(rf"\s*{re.escape(keys[0])}\s*=", lines[n]):
                return n + 1
    return start + 1


def _check_paths(settings: Settings, text: str, needs_weights: bool) -> None:
    for label, table in settings.labels.items():
        for example in table.examples:
            if not SHA256.fullmatch(example) and not (settings.root / Path(example).expanduser()).is_file():
                line = _line(text, ("labels", label, "examples"))
                raise ConfigError(
                    f"{settings.config_path}, line {line}: labels.{label}.examples: {example!r} is neither a file nor "
                    "the SHA-256 of an image; fix or remove it"
                )
    if needs_weights and isinstance(settings.network, Path) and not settings.network.is_file():
        raise ConfigError(
            f"{settings.config_path}: models.network: {settings.network} does not exist; put the file there, download "
            f"weights with `{settings.fetch_command}`, or remove the key to use the network that is installed"
        )
    try:
        str(settings.home).encode()
    except UnicodeEncodeError:
        raise ConfigError(
            f"the path {settings.home} has letters that are not UTF-8, and the files of versions cannot be opened "
            "there; rename the folder, or, if its name looks right elsewhere, set LC_ALL=C.UTF-8 and run this again"
        ) from None
    parent = settings.home
    if parent.is_dir():
        return  # what reads works on a library that cannot be written; open_project refuses the rest
    while not parent.exists():
        parent = parent.parent
    problem = "is not writable" if parent.is_dir() else f"cannot be a folder: {parent} is a file"
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise ConfigError(
            f"{settings.config_path}, line {_line(text, ('project', 'home'))}: project.home: {settings.home} "
            f"{problem}; choose another folder"
        )
