"""Which pictures a round shows."""

import asyncio
import random
from datetime import UTC, datetime

import pytest
from projects import LAYOUTS
from starlette.exceptions import HTTPException

from dataset.catalog.tables import audit, decisions, judgements
from dataset.catalog.writes import append
from dataset.erasure.erase import erase
from dataset.erasure.selection import Kind, Selection
from dataset.names.rename import rename_label
from dataset.project import Project
from dataset.publish import publish
from dataset.versions.published import Version
from dataset.versions.today import Today
from foundation.errors import StageError
from labeling.answer_files import import_answers
from web.game.deck import CurrentDeck, Deck, load_deck
from web.game.http import picture_response
from web.game.plays import Refused, answer_picture, begin_round, dealt_picture, round_result
from web.game.room import Phase
from web.game.rooms import Rooms
from web.game.scores import all_time_scores

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_a_round_shows_test_images_with_labels_in_balance(trained: Project) -> None:
    """Training images are never shown."""
    deck = load_deck(trained)
    assert {row.split for row in deck.rows} <= {"test", "test_unseen_sites"}
    for seed in range(20):
        dealt = deck.deal(random.Random(seed))
        assert len({row.sha256 for row in dealt}) == 9
        counts = [sum(row.label == label for row in dealt) for label in deck.version.labels]
        assert sorted(counts) == [4, 5]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_erased_picture_is_not_served(published_project: Project, version: Version) -> None:
    """A deck that is in use serves the published bytes, from either layout, and nothing once they are erased."""
    rows = version.rows()
    deck = Deck(version, "", rows, {}, Today(version, rows, {}))
    gone, left = rows[0], next(row for row in rows if row.cluster != rows[0].cluster)
    content = published_project.normalised.path(left.sha256).read_bytes()
    assert deck.has_picture(gone)
    assert picture_response(deck, gone.sha256).status_code == 200
    erase(published_project, Selection(Kind.SHA256, gone.sha256), "asked")
    assert not deck.has_picture(gone)
    with pytest.raises(HTTPException):
        picture_response(deck, gone.sha256)
    served = picture_response(deck, left.sha256)
    assert (served.body, served.media_type) == (content, "image/jpeg")


def test_half_of_a_round_is_hard(trained: Project) -> None:
    """Over many rounds, about half of the pictures come from the third with the lowest probability of the truth."""
    deck = load_deck(trained)
    hard: set[str] = set()
    for label in deck.version.labels:
        rows = [row for row in deck.rows if row.label == label]
        rows.sort(key=lambda row: deck.default_probabilities(row.sha256)[row.label])
        hard |= {row.sha256 for row in rows[: len(rows) // 3]}
    dealt = [row for seed in range(100) for row in deck.deal(random.Random(seed))]
    assert 0.4 < sum(row.sha256 in hard for row in dealt) / len(dealt) < 0.6


def test_an_open_audit_picture_is_not_shown(bakery: Project) -> None:
    """Its answer must not be known before it is given. The current deck notices that the audit sample is new."""
    current = CurrentDeck(bakery)
    deck = current.get()
    assert current.get() is deck
    sha256 = deck.rows[0].sha256
    with bakery.catalog.write() as connection:
        connection.execute(audit.delete())
        connection.execute(judgements.delete().where(judgements.c.sha256 == sha256))
        append(connection, audit, [{"sha256": sha256, "ticket": "0" * 16, "label": "cake", "drawn_at": NOW}])
    assert sha256 not in {row.sha256 for row in load_deck(bakery).rows}
    assert sha256 not in {row.sha256 for row in current.get().rows}


def test_a_small_project_is_told_that_its_audit_sample_waits(bakery: Project) -> None:
    """It has test images: more of them would not help."""
    rows = load_deck(bakery).today.tests
    with bakery.catalog.write() as connection:
        connection.execute(audit.delete())
        connection.execute(judgements.delete())
        tickets = [
            {"sha256": row.sha256, "ticket": f"{number:016}", "label": row.label, "drawn_at": NOW}
            for number, row in enumerate(rows)
        ]
        append(connection, audit, tickets)
    with pytest.raises(StageError, match=r"every test image .* is in the audit sample"):
        load_deck(bakery)


def test_an_erased_picture_leaves_the_deck_that_is_in_use(bakery: Project) -> None:
    """Security 16: also one that nobody answered about, while the version keeps its name."""
    current = CurrentDeck(bakery)
    row = current.get().rows[0]
    with bakery.catalog.write() as connection:
        for table in (judgements, audit):
            connection.execute(table.delete().where(table.c.sha256 == row.sha256))
    assert current.get().row(row.sha256)
    erase(bakery, Selection(Kind.SHA256, row.sha256), "asked")
    assert current.get().row(row.sha256) is None


def test_without_models_the_newest_version_is_played(bakery: Project) -> None:
    deck = load_deck(bakery)
    assert deck.default_model == ""
    assert deck.predictions_of(deck.rows[0].sha256) == {}
    assert len(deck.deal(random.Random(1))) == 9


def test_without_a_version_there_is_nothing_to_play(collected: Project) -> None:
    """The message names the command to run."""
    with pytest.raises(StageError, match="isitcake publish"):
        load_deck(collected)


def decide(project: Project, sha256: str, label: str) -> None:
    """What a person's answer and the next curation leave in the catalog."""
    row = {"sha256": sha256, "label": label, "origin": "human", "reason": "ann says so", "decided_at": NOW}
    with project.catalog.write() as connection:
        append(connection, decisions, [row])


def test_todays_decisions_are_the_truth(trained: Project) -> None:
    """Use A1: the deck in use has a label that changed since its version, and no picture that was withdrawn since."""
    current = CurrentDeck(trained)
    before = current.get()
    changed, withdrawn = before.rows[0], before.rows[1]
    new = begin_round(trained, before, "Ann")
    other = next(label for label in before.version.labels if label != changed.label)
    decide(trained, changed.sha256, other)
    decide(trained, withdrawn.sha256, "unusable")
    after = current.get()
    row = after.row(changed.sha256)
    assert row is not None
    assert row.label == other
    assert after.row(withdrawn.sha256) is None
    assert after.predictions_of(changed.sha256)
    dealt = [dealt_picture(trained, new.id, slot) for slot in range(new.pictures)]
    decide(trained, dealt[0], "unusable")
    with pytest.raises(Refused, match="withdrawn"):
        answer_picture(trained, current.get(), new.id, 0, "cake")
    slot = next(slot for slot, sha256 in enumerate(dealt) if slot and sha256 != withdrawn.sha256)
    truth = current.get().today.label_of(dealt[slot])
    assert answer_picture(trained, current.get(), new.id, slot, truth).is_right


def test_a_renamed_label_is_the_same_class(trained: Project) -> None:
    """Data F5: a deck in use is made anew; pictures, questions, predictions and earlier answers have the new name."""
    current = CurrentDeck(trained)
    before = current.get()
    new = begin_round(trained, before, "Ann")
    dealt = [dealt_picture(trained, new.id, slot) for slot in range(new.pictures)]
    for slot, sha256 in enumerate(dealt):
        answer_picture(trained, before, new.id, slot, before.today.label_of(sha256))
    rename_label(trained, "cake", "torte")
    after = current.get()
    assert after.version.labels == ["torte", "not_cake"]
    assert {row.sha256 for row in after.rows} == {row.sha256 for row in before.rows}
    assert {row.label for row in after.rows} == {"torte", "not_cake"}
    for sha256 in dealt:
        was, now = before.default_probabilities(sha256), after.default_probabilities(sha256)
        assert now == {"torte": was["cake"], "not_cake": was["not_cake"]}
    people = all_time_scores(trained, after)[0][1][0]
    assert people.right == people.answers == len(dealt)


def test_scores_are_counted_with_todays_decisions(trained: Project) -> None:
    """Use A1: a stored answer is judged by the label that holds now; one to a withdrawn picture is left out."""
    current = CurrentDeck(trained)
    deck = current.get()
    new = begin_round(trained, deck, "Ann")
    dealt = [dealt_picture(trained, new.id, slot) for slot in range(3)]
    labels = [deck.today.label_of(sha256) for sha256 in dealt]
    for slot, label in enumerate(labels):
        answer_picture(trained, deck, new.id, slot, label)
    people = all_time_scores(trained, deck)[0][1][0]
    assert (people.answers, people.right) == (3, 3)
    decide(trained, dealt[0], next(label for label in deck.version.labels if label != labels[0]))
    decide(trained, dealt[1], "unsure")
    people = all_time_scores(trained, current.get())[0][1][0]
    assert (people.answers, people.right) == (2, 1)
    result = round_result(trained, current.get(), new.id)
    assert (result["answered"], result["right"]) == (2, 1)


def test_the_newest_version_is_played_with_an_older_default_model(trained: Project) -> None:
    """Use A1: the default model of an older version answers for the pictures of the newest one."""
    first = load_deck(trained)
    rows = [row for row in first.version.rows() if row.split == "train"]
    answers = trained.home.parent / "answers.csv"
    answers.write_text(f"sha256,label,reviewer\n{rows[0].sha256},unusable,ann\n")
    import_answers(trained, answers)
    publish(trained)
    deck = load_deck(trained)
    assert deck.version.name != first.version.name
    assert deck.default_model == first.default_model
    assert all(deck.default_probabilities(row.sha256) for row in deck.rows)


def test_a_room_in_use_takes_a_new_decision(bakery: Project) -> None:
    """Use A1: the truth of the picture on the screen is the label that holds when its time is over."""
    current = CurrentDeck(bakery)
    deck = current.get()
    room = Rooms().open(deck, 60, 3, lambda _: 0)
    room.current_deck = current.get
    shown, later = room.dealt[0], room.dealt[1]
    other = next(label for label in deck.version.labels if label != shown.label)

    async def game() -> None:
        await room.next()
        decide(bakery, shown.sha256, other)
        decide(bakery, later.sha256, "unusable")
        await room.next()
        while room.phase is not Phase.REVEAL:
            await asyncio.sleep(0.05)

    asyncio.run(game())
    assert room.state()["reveal"]["truth"] == other
    assert later.sha256 not in {row.sha256 for row in room.dealt}
