"""Derived tables: they may be dropped, and the next `isitcake curate` or `publish` rebuilds them."""

from sqlalchemy import JSON, Column, Float, Integer, LargeBinary, String, Table, Text

from dataset.catalog.columns import SHA, Moment, metadata

fingerprints = Table(
    "fingerprints",
    metadata,
    Column("sha256", SHA, primary_key=True),
    Column("recipe", String(32), nullable=False),
    Column("phash", String(16), nullable=False),
    Column("dhash", String(16), nullable=False),
    Column("phash16", String(64), nullable=False),
    Column("mirrored", String(16), nullable=False),
    Column("views", LargeBinary, nullable=False),  # of crop_hashes.BOXES, then of turns; 8 bytes each, little-endian
    Column("detail", Float, nullable=False),  # standard deviation of luminance, 0 to 128
    Column("measures", JSON, nullable=False),
)

features = Table(
    "features",
    metadata,
    Column("sha256", SHA, primary_key=True),
    Column("backbone", String(64), primary_key=True),
    Column("vector", LargeBinary, nullable=False),  # float16
)

seen = Table(  # objects and text that pretrained networks recognise
    "seen",
    metadata,
    Column("sha256", SHA, primary_key=True),
    Column("recipe", String(64), nullable=False),
    Column("objects", JSON, nullable=False),  # COCO class → score; null: no detector was configured
    Column("text_lines", Integer, nullable=False),
    Column("text_share", Float, nullable=False),  # share of the picture that they cover
    Column("explicit", Float),  # how probable it is that the picture is explicit; null: nobody searched
)

quarantined = Table(  # images whose original is missing or damaged: left out until it is whole again
    "quarantined",
    metadata,
    Column("sha256", SHA, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("found_at", Moment, nullable=False),
)

digests = Table(  # of normalised pictures, so that a version does not read them again
    "digests",
    metadata,
    Column("sha256", SHA, primary_key=True),  # of the original
    Column("recipe", String(32), primary_key=True),
    Column("digest", SHA, nullable=False),
    Column("size_bytes", Integer, nullable=False),
)

looks = Table(  # simple measures of a picture, so that a version does not decode it again
    "looks",
    metadata,
    Column("sha256", SHA, primary_key=True),
    Column("recipe", String(32), primary_key=True),
    Column("measures", JSON, nullable=False),
)

pairs = Table(
    "pairs",
    metadata,
    Column("a", SHA, primary_key=True),
    Column("b", SHA, primary_key=True),
    Column("by", String(32), nullable=False),  # phash16, registration, mirrored, turned
    Column("distance", Float, nullable=False),  # bits
    Column("agreement", Float, nullable=False),  # of details, -1 to 1
)

compared = Table(  # images that were compared with all others
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
    Column("calibrated_by", String(16), nullable=False, server_default="pack"),  # or by answers; "": by nothing yet
)

triage = Table(  # what triage has learned, in one row
    "triage",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("recipe", SHA, nullable=False),  # digest of the settings and of the program
    Column("images", Integer, nullable=False),  # that there were when it was fitted
    Column("marks", JSON, nullable=False),  # how far each table was when triage read it
    Column("model", LargeBinary, nullable=False),
)

positions = Table(  # where pictures stand on the map, -1 to 1
    "positions",
    metadata,
    Column("sha256", SHA, primary_key=True),
    Column("recipe", String(96), nullable=False),
    Column("x", Float, nullable=False),
    Column("y", Float, nullable=False),
    Column("laid_out", Integer, nullable=False),  # 1: together with the others; 0: it came later
)
