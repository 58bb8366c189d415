"""The variables of this process."""

from pathlib import Path

import pytest

from foundation.environment import browser_from_environment, child_environment, prefect_api_url, shared_folder


def test_variables_that_are_not_set_are_empty() -> None:
    assert browser_from_environment({}) == ""
    assert prefect_api_url({}) == ""
    assert browser_from_environment({"ISITCAKE_BROWSER": "/a/chromium"}) == "/a/chromium"
    assert prefect_api_url({"PREFECT_API_URL": "http://127.0.0.1:4200/api"}) == "http://127.0.0.1:4200/api"


def test_a_subprocess_gets_this_environment_with_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISITCAKE_TEST", "old")
    monkeypatch.setenv("ISITCAKE_KEPT", "kept")
    environment = child_environment(ISITCAKE_TEST="new")
    assert (environment["ISITCAKE_TEST"], environment["ISITCAKE_KEPT"]) == ("new", "kept")


def test_a_folder_without_photos_is_not_the_shared_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISITCAKE_SHARED", str(tmp_path))
    assert shared_folder() is None
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "truth.csv").write_text("")
    assert shared_folder() == tmp_path
