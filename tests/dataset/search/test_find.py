"""Search by words and facets on a real catalog; by look with a small pair of towers."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import delete, insert, select, update
from zoo_networks import put_pair

from crawlers.collect import collect
from dataset.catalog.tables import decisions, findings, images, sightings
from dataset.curate import curate
from dataset.erasure.erase import erase
from dataset.erasure.selection import Kind, Selection
from dataset.opening import open_project
from dataset.project import Project
from dataset.search.find import Results, Search
from dataset.search.query import Query, UnknownValue
from foundation.errors import UsageError
from foundation.settings import SIGLIP2
from labeling.answer_files import import_answers

COLOURS = {"red": (200, 30, 30), "blue": (20, 40, 220), "green": (30, 190, 40)}


def shas(results: Results) -> list[str]:
    return [picture.sha256 for picture in results.pictures]


def describe(project: Project, sha256: str, **values: str) -> None:
    """Change what a sighting of the picture says."""
    with project.catalog.write() as connection:
        connection.execute(update(sightings).where(sightings.c.sha256 == sha256).values(**values))


def some(project: Project, count: int) -> list[str]:
    with project.catalog.read() as connection:
        return list(connection.execute(select(images.c.sha256).order_by(images.c.sha256).limit(count)).scalars())


def test_words_are_found_in_names_and_texts_whatever_their_case(collected: Project) -> None:
    """All words must be there, in any place; a file name or alternative text that has them comes first."""
    first, second, third = some(collected, 3)
    describe(collected, first, page_url="https://a.example/red-zeppelins/cup")
    describe(collected, second, alt="A Red ZEPPELIN", image_url="https://a.example/cup%20one.jpg?size=2")
    describe(collected, third, alt="a blue zeppelin")
    search = Search(collected)
    assert shas(search.find(Query("red zeppelin"))) == [second, first]
    assert shas(search.find(Query("CUP ONE"))) == [second]
    assert search.find(Query("cup one")).pictures[0].file == "cup one.jpg"
    assert len(shas(search.find(Query("zeppelin")))) == 3
    assert shas(search.find(Query(first[:20]))) == [first]


def test_facets_combine_and_their_counts_say_what_each_value_would_give(collected: Project) -> None:
    search = Search(collected)
    everything = search.find(Query(), limit=1000)
    assert sum(everything.counts["label"].values()) == everything.total == len(everything.pictures)
    for facet in ("label", "source", "finding", "answer"):
        for value, count in everything.counts[facet].items():
            chosen = search.find(Query("", {facet: value}), limit=1000)
            assert chosen.total == count, (facet, value)
            assert chosen.counts[facet] == everything.counts[facet]
    source, label = next(iter(everything.counts["source"])), next(iter(everything.counts["label"]))
    both = search.find(Query("", {"source": source, "label": label}), limit=1000)
    assert {picture.label for picture in both.pictures} <= {label}
    assert all(source in picture.sources for picture in both.pictures)
    assert both.total == search.find(Query("", {"source": source})).counts["label"][label]


def test_pages_have_every_picture_once(collected: Project) -> None:
    search = Search(collected)
    total = search.find(Query()).total
    paged = [sha256 for start in range(0, total, 7) for sha256 in shas(search.find(Query(), start, 7))]
    assert len(paged) == len(set(paged)) == total


def test_an_answer_and_an_erasure_are_seen_at_once(collected: Project, tmp_path: Path) -> None:
    """The same search object, which keeps what it read."""
    search = Search(collected)
    first, second = some(collected, 2)
    assert "unusable" not in search.find(Query()).counts["answer"]
    path = tmp_path / "answers.csv"
    path.write_text(f"sha256,label,reviewer\n{first},unusable,ann\n")
    import_answers(collected, path)
    assert first in shas(search.find(Query("", {"answer": "unusable"})))
    assert first in shas(search.find(Query("", {"label": "unusable"})))
    with collected.catalog.write() as connection:
        row = {"sha256": second, "detector": "blank", "version": 1, "score": 9.0, "proposes": "", "evidence": ""}
        connection.execute(delete(findings).where(findings.c.sha256 == second))
        connection.execute(insert(findings), [row])
    assert second in shas(search.find(Query("", {"finding": "blank"})))
    erase(collected, Selection(Kind.SHA256, first), "asked to")
    assert search.find(Query(first)).total == 0


def test_an_empty_result_says_what_would_find_more(collected: Project) -> None:
    search = Search(collected)
    results = search.find(Query("zeppelin", {"label": "cake"}))
    assert results.total == 0
    assert results.wider == {"words": search.find(Query("", {"label": "cake"})).total}


@pytest.mark.parametrize(
    ("chosen", "message", "nearest"),
    [
        ({"label": "cakes"}, "no label 'cakes'; did you mean 'cake'?", "cake"),
        ({"finding": "blured"}, "no finding 'blured'; did you mean 'blurred'?", "blurred"),
        ({"answer": "zzz"}, "no answer 'zzz'; there are cake, not_cake, unusable, unsure, none", ""),
    ],
)
def test_an_unknown_value_is_named(chosen: dict[str, str], message: str, nearest: str, collected: Project) -> None:
    with pytest.raises(UnknownValue) as error:
        Search(collected).find(Query("", chosen))
    assert (str(error.value), error.value.nearest) == (message, nearest)


@pytest.mark.parametrize("query", [Query("x" * 201), Query("x", by="smell")])
def test_what_cannot_be_searched_for_is_refused(query: Query, collected: Project) -> None:
    with pytest.raises(UsageError):
        Search(collected).find(query)


def test_without_a_tower_of_texts_a_sentence_says_so(collected: Project) -> None:
    results = Search(collected).find(Query("cup"))
    assert results.by == "text"
    assert results.note == "The words are looked for in names and texts only: this network has no tower of texts."
    assert Search(collected).find(Query()).note == ""


@pytest.fixture
def coloured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Pictures of plain colours, with meaningless names, and a pair of towers."""
    monkeypatch.delenv("ISITCAKE_MODELS_NETWORK")
    put_pair(tmp_path / "weights", SIGLIP2)
    (tmp_path / "photos").mkdir()
    for number, colour in enumerate(COLOURS.values()):
        Image.new("RGB", (300, 200), colour).save(tmp_path / "photos" / f"{number}.png")
    lines = ["[project]", 'labels = ["warm", "cold"]', "[models]", f'network = "{SIGLIP2}"', 'folder = "weights"']
    lines += ["[[sources]]", 'name = "photos"', 'kind = "folder"', 'label = "warm"', 'path = "photos"']
    (tmp_path / "isitcake.toml").write_text("\n".join(lines) + "\n")
    project = open_project(tmp_path / "isitcake.toml")
    collect(project).raise_for_failures()
    curate(project)
    return project


def test_words_are_compared_with_pictures_where_the_network_can(coloured: Project) -> None:
    """The picture that fits best comes first, though no name has the words; all others follow."""
    search = Search(coloured)
    for number, colour in enumerate(COLOURS):
        results = search.find(Query(colour))
        assert (results.by, results.note, results.n_in_texts) == ("look", "", 0)
        assert results.pictures[0].file == f"{number}.png"
        likeness = [picture.likeness for picture in results.pictures]
        assert len(likeness) == 3
        assert likeness == sorted(likeness, key=lambda one: -(one or 0.0))
    assert [picture.file for picture in search.find(Query("2.png", by="text")).pictures] == ["2.png"]
    coloured.close()


def test_a_damaged_tower_leaves_names_and_texts(coloured: Project) -> None:
    (coloured.settings.home.parent / "weights" / "siglip2_text.onnx").write_bytes(b"something else")
    results = Search(coloured).find(Query("2.png"))
    assert (results.by, results.total) == ("text", 1)
    assert "cannot be read" in results.note
    coloured.close()


def test_a_decision_of_now_is_read_without_the_others(collected: Project) -> None:
    """Labels are kept in memory: a newer decision, a renamed label and a removed one are all seen."""
    search = Search(collected)
    (first,) = some(collected, 1)
    search.find(Query())
    new = {"sha256": first, "label": "unsure", "origin": "human", "reason": "", "decided_at": datetime.now(UTC)}
    with collected.catalog.write() as connection:
        connection.execute(insert(decisions), [new])
    assert shas(search.find(Query("", {"label": "unsure"}))) == [first]
    with collected.catalog.write() as connection:
        connection.execute(delete(decisions).where(decisions.c.label == "unsure"))
    assert search.find(Query("", {"label": "unsure"})).total == 0
