"""What sources claim about images now: sightings, each with the newest claim of its source and address.

A sighting is its own first claim. A row of `claims` is added only when a later collection asserts something else, or
when a claim ends. See docs/decisions/0024.
"""

from sqlalchemy import Connection, and_, exists, func, not_, or_, select

from dataset.catalog.ledgers import claims, sightings

ENDED = ""  # label of a claim that ends the earlier ones

_later = claims.alias("later")
_is_newest = not_(
    exists().where(
        _later.c.sha256 == claims.c.sha256,
        _later.c.source == claims.c.source,
        _later.c.image_url == claims.c.image_url,
        _later.c.id > claims.c.id,
    )
)
_of_sighting = and_(
    claims.c.sha256 == sightings.c.sha256,
    claims.c.source == sightings.c.source,
    claims.c.image_url == sightings.c.image_url,
    _is_newest,
)

# The columns of `sightings`, with the label, licence and creator that hold now; without sightings whose claim ended.
standing = (
    select(
        sightings.c.id,
        sightings.c.sha256,
        sightings.c.source,
        func.coalesce(claims.c.label, sightings.c.source_label).label("source_label"),
        sightings.c.site,
        sightings.c.image_url,
        sightings.c.page_url,
        sightings.c.alt,
        func.coalesce(claims.c.licence, sightings.c.licence).label("licence"),
        func.coalesce(claims.c.creator, sightings.c.creator).label("creator"),
        sightings.c.seen_at,
    )
    .select_from(sightings.outerjoin(claims, _of_sighting))
    .where(or_(claims.c.id.is_(None), claims.c.label != ENDED))
    .subquery("standing")
)


def unclaimed(connection: Connection) -> set[str]:
    """SHA-256 of images that no source has any more: every claim about them ended."""
    ended = select(claims.c.sha256).where(claims.c.label == ENDED).distinct()
    return set(connection.execute(ended.where(~exists().where(standing.c.sha256 == claims.c.sha256))).scalars())
