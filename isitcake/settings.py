"""isitcake.toml and the environment, checked and frozen.

The only module that reads os.environ. A setting `[section] key` may be overridden by the variable
`ISITCAKE_SECTION_KEY`; secrets come from the environment alone:

ISITCAKE_LABEL_STUDIO_API_KEY   Label Studio's token
ISITCAKE_UNSPLASH_ACCESS_KEY    Unsplash's access key
ISITCAKE_WEBHOOK_SECRET         what Label Studio's webhook sends as X-Isitcake-Secret (default: no webhook is taken)
ISITCAKE_BLOBS_KEY_ID           key of the bucket that [blobs] url names (default: the machine's own role)
ISITCAKE_BLOBS_SECRET           and its secret
ISITCAKE_SECRET                 signs picture addresses (default: derived from Label Studio's token)
ISITCAKE_MODELS                 folder with pretrained weights (also `[models] folder`)
ISITCAKE_BROWSER                path of a Chromium (default: Playwright's own, then one on the PATH)
"""

import hashlib
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from isitcake.errors import ConfigError, UnknownSource

CONFIG_NAME = "isitcake.toml"
NOT_LABELS = ("unusable", "unsure")  # answers a reviewer may give that are never published
AGENT_NAME = "isitcakebot"
AGENT_VERSION = "0.1"
WEIGHTS_NAME = "mobilenet_v2_1.0_224.onnx"
DETECTOR_NAME = "fastestdet_coco.onnx"
ZOO_WEIGHTS_NAME = "mobilenetv2-12.onnx"  # what `isitcake models fetch` brings
ZOO_DETECTOR_NAME = "ssd_mobilenet_v1_12.onnx"
CLASSES_NAME = "imagenet_1001_labels.txt"  # of the weights, a line each

PHOTO_APIS = {
    "unsplash": "https://api.unsplash.com",
    "openverse": "https://api.openverse.org",
    "commons": "https://commons.wikimedia.org",
}
LICENCES = ("cc0", "pdm", "by", "by-sa", "by-nc", "by-nd", "by-nc-sa", "by-nc-nd")


def _http_url(value: str) -> str:
    if not re.match(r"https?://[^\s/]+", value):
        raise ValueError(f"{value!r} is not a web address; write it with http:// or https://")
    return value


HttpUrl = Annotated[str, AfterValidator(_http_url)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ProjectSection(_Section):
    name: Name = "is-it-cake"
    labels: list[Name] = Field(default=["cake", "not_cake"], min_length=2)
    home: str = "library"
    contact: str = ""

    @field_validator("labels")
    @classmethod
    def _labels_differ(cls, labels: list[str]) -> list[str]:
        if len(set(labels)) != len(labels):
            raise ValueError("a label is named twice; name each once")
        if taken := set(labels) & set(NOT_LABELS):
            raise ValueError(f"{taken.pop()!r} is an answer reviewers always have; name another label")
        return labels

    @field_validator("contact")
    @classmethod
    def _contact_is_reachable(cls, contact: str) -> str:
        if contact and not re.match(r"(https?://\S+|mailto:\S+@\S+|\S+@\S+\.\S+)$", contact):
            raise ValueError(f"{contact!r} is neither a web page nor an e-mail address; write one")
        return contact


class CatalogSection(_Section):
    url: str = "sqlite"

    @field_validator("url")
    @classmethod
    def _known_engine(cls, url: str) -> str:
        if url != "sqlite" and not url.startswith(("sqlite:///", "postgresql+psycopg://")):
            raise ValueError('write "sqlite" or "postgresql+psycopg://user@host/name"')
        return url


class BlobsSection(_Section):
    url: str = "local"  # or a bucket: s3://bucket/prefix
    endpoint: HttpUrl | Literal[""] = ""  # of an S3-compatible service; Amazon's own where not given
    region: str = "us-east-1"

    @field_validator("url")
    @classmethod
    def _known_store(cls, url: str) -> str:
        if url != "local" and not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^?#\s]*)?", url):
            raise ValueError('write "local" or "s3://bucket/prefix"')
        return url


class CrawlSection(_Section):
    allow_private_hosts: list[str] = []

    @field_validator("allow_private_hosts")
    @classmethod
    def _host_and_port(cls, hosts: list[str]) -> list[str]:
        for host in hosts:
            if not re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[^\s/:]+):\d{1,5}", host):
                raise ValueError(f'{host!r} is not host:port; write it like "127.0.0.1:8101"')
        return hosts


class ReviewSection(_Section):
    budget: int = Field(default=200, ge=1)
    audit_share: float = Field(default=0.2, ge=0.0, le=1.0)  # of the budget, for the random sample
    gold_share: float = Field(default=0.1, ge=0.0, le=1.0)  # for images whose answer is known
    repeat_share: float = Field(default=0.1, ge=0.0, le=1.0)  # for images that were answered before
    answers_needed: int = Field(default=1, ge=1, le=10)
    audit_answers: int = Field(default=2, ge=1, le=10)  # different people, for each image of the random sample
    pre_annotate: bool = False  # show the suggested answer: quicker, but it anchors who looks
    pictures_days: int = Field(default=90, ge=1, le=3650)  # that a picture's address is good for
    label_studio_url: HttpUrl = "http://127.0.0.1:8080"
    pictures_url: HttpUrl = "http://127.0.0.1:8090"  # where reviewers' browsers find `isitcake serve`

    @model_validator(mode="after")
    def _shares_leave_room(self) -> "ReviewSection":
        if self.audit_share + self.gold_share + self.repeat_share > 1:
            raise ValueError("audit_share, gold_share and repeat_share are more than the whole budget; lower one")
        return self


class PublishSection(_Section):
    max_label_error: float = Field(default=1.0, ge=0.0, le=1.0)  # of the audit's upper bound
    max_shortcut: float = Field(default=1.0, ge=0.5, le=1.0)  # balanced accuracy a trivial feature may reach
    min_images: int = Field(default=0, ge=0)  # of each label
    max_age_days: int = Field(default=0, ge=0)  # since each source was collected from; 0: not asked


class ModelsSection(_Section):
    folder: str = ""
    tracking: str = ""  # address of an MLflow server, or a folder for its files


class Source(_Section):
    name: Name
    kind: Literal["site", "unsplash", "openverse", "commons", "folder"]
    label: str
    licence: str = ""
    start_urls: list[HttpUrl] = []
    queries: list[str] = []
    per_query: int = Field(default=10, ge=1, le=1000)
    permission: str = ""
    base_url: HttpUrl | None = None  # of a photo API; its own where not given
    licences: list[str] = ["cc0", "pdm", "by", "by-sa"]  # that openverse and commons may bring
    path: str = ""

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> "Source":
        needed = {"site": "start_urls", "folder": "path"}.get(self.kind, "queries")
        if not getattr(self, needed):
            raise ValueError(f"kind {self.kind!r} needs {needed}; add it")
        return self

    @property
    def api_url(self) -> str:
        """Address of the photo API, without a slash at its end."""
        return (self.base_url or PHOTO_APIS[self.kind]).rstrip("/")

    @field_validator("licences")
    @classmethod
    def _known_licences(cls, licences: list[str]) -> list[str]:
        if unknown := sorted(set(licences) - set(LICENCES)):
            raise ValueError(f"{unknown[0]!r} is no licence code; use {', '.join(LICENCES)}")
        if not licences:
            raise ValueError("names no licence; name at least one")
        return licences


class Secrets(BaseModel):
    """Read from the environment, shown nowhere."""

    model_config = ConfigDict(frozen=True)
    label_studio_api_key: SecretStr = SecretStr("")
    unsplash_access_key: SecretStr = SecretStr("")
    secret: SecretStr = SecretStr("")
    webhook_secret: SecretStr = SecretStr("")
    blobs_key_id: SecretStr = SecretStr("")
    blobs_secret: SecretStr = SecretStr("")


def _first(folder: Path, *names: str) -> Path | None:
    return next((path for name in names if (path := folder / name).is_file()), None)


class Settings(BaseModel):
    """One project: what isitcake.toml says, and where it stands."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    project: ProjectSection = ProjectSection()
    catalog: CatalogSection = CatalogSection()
    blobs: BlobsSection = BlobsSection()
    crawl: CrawlSection = CrawlSection()
    review: ReviewSection = ReviewSection()
    publish: PublishSection = PublishSection()
    models: ModelsSection = ModelsSection()
    sources: list[Source] = []
    config_path: Path = Path(CONFIG_NAME)
    secrets: Secrets = Secrets()
    browser: str = ""

    @field_validator("sources")
    @classmethod
    def _sources_have_names_of_their_own(cls, sources: list[Source]) -> list[Source]:
        seen: set[str] = set()
        for source in sources:
            if source.name in seen:
                raise ValueError(f"two sources are named {source.name!r}; rename one")
            seen.add(source.name)
        return sources

    @model_validator(mode="after")
    def _sources_use_the_labels(self) -> "Settings":
        for source in self.sources:
            if source.label not in self.project.labels:
                raise ValueError(
                    f"source {source.name!r} has label {source.label!r}, which [project] labels does not "
                    f"name; use one of {', '.join(self.project.labels)}"
                )
        return self

    @property
    def root(self) -> Path:
        return self.config_path.parent

    @property
    def home(self) -> Path:
        """The library: blobs, versions, models, reports."""
        return (self.root / Path(self.project.home).expanduser()).resolve()

    @property
    def user_agent(self) -> str:
        return f"{AGENT_NAME}/{AGENT_VERSION} (+{self.project.contact})"

    @property
    def weights(self) -> Path | None:
        """MobileNetV2 as ONNX, where a folder of weights is configured."""
        if not self.models.folder:
            return None
        folder = (self.root / Path(self.models.folder).expanduser()).resolve()
        return _first(folder, WEIGHTS_NAME, ZOO_WEIGHTS_NAME) or folder / WEIGHTS_NAME

    @property
    def detector(self) -> Path | None:
        """A COCO detector as ONNX, where the folder of weights holds one."""
        return _first(self.weights.parent, DETECTOR_NAME, ZOO_DETECTOR_NAME) if self.weights else None

    @property
    def signing_key(self) -> bytes:
        """Signs picture addresses; empty where neither secret is set, and then nothing can be signed."""
        secret = self.secrets.secret.get_secret_value() or self.secrets.label_studio_api_key.get_secret_value()
        return hashlib.sha256(b"isitcake pictures\0" + secret.encode()).digest() if secret else b""

    def source(self, name: str) -> Source:
        for source in self.sources:
            if source.name == name:
                return source
        known = ", ".join(source.name for source in self.sources) or "none"
        raise UnknownSource(f"no source {name!r} in {self.config_path}; it names {known}")

    def require_contact(self) -> None:
        if not self.project.contact:
            raise ConfigError(
                f"{self.config_path}: [project] contact is empty; write a web page or e-mail address where "
                "site owners can reach you, the crawler shows it to them"
            )


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
