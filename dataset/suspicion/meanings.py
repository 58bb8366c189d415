"""What names mean in one project: classes of networks, and words of file names. From its pack and [labels.X] means."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dataset.labels.vocabulary import UNUSABLE
from dataset.suspicion.packs import Pack, pack
from foundation.settings import Settings, plain_name
from networks.pairs import Texts

NEGATION = re.compile(r"\b(not|no|non|none|nothing|never|without|but|except|other|else)\b|n['’]t\b", re.IGNORECASE)

Named = Mapping[str, tuple[float, str]]  # answer → the best score of a class that means it, and the name of that class


@dataclass(frozen=True)
class Meanings:
    """labels: of the project. objects, classes: plain name of a COCO or ImageNet class → answer. rest: the answer that
    any other object means; "" if that means nothing. class_source: what says how probable the classes are.

    words: answer → whole words of the pack that name it. names: label → whole words of [labels.X] means. support: label
    → words that speak for it.
    """

    labels: tuple[str, ...] = ()
    pack: Pack | None = None
    objects: Mapping[str, str] = field(default_factory=dict)
    classes: Mapping[str, str] = field(default_factory=dict)
    class_source: str = "ImageNet's"
    rest: str = ""
    words: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    names: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    support: Mapping[str, re.Pattern[str]] = field(default_factory=dict)

    @property
    def has_prior(self) -> bool:
        """Whether fitted priors apply: a pack is chosen, and the project has its labels."""
        return self.pack is not None and self.pack.knows(self.labels)

    @property
    def plain_ground(self) -> str:
        """What few colours and transparency mean; "" if a pack does not say so."""
        return self.pack.plain_ground if self.pack else ""

    def objects_by_answer(self, scores: Mapping[str, float]) -> Named:
        """What a COCO detector's scores say, by answer."""
        return _by_answer(scores, self.objects)

    def classes_by_answer(self, scores: Mapping[str, float]) -> Named:
        """What probabilities of the network's classes say, by answer."""
        return _by_answer(scores, self.classes)

    def of_texts(self, answers: Iterable[str]) -> "Meanings":
        """The same, where a pair of towers compares pictures with texts: its classes are the answers themselves."""
        return replace(self, classes={plain_name(answer): answer for answer in answers}, class_source="the texts of")


NO_MEANINGS = Meanings()


def meanings(settings: Settings) -> Meanings:
    """The meanings in the project of these settings."""
    labels = tuple(settings.project.labels)
    chosen = pack(settings.project.subject)
    meant = names_of_labels(settings)
    own = {name: label for label, names in meant.items() for name in names}
    answers = {*labels, UNUSABLE}
    named = {label: _pattern(map(_spelling, names)) for label, names in meant.items()}
    if chosen is None:
        return Meanings(labels, None, own, own, names=named, support=named)
    parts = {
        label: "|".join([*parts, *([named[label].pattern] if label in named else [])])
        for label, parts in chosen.parts_of_words.items()
    }
    return Meanings(
        labels,
        chosen,
        objects={**_answers(chosen.objects, answers), **own},
        classes={**_answers(chosen.classes, answers), **own},
        rest=chosen.rest if chosen.rest in answers else "",
        words={answer: _pattern(words) for answer, words in chosen.words.items() if answer in answers},
        names=named,
        support={**named, **{label: re.compile(text, re.IGNORECASE) for label, text in parts.items()}},
    )


def names_of_labels(settings: Settings) -> dict[str, list[str]]:
    """Plain names of the labels that [labels.X] gives a meaning; the label's own name is one of them."""
    stated = {label: list(map(plain_name, table.means)) for label, table in settings.labels.items() if table.means}
    taken = {name for names in stated.values() for name in names}
    return {
        label: list(dict.fromkeys([*names, *({plain_name(label)} - taken)])) for label, names in sorted(stated.items())
    }


def zero_shot_names(settings: Settings) -> dict[str, tuple[str, ...]]:
    """By label, the plain names of the classes whose scores a zero-shot attempt adds up, beside the label's own."""
    chosen = pack(settings.project.subject)
    names = {label: list(map(plain_name, given)) for label, given in (chosen.zero_shot if chosen else {}).items()}
    for label, more in names_of_labels(settings).items():
        names[label] = [*names.get(label, []), *more]
    return {label: tuple(given) for label, given in names.items()}


def texts_of_answers(settings: Settings) -> dict[str, Texts]:
    """By answer, what a pair of towers compares pictures with: names, means and definition of labels, and the pack's.

    A name or definition with a negation is left out: towers do not understand that a `not_cake` shows no cake.
    """
    chosen = pack(settings.project.subject)
    texts = {}
    for label in settings.project.labels:
        table = settings.labels.get(label)
        own = [] if NEGATION.search(plain_name(label)) else [plain_name(label)]
        names = [*own, *(table.means if table else ()), *(chosen.texts.get(label, ()) if chosen else ())]
        definition = table.definition.strip() if table else ""
        sentences = (definition,) if definition and not NEGATION.search(definition) else ()
        texts[label] = Texts(tuple(dict.fromkeys(map(plain_name, names))), sentences)
    if chosen and chosen.texts.get(UNUSABLE):
        texts[UNUSABLE] = Texts(tuple(chosen.texts[UNUSABLE]))
    return texts


def _answers(names_by_answer: Mapping[str, Sequence[str]], answers: set[str]) -> dict[str, str]:
    known = {answer: names for answer, names in names_by_answer.items() if answer in answers}
    return {plain_name(name): answer for answer, names in known.items() for name in names}


def _by_answer(scores: Mapping[str, float], answer_of: Mapping[str, str]) -> Named:
    best: dict[str, tuple[float, str]] = {}
    for class_name, score in scores.items():
        for part in class_name.split(","):  # ImageNet lists the names of one class like that
            answer = answer_of.get(plain_name(part))
            if answer and score > best.get(answer, (0.0, ""))[0]:
                best[answer] = score, part.strip()
    return best


def _spelling(name: str) -> str:
    """A regular expression of a plain name as file names spell it: `coffee mug` is also `coffee_mugs`."""
    return r"(?:[\W_]|%20)*".join(map(re.escape, name.split())) + "(?:e?s)?"


def _pattern(words: Iterable[str]) -> re.Pattern[str]:
    """Any of the words, with no letter before or after it."""
    return re.compile(rf"(?<![^\W\d_])(?:{'|'.join(words)})(?![^\W\d_])", re.IGNORECASE)
