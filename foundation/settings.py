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
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from foundation.errors import ConfigError, UnknownSource

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
