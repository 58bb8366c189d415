"""All detectors together, on drawn pictures whose truth is known.

tests/dataset/pictures/test_seen.py tests single detectors: objects, text, zero_shot and novelty.
"""

import pytest

from dataset.duplicates.fingerprints import fingerprint
from dataset.pictures.decoding import examine
from dataset.suspicion.detectors import DETECTORS, Subject
from dataset.suspicion.meanings import meanings
from foundation.settings import Settings
from simulator.platforms import PLATFORMS
from simulator.world import Picture, drawn_world

MIN_SIDE_PX = 200
CAKES = Settings()
BAKERS = drawn_world(tuple(PLATFORMS)).bakers


def findings(picture: Picture, settings: Settings = CAKES) -> list[str]:
    header = examine(picture.content)
    if min(header.width, header.height) < MIN_SIDE_PX:
        return ["too small to be collected"]
    row = fingerprint(picture.content).row(picture.sha256)
    subject = Subject(
        header.width, header.height, row["detail"], row["measures"], "cake", frozenset(["cake"]),  # type: ignore[arg-type]
        meanings=meanings(settings),
    )  # fmt: skip
    return [finding.detector for detector in DETECTORS if (finding := detector().examine(subject))]


@pytest.mark.slow  # measures every picture of a site
@pytest.mark.parametrize("baker", BAKERS, ids=lambda baker: baker.name)
def test_every_logo_and_banner_has_a_finding(baker: object) -> None:
    """On every site of the simulated internet. At most a fifth of the cakes has one."""
    shown = [picture for picture in [*baker.gallery, baker.logo] if picture]  # type: ignore[attr-defined]
    assert [p.slug for p in shown if p.label == "unusable" and not findings(p)] == []
    cakes = [p for p in shown if p.label == "cake"]
    assert sum(bool(findings(p)) for p in cakes) <= len(cakes) / 5
