"""The tables of isitcake.toml, checked and frozen."""

import ipaddress
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from foundation.network.addresses import Refused, parse
from foundation.settings.names import EFFICIENTNET_LITE0, MIN_SIDE_PX, NETWORKS, OPENNSFW, SUBJECTS
from foundation.settings.texts import NAME_PATTERN, address_problem, contact_problem, label_problem

PHOTO_APIS = {
    "unsplash": "https://api.unsplash.com",
    "openverse": "https://api.openverse.org",
    "commons": "https://commons.wikimedia.org",
}
MAX_PATTERN_CHARS = 500  # of one pattern of `skip`
LICENCES = ("cc0", "pdm", "by", "by-sa", "by-nc", "by-nd", "by-nc-sa", "by-nc-nd")


def _http_url(value: str) -> str:
    if problem := address_problem(value):
        raise ValueError(problem)
    return value


HttpUrl = Annotated[str, AfterValidator(_http_url)]
Name = Annotated[str, Field(pattern=NAME_PATTERN)]


def _same_names(labels: Any, others: Sequence[str]) -> bool:
    return isinstance(labels, list) and sorted(map(str, labels)) == sorted(others)


class Section(BaseModel):
    """Base of every table."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ProjectSection(Section):
    name: Name = "is-it-cake"
    labels: list[Name] = Field(default=["cake", "not_cake"], min_length=2)
    home: str = "library"
    contact: str = ""
    subject: str = ""  # name of a pack; without the key, the pack that speaks of exactly these labels

    @model_validator(mode="before")
    @classmethod
    def _pack_of_the_labels(cls, content: Any) -> Any:
        if not isinstance(content, dict) or "subject" in content:
            return content
        labels = content.get("labels", cls.model_fields["labels"].get_default())
        named = [name for name, spoken_of in SUBJECTS.items() if _same_names(labels, spoken_of)]
        return {**content, "subject": named[0] if named else ""}

    @field_validator("subject")
    @classmethod
    def _known_pack(cls, subject: str) -> str:
        if subject and subject not in SUBJECTS:
            packs = ", ".join(map(repr, SUBJECTS))
            raise ValueError(f'no subject pack {subject!r}; there is {packs}; write "" for a subject without a pack')
        return subject

    @field_validator("labels")
    @classmethod
    def _labels_differ(cls, labels: list[str]) -> list[str]:
        if len(set(labels)) != len(labels):
            raise ValueError("a label occurs twice; write each label once")
        for label in labels:
            if problem := label_problem(label):
                raise ValueError(problem)
        return labels

    @field_validator("contact")
    @classmethod
    def _contact_is_reachable(cls, contact: str) -> str:
        if problem := contact_problem(contact):
            raise ValueError(problem)
        return contact


class LabelSection(Section):
    """[labels.X]: what the label X means."""

    means: list[str] = []  # class names of networks, and words of file names
    definition: str = ""  # for reviewers
    examples: list[str] = []  # for reviewers: files, relative to isitcake.toml, or SHA-256 of images

    @field_validator("means", "examples")
    @classmethod
    def _no_empty_text(cls, texts: list[str]) -> list[str]:
        if not all(re.search(r"\w", text) for text in texts):
            raise ValueError("contains an empty text; remove it")
        return texts


class CatalogSection(Section):
    url: str = "sqlite"

    @field_validator("url")
    @classmethod
    def _known_engine(cls, url: str) -> str:
        if url != "sqlite" and not url.startswith(("sqlite:///", "postgresql+psycopg://")):
            raise ValueError('write "sqlite" or "postgresql+psycopg://user@host/name"')
        return url


class BlobsSection(Section):
    url: str = "local"  # or a bucket: s3://bucket/prefix
    endpoint: HttpUrl | Literal[""] = ""  # address of an S3-compatible service; empty: Amazon S3
    region: str = "us-east-1"

    @field_validator("url")
    @classmethod
    def _known_store(cls, url: str) -> str:
        if url != "local" and not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^?#\s]*)?", url):
            raise ValueError('write "local" or "s3://bucket/prefix"')
        return url


class CrawlSection(Section):
    allow_private_hosts: list[str] = []
    # What a robots.txt says to crawlers that collect for AI training: an objection to training, or only noted.
    ai_crawler_bans: Literal["objection", "note"] = "objection"

    @field_validator("allow_private_hosts")
    @classmethod
    def _host_and_port(cls, hosts: list[str]) -> list[str]:
        """The hosts in the one spelling that foundation.network.addresses compares: `[0::1]:80` is `[::1]:80`."""
        listed = []
        for host in hosts:
            try:
                if not re.search(r":[0-9]+$", host):
                    raise Refused("no port")
                listed.append(parse(f"http://{host}").host_port)
            except Refused:
                raise ValueError(f'{host!r} is not host:port; write it like "127.0.0.1:8101"') from None
        return listed


class ReviewSection(Section):
    budget: int = Field(default=200, ge=1)  # questions per round
    audit_share: float = Field(default=0.2, ge=0.0, le=1.0)  # of the budget, for the audit sample
    gold_share: float = Field(default=0.1, ge=0.0, le=1.0)  # of the budget, for images with a known answer
    repeat_share: float = Field(default=0.1, ge=0.0, le=1.0)  # of the budget, for images that were answered before
    answers_needed: int = Field(default=1, ge=1, le=10)  # different people per question
    audit_answers: int = Field(default=2, ge=1, le=10)  # different people per image of the audit sample
    pre_annotate: bool = False  # show the suggested answer: faster, but it influences the reviewer
    pictures_days: int = Field(default=90, ge=1, le=3650)  # days until the address of a picture expires
    label_studio_url: HttpUrl = "http://127.0.0.1:8080"
    pictures_url: HttpUrl = "http://127.0.0.1:8090"  # address of `isitcake serve`, as reviewers' browsers see it

    @model_validator(mode="after")
    def _shares_fit_into_the_budget(self) -> "ReviewSection":
        if self.audit_share + self.gold_share + self.repeat_share > 1:
            raise ValueError("audit_share, gold_share and repeat_share add up to more than 1; lower one of them")
        return self


class PublishSection(Section):
    max_label_error: float = Field(default=1.0, ge=0.0, le=1.0)  # limit for the audit's upper bound
    certify: float = Field(default=0.0, ge=0.0, lt=1.0)  # limit for the certificate's bound; 0: none is needed
    max_shortcut: float = Field(default=1.0, ge=0.5, le=1.0)  # limit for the balanced accuracy of a shortcut
    min_images: int = Field(default=0, ge=0)  # images per label
    max_age_days: int = Field(default=0, ge=0)  # days since the last collection of each source; 0: no limit
    recheck_days: float = Field(default=7.0, ge=0.0)  # sites are asked again whether they object; 0: never
    layout: Literal["folder", "shards", ""] = ""  # of a version's pictures; empty: by their number


class ModelsSection(Section):
    network: str = EFFICIENTNET_LITE0  # one of NETWORKS, or the path of an ONNX classifier
    folder: str = ""
    tracking: str = ""  # address of an MLflow server, or a folder for its files

    @field_validator("network")
    @classmethod
    def _known_network(cls, network: str) -> str:
        if network not in NETWORKS and not network.endswith(".onnx"):
            raise ValueError(f"no network {network!r}; use {', '.join(NETWORKS)}, or the path of an ONNX file")
        return network


class WebSection(Section):
    public_url: str = ""  # address under which visitors see the web service; empty: the one that it listens at
    trusted_proxies: list[str] = []  # addresses or networks whose X-Forwarded- headers are believed
    public_pages: bool = False  # show the report and the pages of images to everybody

    @field_validator("public_url")
    @classmethod
    def _only_scheme_and_host(cls, url: str) -> str:
        if url and not re.fullmatch(r"https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?/?", url):
            raise ValueError(f'{url!r} is not scheme and host alone; write it like "https://game.example.org"')
        return url.rstrip("/").lower()

    @field_validator("trusted_proxies")
    @classmethod
    def _addresses_or_networks(cls, proxies: list[str]) -> list[str]:
        for proxy in proxies:
            try:
                ipaddress.ip_network(proxy, strict=False)
            except ValueError:
                raise ValueError(f'{proxy!r} is no address or network; write it like "10.0.0.7"') from None
        return proxies


class PapersSection(Section):
    """[papers]: what only a person can answer, for the datasheet and the summary of training content."""

    purpose: str = ""  # what the dataset is made for
    creators: str = ""  # who makes it, and on whose behalf
    funding: str = ""  # who pays for it
    workers: str = ""  # who collects and reviews, and how they are paid
    ethics: str = ""  # what others reviewed: an ethics board, a data protection assessment
    people: str = ""  # whether pictures show people, and what these were told or asked
    sensitive: str = ""  # confidential, offensive or sensitive content
    uses: str = ""  # what the dataset was used for, with links
    unfit: str = ""  # what it should not be used for
    distribution: str = ""  # to whom it is given, how and when
    licence: str = ""  # terms of the dataset as a whole
    maintainer: str = ""  # who maintains and hosts it
    updates: str = ""  # how often it changes, and how users hear of it
    small_provider: bool = False  # the model's provider is a small or medium-sized company


class SafetySection(Section):
    """[safety]: pictures that are not stored, or that a person sees first."""

    hash_lists: list[str] = []  # files with MD5 or PDQ hashes, relative to isitcake.toml
    contact: str = ""  # whom to tell about pictures on a hash list
    nsfw: str = ""  # OPENNSFW, or the path of an ONNX file: what it takes for explicit waits for a person

    @field_validator("nsfw")
    @classmethod
    def _known_network(cls, network: str) -> str:
        if network not in ("", OPENNSFW) and not network.endswith(".onnx"):
            raise ValueError(f"no network {network!r}; use {OPENNSFW}, or the path of an ONNX file")
        return network

    @model_validator(mode="after")
    def _lists_have_a_contact(self) -> "SafetySection":
        if self.hash_lists and not self.contact.strip():
            raise ValueError(
                "hash_lists needs contact: write whom to tell about a picture on a list, such as the web page of the "
                "hotline that gave you the list"
            )
        return self


_SERVICES = tuple(PHOTO_APIS)
KINDS_OF_KEYS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("start_urls", "depth", "pages", "skip"), ("site",)),
    **dict.fromkeys(("path", "min_side"), ("folder",)),
    **dict.fromkeys(("queries", "per_query", "base_url", "licences"), _SERVICES),
}  # the other keys are for every kind of source


class Source(Section):
    name: Name
    kind: Literal["site", "unsplash", "openverse", "commons", "folder"]
    label: str
    licence: str = ""
    start_urls: list[HttpUrl] = []
    queries: list[str] = []
    depth: int = Field(default=2, ge=0, le=50)  # links away from a start page
    pages: int = Field(default=1000, ge=1, le=1_000_000)  # of one crawl
    skip: list[str] = []  # patterns of pages that are left out, as in robots.txt
    per_query: int = Field(default=10, ge=1, le=1000)
    permission: str = ""
    base_url: HttpUrl | None = None  # address of a photo API; None: the service's own
    licences: list[str] = ["cc0", "pdm", "by", "by-sa"]  # licences that openverse and commons may return
    path: str = ""
    min_side: int = Field(default=MIN_SIDE_PX, ge=1)  # pixels of the shorter side; a folder may have small pictures

    @model_validator(mode="after")
    def _kind_has_its_key(self) -> "Source":
        needed = {"site": "start_urls", "folder": "path"}.get(self.kind, "queries")
        if not getattr(self, needed):
            raise ValueError(f"kind {self.kind!r} needs {needed}; add it")
        return self

    @model_validator(mode="after")
    def _every_key_is_for_its_kind(self) -> "Source":
        for key in sorted(self.model_fields_set):
            kinds = KINDS_OF_KEYS.get(key, (self.kind,))
            if self.kind not in kinds:
                named = " or ".join(map(repr, kinds))
                raise ValueError(f"{key} is for sources of kind {named}; remove it")
        return self

    @field_validator("skip")
    @classmethod
    def _patterns_of_pages(cls, skip: list[str]) -> list[str]:
        for pattern in skip:
            if not pattern.startswith(("/", "*")):
                raise ValueError(
                    f'{pattern!r} does not begin with "/" or "*"; write it as in robots.txt, like "/blog/"'
                )
            if pattern.rstrip("*$") in ("", "/") and pattern != "/$":
                raise ValueError(f'{pattern!r} leaves out every page; write a part of an address, like "/blog/"')
            if len(pattern) > MAX_PATTERN_CHARS:
                raise ValueError(f"a pattern has more than {MAX_PATTERN_CHARS} characters; shorten it")
        return skip

    @property
    def api_url(self) -> str:
        """Address of the photo API, without a slash at its end."""
        return (self.base_url or PHOTO_APIS[self.kind]).rstrip("/")

    @field_validator("licences")
    @classmethod
    def _known_licences(cls, licences: list[str]) -> list[str]:
        if unknown := sorted(set(licences) - set(LICENCES)):
            raise ValueError(f"{unknown[0]!r} is not a licence code; use {', '.join(LICENCES)}")
        if not licences:
            raise ValueError("contains no licence; write at least one")
        return licences
