"""Measure images: fingerprints, features, objects and text. Each picture is read once, and measured once."""

import contextlib
import hashlib
import secrets
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from more_itertools import chunked
from sqlalchemy import Row, Select, and_, func, or_, select

from dataset.catalog.cluster_ranges import AFTER_ALL_NAMES
from dataset.catalog.tables import features, fingerprints, images, seen
from dataset.catalog.writes import erased_among, upsert
from dataset.duplicates.fingerprints import HASHED_PX, RECIPE, fingerprint_of
from dataset.pictures.decoding import FEATURES_PX, Picture, Undecodable, accept, large_in_turn
from dataset.pictures.seen import recipe as recipe_of
from dataset.pictures.seen import recognise, row_of
from dataset.pictures.text_lines import SEARCHED_SIDE_PX
from dataset.project import Project
from dataset.quarantine import is_whole, quarantine, what_is_wrong
from foundation.errors import StorageError
from foundation.files import storage_errors
from foundation.threads import ahead, cores, pool
from networks.backbone import Backbone
from networks.explicit import ExplicitNetwork
from networks.objects import ObjectDetector

BATCH = 64  # images whose rows are written together
AHEAD = 4  # images for each core that are measured while a batch is written
LISTED = 5000  # images that are listed at a time
DIGITS_PER_SHARD = 4  # of the 256 first two digits: machines measure 64 shards in turn
WAIT_S = 2.0  # for a shard that another machine measures, once no other is left


@dataclass(frozen=True)
class Networks:
    """What measures a picture besides hashes. objects, explicit: None where no such network is configured."""

    backbone: Backbone
    objects: ObjectDetector | None
    explicit: ExplicitNetwork | None = None


@dataclass(frozen=True)
class _Measured:
    """The new rows of one image; None in the place of a row that the catalog has. broken: why there are none."""

    fingerprint: dict[str, Any] | None
    features: dict[str, Any] | None
    seen: dict[str, Any] | None
    broken: str = ""


@dataclass(frozen=True)
class _Shard:
    """The images whose SHA-256 is from `low` to before `high`."""

    low: str
    high: str

    def of(self, missing: Select[Any]) -> Select[Any]:
        """Those that are missing and in it."""
        return missing.where(images.c.sha256 >= self.low, images.c.sha256 < self.high)


EDGES = [f"{number:02x}" for number in range(0, 256, DIGITS_PER_SHARD)]
SHARDS = tuple(_Shard(low, high) for low, high in pairwise([*EDGES, AFTER_ALL_NAMES]))


def measure_new(project: Project, networks: Networks, tell: Callable[[str, int, int], None]) -> None:
    """Add the rows of `fingerprints`, `features` and `seen` that are missing or of another recipe.

    Rows are written in batches: if this is killed, the next run goes on after the last batch. Where machines share the
    catalog they share the work: each measures the shards that no other one is measuring, and all end together. The
    shard of a machine that is killed is free at once. An original that is gone or damaged goes into quarantine. Raises
    StorageError if the store of originals is out of reach.
    """
    missing = _missing(networks)
    if project.catalog.is_sqlite:
        total = _count(project, missing)
        for done in accumulate(_batches(project, networks, missing)):
            tell("pictures", done, total)
        return
    begun = _count_by_shard(project, missing)
    done = 0
    for shard in _in_turn(project, list(begun)):
        these = shard.of(missing)
        done += begun[shard] - _count(project, these)  # by other machines
        for batch in _batches(project, networks, these):
            done += batch
            tell("pictures", done, begun.total())


def _in_turn(project: Project, shards: Sequence[_Shard]) -> Iterator[_Shard]:
    """Each shard, while no other machine measures it. Those that others measure come again, until they are free."""
    first = secrets.randbelow(len(shards) or 1)  # machines seldom begin with the same one
    waiting, n_held = deque([*shards[first:], *shards[:first]]), 0
    while waiting:
        shard = waiting.popleft()
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(project.alone(f"measure {shard.low}", WAIT_S if n_held > len(waiting) else 0))
            except TimeoutError:
                waiting.append(shard)
                n_held += 1
                continue
            n_held = 0
            yield shard


def _batches(project: Project, networks: Networks, missing: Select[Any]) -> Iterator[int]:
    """Measure images and write their rows, a batch at a time. Yields how many images each has."""
    measured = ahead(pool(), partial(_measure, project, networks), _listed(project, missing), AHEAD * cores())
    with storage_errors(project.home):
        for batch in chunked(measured, BATCH):
            quarantine(project, {image.sha256: one.broken for image, one in batch if one.broken})
            with project.catalog.write() as connection:
                upsert(connection, fingerprints, [one.fingerprint for _, one in batch if one.fingerprint])
                upsert(connection, features, [one.features for _, one in batch if one.features])
                upsert(connection, seen, [one.seen for _, one in batch if one.seen])
            yield len(batch)


def _count_by_shard(project: Project, missing: Select[Any]) -> Counter[_Shard]:
    """How many images are missing in each shard."""
    found: Counter[_Shard] = Counter()
    these = missing.order_by(None).subquery()
    digits = func.substr(these.c.sha256, 1, 2)
    with project.catalog.read() as connection:
        for first, count in connection.execute(select(digits, func.count()).select_from(these).group_by(digits)):
            found[SHARDS[int(first, 16) // DIGITS_PER_SHARD]] += count
    return found


def _count(project: Project, missing: Select[Any]) -> int:
    with project.catalog.read() as connection:
        count = connection.execute(select(func.count()).select_from(missing.order_by(None).subquery()))
        return int(count.scalar_one())


def _listed(project: Project, missing: Select[Any]) -> Iterator[Row[Any]]:
    """The images that `missing` finds, by SHA-256; the catalog is not kept open between two parts of the list."""
    last = ""
    while True:
        with project.catalog.read() as connection:
            part = connection.execute(missing.where(images.c.sha256 > last).limit(LISTED)).all()
        if not part:
            return
        yield from part
        last = part[-1].sha256


def _missing(networks: Networks) -> Select[Any]:
    """The images without one of the rows, and which rows each lacks, by SHA-256."""
    known = {
        fingerprints: fingerprints.c.recipe == RECIPE,
        features: features.c.backbone == networks.backbone.name,
        seen: seen.c.recipe == recipe_of(networks.objects, networks.explicit),
    }
    source: Any = images
    for table, is_current in known.items():
        source = source.outerjoin(table, and_(table.c.sha256 == images.c.sha256, is_current))
    lacks = {table: table.c.sha256.is_(None) for table in known}
    return (
        select(
            images.c.sha256,
            images.c.format,
            images.c.size_bytes,
            *(lack.label(f"lacks_{table.name}") for table, lack in lacks.items()),
        )
        .select_from(source)
        .where(or_(*lacks.values()), is_whole(images.c.sha256))
        .order_by(images.c.sha256)
    )


def _measure(project: Project, networks: Networks, image: Row[Any]) -> _Measured:
    """Read and open the picture once, and compute the rows that it lacks; none if it was erased meanwhile."""
    try:
        return _measure_original(project, networks, image)
    except (StorageError, Undecodable) as error:
        with project.catalog.read() as connection:
            if erased_among(connection, {image.sha256}):
                return _Measured(None, None, None)
        wrong = what_is_wrong(project, image) or f"does not decode ({error})"
        return _Measured(None, None, None, wrong)


def _measure_original(project: Project, networks: Networks, image: Row[Any]) -> _Measured:
    content = project.blobs.read(image.sha256, image.format)
    if hashlib.sha256(content).hexdigest() != image.sha256:
        return _Measured(None, None, None, what_is_wrong(project, image))
    with large_in_turn(content):
        picture = accept(content, _first_px(image))
        return _Measured(
            fingerprint=fingerprint_of(picture).row(image.sha256) if image.lacks_fingerprints else None,
            features=_feature_row(image.sha256, picture, networks.backbone) if image.lacks_features else None,
            seen=_seen_row(image.sha256, picture, networks) if image.lacks_seen else None,
        )


def _first_px(image: Row[Any]) -> int:
    """The scale of the first decode: one that a missing row needs."""
    if image.lacks_fingerprints:
        return HASHED_PX
    return FEATURES_PX if image.lacks_features else SEARCHED_SIDE_PX


def _feature_row(sha256: str, picture: Picture, net: Backbone) -> dict[str, Any]:
    vector = net.vector(picture.upright(FEATURES_PX)).astype(np.float16)
    return {"sha256": sha256, "backbone": net.name, "vector": vector.tobytes()}


def _seen_row(sha256: str, picture: Picture, networks: Networks) -> dict[str, Any]:
    found = recognise(picture.upright(SEARCHED_SIDE_PX), networks.objects, networks.explicit)
    return row_of(sha256, found, networks.objects, networks.explicit)
