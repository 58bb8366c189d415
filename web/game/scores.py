"""Scores of people and models on the same pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from dataset.catalog.tables import plays
from dataset.project import Project
from foundation.intervals import exact_interval
from web.game.deck import Deck, Predictions

LEVEL = 0.95
TABLE_VERSIONS = 20  # versions in the table of all answers


@dataclass(frozen=True)
class Score:
    """All players, or one model, on the answers to one version. low, high: 95 % interval of the share."""

    name: str
    answers: int
    right: int
    share: float
    low: float
    high: float


def best_label(probabilities: Mapping[str, float]) -> str:
    """The most probable label; empty if there are no probabilities."""
    return max(probabilities, key=lambda label: probabilities[label]) if probabilities else ""


def models_right(pictures: Sequence[tuple[str, Predictions]]) -> dict[str, int]:
    """How many pictures each model gets right. pictures: the truth and the models' predictions of each."""
    names = dict.fromkeys(name for _, predictions in pictures for name in predictions)
    return {
        name: sum(best_label(predictions.get(name, {})) == truth for truth, predictions in pictures) for name in names
    }


def all_time_scores(project: Project, deck: Deck) -> list[tuple[str, list[Score]]]:
    """For each version, the newest answer first: players together, then each model on the pictures they answered.

    Models are listed for the deck's version only. The labels that hold now are the truth; answers to pictures that were
    withdrawn since are left out.
    """
    with project.catalog.read() as connection:
        answers = connection.execute(select(plays)).all()
    table = []
    versions = dict.fromkeys(row.version for row in sorted(answers, key=lambda row: row.id, reverse=True))
    for version in list(versions)[:TABLE_VERSIONS]:
        rows = [row for row in answers if row.version == version and deck.today.label_of(row.sha256)]
        truths = [deck.today.label_of(row.sha256) for row in rows]
        scores = [score("people", len(rows), sum(row.answer == truth for row, truth in zip(rows, truths, strict=True)))]
        if version == deck.version.name:
            shown = [(truth, deck.predictions_of(row.sha256)) for row, truth in zip(rows, truths, strict=True)]
            right = models_right(shown)
            best_first = sorted(right.items(), key=lambda entry: (-entry[1], entry[0]))
            scores += [score(model, len(rows), count) for model, count in best_first]
        table.append((version, scores))
    return table


def score(name: str, answers: int, right: int) -> Score:
    """Raises ValueError if more are right than were answered."""
    return Score(name, answers, right, right / max(1, answers), *exact_interval(right, answers, LEVEL))
