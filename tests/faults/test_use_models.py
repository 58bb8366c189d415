"""Use A1 and A2: the game and the comparison of models go by the labels that hold today.

A project of drawn bakers has models of its first version. Then people correct labels of tests, throw pictures out, and
publish a second version.
"""

import hashlib
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from black_box.library import answers, newest, rows, versions, words
from commands import here
from small_projects import SmallProject
from starlette.testclient import TestClient

from dataset.opening import open_project
from web.app import create_app

OTHER = {"cake": "not_cake", "not_cake": "cake"}
ROUNDS = 4
ROOM_PICTURES = 9


@dataclass(frozen=True)
class Corrected:
    """A project with two versions. was, now: labels of each by SHA-256. listed: `models list` before the second one.

    shown: SHA-256 of a picture by that of its published file.
    """

    project: SmallProject
    was: dict[str, str]
    now: dict[str, str]
    listed: str
    shown: dict[str, str]

    @property
    def names(self) -> list[str]:
        return [version.name for version in versions(self.project)]


def publish_with(project: SmallProject, lines: list[str]) -> None:
    assert answers(project, lines).returncode == 0
    project.run("publish")


@pytest.fixture(scope="module")
def corrected(trained_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Corrected:
    """A third of the pictures of tests gets the other label, and another third is thrown out."""
    project = SmallProject(trained_home).copy(tmp_path_factory.mktemp("corrected"))
    first = newest(project)
    tests = [row for row in rows(first) if row["split"].startswith("test")]
    listed = project.run("models list")[0]
    lines = [f"{row['sha256']},{OTHER[row['label']]},ann" for row in tests[::3]]
    lines += [f"{row['sha256']},unusable,ann" for row in tests[1::3]]
    publish_with(project, lines)
    project.run("train --model linear --model svm", f"models promote svm/{first.name} --force")
    return Corrected(
        project, {row["sha256"]: row["label"] for row in rows(first)},
        {row["sha256"]: row["label"] for row in rows(newest(project))}, listed,
        {hashlib.sha256((first / row["file"]).read_bytes()).hexdigest(): row["sha256"] for row in tests},
    )  # fmt: skip


@pytest.fixture
def client(corrected: Corrected) -> Iterator[TestClient]:
    """The pages of the project, as `isitcake serve` serves them."""
    project = open_project(corrected.project.folder / "isitcake.toml")
    with TestClient(create_app(project)) as opened:
        yield opened
    project.close()


def picture(client: TestClient, corrected: Corrected, address: str) -> str:
    """SHA-256 of the picture at an address of the game."""
    return corrected.shown[hashlib.sha256(client.get(address).content).hexdigest()]


def play(client: TestClient, corrected: Corrected) -> dict[str, str]:
    """Play some rounds, and answer with today's label. Returns the truth that the game stated, by picture."""
    truth = {}
    for _ in range(ROUNDS):
        begun = client.post("/play/rounds", json={"nickname": "Ann"}).json()
        for address in begun["pictures"]:
            sha256 = picture(client, corrected, address)
            answer = {"answer": corrected.now.get(sha256, "cake")}
            truth[sha256] = client.post(address.removesuffix(".jpg"), json=answer).json()["truth"]
    return truth


def test_play_states_todays_labels(corrected: Corrected, client: TestClient) -> None:
    """Use A1: /play shows no picture that was thrown out, and states the corrected label."""
    truth = play(client, corrected)
    assert truth == {sha256: corrected.now.get(sha256, "thrown out") for sha256 in truth}
    assert any(label != corrected.was[sha256] for sha256, label in truth.items())


def test_the_table_counts_todays_labels(corrected: Corrected, client: TestClient) -> None:
    """Use A1: who always gives today's label has all answers right in /play/table."""
    play(client, corrected)
    shares = re.findall(r"<b>people</b></td><td[^>]*>([\d.]+) %", client.get("/play/table").text)
    assert shares == ["100.0"]


def test_a_room_states_todays_labels(corrected: Corrected, client: TestClient) -> None:
    """Use A1: so do /show and /join, to everybody in a room."""
    room = client.post("/show", json={"pictures": ROOM_PICTURES}).json()
    truth = {}
    address = f"/show/{room['code']}/ws"
    with client.websocket_connect(address) as host, client.websocket_connect(address) as phone:
        host.send_json({"kind": "host", "token": room["host"]})
        phone.send_json({"kind": "join", "nickname": "Ann"})
        for slot in range(ROOM_PICTURES):
            host.send_json({"kind": "next"})
            state = until(host, "question")
            assert state["slot"] == slot
            phone.send_json({"kind": "answer", "slot": slot, "answer": "cake"})
            stated = until(host, "reveal")["reveal"]["truth"]
            truth[picture(client, corrected, f"/show/{room['code']}/{slot}.jpg")] = stated
    assert truth == {sha256: corrected.now.get(sha256, "thrown out") for sha256 in truth}


def until(socket: Any, phase: str) -> dict[str, Any]:
    """The first message about this phase."""
    for _ in itertools.repeat(None, 50):
        state: dict[str, Any] = socket.receive_json()
        if state.get("phase") == phase:
            return state
    raise AssertionError(f"the room does not come to {phase}")


def figure(listed: str, model: str, version: str) -> str:
    """The figure of a model in what `models list` prints."""
    (line,) = (line for line in listed.splitlines() if line.lstrip("* ").startswith(model) and version in line)
    return re.findall(r"[01]\.\d{3}", line)[0]


def test_models_are_listed_by_todays_labels(corrected: Corrected) -> None:
    """Use A2: the figure of a model of the first version follows the labels that were corrected since."""
    after = corrected.project.run("models list")[0]
    assert figure(after, "svm", corrected.names[0]) != figure(corrected.listed, "svm", corrected.names[0])


def test_the_star_of_the_leaderboard_is_explained(corrected: Corrected) -> None:
    """Use A2: the page of the second version has the star that its legend speaks of."""
    page = corrected.project.folder / "library" / "reports" / f"leaderboard-{corrected.names[1]}.html"
    assert page.read_text(encoding="utf-8").count("★") != 1


def test_a_name_shows_the_default_model(corrected: Corrected) -> None:
    """Use A2: `models show svm` shows the default model of this name, though a newer one has it too."""
    shown, default, newer = corrected.project.run(
        "models show svm", *(f"models show svm/{name}" for name in corrected.names)
    )
    assert default != newer
    assert shown == default


def test_a_refused_promotion_fails(corrected: Corrected) -> None:
    """Use A2: the exit code says that the model was not promoted."""
    ended = here(corrected.project.folder, "models", "promote", f"linear/{corrected.names[1]}")
    assert "not promoted" in words(ended)
    assert ended.returncode == 1


def test_a_model_of_corrected_labels_is_promoted(trained_home: Path, tmp_path: Path) -> None:
    """Use A2: a default model that learned labels which people corrected gives way to one that is about as good."""
    project = SmallProject(trained_home).copy(tmp_path)
    train = [row for row in rows(newest(project)) if row["split"] == "train"]
    publish_with(project, [f"{row['sha256']},{OTHER[row['label']]},ann" for row in train[::12]])
    project.run("curate", "train --model svm")
    promoted = here(project.folder, "models", "promote", f"svm/{newest(project).name}")
    (default,) = (line for line in project.run("models list")[0].splitlines() if line.startswith("*"))
    assert newest(project).name in default, words(promoted)
