"""labeling.picture_links: a picture's address opens this picture, for a time, for whoever was sent it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from dataset.project import Project
from foundation.errors import ConfigError
from foundation.settings import Settings
from foundation.settings_file import load
from labeling import queue
from labeling.picture_links import is_signed, picture_url
from web.app import create_app

SHA256, OTHER_SHA256 = "ab" * 32, "cd" * 32
NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A project with a key to sign with."""
    path = tmp_path / "isitcake.toml"
    path.write_text('[project]\ncontact = "https://example.org"\n\n[review]\npictures_days = 30\n')
    return load(path, {"ISITCAKE_SECRET": "4f0c9a1be27d8635"})


def test_an_address_is_valid_until_it_expires(settings: Settings) -> None:
    query = parse_qs(urlsplit(picture_url(settings, SHA256, NOW)).query)
    until, signature = int(query["until"][0]), query["sig"][0]
    assert until == int((NOW + timedelta(days=30)).timestamp())
    assert is_signed(settings, SHA256, until, signature, NOW)
    assert is_signed(settings, SHA256, until, signature, NOW + timedelta(days=30))
    assert not is_signed(settings, SHA256, until, signature, NOW + timedelta(days=30, seconds=1))


def test_a_changed_address_is_not_valid(settings: Settings) -> None:
    query = parse_qs(urlsplit(picture_url(settings, SHA256, NOW)).query)
    until, signature = int(query["until"][0]), query["sig"][0]
    assert not is_signed(settings, OTHER_SHA256, until, signature, NOW)
    assert not is_signed(settings, SHA256, until + 1, signature, NOW)
    assert not is_signed(settings, SHA256, until, signature[:-1] + "x", NOW)
    assert not is_signed(settings, SHA256, until, "ü", NOW)


def test_without_a_key_nothing_is_signed(settings: Settings) -> None:
    no_secrets = {"label_studio_api_key": SecretStr(""), "secret": SecretStr("")}
    unsigned = settings.model_copy(update={"secrets": settings.secrets.model_copy(update=no_secrets)})
    with pytest.raises(ConfigError, match="ISITCAKE_SECRET"):
        picture_url(unsigned, SHA256)
    assert not is_signed(unsigned, SHA256, int(NOW.timestamp()) + 1, "", NOW)


def test_only_signed_addresses_are_served(collected: Project) -> None:
    """Signed addresses answer with the picture and a CORS header, others with 404."""
    client = TestClient(create_app(collected))
    sha256 = queue.next_items(collected, 1)[0]["sha256"]
    path = picture_url(collected.settings, sha256).removeprefix(collected.settings.review.pictures_url)
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["access-control-allow-origin"] == "*"
    for wrong in (
        f"/pictures/{sha256}.jpg",
        f"{path[:-1]}x",
        path.replace("until=1", "until=2"),
        f"/pictures/{'0' * 64}.jpg?sig={'0' * 40}",
    ):
        assert client.get(wrong).status_code == 404
    assert client.get("/health").json() == {"status": "ok"}
