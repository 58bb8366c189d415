"""A new user's path: from `isitcake init` to a published version by the wall alone.

There is no Label Studio, no Prefect, no secret and no network. The person answers from the truth of drawn pictures, by
the requests that the page sends; tests/web/review/test_browser.py clicks.
"""

import random
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx
import pytest
from commands import here

from dataset.opening import open_project
from dataset.versions import published
from foundation.network.ports import free_ports
from isitcake.serving import start_web
from simulator import drawings
from simulator.web_service import answers, until
from simulator.world import Shelf

PICTURES, WRONG = 16, 3  # in each folder; biscuits among the cakes


def draw(folder: Path) -> dict[str, str]:
    """Two folders of drawn pictures, with wrong ones in the first. Returns the truth by SHA-256."""
    truth = {}
    for name, drawing in (("cakes", drawings.cake), ("things", partial(drawings.thing, query="cup"))):
        shelf = Shelf(random.Random(f"new {name}"))
        for number in range(PICTURES):
            shelf.put(f"{name}-{number}", name.removesuffix("s"), drawing)
        for number in range(WRONG if name == "cakes" else 0):
            shelf.put(f"odd-{number}", "thing", drawings.biscuits)
        (folder / name).mkdir()
        for picture in shelf.pictures:
            (folder / name / f"{picture.slug}.jpg").write_bytes(picture.content)
            truth[picture.sha256] = picture.label
    return truth


def answer_walls(client: httpx.Client, truth: dict[str, str]) -> tuple[int, int]:
    """Answer until nothing is left. Returns how many walls there were, and how many sets of pictures alone."""
    counts = [0, 0]
    while (wall := client.post("/review/walls", json={"most": 100}).json())["wall"]:
        shown = {one["slot"]: truth[one["picture"].rpartition("/")[2][:64]] for one in wall["pictures"]}
        odd = {slot: label for slot, label in shown.items() if label != wall["label"]}
        for slot, label in odd.items():
            path = f"/review/walls/{wall['wall']}/{slot}"
            client.post(path, json={"answer": label, "at": int(time.time() * 1000)}).raise_for_status()
        named = ",".join(f"{slot}:{wall['answers'].index(label)}" for slot, label in odd.items())
        client.post(f"/review/walls/{wall['wall']}/confirm", json={"odd": named, "seconds": 9}).raise_for_status()
        counts[not wall["label"]] += 1
        assert sum(counts) < 30, "the walls do not end"
    return counts[0], counts[1]


def test_from_init_to_a_version_by_the_wall_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    """Four commands, the wall, one more command; home says each next step; every wrong label is corrected.

    Its time is printed (`pytest -s`) and recorded (`--junit-xml`); no time is asserted.
    """
    for name in ("ISITCAKE_LABEL_STUDIO_API_KEY", "ISITCAKE_UNSPLASH_ACCESS_KEY"):
        monkeypatch.delenv(name)
    truth = draw(tmp_path)
    began = time.monotonic()
    for command in ("init --label cake --label thing --folder cakes=cake --folder things=thing", "collect", "curate"):
        ended = here(tmp_path, *command.split())
        assert ended.returncode == 0, ended.stderr
    project = open_project(tmp_path / "isitcake.toml")
    (port,) = free_ports(1)
    server = start_web(project.settings, "127.0.0.1", port)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            until(lambda: answers(str(client.base_url).rstrip("/")))
            assert "Look at the next wall" in client.get("/").text
            client.post("/review/begin", json={"name": "newcomer"}).raise_for_status()
            n_walls, n_alone = answer_walls(client, truth)
            assert n_walls >= 2
            assert n_alone >= 1
            assert here(tmp_path, "curate").returncode == 0
            until(lambda: "Publish a version" in client.get("/").text)
            ended = here(tmp_path, "publish")
            assert ended.returncode == 0, ended.stderr
            version = published.newest(project.home)
            assert version is not None
            page = client.get(f"/versions/{version.name}")
            assert page.status_code == 200
            assert "newcomer" not in page.text
    finally:
        server.should_exit = True
        project.close()
    rows = version.rows()
    assert {row.sha256: row.label for row in rows} == {sha256: truth[sha256] for sha256 in (row.sha256 for row in rows)}
    assert sum(row.source_label != row.label for row in rows) == WRONG
    seconds = time.monotonic() - began
    record_property("seconds", round(seconds, 1))
    print(f"from init to a version: {seconds:.0f} s, {n_walls} walls, {n_alone} sets of pictures alone")
