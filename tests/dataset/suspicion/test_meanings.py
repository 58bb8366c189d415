"""What names mean in one project, and the detectors that read it: words, objects, zero_shot."""

import pytest

from dataset.suspicion.detectors import DETECTORS, Finding, Subject
from dataset.suspicion.meanings import Meanings, meanings, texts_of_answers, zero_shot_names
from foundation.settings import LabelSection, ProjectSection, Settings
from networks.pairs import Texts

MUGS = Settings(
    project=ProjectSection(labels=["mug", "bowl", "jug"]),
    labels={
        "mug": LabelSection(means=["coffee mug", "Tasse", "flurble"]),
        "bowl": LabelSection(means=["soup bowl", "bowl"]),
    },
)
BARE = Settings(project=ProjectSection(labels=["mug", "bowl", "jug"]))
SPEAK_OF_MEANINGS = ("certain", "objects", "words", "zero_shot", "looks")


def found(known: Meanings, label: str, **more: object) -> dict[str, Finding]:
    """Findings of the detectors that need a meaning, by name."""
    measures = {"alpha": 0.0, "top_colours": 0.2, "white": 0.0, "edges": 20.0}
    subject = Subject(800, 600, 50.0, measures, label, frozenset([label]), meanings=known, **more)  # type: ignore[arg-type]
    examined = [finding for detector in DETECTORS if (finding := detector().examine(subject))]
    return {finding.detector: finding for finding in examined if finding.detector in SPEAK_OF_MEANINGS}


@pytest.mark.parametrize("settings", [BARE, Settings(project=ProjectSection(subject=""))], ids=["mugs", "no pack"])
@pytest.mark.parametrize("number", [0, 1])
def test_without_meanings_nobody_speaks_of_classes_or_words(settings: Settings, number: int) -> None:
    """Use A3: a bird, a cup of coffee and a web site are no suspicions where nobody said what they mean."""
    label = settings.project.labels[number]
    known = meanings(settings)
    seen = {"bird": 0.94, "cup": 0.7, "bowl": 0.9, "cake": 0.9}
    classes = {"web site, website": 0.9, "soup bowl": 0.05}
    words = ("coffee_mug.jpg", "logo.png", "bowl.jpg", "waffle.jpg", "cake.jpg")
    assert found(known, label, objects=seen, classes=classes, words=words) == {}


@pytest.mark.parametrize(
    ("label", "name", "proposes"),
    [
        ("bowl", "coffee-mug.jpg", "mug"),
        ("bowl", "Coffee%20Mugs.jpg", "mug"),
        ("bowl", "two_tassen.jpg", None),  # no plural of this language
        ("bowl", "eine_Tasse.jpg", "mug"),
        ("bowl", "flurble 3.jpg", "mug"),  # no network knows it
        ("bowl", "my mug.jpg", "mug"),  # the label's own name
        ("mug", "coffee_mug.jpg", None),
        ("mug", "mug-in-a-bowl.jpg", None),  # it names the claimed label too
        ("jug", "bowl.jpg", "bowl"),
        ("mug", "bowling.jpg", None),  # inside a word
        ("bowl", "coffee.jpg", None),
    ],
)
def test_words_of_file_names_propose_the_label_that_they_mean(label: str, name: str, proposes: str | None) -> None:
    """Use A3: coffee_mug.jpg is a mug in a project of mugs."""
    finding = found(meanings(MUGS), label, words=(name,)).get("words")
    assert (finding.proposes if finding else None) == proposes


@pytest.mark.parametrize(
    ("label", "objects", "proposes"),
    [
        ("mug", {"bowl": 0.8}, "bowl"),
        ("bowl", {"bowl": 0.8, "bird": 0.9}, None),
        ("mug", {"bird": 0.9}, None),  # means no label
        ("mug", {"bowl": 0.3}, None),
    ],
)
def test_objects_propose_the_label_that_they_mean(label: str, objects: dict[str, float], proposes: str | None) -> None:
    """Use A3: an object that means nothing here is no suspicion."""
    finding = found(meanings(MUGS), label, objects=objects).get("objects")
    assert (finding.proposes if finding else None) == proposes


@pytest.mark.parametrize(
    ("label", "classes", "proposes"),
    [
        ("bowl", {"coffee mug": 0.6}, "mug"),
        ("mug", {"coffee mug": 0.6, "soup bowl": 0.35}, None),  # its own meaning is more probable
        ("mug", {"soup bowl": 0.4, "web site, website": 0.5}, "bowl"),
    ],
)
def test_classes_propose_the_label_that_they_mean(label: str, classes: dict[str, float], proposes: str | None) -> None:
    finding = found(meanings(MUGS), label, classes=classes).get("zero_shot")
    assert (finding.proposes if finding else None) == proposes


@pytest.mark.parametrize(
    ("label", "name", "proposes", "score"),
    [
        ("cake", "coffee.jpg", "not_cake", 0.8),
        ("cake", "logo-cake.jpg", "unusable", 0.4),
        ("not_cake", "coffee.jpg", None, 0.0),  # it is what the source says
        ("not_cake", "logo.jpg", "unusable", 0.8),
    ],
)
def test_the_pack_of_cakes_reads_file_names(label: str, name: str, proposes: str | None, score: float) -> None:
    finding = found(meanings(Settings()), label, words=(name,)).get("words")
    assert ((finding.proposes, finding.score) if finding else (None, 0.0)) == (proposes, score)


def test_zero_shot_attempts_get_the_names_of_labels_and_of_the_pack() -> None:
    assert zero_shot_names(MUGS)["mug"] == ("coffee mug", "tasse", "flurble", "mug")
    assert "bakery" in zero_shot_names(Settings())["cake"]
    assert zero_shot_names(BARE) == {}


def test_texts_are_names_meanings_and_definitions_without_negations() -> None:
    """Towers take `not_mug` for a mug. What [labels.X] means says is kept as it is."""
    settings = Settings(
        project=ProjectSection(labels=["mug", "not_mug", "soup_bowl"]),
        labels={
            "mug": LabelSection(means=["Tasse", "mug"], definition="A cup with a handle."),
            "not_mug": LabelSection(means=["shoe"], definition="Anything that isn't a mug."),
        },
    )
    assert texts_of_answers(settings) == {
        "mug": Texts(("mug", "tasse"), ("A cup with a handle.",)), "not_mug": Texts(("shoe",)),
        "soup_bowl": Texts(("soup bowl",)),
    }  # fmt: skip
    bare = Settings(project=ProjectSection(labels=["mug", "not_mug"]))
    assert texts_of_answers(bare)["not_mug"] == Texts()


def test_the_pack_of_cakes_names_what_is_no_cake() -> None:
    texts = texts_of_answers(Settings())
    assert texts["cake"] == Texts(("cake",))
    assert "bread" in texts["not_cake"].names
    assert "logo" in texts["unusable"].names


@pytest.mark.parametrize(("label", "proposes"), [("mug", "bowl"), ("bowl", None), ("jug", "bowl")])
def test_a_pair_says_which_answer_fits_best(label: str, proposes: str | None) -> None:
    """Its classes are the answers, also those that nobody gave another meaning."""
    known = meanings(BARE).of_texts(["mug", "bowl", "jug"])
    finding = found(known, label, classes={"bowl": 0.7, "mug": 0.2, "jug": 0.1}).get("zero_shot")
    assert (finding.proposes if finding else None) == proposes
    assert finding is None or "the texts of bowl 70%" in str(finding.evidence)
