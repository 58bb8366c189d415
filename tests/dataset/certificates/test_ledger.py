"""A design is made once and looked through in its order; the version's certificate can be recomputed from its files."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from dataset.catalog.tables import certificate_pictures, images, judgements, wall_pictures
from dataset.catalog.writes import append
from dataset.certificates import ledger
from dataset.certificates.certificate import Certificate
from dataset.curate import curate
from dataset.erasure.erase import erase
from dataset.erasure.selection import Selection
from dataset.labels import label_ledger
from dataset.labels.vocabulary import Purpose
from dataset.names.rename import rename_label
from dataset.project import Project
from dataset.publish import publish
from dataset.versions import certificate_file, published
from dataset.versions.published import Version
from dataset.versions.verify import verify
from foundation.errors import StageError, UsageError
from labeling.queue import certificate_items
from labeling.wall.walls import next_wall

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def answer(project: Project, answers: Iterable[tuple[str, str]], reviewer: str = "ann") -> None:
    rows = [{"sha256": sha256, "reviewer": reviewer, "answer": label, "answered_at": NOW, "origin": "gold",
             "external_id": f"{reviewer} {sha256}", "recorded_at": NOW} for sha256, label in answers]  # fmt: skip
    with project.catalog.write() as connection:
        append(connection, judgements, rows)


def present(project: Project) -> Certificate:
    return ledger.present_certificate(project)[1]


def waiting(project: Project, limit: int = 1000) -> list[str]:
    return [item["sha256"] for item in certificate_items(project, limit)]


def drawn(project: Project) -> list[str]:
    """The pictures of all designs, in the order of looks."""
    with project.catalog.read() as connection:
        order = select(certificate_pictures.c.sha256).order_by(certificate_pictures.c.place)
        return list(connection.execute(order).scalars())


def labels_of(project: Project) -> dict[str, str]:
    with project.catalog.read() as connection:
        return {sha256: decision.label for sha256, decision in label_ledger.latest(connection).items()}


def look_at_all(project: Project, wrong: int = 0) -> None:
    """Answer until it is shown. wrong: so many of the first labels are not confirmed."""
    labels, n_wrong = labels_of(project), 0
    while names := waiting(project, 10):
        for name in names:
            other = "not_cake" if labels[name] == "cake" else "cake"
            answer(project, [(name, other if n_wrong < wrong else labels[name])])
            n_wrong += 1


def newest(project: Project) -> Version:
    version = published.newest(project.home)
    assert version is not None
    return version


def test_looking_in_the_designs_order_shows_that_few_labels_are_wrong(collected: Project) -> None:
    ledger.begin(collected, 0.1, 0.9, NOW)
    before = present(collected)
    assert before.looks == 0
    assert before.left == before.images
    assert not before.holds
    assert waiting(collected) == waiting(collected), "the order is fixed"
    look_at_all(collected, wrong=2)
    after = present(collected)
    assert after.holds
    assert after.found == 2
    assert after.looks < after.images
    assert waiting(collected) == []
    assert sum(n for n, _ in after.by_label.values()) == after.images


def test_answers_out_of_order_correct_labels_and_prove_nothing(collected: Project) -> None:
    """Only pictures before the first that nobody looked at count as drawn."""
    ledger.begin(collected, 0.1, 0.9, NOW)
    names, labels = waiting(collected), labels_of(collected)
    answer(collected, [(name, labels[name]) for name in names[1:]])
    certificate = present(collected)
    assert certificate.looks == len(names) - 1
    assert certificate.left == 1, "everything else is known"
    answer(collected, [(names[0], labels[names[0]])])
    assert present(collected).left == 0


def test_a_design_is_not_thrown_away_until_the_answers_please(collected: Project) -> None:
    ledger.begin(collected, 0.1, 0.9, NOW)
    with pytest.raises(StageError, match="go on with that one"):
        ledger.begin(collected, 0.1, 0.9, NOW)
    ledger.aim(collected, 0.2)
    assert present(collected).error == 0.2
    assert ledger.stop(collected, NOW)
    assert not ledger.stop(collected, NOW)
    with pytest.raises(StageError, match="no design is open"):
        present(collected)
    assert waiting(collected) == []
    names = drawn(collected)
    with pytest.raises(UsageError, match="90% confidence"):
        ledger.begin(collected, 0.1, 0.95, NOW)
    ledger.begin(collected, 0.1, 0.9, NOW)
    assert ledger.present_certificate(collected)[0].number == 1
    assert drawn(collected) == names, "the ended design goes on"
    with collected.catalog.write() as connection:
        connection.execute(certificate_pictures.delete().where(certificate_pictures.c.place == 0))
    ledger.begin(collected, 0.1, 0.9, NOW)
    assert ledger.present_certificate(collected)[0].number == 2


def test_a_label_that_changes_without_an_answer_counts_as_wrong(collected: Project) -> None:
    ledger.begin(collected, 0.1, 0.9, NOW)
    with collected.catalog.write() as connection:
        one = connection.execute(select(certificate_pictures.c.sha256).limit(1)).scalar_one()
        changed = certificate_pictures.update().where(certificate_pictures.c.sha256 == one)
        connection.execute(changed.values(label="another"))
    assert present(collected).uncovered == 1
    ledger.begin(collected, 0.1, 0.9, NOW)
    assert present(collected).uncovered == 0


def test_a_renamed_label_is_renamed_in_the_design(collected: Project) -> None:
    ledger.begin(collected, 0.1, 0.9, NOW)
    rename_label(collected, "cake", "gateau")
    settings = collected.settings
    section = settings.project.model_copy(update={"labels": ["gateau", "not_cake"]})
    renamed = Project(settings.model_copy(update={"project": section}), collected.catalog, collected.blobs)
    assert present(renamed).uncovered == 0
    assert set(present(renamed).by_label) == {"gateau", "not_cake"}


def test_a_wrong_confidence_changes_nothing(collected: Project) -> None:
    ledger.begin(collected, 0.1, 0.9, NOW)
    with pytest.raises(UsageError, match="90% confidence"):
        ledger.aim(collected, 0.2, 0.95)
    assert present(collected).error == 0.1


def test_a_project_whose_labels_are_all_settled_is_certified_without_a_look(collected: Project) -> None:
    labels = labels_of(collected)
    answer(collected, [(name, label) for name, label in labels.items() if label in ("cake", "not_cake")])
    ledger.begin(collected, 0.01, 0.95, NOW)
    assert present(collected).holds
    publish(collected)
    version = newest(collected)
    assert version.certificate is not None
    assert version.certificate.certificate.known == version.images
    assert verify(collected.home, version.name).problems == []


def test_the_wall_asks_about_the_designs_pictures_first_each_alone(collected: Project) -> None:
    ledger.begin(collected, 0.1, 0.9, NOW)
    names = waiting(collected)
    wall = next_wall(collected, "ann", NOW)
    other = next_wall(collected, "ben", NOW)
    assert wall is not None
    assert other is not None
    assert wall.is_alone
    assert list(wall.pictures.values()) == names[: len(wall.pictures)]
    assert not set(wall.pictures.values()) & set(other.pictures.values()), "nobody else is asked about them"
    with collected.catalog.read() as connection:
        purposes = set(connection.execute(select(wall_pictures.c.purpose)).scalars())
    assert purposes == {Purpose.CERTIFY}


def test_the_version_has_the_certificate_and_verify_recomputes_it(collected: Project) -> None:
    publish(collected)
    assert newest(collected).certificate is None
    ledger.begin(collected, 0.1, 0.9, NOW)
    look_at_all(collected, wrong=1)
    publish(collected)
    version = newest(collected)
    assert version.certificate is not None
    certificate = version.certificate.certificate
    assert certificate.holds
    assert certificate.found == 1
    assert certificate.images == version.images
    assert verify(collected.home, version.name).problems == []
    assert "at most" in (version.path / "README.md").read_text()


def tamper(version: Version, kind: str) -> None:
    """Change a certificate and seal it again, as somebody does who wants to be believed."""
    from dataset.versions import identity

    path, facts = version.path / certificate_file.FILE_NAME, identity.read_facts(version.path)
    entries = certificate_file.read(path)
    if kind == "left":
        facts["certificate"]["left"] = 0
    elif kind == "answers":
        entries = [replace(one, look="right") if one.stratum >= 0 and not one.look else one for one in entries]
    elif kind == "order":
        drawn = [n for n, one in enumerate(entries) if one.stratum >= 0]
        entries[drawn[0]], entries[drawn[-1]] = entries[drawn[-1]], entries[drawn[0]]
    elif kind == "tickets":
        entries = [replace(one, ticket=one.ticket / 2) if one.stratum >= 0 else one for one in entries]
    else:
        facts["certificate"]["design"]["seed"] = "0" * 32
    certificate_file.write(path, entries)
    facts["files"][path.name] = identity.file_digest(path)
    identity.write_facts(version.path, {**facts, identity.SEAL: identity.seal(facts)})


@pytest.mark.parametrize("kind", ["left", "answers", "order", "tickets", "seed"])
def test_a_certificate_that_was_changed_is_found(collected: Project, kind: str) -> None:
    ledger.begin(collected, 0.3, 0.9, NOW)
    look_at_all(collected)
    publish(collected)
    version = newest(collected)
    tamper(version, kind)
    assert any("ertificate" in problem for problem in verify(collected.home, version.name).problems)


def test_an_erased_picture_leaves_the_certificate_which_still_verifies(collected: Project) -> None:
    ledger.begin(collected, 0.1, 0.9, NOW)
    look_at_all(collected)
    publish(collected)
    version = newest(collected)
    looked = [one for one in certificate_file.read(version.path / certificate_file.FILE_NAME) if one.image and one.look]
    erase(collected, Selection.of({"sha256": looked[0].image}), "asked to")
    for path in version.path.rglob("*"):
        if path.is_file() and path.suffix in (".parquet", ".json"):
            assert looked[0].image.encode() not in path.read_bytes()
    assert looked[0].sha256 not in certificate_file.names_in(version.path / certificate_file.FILE_NAME)
    assert verify(collected.home, version.name).problems == []
    with collected.catalog.read() as connection:
        left = connection.execute(select(certificate_pictures.c.sha256)).scalars().all()
    assert looked[0].image not in left
    assert present(collected).holds


def test_a_wrong_label_that_was_found_and_erased_stays_evidence(collected: Project) -> None:
    """Whoever erases a picture may have seen that its label is wrong: without its look, all would seem right."""
    ledger.begin(collected, 0.3, 0.9, NOW)
    labels = labels_of(collected)
    wrong, right = waiting(collected)[:3], waiting(collected)[3:9]
    answer(collected, [(name, "unusable") for name in wrong])
    answer(collected, [(name, labels[name]) for name in right])
    before = present(collected)
    for name in wrong:
        erase(collected, Selection.of({"sha256": name}), "asked to")
    after = present(collected)
    assert (after.looks, after.found) == (before.looks, before.found) == (9, 3)
    assert after.left == before.left
    assert not set(drawn(collected)) & set(wrong)


def test_a_bound_that_was_made_smaller_is_found_after_an_erasure_too(collected: Project) -> None:
    """Few looks, so that the bound is loose; an honest certificate verifies after the erasure."""
    ledger.begin(collected, 0.3, 0.9, NOW)
    labels = labels_of(collected)
    answer(collected, [(name, labels[name]) for name in waiting(collected)[:5]])
    publish(collected)
    version = newest(collected)
    row = next(row for row in version.rows() if not row.judgements)
    erase(collected, Selection.of({"sha256": row.sha256}), "asked to")
    assert verify(collected.home, version.name).problems == []
    tamper(newest(collected), "left")
    assert any("ertificate" in problem for problem in verify(collected.home, version.name).problems)


def test_nobody_is_asked_again_what_they_answered(collected: Project) -> None:
    """Their answers do not settle it; others are asked, and this reviewer gets the next pictures."""
    ledger.begin(collected, 0.1, 0.9, NOW)
    first = waiting(collected)[0]
    given = {"sha256": first, "answered_at": NOW, "origin": "import", "recorded_at": NOW}
    answers = (("ann", "cake"), ("bob", "not_cake"))
    rows = [{**given, "reviewer": name, "answer": label, "external_id": name} for name, label in answers]
    with collected.catalog.write() as connection:
        append(connection, judgements, rows)
    assert first in waiting(collected)
    for name, is_asked in (("ann", False), ("cid", True)):
        wall = next_wall(collected, name, NOW)
        assert wall is not None
        assert (first in wall.pictures.values()) == is_asked


def test_a_version_is_refused_until_it_is_certified(collected: Project) -> None:
    settings = collected.settings
    strict = settings.model_copy(update={"publish": settings.publish.model_copy(update={"certify": 0.1})})
    project = Project(strict, collected.catalog, collected.blobs)
    with pytest.raises(StageError, match="certify"):
        publish(project)
    ledger.begin(project, 0.1, 0.9, NOW)
    look_at_all(project)
    publish(project)
    gates = json.loads((newest(project).path / "version.json").read_text())["gates"]
    assert next(gate for gate in gates if gate["gate"] == "certificate")["limit"] == 0.1


def test_pictures_that_came_later_are_not_covered(collected: Project) -> None:
    """The design was made without some pictures; then they are there."""
    with collected.catalog.read() as connection:
        n_images = len(connection.execute(select(images.c.sha256)).all())
    ledger.begin(collected, 0.1, 0.9, NOW)
    with collected.catalog.write() as connection:
        last = select(certificate_pictures.c.sha256).order_by(certificate_pictures.c.place.desc()).limit(3)
        names = connection.execute(last).scalars().all()
        connection.execute(certificate_pictures.delete().where(certificate_pictures.c.sha256.in_(names)))
    curate(collected)
    assert n_images
    assert present(collected).uncovered == 3


def test_another_share_is_expected_to_need_another_number_of_looks(collected: Project) -> None:
    ledger.begin(collected, 0.02, 0.9, NOW)
    few = present(collected).expected_looks
    ledger.aim(collected, 0.3)
    fewer = present(collected).expected_looks
    ledger.aim(collected, 0.02)
    assert few is not None
    assert fewer is not None
    assert fewer < few == present(collected).expected_looks
