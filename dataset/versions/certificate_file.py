"""The certificate of a version: certificate.parquet has its design and answers, from which `verify` recomputes it."""

import io
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from dataset.certificates.certificate import FIRST, Certificate, Cover, Image, Look, Terms, Unit
from dataset.splits.assignment import UNSEEN
from dataset.versions import manifest
from foundation.errors import DamagedVersion

FILE_NAME = "certificate.parquet"
PARTS = ("by_label", "by_site")
BEFORE = -2  # stratum of pictures whose labels people had settled before the design was made


@dataclass(frozen=True)
class Entry:
    """A row of certificate.parquet, in the order of looks. sha256: of the design's picture; empty once it is erased.

    image: SHA-256 of the version's image that it stands for; empty where that is not in the version. ticket: the random
    number that places it. look: what people found. label, stratum, site: as in certificates.shown.Unit.
    """

    sha256: str
    image: str
    label: str
    site: str
    stratum: int
    ticket: float
    look: str

    def unit(self) -> Unit:
        """The entry as a picture of the design."""
        return Unit(self.sha256, self.label, self.stratum, self.site, Look(self.look))


@dataclass(frozen=True)
class Published:
    """The certificate of a version, in version.json. seed: of the order of looks. number: of the project's designs."""

    certificate: Certificate
    terms: Terms
    seed: str
    number: int = 1

    def record(self) -> dict[str, Any]:
        """Its entry in version.json."""
        names = "allowed", "weight", "expected", "first_expected"
        terms = {name: getattr(self.terms, name) for name in names}
        terms |= {name: list(terms[name]) for name in ("weight", "expected")}
        parts = {name: {k: list(v) for k, v in getattr(self.certificate, name).items()} for name in PARTS}
        return {**asdict(self.certificate), **parts, "design": {"number": self.number, "seed": self.seed, **terms}}


def published(record: Mapping[str, Any]) -> Published:
    """The certificate that an entry of version.json stands for."""
    names = [each.name for each in fields(Certificate)]
    parts = {
        part: {name: (int(images), int(wrong)) for name, (images, wrong) in record[part].items()} for part in PARTS
    }
    certificate = Certificate(**({name: record[name] for name in names} | parts))
    design = record["design"]
    terms = Terms(
        certificate.error, certificate.confidence, design["allowed"], tuple(design["weight"]),
        tuple(design["expected"]), design["first_expected"], certificate.expected_looks,
    )  # fmt: skip
    return Published(certificate, terms, design["seed"], design["number"])


def _schema() -> Any:
    import pyarrow as pa

    kinds = {str: pa.string(), int: pa.int32(), float: pa.float64()}
    return pa.schema([(each.name, kinds[each.type]) for each in fields(Entry)])  # type: ignore[index]  # a class


def _table(entries: Iterable[Entry]) -> Any:
    import pyarrow as pa

    return pa.Table.from_pylist([vars(entry) for entry in entries], _schema())


def write(path: Path, entries: Iterable[Entry]) -> None:
    """Write certificate.parquet."""
    manifest.write_table(path, _table(entries))


def read(path: Path) -> list[Entry]:
    """Read certificate.parquet. Raises DamagedVersion."""
    import pyarrow.parquet as pq

    with manifest.unreadable(path):
        table = pq.read_table(path)
    try:
        return [Entry(**{each.name: row[each.name] for each in fields(Entry)}) for row in table.to_pylist()]
    except (KeyError, TypeError):
        raise DamagedVersion(f"{path.name} is not what a version has") from None


def drop_names(path: Path, names: Collection[str], replace_bytes: Callable[[Path, bytes], None]) -> None:
    """Rewrite certificate.parquet without the names of erased pictures. Raises DamagedVersion."""
    entries = read(path)
    if any(entry.sha256 in names or entry.image in names for entry in entries):
        out = io.BytesIO()
        manifest.write_table(out, _table(without(entries, names)))
        replace_bytes(path, out.getvalue())


def names_in(path: Path) -> set[str]:
    """SHA-256 of the pictures that certificate.parquet names. Raises DamagedVersion."""
    if not path.is_file():
        return set()
    return {name for entry in read(path) for name in (entry.sha256, entry.image) if name}


def without(entries: Iterable[Entry], names: Collection[str]) -> list[Entry]:
    """The entries without the names of erased pictures: their answers stay, so the certificate can be recomputed."""
    kept = []
    for entry in entries:
        is_erased = entry.sha256 in names or entry.image in names
        image = "" if is_erased else entry.image
        kept.append(Entry(**{**vars(entry), "sha256": "" if is_erased else entry.sha256, "image": image}))
    return kept


def problems(claimed: Published, path: Path, rows: Iterable[manifest.Row], erased: int) -> list[str]:
    """One sentence for each claim of a certificate that its design and answers do not give.

    rows: of the manifest. erased: so many images left the version after it was certified; what they were is not known.
    """
    from dataset.certificates.shown import certify, groups_of  # imports numpy

    try:
        entries = read(path)
        units = [entry.unit() for entry in entries if entry.stratum != BEFORE]
        found = _misplaced(claimed, entries)
        entry_of = {entry.image: entry for entry in entries if entry.image}
        images = [image_of(row, entry_of.get(row.sha256)) for row in rows]
        again, before = certify(claimed.terms, units, images, groups_of(units)), claimed.certificate
    except DamagedVersion as error:
        return [f"{FILE_NAME} cannot be read: {error}"]
    except (ValueError, IndexError, TypeError) as error:
        return [f"{FILE_NAME} is not what a version has ({error})"]
    if erased:
        again = replace(again, **{name: getattr(before, name) for name in _explained(again, before, erased)})
    if again != before:
        found.append(f"the certificate says: {before.line()}; its design and answers say: {again.line()}")
    return found


def _explained(again: Certificate, before: Certificate, erased: int) -> list[str]:
    """The numbers of a certificate that may be larger than recomputed ones, because images were erased since."""
    counts = ("images", "known", "left", "uncovered")
    return [*PARTS, *(n for n in counts if 0 <= getattr(before, n) - getattr(again, n) <= erased)]


def image_of(row: manifest.Row, entry: Entry | None) -> Image:
    """A row of the manifest, as the certificate covers it."""
    site = row.site if row.split == UNSEEN else ""
    if entry is None:
        return Image(row.label, site, Cover.NONE)
    if not entry.look:
        return Image(row.label, site, Cover.DRAWN if entry.label == row.label else Cover.NONE)
    is_settled = row.judgements > 0 and (entry.label == row.label) == (entry.look == Look.RIGHT)
    return Image(row.label, site, Cover.KNOWN if is_settled else Cover.NONE)


def _misplaced(claimed: Published, entries: Sequence[Entry]) -> list[str]:
    """A sentence where pictures are not looked at in the order that the seed gives."""
    from dataset.certificates.design import drawn_order, ticket  # imports numpy

    drawn = [entry for entry in entries if entry.stratum not in (BEFORE, FIRST)]
    if any(entry.sha256 and ticket(claimed.seed, entry.sha256) != entry.ticket for entry in drawn):
        return [f"{FILE_NAME} has tickets that its seed does not give"]
    weights = [claimed.terms.weight[entry.stratum] for entry in drawn]
    order = drawn_order([entry.ticket for entry in drawn], weights) if drawn else []
    return [] if order == list(range(len(drawn))) else [f"{FILE_NAME} is not in the order in which pictures are drawn"]
