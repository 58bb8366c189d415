"""The ISITCAKE_… variables, read by pydantic-settings.

`[section] key` of isitcake.toml may be set by ISITCAKE_SECTION_KEY; lists are separated by commas. The names are
aliases of one flat model, so that an error of pydantic names the variable.
"""

import difflib
import functools
import types
import typing
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, create_model

from foundation.errors import ConfigError
from foundation.settings.project import Secrets, Settings
from foundation.settings.sections import Section

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

PREFIX = "ISITCAKE_"
BROWSER = "ISITCAKE_BROWSER"
OTHERS = ("ISITCAKE_CONFIG", "ISITCAKE_SHARED")  # read elsewhere
MISSPELT = 0.85  # as alike as this, of 1, and one name is taken for the other
OTHER_NAMES = {("models", "folder"): "ISITCAKE_MODELS"}  # keys whose variable is not ISITCAKE_SECTION_KEY


@dataclass(frozen=True)
class Variables:
    """sections: section → key → value, of its final type. names: (section, key) → the variable that set it."""

    sections: Mapping[str, Mapping[str, Any]]
    names: Mapping[tuple[str, str], str]
    secrets: Secrets
    browser: str


def read_variables(environ: Mapping[str, str]) -> Variables:
    """Raises ConfigError with one sentence for a value of the wrong type, or a variable that is nearly one of ours."""
    from pydantic_settings import EnvSettingsSource  # slow to import

    model = _model()
    _refuse_misspelt(environ, {*model.model_fields, *OTHERS})
    source = EnvSettingsSource(model, case_sensitive=True)
    source.env_vars = dict(environ)  # pydantic-settings itself reads os.environ only
    try:
        values = model(**source()).model_dump(exclude_unset=True)
    except ValidationError as error:
        raise ConfigError(_explain(error)) from None
    sections: dict[str, dict[str, Any]] = {}
    for (section, key), variable in _variable_names().items():
        if variable in values:
            sections.setdefault(section, {})[key] = values[variable]
    return Variables(
        sections,
        {key: variable for key, variable in _variable_names().items() if variable in values},
        Secrets(**{key: values[_name(key)] for key in Secrets.model_fields if _name(key) in values}),
        values.get(BROWSER, ""),
    )


def _refuse_misspelt(environ: Mapping[str, str], known: Set[str]) -> None:
    """Other variables that begin with our prefix are not ours, and pass."""
    ends = [name.removeprefix(PREFIX) for name in known]
    for name in sorted(name for name in environ if name.startswith(PREFIX) and name not in known):
        if near := difflib.get_close_matches(name.removeprefix(PREFIX), ends, 1, MISSPELT):
            raise ConfigError(f"{name}: unknown variable; did you mean {PREFIX}{near[0]}?")


def _name(*parts: str) -> str:
    return "_".join(("ISITCAKE", *parts)).upper()


@functools.cache
def _variable_names() -> dict[tuple[str, str], str]:
    """(section, key) → variable."""
    return {
        (section, key): OTHER_NAMES.get((section, key), _name(section, key))
        for section, model in sections().items()
        for key in model.model_fields
    }


def sections() -> dict[str, type[Section]]:
    """The tables that occur once, by name."""
    return {
        name: field.annotation
        for name, field in Settings.model_fields.items()
        if isinstance(field.annotation, type)
        and not isinstance(field.annotation, types.GenericAlias)
        and issubclass(field.annotation, Section)
    }


@functools.cache
def _model() -> "type[BaseSettings]":
    """A flat model of all variables: each field has the name of its variable.

    It is not strict, because every variable is text; Settings then checks the limits of each value.
    """
    from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource

    class OnlyArguments(BaseSettings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],  # noqa: ARG003
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            """Read no variable of this process: `read_variables` gets a mapping."""
            return (init_settings,)

    comma_separated = Annotated[list[str], NoDecode, BeforeValidator(_split)]
    fields: dict[str, Any] = {_name(key): (SecretStr, SecretStr("")) for key in Secrets.model_fields}
    fields[BROWSER] = (str, "")
    for (section, key), variable in _variable_names().items():
        annotation = sections()[section].model_fields[key].annotation
        if typing.get_origin(annotation) is list:
            annotation = comma_separated
        elif annotation not in (bool, int, float):
            annotation = str
        fields[variable] = (annotation | None, Field(default=None))
    return create_model("Variables", __base__=OnlyArguments, **fields)


def _split(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def _explain(error: ValidationError) -> str:
    first = error.errors()[0]
    message = first["msg"]
    return f"{first['loc'][0]}: {message[0].lower()}{message[1:]}, got {first['input']!r}; fix the value"
