"""What the Hub refuses, and where it cannot be reached, is one sentence."""

from pathlib import Path

import pytest

from dataset.exports.hub_repository import HubRepository, name_in
from foundation.errors import HubError, UsageError
from foundation.network.ports import free_ports
from simulator.hub.api import READER
from simulator.hub.repositories import Repository
from simulator.hub.server import HubServer

NAME = "ann/cakes"


@pytest.mark.parametrize("target", ["hf://ann/cakes", "hf://datasets/ann/cakes", "hf://ann/cakes/"])
def test_a_target_names_a_repository(target: str) -> None:
    assert name_in(target) == NAME


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("ann/cakes", "is no repository; write hf://OWNER/NAME"),
        ("hf://cakes", "is no repository"),
        ("hf://ann/cakes/data", "is no repository"),
        ("hf://models/ann/cakes", "is no dataset repository"),
        ("hf://spaces/ann/cakes", "write hf://ann/cakes"),
    ],
)
def test_another_target_is_refused(target: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        name_in(target)


def test_a_repository_is_made_and_looked_at(hub: HubServer) -> None:
    repository = HubRepository(NAME)
    assert repository.look() is None
    repository.create(private=True)
    seen = repository.look()
    assert seen is not None
    assert (seen.private, seen.titles, seen.files, seen.tags) == (True, ["initial commit"], [".gitattributes"], {})
    assert repository.url == f"{hub.url}/datasets/ann/cakes"


def test_a_model_of_that_name_is_refused(hub: HubServer) -> None:
    hub.hub.repositories["model", NAME] = Repository("model", NAME)
    with pytest.raises(UsageError, match="ann/cakes is a model on the Hub, no dataset repository"):
        HubRepository(NAME).look()


def test_rights(hub: HubServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of somebody who may only read; of nobody; without a token."""
    hub.hub.repositories["dataset", NAME] = Repository("dataset", NAME)
    with pytest.raises(HubError, match="the token may not write zoe/cakes; use one with write access to zoe"):
        HubRepository("zoe/cakes").create(private=True)
    monkeypatch.setenv("HF_TOKEN", READER)
    with pytest.raises(HubError, match="the token may not write ann/cakes"):
        HubRepository(NAME).look()
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(HubError, match="the Hub does not know the token"):
        HubRepository(NAME).look()
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "none"))
    with pytest.raises(UsageError, match="set HF_TOKEN, or run `hf auth login`"):
        HubRepository(NAME).look()


def test_without_a_network(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    (closed,) = free_ports(1)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{closed}")
    with pytest.raises(HubError, match=f"cannot reach the Hub at http://127.0.0.1:{closed} .*check the network"):
        HubRepository(NAME).look()


def test_somebody_elses_commit_is_not_overwritten(hub: HubServer) -> None:
    """The commit that was seen is the parent of the new one, or nothing is committed."""
    there = hub.hub.repositories["dataset", NAME] = Repository("dataset", NAME)
    repository = HubRepository(NAME)
    head, _ = repository.head()
    card = repository.add("README.md", b"---\nx: 1\n---\n")
    theirs = there.commit("main", "somebody else's", {}, set())
    with pytest.raises(HubError, match="ann/cakes was changed while this ran"):
        repository.commit("ours", [card], [], head)
    assert there.at("main") == theirs
