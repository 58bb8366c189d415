"""`isitcake versions push` as a user meets it, against a Hub of our own."""

import json
import sys

import pytest
from commands import here

from dataset.erasure.erase import erase
from dataset.erasure.selection import Kind, Selection
from dataset.project import Project
from dataset.versions.published import Version
from simulator.hub.server import HubServer

# The library sends files to Git LFS in a way that its own HTTP client calls old.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
AGAIN = "run `isitcake versions push hf://ann/cakes` to remove the erased pictures there, too"


def test_a_push_says_what_it_did_and_an_erasure_says_where_else_pictures_are(
    hub: HubServer, published_project: Project, version: Version
) -> None:
    folder = published_project.home.parent
    planned = here(folder, "versions", "push", "hf://ann/cakes", "--private", "--dry-run")
    assert planned.returncode == 0
    assert "would push" in planned.stdout
    assert hub.hub.repositories == {}
    refused = here(folder, "versions", "push", "hf://ann/cakes")
    assert "push with --private, with --only-open" in refused.sentence(2)
    pushed = here(folder, "versions", "push", "hf://ann/cakes", "--private")
    assert f"pushed {version.name} ({version.images} images) to {hub.url}/datasets/ann/cakes (private)" in pushed.stdout
    assert f"pushing {version.name}: {version.images} of {version.images}" in pushed.stderr
    assert "may be shared" in pushed.stdout
    again = json.loads(here(folder, "versions", "push", "hf://ann/cakes", "latest", "--json").stdout)
    assert (again["changed"], again["version"], again["images"]) == (False, version.name, version.images)
    erased = here(folder, "erase", "--sha256", version.rows()[0].sha256, "--reason", "asked")
    assert AGAIN in erased.stdout
    assert AGAIN in " ".join(here(folder, "doctor").stdout.split())
    cleaned = here(folder, "versions", "push", "hf://ann/cakes")
    assert "the history there is squashed" in cleaned.stdout
    arguments = ("erase", "--sha256", version.rows()[1].sha256, "--reason", "asked", "--json")
    assert json.loads(here(folder, *arguments).stdout)["pushed_to"] == ["hf://ann/cakes"]


@pytest.mark.parametrize("as_json", [False, True])
def test_an_interrupted_erasure_says_where_else_pictures_are(
    hub: HubServer, published_project: Project, version: Version, as_json: bool
) -> None:
    """The command that finishes it says so."""
    folder, sha256 = published_project.home.parent, version.rows()[0].sha256
    assert here(folder, "versions", "push", "hf://ann/cakes", "--private").returncode == 0

    def stop(step: str) -> None:
        if step == "catalog":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        erase(published_project, Selection(Kind.SHA256, sha256), "asked", before=stop)
    again = here(folder, "erase", "--sha256", sha256, "--reason", "asked", *(["--json"] if as_json else []))
    assert again.returncode == 0
    if as_json:
        assert json.loads(again.stdout)["pushed_to"] == ["hf://ann/cakes"]
    else:
        assert "finished the erasure of 1 image that was interrupted before" in again.stdout
        assert AGAIN in again.stdout


def test_what_is_missing_is_named(
    published_project: Project, monkeypatch: pytest.MonkeyPatch, version: Version
) -> None:
    """A wrong target, no token, no library."""
    folder = published_project.home.parent
    assert "write hf://OWNER/NAME" in here(folder, "versions", "push", "ann/cakes").sentence(2)
    assert "no version '9.9.9'" in here(folder, "versions", "push", "hf://ann/cakes", "9.9.9").sentence(2)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", "/nowhere")
    assert "set HF_TOKEN, or run `hf auth login`" in here(folder, "versions", "push", "hf://ann/cakes").sentence(2)
    dry = here(folder, "versions", "push", "hf://ann/cakes", "--private", "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert f"would push {version.name}" in dry.stdout
    assert "the Hub was not asked" in dry.stdout
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert "isitcake[hub]" in here(folder, "versions", "push", "hf://ann/cakes").sentence(2)
