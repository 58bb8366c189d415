"""Pictures that may be explicit: shown to nobody until a person has looked, and in no new version."""

from sqlalchemy import Connection, and_, exists, func, select

from dataset.catalog.tables import clusters, decisions, findings
from dataset.labels.vocabulary import EXPLICIT, DecisionOrigin
from foundation.settings import Settings

BY_PEOPLE = (DecisionOrigin.HUMAN.value, DecisionOrigin.CONSENSUS.value)
NEUTRAL = "waits for a person: it may be explicit"  # in place of the picture

_other = clusters.alias("other")
_of_cluster = (
    select(clusters.c.sha256, clusters.c.cluster, clusters.c.representative, findings.c.evidence)
    .join(_other, _other.c.cluster == clusters.c.cluster)
    .join(findings, and_(findings.c.sha256 == _other.c.sha256, findings.c.detector == EXPLICIT))
    .order_by(clusters.c.sha256)
)


def withheld(connection: Connection, settings: Settings) -> dict[str, str]:
    """Why pictures are withheld, by SHA-256, with every image of the cluster; without those that people decided."""
    if not settings.safety.nsfw:
        return {}
    rows = connection.execute(_of_cluster).all()
    if not rows:
        return {}
    looked_at = _decided(connection)
    return {row.sha256: row.evidence for row in rows if row.sha256 not in looked_at}


def is_withheld(connection: Connection, settings: Settings, sha256: str) -> bool:
    """Whether one picture is withheld: the same as above, for one."""
    if not settings.safety.nsfw:
        return False
    if connection.execute(_of_cluster.where(clusters.c.sha256 == sha256).limit(1)).first() is None:
        return False
    newest = select(decisions.c.origin).where(decisions.c.sha256 == sha256).order_by(decisions.c.id.desc()).limit(1)
    return connection.execute(newest).scalar() not in BY_PEOPLE


def representatives(connection: Connection, settings: Settings) -> list[str]:
    """The withheld pictures that people are asked about: one of each cluster."""
    if not settings.safety.nsfw:
        return []
    chosen = {row.representative for row in connection.execute(_of_cluster)}
    return sorted(chosen & withheld(connection, settings).keys())


def _decided(connection: Connection) -> set[str]:
    """Images whose newest decision is people's, of those with a finding in their cluster."""
    newest = select(func.max(decisions.c.id)).group_by(decisions.c.sha256)
    rows = select(decisions.c.sha256).where(decisions.c.id.in_(newest), decisions.c.origin.in_(BY_PEOPLE))
    concerned = exists().where(_of_cluster.subquery().c.sha256 == decisions.c.sha256)
    return set(connection.execute(rows.where(concerned)).scalars())
