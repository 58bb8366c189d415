"""Tables of facts and ledgers: rows are added, and only an erasure removes them.

Exceptions are `fetches` and `cursors`, which save requests, `names`, and `consents`: a newer row replaces an older one.
To rename a label or a source changes its name in every row.
"""

from sqlalchemy import JSON, Column, Float, Index, Integer, String, Table, Text, UniqueConstraint

from dataset.catalog.columns import SHA, Moment, metadata

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
    Column(
        "placeholders", Integer, nullable=False, server_default="0"
    ),  # <img> elements that have only a data: address
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
    Column("copyright_notice", Text, nullable=False, server_default=""),  # that the bytes of the original carry
    Column("lists", SHA, nullable=False, server_default=""),  # digest of the hash lists that it was compared with
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

claims = Table(  # what a source asserts about an image at an address, where it differs from what it asserted before
    "claims",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sha256", SHA, nullable=False, index=True),
    Column("source", String(64), nullable=False),
    Column("image_url", Text, nullable=False),
    Column("label", String(64), nullable=False),  # empty: the source claims nothing about it any more
    Column("licence", Text, nullable=False),
    Column("creator", Text, nullable=False),
    Column("asserted_at", Moment, nullable=False),
)

names = Table(  # names of labels and sources: what isitcake.toml is compared with
    "names",
    metadata,
    Column("kind", String(16), primary_key=True),  # label, source
    Column("name", String(64), primary_key=True),
    Column("position", Integer, nullable=False),  # of a label among the labels; it numbers the classes
    Column("state", String(16), nullable=False),  # used, renamed, retired
    Column("became", String(64), nullable=False),  # the new name of a renamed one; else empty
    Column("since", Moment, nullable=False),
)

fetches = Table(  # a later crawl sends etag and last_modified as If-None-Match and If-Modified-Since
    "fetches",
    metadata,
    Column("source", String(64), primary_key=True),
    Column("image_url", Text, primary_key=True),
    Column("fetched_url", Text, nullable=False),
    Column("sha256", SHA, nullable=False),  # of the body, stored or not
    Column("reason", Text, nullable=False, server_default=""),  # why the body was not stored; empty: it was stored
    Column("etag", Text, nullable=False, default=""),
    Column("last_modified", Text, nullable=False, default=""),
    Column("lists", SHA, nullable=False, server_default=""),  # digest of the hash lists that the body was compared with
)

signals = Table(  # what was asked about training, when, and what the answer was
    "signals",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("about", Text, nullable=False, index=True),  # scheme and host, address of a page, or address of a picture
    Column("address", Text, nullable=False),  # that was asked
    Column("kind", String(16), nullable=False),  # robots.txt, tdmrep.json, ai.txt, rsl, page, picture, bytes
    Column("asked_at", Moment, nullable=False),
    Column("said", Text, nullable=False),  # the evidence; empty: nothing about training
    Column("verdict", String(16), nullable=False),  # objects, partly, noted, allows, silent, unreachable
    Column("sha256", SHA, index=True),  # of the picture; null: it is about a host or a page, or nothing was stored
)

consents = Table(  # what the newest signals say together, for each picture at each of its addresses
    "consents",
    metadata,
    Column("sha256", SHA, primary_key=True),
    Column("image_url", Text, primary_key=True),
    Column("checked_at", Moment, nullable=False),
    Column("objection", Text, nullable=False),  # the evidence; empty: nobody objects
    Column("usage_preference", String(16), nullable=False),  # train-ai=y, train-ai=n, or empty
)

tombstones = Table(  # hashes of erased pictures, which are not collected again
    "tombstones",
    metadata,
    Column("kind", String(16), primary_key=True),  # sha256, url, imprint; phash16 of programs before
    Column("value", String(64), primary_key=True),  # for a URL: its SHA-256
    Column("reason", Text, nullable=False, default=""),
    Column("erased_at", Moment, nullable=False),
)

erasures = Table(  # the journal: the next command finishes an erasure that has begun
    "erasures",
    metadata,
    Column("sha256", SHA, primary_key=True),
    Column("reason", Text, nullable=False, default=""),
    Column("begun_at", Moment, nullable=False),
    Column("done_at", Moment),
)

rounds = Table(  # game rounds; pictures: sha256 and label of each
    "rounds",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("player", String(32), nullable=False),
    Column("nickname", String(32), nullable=False),
    Column("version", String(32), nullable=False),
    Column("pictures", JSON, nullable=False),
    Column("begun_at", Moment, nullable=False),
)

plays = Table(  # answers of the game's players, who are not reviewers
    "plays",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("round", String(32), nullable=False),
    Column("slot", Integer, nullable=False),
    Column("player", String(32), nullable=False),
    Column("sha256", SHA, nullable=False, index=True),
    Column("version", String(32), nullable=False),
    Column("answer", String(64), nullable=False),
    Column("label", String(64), nullable=False),  # our label at that time
    Column(
        "model_answer", String(64), nullable=False, default=""
    ),  # the default model's at that time; empty: it had none
    Column("played_at", Moment, nullable=False),
    UniqueConstraint("round", "slot", "player"),
)

judgements = Table(
    "judgements",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sha256", SHA, nullable=False, index=True),
    Column("reviewer", String(128), nullable=False),
    Column("answer", String(64), nullable=False),
    Column("answered_at", Moment, nullable=False),
    Column("origin", String(32), nullable=False),  # label_studio, adjudicator, gold, import, wall, confirmed
    Column("external_id", String(128), nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Column("seconds", Float),  # that the answer took; null: not known
    Column("why", Text, nullable=False, server_default=""),  # the reviewer's own words
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

audit = Table(  # the audit sample: drawn once, never changed
    "audit",
    metadata,
    Column("sha256", SHA, primary_key=True),
    Column("ticket", String(16), nullable=False),
    Column("label", String(64), nullable=False),  # the label when the picture was drawn
    Column("drawn_at", Moment, nullable=False),
)

asked = Table(  # every question sent to Label Studio, and its purpose
    "asked",
    metadata,
    Column("ask", String(16), primary_key=True),  # name of the question in the task of Label Studio
    Column("project", String(128), primary_key=True),  # Label Studio's address and project number
    Column("sha256", SHA, nullable=False, index=True),
    Column("purpose", String(16), nullable=False),  # risk, audit, gold, repeat, dispute, adjudicate
    Column("round", Integer, nullable=False),
    Column("task_id", Integer),  # null until Label Studio has confirmed the task
    Column("pushed_at", Moment, nullable=False),
    Column("withdrawn_at", Moment),
)

walls = Table(  # pictures that one reviewer judged, or judges, together
    "walls",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("reviewer", String(128), nullable=False, index=True),
    Column("label", String(64), nullable=False),  # that all are believed to have; empty: each is asked about alone
    Column("made_at", Moment, nullable=False),
    Column("leased_until", Moment, nullable=False),  # until then, nobody else gets its pictures
    Column("confirmed_at", Moment),
    Column("ended_at", Moment),  # confirmed, or left
)

wall_pictures = Table(
    "wall_pictures",
    metadata,
    Column("wall", String(32), primary_key=True),
    Column("slot", Integer, primary_key=True),
    Column("sha256", SHA, nullable=False, index=True),
    Column("purpose", String(16), nullable=False),  # risk, audit, chosen, gold, repeat, dispute
)

invitations = Table(  # links with which reviewers sign in to the wall
    "invitations",
    metadata,
    Column("digest", SHA, primary_key=True),  # of the link's token, with the project's secret
    Column("reviewer", String(128), nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("revoked_at", Moment),
)

certificates = Table(  # designs: which pictures people look at to certify the labels
    "certificates",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("seed", String(32), nullable=False),  # of the order in which pictures are drawn
    Column("error", Float, nullable=False),  # share of wrong labels that is to be certified
    Column("confidence", Float, nullable=False),
    Column("allowed", Integer, nullable=False),  # wrong labels that may be left
    Column("plan", JSON, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("ended_at", Moment),
)

certificate_pictures = Table(
    "certificate_pictures",
    metadata,
    Column("certificate", String(16), primary_key=True),
    Column("place", Integer, primary_key=True),  # in the order of looks
    Column("sha256", SHA, nullable=False, index=True),
    Column("label", String(64), nullable=False),  # when the design was made
    Column("stratum", Integer, nullable=False),
    # Of a picture that people looked at and that was erased since; its sha256 is empty then.
    Column("look", String(8)),
    Column("ticket", Float),
    Column("site", Text),
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
    Column("content", SHA, nullable=False),  # digest of rows and files: another digest is another version
    Column("created_at", Moment, nullable=False),
    Column("counts", JSON, nullable=False),
)

Index("ix_outcomes_source_run", outcomes.c.source, outcomes.c.run_id)
