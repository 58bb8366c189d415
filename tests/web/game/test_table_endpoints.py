"""The page that compares people and models, and web/game/scores.py behind it."""

from datetime import UTC, datetime

import httpx
import pytest

from dataset.catalog.tables import plays
from dataset.catalog.writes import append
from dataset.project import Project
from dataset.versions import published
from training.train import train
from web.game.deck import load_deck
from web.game.scores import all_time_scores, best_label, models_right, score


def test_models_answer_the_same_pictures_as_people(bakery: Project) -> None:
    """One right and one wrong answer of people. An older version has people's answers only."""
    train(bakery.settings, names=["svm"])
    deck = load_deck(bakery)
    cake, other = (next(row for row in deck.rows if row.label == label) for label in ("cake", "not_cake"))
    for version in ("2020.1.0", deck.version.name):
        with bakery.catalog.write() as connection:
            append(connection, plays, [
                {"round": f"r{version}", "slot": slot, "player": "ann", "sha256": row.sha256, "label": row.label,
                 "version": version, "answer": "cake", "played_at": datetime.now(UTC)}
                for slot, row in enumerate((cake, other))])  # fmt: skip
    (newest, scores), (older, older_scores) = all_time_scores(bakery, deck)
    assert (newest, older) == (deck.version.name, "2020.1.0")
    assert [entry.name for entry in scores] == ["people", "svm"]
    assert (scores[0].answers, scores[0].right, scores[0].share) == (2, 1, 0.5)
    assert (
        scores[1].right == models_right([(row.label, deck.predictions_of(row.sha256)) for row in (cake, other)])["svm"]
    )
    assert [entry.name for entry in older_scores] == ["people"]


@pytest.mark.parametrize(
    ("answers", "right", "interval"),
    [(0, 0, (0.0, 1.0)), (10, 10, (0.6915, 1.0)), (10, 0, (0.0, 0.3085)), (10, 5, (0.1871, 0.8129))],
)
def test_the_interval_of_a_score_is_exact(answers: int, right: int, interval: tuple[float, float]) -> None:
    """Clopper-Pearson, 95 %; values as in its published tables."""
    entry = score("people", answers, right)
    assert (entry.low, entry.high) == pytest.approx(interval, abs=1e-4)


def test_the_best_label_is_the_most_probable_one() -> None:
    assert best_label({"cake": 0.2, "not_cake": 0.8}) == "not_cake"
    assert best_label({}) == ""


def test_the_page_lists_people_and_models(served: tuple[str, Project], web: httpx.Client) -> None:
    """Before the first answer it asks for one; after it, people come first."""
    assert "Nobody has played yet" in web.get("/play/table").text
    round_id = web.post("/play/rounds", json={}).json()["round"]
    web.post(f"/play/rounds/{round_id}/0", json={"answer": "cake"})
    version = published.newest(served[1].home)
    assert version is not None
    page = web.get("/play/table").text
    assert f"Version {version.name}" in page
    assert page.index("<b>people</b>") < min(page.index("<td>svm</td>"), page.index("<td>linear</td>"))
