"""All settings of one project."""

import difflib
import hashlib
import re
from pathlib import Path

from pydantic import BaseModel, ConfigDict, SecretStr, field_validator, model_validator

from foundation.errors import ConfigError, UnknownSource
from foundation.safe_text import known_names
from foundation.settings.names import (
    AGENT_NAME,
    CONFIG_NAME,
    DETECTOR_NAME,
    MOBILENET_V2,
    OPENNSFW,
    PAIRS,
    PICTURE_TOWER,
    WEIGHTS_NAME,
    ZOO_DETECTOR_NAME,
    ZOO_WEIGHTS_NAME,
)
from foundation.settings.sections import (
    BlobsSection,
    CatalogSection,
    CrawlSection,
    LabelSection,
    ModelsSection,
    PapersSection,
    ProjectSection,
    PublishSection,
    ReviewSection,
    SafetySection,
    Source,
    WebSection,
)
from foundation.version import VERSION

SECRET_CHARACTERS = 16  # of hex digits: 64 bits, too many for guesses over a network
SECRET_DIFFERENT = 6  # different characters; of 16 random hex digits, fewer occur once in 30,000 times


class Secrets(BaseModel):
    """Read from the environment only: ISITCAKE_ and the name of the field in capitals. Never shown or written.

    label_studio_api_key: Label Studio's token. unsplash_access_key: Unsplash's access key. secret: signs picture
    addresses. webhook_secret: Label Studio's webhook sends it; while it is empty, webhooks are refused. blobs_key_id,
    blobs_secret: access to the bucket of [blobs] url; while they are empty, the machine's own role is used.
    """

    model_config = ConfigDict(frozen=True)
    label_studio_api_key: SecretStr = SecretStr("")
    unsplash_access_key: SecretStr = SecretStr("")
    secret: SecretStr = SecretStr("")
    webhook_secret: SecretStr = SecretStr("")
    blobs_key_id: SecretStr = SecretStr("")
    blobs_secret: SecretStr = SecretStr("")


class Settings(BaseModel):
    """The content of isitcake.toml and of the environment. browser: path of a Chromium; empty: search for one."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    project: ProjectSection = ProjectSection()
    catalog: CatalogSection = CatalogSection()
    blobs: BlobsSection = BlobsSection()
    crawl: CrawlSection = CrawlSection()
    review: ReviewSection = ReviewSection()
    publish: PublishSection = PublishSection()
    models: ModelsSection = ModelsSection()
    web: WebSection = WebSection()
    papers: PapersSection = PapersSection()
    safety: SafetySection = SafetySection()
    labels: dict[str, LabelSection] = {}
    sources: list[Source] = []
    config_path: Path = Path(CONFIG_NAME)
    secrets: Secrets = Secrets()
    browser: str = ""

    @field_validator("sources")
    @classmethod
    def _source_names_differ(cls, sources: list[Source]) -> list[Source]:
        names: set[str] = set()
        for source in sources:
            if source.name in names:
                raise ValueError(f"two sources are named {source.name!r}; rename one")
            names.add(source.name)
        return sources

    @model_validator(mode="after")
    def _sources_use_the_labels(self) -> "Settings":
        for source in self.sources:
            if source.label not in self.project.labels:
                raise ValueError(
                    f"source {source.name!r} has label {source.label!r}, which is not in [project] labels; "
                    f"{known_names(source.label, self.project.labels, 'use one of {}')}"
                )
        return self

    @model_validator(mode="after")
    def _label_tables_are_of_labels(self) -> "Settings":
        known = self.project.labels
        meant: dict[str, str] = {}
        for label, table in self.labels.items():
            if label not in known:
                near = difflib.get_close_matches(label, known, 1)
                fix = f"did you mean [labels.{near[0]}]?" if near else f"use one of {', '.join(known)}"
                raise ValueError(f"[labels.{label}]: {label!r} is not in [project] labels; {fix}")
            for name in map(plain_name, table.means):
                if meant.setdefault(name, label) != label:
                    raise ValueError(
                        f"{name!r} is in means of [labels.{meant[name]}] and of [labels.{label}]; keep one"
                    )
        return self

    @property
    def root(self) -> Path:
        """The folder of isitcake.toml."""
        return self.config_path.parent

    @property
    def home(self) -> Path:
        """The library: originals, versions, models, reports."""
        return (self.root / Path(self.project.home).expanduser()).resolve()

    def folder_of(self, source: Source) -> Path:
        """The folder of a source of kind "folder", as isitcake.toml names it. It may be missing."""
        return self.root / Path(source.path).expanduser()

    @property
    def user_agent(self) -> str:
        return f"{AGENT_NAME}/{VERSION} (+{self.project.contact})"

    @property
    def weights_folder(self) -> Path | None:
        """The folder of downloaded weights; None while [models] folder is empty. It may be missing."""
        return (self.root / Path(self.models.folder).expanduser()).resolve() if self.models.folder else None

    @property
    def network(self) -> str | Path:
        """What gives features of pictures: a network's name if it needs no file, else its ONNX file.

        The file may be missing. Raises ConfigError for a network with files without a folder of weights.
        """
        name = self.models.network
        if name.endswith(".onnx"):
            return (self.root / Path(name).expanduser()).resolve()
        if name not in (MOBILENET_V2, *PAIRS):
            return name
        if self.weights_folder is None:
            raise ConfigError(
                f'{self.config_path}: models.network = "{name}" needs a folder with its weights; set [models] '
                f"folder, then run `{self.fetch_command}`"
            )
        if name in PAIRS:
            return self.weights_folder / PICTURE_TOWER.format(name)
        return _first_file(self.weights_folder, WEIGHTS_NAME, ZOO_WEIGHTS_NAME) or self.weights_folder / WEIGHTS_NAME

    @property
    def fetch_command(self) -> str:
        """The command that downloads the weights of the network."""
        pair = f" {self.models.network}" if self.models.network in PAIRS else ""
        return f"isitcake models fetch{pair}"

    @property
    def detector(self) -> Path | None:
        """A COCO detector as ONNX; None if the folder of weights has none."""
        folder = self.weights_folder
        return _first_file(folder, DETECTOR_NAME, ZOO_DETECTOR_NAME) if folder else None

    @property
    def explicit_network(self) -> str | Path:
        """What searches for explicit pictures: OPENNSFW or an ONNX file; empty: nothing does."""
        name = self.safety.nsfw
        return name if name in ("", OPENNSFW) else (self.root / Path(name).expanduser()).resolve()

    @property
    def has_label_studio(self) -> bool:
        """Whether there is a key for Label Studio; without one, reviewers answer on the wall only."""
        return bool(self.secrets.label_studio_api_key.get_secret_value())

    @property
    def signing_key(self) -> bytes:
        """Key that signs picture addresses; empty, and then nothing can be signed, while neither secret is set.

        Raises ConfigError for a secret that can be guessed.
        """
        secret = self.secrets.secret.get_secret_value() or self.secrets.label_studio_api_key.get_secret_value()
        self._require_strong_signature()
        return hashlib.sha256(b"isitcake pictures\0" + secret.encode()).digest() if secret else b""

    def source(self, name: str) -> Source:
        """Raises UnknownSource."""
        for source in self.sources:
            if source.name == name:
                return source
        hint = known_names(name, (source.name for source in self.sources), "known sources: {}")
        raise UnknownSource(f"no source {name!r} in {self.config_path}; {hint}")

    def require_strong_secrets(self) -> None:
        """Raises ConfigError for a secret of the web service that can be guessed. Secrets that are not set pass."""
        _require_strong("ISITCAKE_WEBHOOK_SECRET", self.secrets.webhook_secret)
        self._require_strong_signature()

    def _require_strong_signature(self) -> None:
        _require_strong("ISITCAKE_SECRET", self.secrets.secret)
        if not self.secrets.secret.get_secret_value():  # then the token signs
            _require_strong("ISITCAKE_LABEL_STUDIO_API_KEY", self.secrets.label_studio_api_key)

    def require_contact(self) -> None:
        """Raises ConfigError while [project] contact is empty."""
        if not self.project.contact:
            raise ConfigError(
                f"{self.config_path}: [project] contact is empty; write a web page or e-mail address where "
                "site owners can reach you; the crawler shows it to them"
            )


def plain_name(name: str) -> str:
    """The name of a class or of a label as networks write it: `Coffee_mug` is `coffee mug`."""
    return re.sub(r"[\W_]+", " ", name).strip().lower()


def _first_file(folder: Path, *names: str) -> Path | None:
    return next((path for name in names if (path := folder / name).is_file()), None)


def _require_strong(variable: str, secret: SecretStr) -> None:
    text = secret.get_secret_value()
    if text and (len(text.strip()) < SECRET_CHARACTERS or len(set(text)) < SECRET_DIFFERENT):
        raise ConfigError(
            f"{variable} is too easy to guess; set at least {SECRET_CHARACTERS} random characters, for example of "
            "`openssl rand -hex 20`"
        )
