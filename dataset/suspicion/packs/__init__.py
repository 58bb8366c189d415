"""Subject packs: what holds for one subject only. `[project] subject` names the pack of a project.

A pack is a folder of data: pack.toml, guideline.md and priors/, one for each backbone. pack.toml maps names to answers:
a label of the pack, or `unusable`. A new pack is a folder here and a line in foundation.settings.names.SUBJECTS.
"""

import functools
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from foundation.settings import SUBJECTS

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Pack:
    """labels: that the pack speaks of. objects, classes: names of COCO and ImageNet classes by answer. rest: the answer
    that every other object means. zero_shot: names of ImageNet classes by label, for the zero-shot attempt. texts: what
    a pair of towers compares pictures with, by answer, beside the names of labels.

    words: regular expressions of whole words, by answer. parts_of_words: the same, also inside words, by label.
    plain_ground: what few colours and transparency mean. prior_objects: groups of COCO classes that the priors read.
    talk: a sentence for the leaderboard. question: of the game.
    """

    name: str
    labels: tuple[str, ...]
    rest: str = ""
    plain_ground: str = ""
    talk: str = ""
    question: str = ""
    objects: Mapping[str, Sequence[str]] = field(default_factory=dict)
    classes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    zero_shot: Mapping[str, Sequence[str]] = field(default_factory=dict)
    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    words: Mapping[str, Sequence[str]] = field(default_factory=dict)
    parts_of_words: Mapping[str, Sequence[str]] = field(default_factory=dict)
    prior_objects: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def priors(self) -> Path:
        """The folder of the fitted priors."""
        return FOLDER / self.name / "priors"

    @property
    def guideline(self) -> str:
        """Markdown for reviewers."""
        return (FOLDER / self.name / "guideline.md").read_text(encoding="utf-8")

    def knows(self, labels: Sequence[str]) -> bool:
        """Whether a project with these labels has all labels of the pack: only then do its priors apply."""
        return set(self.labels) <= set(labels)


@functools.cache
def pack(name: str) -> Pack | None:
    """The pack of this name; None for the empty name. The settings know that it exists."""
    if not name:
        return None
    content: dict[str, Any] = tomllib.loads((FOLDER / name / "pack.toml").read_text(encoding="utf-8"))
    return Pack(name, SUBJECTS[name], **content)


def question(name: str, labels: Sequence[str]) -> tuple[str, str]:
    """The question of the game: `Is it cake?` of a pack, else the labels to choose from: `mug or bowl?`.

    name: of the pack, or "". The question is in two parts; pages emphasise the second.
    """
    if (chosen := pack(name)) and chosen.question:
        before, _, emphasised = chosen.question.rpartition(" ")
        return before, emphasised
    *first, last = (label.replace("_", " ") for label in labels)
    return "", f"{', '.join(first)} or {last}?" if first else f"{last}?"
