"""`isitcake versions push` as a user meets it, against a Hub of our own."""

import json
import sys

import pytest
from commands import here

from dataset.project import Project
from dataset.versions.published import Version
from simulator.hub.server import HubServer

# The library sends files to Git LFS in a way that its own HTTP client calls old.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


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
    assert "run `isitcake versions push hf://ann/cakes` to remove the pictures there, too" in erased.stdout
    cleaned = here(folder, "versions", "push", "hf://ann/cakes")
    assert "the history there is squashed" in cleaned.stdout


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
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert "isitcake[hub]" in here(folder, "versions", "push", "hf://ann/cakes").sentence(2)
