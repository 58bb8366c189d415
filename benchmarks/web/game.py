"""make bench-game: 300 players with real WebSockets for three minutes, against one server process.

Each player joins, answers every picture after a random time, and waits until the answer is taken. The host shows the
next picture when the time of the current one is over.
"""

import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
from sqlalchemy import func, select
from table import figures, out, table
from websockets.asyncio.client import ClientConnection, connect

from crawlers.collect import collect
from dataset.catalog.tables import plays
from dataset.curate import curate
from dataset.opening import open_project
from dataset.project import Project
from dataset.publish import publish
from foundation.network.ports import free_ports
from simulator import drawings
from training.train import train

PLAYERS, MINUTES, SECONDS = 300, 3.0, 6.0
PAUSE_S = 2.0  # between the reveal of a picture and the next one
THINKING_SHARE = 0.8  # share of the answer time within which players answer
START_S = 60  # the server must answer by then


@dataclass
class Tally:
    """What all players saw.

    waits: seconds from sending an answer to the message that it is taken. spread: seconds from the host's step to the
    picture's arrival at one player. shown: time of the host's step, by slot.
    """

    waits: list[float] = field(default_factory=list)
    sent: int = 0
    taken: int = 0
    late: int = 0
    spread: list[float] = field(default_factory=list)
    shown: dict[int, float] = field(default_factory=dict)


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="bench-game-"))
    try:
        project = _project(folder)
        (port,) = free_ports(1)
        code = "from isitcake.cli import main; main()"
        server = subprocess.Popen(
            [sys.executable, "-c", code, "serve", "--port", str(port)], cwd=folder, stderr=subprocess.DEVNULL,
            env={**os.environ, "PREFECT_API_URL": ""},
        )  # fmt: skip
        try:
            _wait(port)
            before = psutil.Process(server.pid).memory_info().rss / 1e6
            tally, peak = asyncio.run(_play(port, psutil.Process(server.pid)))
        finally:
            server.terminate()
            server.wait(20)
        with project.catalog.read() as connection:
            kept = connection.execute(select(func.count()).select_from(plays)).scalar_one()
        project.close()
        waits = sorted(tally.waits)
        p50, p99 = (1000 * waits[int(len(waits) * share)] for share in (0.5, 0.99))
        spread = sorted(tally.spread)
        table(
            f"{PLAYERS} players, {MINUTES:.0f} minutes, one process",
            ["", ""],
            [
                ("answers sent", f"{tally.sent:,}"),
                ("answers taken", f"{tally.taken:,}"),
                ("answers refused as too late", f"{tally.late:,}"),
                ("answers kept in the catalog", f"{kept:,}"),
                ("time until an answer is taken, median", f"{p50:.0f} ms"),
                ("99th percentile", f"{p99:.0f} ms"),
                ("slowest", f"{1000 * waits[-1]:.0f} ms"),
                (
                    "time until a picture reaches all players, 99th percentile",
                    f"{1000 * spread[int(len(spread) * 0.99)]:.0f} ms",
                ),
                ("memory before, and peak", f"{before:.0f} and {peak:.0f} MB"),
            ],
        )
        lost = tally.sent - tally.taken - tally.late + (tally.taken - kept)
        figures({"lost": lost, "p99_ms": p99, "peak_mb": peak})
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _play(port: int, process: psutil.Process) -> tuple[Tally, float]:
    tally, peak = Tally(), 0.0
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as web:
        room = (await web.post("/show", json={"seconds": SECONDS, "pictures": 30})).json()
    url = f"ws://127.0.0.1:{port}/show/{room['code']}/ws"
    host = await connect(url)
    await host.send(json.dumps({"kind": "host", "token": room["host"]}))
    phase: dict[str, Any] = {}
    listening = asyncio.create_task(_listen(host, phase))
    players = [asyncio.create_task(_player(url, number, tally)) for number in range(PLAYERS)]
    while phase.get("players", 0) < PLAYERS:
        await asyncio.sleep(0.1)
    out.print(f"{PLAYERS} players joined")
    until = time.monotonic() + MINUTES * 60
    while time.monotonic() < until and phase.get("phase") != "end":
        if phase.get("phase") in ("lobby", "reveal"):
            await asyncio.sleep(PAUSE_S if phase["phase"] == "reveal" else 0)
            tally.shown[phase["slot"] + 1] = time.monotonic()
            await host.send(json.dumps({"kind": "next"}))
            await asyncio.sleep(0.3)
        peak = max(peak, process.memory_info().rss / 1e6)
        await asyncio.sleep(0.1)
    while phase.get("phase") == "question":
        await asyncio.sleep(0.1)
    await asyncio.sleep(1)
    for player in players:
        player.cancel()
    await asyncio.gather(*players, return_exceptions=True)
    listening.cancel()
    await host.close()
    return tally, peak


async def _listen(socket: ClientConnection, phase: dict[str, Any]) -> None:
    async for text in socket:
        phase.update(json.loads(text))


async def _player(url: str, number: int, tally: Tally) -> None:
    rng = random.Random(number)
    await asyncio.sleep(rng.random() * 5)
    async with connect(url) as socket:
        await socket.send(json.dumps({"kind": "join", "nickname": f"Player {number}"}))
        slot, answering, sent_at = -1, None, 0.0

        async def answer(slot: int, labels: list[str]) -> None:
            nonlocal sent_at
            await asyncio.sleep(rng.random() * SECONDS * THINKING_SHARE)
            sent_at = time.perf_counter()
            tally.sent += 1
            await socket.send(json.dumps({"kind": "answer", "slot": slot, "answer": rng.choice(labels)}))

        async for text in socket:
            message = json.loads(text)
            if "taken" in message:
                tally.waits.append(time.perf_counter() - sent_at)
                tally.taken += message["taken"]
                tally.late += not message["taken"]
            elif message.get("phase") == "question" and message["slot"] != slot:
                slot = message["slot"]
                if slot in tally.shown:
                    tally.spread.append(time.monotonic() - tally.shown[slot])
                answering = asyncio.create_task(answer(slot, message["labels"]))
        del answering


def _project(folder: Path) -> Project:
    """A project with drawn pictures, one version and three models."""
    lines = ["[project]", 'contact = "https://example.org"']
    for number in range(8):
        draw, label = (drawings.cake, "cake") if number % 2 else (drawings.biscuits, "not_cake")
        photos = folder / "photos" / f"source-{number}"
        photos.mkdir(parents=True)
        for n in range(16):
            (photos / f"{n}.jpg").write_bytes(draw(random.Random(f"{number} {n}")))
        lines += ["[[sources]]", f'name = "source-{number}"', 'kind = "folder"', f'label = "{label}"']
        lines.append(f'path = "photos/source-{number}"')
    (folder / "isitcake.toml").write_text("\n".join(lines) + "\n")
    project = open_project(folder / "isitcake.toml")
    collect(project).raise_for_failures()
    curate(project)
    publish(project)
    train(project.settings, names=["linear", "transfer", "svm"])
    return project


def _wait(port: int) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            httpx.get(f"http://127.0.0.1:{port}/health", timeout=2)
        except httpx.HTTPError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit("the server did not answer")


if __name__ == "__main__":
    main()
