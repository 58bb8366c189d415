"""The catalog's tables.

Ledgers are appended to and never rewritten: runs, outcomes, images, sightings, judgements, decisions,
splits, site_splits, versions, asked, tombstones, erasures, rounds, plays. Derived tables may be dropped and rebuilt by
`isitcake curate`: fingerprints, features, pairs, clusters, findings, queue; `digests` and `looks` by
`isitcake publish`. What `fetches` and `cursors`
hold saves asking again.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    Dialect,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Moment(TypeDecorator[datetime]):
    """A point in time, UTC, on engines with and without time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:  # noqa: ARG002
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("times are kept in UTC; this one has no time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)  # type: ignore[no-any-return]


SHA = String(64)

runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", String(64), nullable=False, index=True),
    Column("status", String(16), nullable=False),  # running, done, deferred, unhealthy
    Column("started_at", Moment, nullable=False),
    Column("finished_at", Moment),
    Column("pages", Integer, nullable=False, default=0),
    Column("candidates", Integer, nullable=False, default=0),
    Column("requests", Integer, nullable=False, default=0),
    Column("placeholders", Integer, nullable=False, server_default="0"),  # <img> with nothing but a data: address
    Column("notes", JSON, nullable=False, default=list),
)

outcomes = Table(
    "outcomes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", Integer, nullable=False),
    Column("source", String(64), nullable=False, index=True),
    Column("image_url", Text, nullable=False),
    Column("page_url", Text, nullable=False),
    Column("outcome", String(16), nullable=False),  # stored, duplicate, unchanged, rejected, failed
    Column("reason", Text, nullable=False, default=""),
    Column("sha256", SHA),
    Column("fetched_url", Text),
    Column("at", Moment, nullable=False),
    UniqueConstraint("run_id", "image_url"),
)

images = Table(
    "images",
    metadata,
    Column("sha256", SHA, primary_key=True),
    Column("format", String(8), nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("has_alpha", Integer, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("first_seen", Moment, nullable=False),
)

sightings = Table(
    "sightings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sha256", SHA, nullable=False, index=True),
    Column("source", String(64), nullable=False, index=True),
    Column("source_label", String(64), nullable=False),
    Column("site", Text, nullable=False),  # host of the page; for a photo API, name and query
    Column("image_url", Text, nullable=False),
    Column("page_url", Text, nullable=False),
    Column("alt", Text, nullable=False, default=""),
    Column("licence", Text, nullable=False, default=""),
    Column("creator", Text, nullable=False, default=""),
    Column("seen_at", Moment, nullable=False),
    UniqueConstraint("sha256", "source", "image_url", "page_url"),
)

fetches = Table(  # what a later crawl sends as If-None-Match and If-Modified-Since
    "fetches",
    metadata,
    Column("source", String(64), primary_key=True),
    Column("image_url", Text, primary_key=True),
    Column("fetched_url", Text, nullable=False),
    Column("sha256", SHA, nullable=False),  # of the bytes, stored or not
    Column("reason", Text, nullable=False, server_default=""),  # why they were not stored; empty where they were
    Column("etag", Text, nullable=False, default=""),
    Column("last_modified", Text, nullable=False, default=""),
)

tombstones = Table(  # what was erased, by hashes alone: it is not collected again
    "tombstones",
    metadata,
    Column("kind", String(16), primary_key=True),  # sha256, url, phash16
    Column("value", String(64), primary_key=True),  # of a URL, its SHA-256
    Column("reason", Text, nullable=False, default=""),
    Column("erased_at", Moment, nullable=False),
)

erasures = Table(  # the journal: what was begun is finished by the next command
    "erasures",
    metadata,
    Column("sha256", SHA, primary_key=True),
    Column("reason", Text, nullable=False, default=""),
    Column("begun_at", Moment, nullable=False),
    Column("done_at", Moment),
)

fingerprints = Table(
    "fingerprints",
    metadata,
    Column("sha256", SHA, primary_key=True),
    Column("recipe", String(32), nullable=False),
    Column("phash", String(16), nullable=False),
    Column("dhash", String(16), nullable=False),
    Column("phash16", String(64), nullable=False),
    Column("mirrored", String(16), nullable=False),
    Column(
        "views", LargeBinary, nullable=False
    ),  # of dataset.duplicates.crop_hashes.BOXES, 8 bytes each, little-endian
    Column("detail", Float, nullable=False),  # standard deviation of luminance, 0..128
    Column("measures", JSON, nullable=False),
)

features = Table(
    "features",
    metadata,
    Column("sha256", SHA, primary_key=True),
    Column("backbone", String(64), primary_key=True),
    Column("vector", LargeBinary, nullable=False),  # float16
)

seen = Table(  # what is recognised in pictures without any training of ours
    "seen",
    metadata,
    Column("sha256", SHA, primary_key=True),
    Column("recipe", String(64), nullable=False),
    Column("objects", JSON, nullable=False),  # COCO class → score; null where no detector looked
    Column("text_lines", Integer, nullable=False),
    Column("text_share", Float, nullable=False),  # of the picture, that they cover
)

digests = Table(  # of normalised pictures: not read again for every version
    "digests",
    metadata,
    Column("sha256", SHA, primary_key=True),  # of the original
    Column("recipe", String(32), primary_key=True),
    Column("digest", SHA, nullable=False),
    Column("size_bytes", Integer, nullable=False),
)

looks = Table(  # trivial things to be seen in a picture: not decoded again for every version
    "looks",
    metadata,
    Column("sha256", SHA, primary_key=True),
    Column("recipe", String(32), primary_key=True),
    Column("measures", JSON, nullable=False),
)

rounds = Table(  # of the game; pictures: sha256 and label of each
    "rounds",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("player", String(32), nullable=False),
    Column("nickname", String(32), nullable=False),
    Column("version", String(32), nullable=False),
    Column("pictures", JSON, nullable=False),
    Column("begun_at", Moment, nullable=False),
)

plays = Table(  # what players answered: a crowd, not reviewers
    "plays",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("round", String(32), nullable=False),
    Column("slot", Integer, nullable=False),
    Column("player", String(32), nullable=False),
    Column("sha256", SHA, nullable=False, index=True),
    Column("version", String(32), nullable=False),
    Column("answer", String(64), nullable=False),
    Column("label", String(64), nullable=False),  # ours, then
    Column("model_answer", String(64), nullable=False, default=""),  # the champion's, then; empty where it said nothing
    Column("played_at", Moment, nullable=False),
    UniqueConstraint("round", "slot", "player"),
)

pairs = Table(
    "pairs",
    metadata,
    Column("a", SHA, primary_key=True),
    Column("b", SHA, primary_key=True),
    Column("by", String(32), nullable=False),  # phash16, registration, mirrored
    Column("distance", Float, nullable=False),  # bits
    Column("agreement", Float, nullable=False),  # of details, -1 to 1
)

compared = Table(  # images that were compared with all that were there
    "compared",
    metadata,
    Column("sha256", SHA, primary_key=True),
    Column("recipe", String(64), nullable=False),
)

clusters = Table(
    "clusters",
    metadata,
    Column("sha256", SHA, primary_key=True),
    Column("cluster", SHA, nullable=False, index=True),  # its smallest sha256
    Column("representative", SHA, nullable=False),
)

findings = Table(
    "findings",
    metadata,
    Column("sha256", SHA, primary_key=True),
    Column("detector", String(32), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("score", Float, nullable=False),
    Column("proposes", String(64), nullable=False),
    Column("evidence", Text, nullable=False),
)

queue = Table(
    "queue",
    metadata,
    Column("sha256", SHA, primary_key=True),  # the cluster's representative
    Column("priority", Float, nullable=False, index=True),
    Column("suggested_label", String(64), nullable=False),
    Column("error_probability", Float, nullable=False),
    Column("reasons", JSON, nullable=False),
)

judgements = Table(
    "judgements",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sha256", SHA, nullable=False, index=True),
    Column("reviewer", String(128), nullable=False),
    Column("answer", String(64), nullable=False),
    Column("answered_at", Moment, nullable=False),
    Column("origin", String(32), nullable=False),  # label_studio, adjudicator, gold, import
    Column("external_id", String(128), nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Column("seconds", Float),  # that the answer took, where it is known
    Column("why", Text, nullable=False, server_default=""),  # in the reviewer's words
    UniqueConstraint("origin", "external_id"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sha256", SHA, nullable=False, index=True),
    Column("label", String(64), nullable=False),
    Column("origin", String(16), nullable=False),  # source, human, consensus, detector
    Column("reason", Text, nullable=False),
    Column("decided_at", Moment, nullable=False),
)

audit = Table(  # the random sample: drawn once, never changed
    "audit",
    metadata,
    Column("sha256", SHA, primary_key=True),
    Column("ticket", String(16), nullable=False),
    Column("label", String(64), nullable=False),  # as it stood when the picture was drawn
    Column("drawn_at", Moment, nullable=False),
)

asked = Table(  # every question sent to Label Studio: the outbox, and the memory of what for
    "asked",
    metadata,
    Column("ask", String(16), primary_key=True),  # what the task in Label Studio carries
    Column("project", String(128), primary_key=True),  # Label Studio's address and project number
    Column("sha256", SHA, nullable=False, index=True),
    Column("purpose", String(16), nullable=False),  # risk, audit, gold, repeat, dispute, adjudicate
    Column("round", Integer, nullable=False),
    Column("task_id", Integer),  # null between "about to push" and "pushed"
    Column("pushed_at", Moment, nullable=False),
    Column("withdrawn_at", Moment),
)

cursors = Table(
    "cursors",
    metadata,
    Column("name", String(192), primary_key=True),
    Column("value", Text, nullable=False),
)

splits = Table(
    "splits",
    metadata,
    Column("sha256", SHA, primary_key=True),
    Column("split", String(32), nullable=False),
    Column("assigned_at", Moment, nullable=False),
)

site_splits = Table(
    "site_splits",
    metadata,
    Column("site", Text, primary_key=True),
    Column("held_out", Integer, nullable=False),
    Column("assigned_at", Moment, nullable=False),
)

versions = Table(
    "versions",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("id", SHA, nullable=False),
    Column("parent", String(32)),
    Column("content", SHA, nullable=False),  # digest of what a change would change
    Column("created_at", Moment, nullable=False),
    Column("counts", JSON, nullable=False),
)

Index("ix_outcomes_source_run", outcomes.c.source, outcomes.c.run_id)
