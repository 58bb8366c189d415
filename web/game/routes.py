"""The game's pages and what they ask: rounds, the playground, shows for a room, the all-time table."""

import asyncio
import contextlib
import json
import re
import secrets
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response
from sqlalchemy import func, select
from starlette.concurrency import run_in_threadpool

from dataset.catalog.tables import audit, judgements
from dataset.pictures.decoding import Undecodable
from dataset.project import Project
from dataset.reader import decoded
from dataset.versions import published
from foundation.errors import IsItCakeError, StageError, UnknownModel
from training import models
from web.game.deck import Deck, deck
from web.game.plays import Refused, all_time, answer, begin, dealt, standing, store
from web.game.room import Shows, qr
from web.guard import BODY_BYTES, HEADERS, Limit, nickname
from web.pages.thumbnails import templates

STATIC = Path(__file__).parents[1] / "static"
VENDOR = Path(__file__).parents[1] / "vendor" / "ort"  # onnxruntime-web, put there by scripts/setup.sh
MEDIA = {".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".wasm": "application/wasm"}
UPLOAD_BYTES = 10_000_000  # of a photo that the server judges, where a browser cannot
SHOW_PICTURES, SHOW_SECONDS = 10, 15.0
MESSAGES = (40, 10.0)  # of one phone, in seconds
ID = re.compile(r"[0-9a-f]{32}")


def game(project: Project) -> APIRouter:
    """Routes of the game for one project."""
    router = APIRouter()
    shows = Shows()
    decks: dict[tuple[str, ...], Deck] = {}
    rounds_limit, answers_limit, uploads = Limit(120, 60), Limit(2000, 60), Limit(20, 60)
    judge: dict[str, models.Model] = {}

    def current() -> Deck:
        """Read again when a version, a model or an answer of the audit came."""
        names = [model.id for model in models.listing(project.home)]
        key = (models.default_model_id(project.home), *names, *_newest(project))
        if key not in decks:
            decks.clear()
            decks[key] = deck(project)
        return decks[key]

    def page(name: str, **facts: Any) -> HTMLResponse:
        return HTMLResponse(templates.get_template(name).render(**facts), headers=HEADERS)

    async def body(request: Request) -> dict[str, Any]:
        if int(request.headers.get("content-length") or 0) > BODY_BYTES:
            raise HTTPException(413)
        content = b""
        async for part in request.stream():
            content += part
            if len(content) > BODY_BYTES:
                raise HTTPException(413)
        try:
            found = json.loads(content or b"{}")
        except ValueError:
            raise HTTPException(400, "not JSON") from None
        if not isinstance(found, dict):
            raise HTTPException(400, "not an object")
        return found

    def limited(request: Request, limit: Limit) -> None:
        if not limit.allows(request.client.host if request.client else ""):
            raise HTTPException(429, "too many requests; wait a minute")

    @router.get("/play")
    def play() -> Response:
        try:
            found = current()
        except StageError as error:
            return page("game_empty.html", why=str(error))
        return page("game_play.html", labels=found.version.labels, version=found.version.name)

    @router.post("/play/rounds")
    async def start(request: Request) -> JSONResponse:
        limited(request, rounds_limit)
        told = await body(request)
        try:
            name = nickname(told.get("nickname"))
        except ValueError as error:
            raise HTTPException(422, str(error)) from None
        player = str(told.get("player", ""))
        try:
            found = await run_in_threadpool(current)
            round_id, player, count = await run_in_threadpool(
                begin, project, found, name, player if ID.fullmatch(player) else ""
            )
        except StageError as error:
            raise HTTPException(409, str(error)) from None
        pictures = [f"/play/rounds/{round_id}/{slot}.jpg" for slot in range(count)]
        facts = {"round": round_id, "player": player, "nickname": name, "pictures": pictures}
        return _json({**facts, "labels": found.version.labels})

    @router.get("/play/rounds/{round_id}/{slot}.jpg")
    def picture(round_id: str, slot: int) -> Response:
        try:
            return _shown(current(), dealt(project, round_id, slot) if ID.fullmatch(round_id) else "")
        except (Refused, StageError):
            raise HTTPException(404) from None

    @router.post("/play/rounds/{round_id}/{slot}")
    async def play_one(round_id: str, slot: int, request: Request) -> JSONResponse:
        limited(request, answers_limit)
        told = await body(request)
        try:
            found = await run_in_threadpool(current)
            revealed = await run_in_threadpool(answer, project, found, round_id, slot, str(told.get("answer", "")))
        except Refused as refused:
            raise HTTPException(409, str(refused)) from None
        return _json(asdict(revealed))

    @router.get("/play/rounds/{round_id}")
    def table(round_id: str) -> JSONResponse:
        try:
            return _json(standing(project, current(), round_id))
        except Refused:
            raise HTTPException(404) from None

    @router.get("/play/table")
    def board() -> Response:
        try:
            found = current()
        except StageError as error:
            return page("game_empty.html", why=str(error))
        return page("game_table.html", versions=all_time(project, found), title=_title)

    @router.get("/playground")
    def playground() -> Response:
        try:
            model = models.find(project.home)
        except UnknownModel as error:
            return page("game_empty.html", why=str(error))
        return page("game_playground.html", model=model, title=_title)

    @router.get("/play/model.onnx")
    def weights() -> Response:
        """The champion's graph: what a browser asks by itself."""
        try:
            path = models.find(project.home).path / "model.onnx"
        except UnknownModel:
            raise HTTPException(404) from None
        return FileResponse(
            path, media_type="application/octet-stream", headers={**HEADERS, "Cache-Control": "no-cache"}
        )

    @router.get("/play/model.json")
    def about() -> JSONResponse:
        try:
            model = models.find(project.home)
        except UnknownModel:
            raise HTTPException(404) from None
        return _json({"model": model.id, "labels": model.labels, "runtime": (VENDOR / "ort.wasm.min.mjs").is_file()})

    @router.post("/playground/judge")
    async def judged(request: Request) -> JSONResponse:
        """Where a browser cannot run the model: judged in memory, kept nowhere."""
        limited(request, uploads)
        content = bytearray()
        if int(request.headers.get("content-length") or 0) > UPLOAD_BYTES:
            raise HTTPException(413, "a photo has at most 10 MB here")
        async for part in request.stream():
            content += part
            if len(content) > UPLOAD_BYTES:
                raise HTTPException(413, "a photo has at most 10 MB here")

        def look() -> dict[str, float]:
            model = models.find(project.home)
            return judge.setdefault(model.id, model).probabilities(decoded(bytes(content)))

        try:
            found = await run_in_threadpool(look)
        except Undecodable as error:
            raise HTTPException(422, f"no picture that can be read: {error}") from None
        except IsItCakeError as error:
            raise HTTPException(409, str(error)) from None
        return _json({"probabilities": found})

    @router.get("/show")
    def host() -> Response:
        try:
            found = current()
        except StageError as error:
            return page("game_empty.html", why=str(error))
        return page("game_host.html", labels=found.version.labels, seconds=SHOW_SECONDS)

    @router.post("/show")
    async def open_show(request: Request) -> JSONResponse:
        limited(request, rounds_limit)
        told = await body(request)
        try:
            seconds = min(60.0, max(3.0, float(told.get("seconds", SHOW_SECONDS))))
            count = min(30, max(1, int(told.get("pictures", SHOW_PICTURES))))
            found = await run_in_threadpool(current)
            show = shows.open(found, seconds, count, lambda played: store(project, played))
        except (TypeError, ValueError) as error:
            raise HTTPException(422, str(error)) from None
        except StageError as error:
            raise HTTPException(409, str(error)) from None
        address = f"{str(request.base_url).rstrip('/')}/join/{show.code}"
        return _json({"code": show.code, "host": show.host_token, "address": address, "qr": qr(address)})

    @router.get("/join")
    def join_any() -> Response:
        return page("game_join.html", code="")

    @router.get("/join/{code}")
    def join(code: str) -> Response:
        if not re.fullmatch(r"[A-Za-z]{4}", code) or shows.get(code) is None:
            return RedirectResponse("/join", 303, headers=HEADERS)
        return page("game_join.html", code=code.upper())

    @router.get("/show/{code}/{slot}.jpg")
    def show_picture(code: str, slot: int) -> Response:
        """The picture that is on, or one that was: never one that is still to come."""
        show = shows.get(code)
        if show is None or not 0 <= slot <= show.slot:
            raise HTTPException(404)
        return _shown(show.deck, show.dealt[slot].sha256)

    @router.websocket("/show/{code}/ws")
    async def screen(socket: WebSocket, code: str) -> None:
        show = shows.get(code)
        if show is None or not _same_origin(socket):
            await socket.close(4404)
            return
        await socket.accept()
        limit = Limit(*MESSAGES)
        player = None
        is_host = False
        try:
            while True:
                text = await socket.receive_text()
                if len(text) > BODY_BYTES or not limit.allows(""):
                    await socket.close(4429)
                    return
                try:
                    told = json.loads(text)
                    kind = told.get("kind")
                except (ValueError, AttributeError):
                    await socket.close(4400)
                    return
                if kind == "host" and secrets.compare_digest(
                    str(told.get("token", "")).encode(), show.host_token.encode()
                ):
                    is_host = True
                    show.hosts.append(socket)
                    await socket.send_text(json.dumps(show.state()))
                elif kind == "next" and is_host:
                    await show.next()
                elif kind == "join" and player is None:
                    try:
                        player = show.join(told.get("nickname"), str(told.get("token", "")))
                    except ValueError as error:
                        await socket.send_text(json.dumps({"refused": str(error)}))
                        continue
                    player.socket = socket
                    await socket.send_text(json.dumps({"token": player.token, **show.state(player)}))
                elif kind == "answer" and player is not None:
                    why = show.answer(player, told.get("slot"), told.get("answer"))
                    await socket.send_text(json.dumps({"taken": not why, "slot": told.get("slot"), "why": why}))
                else:
                    await socket.close(4403)
                    return
        except (WebSocketDisconnect, RuntimeError, asyncio.CancelledError):
            pass
        finally:
            if player is not None and player.socket is socket:
                player.socket = None
            with contextlib.suppress(ValueError):
                show.hosts.remove(socket)

    @router.get("/static/{name}")
    def static(name: str) -> Response:
        return _file(STATIC, name)

    @router.get("/vendor/ort/{name}")
    def vendor(name: str) -> Response:
        return _file(VENDOR, name)

    return router


def _newest(project: Project) -> tuple[str, ...]:
    """What a deck depends on beside the models: the newest version, and how far the audit is."""
    with project.catalog.read() as connection:
        drawn = connection.execute(select(func.count()).select_from(audit)).scalar_one()
        answered = connection.execute(select(func.max(judgements.c.id))).scalar()
    return (*published.names(project.home)[-1:], str(drawn), str(answered))


def _title(name: str) -> str:
    """A label as people write it."""
    return name.replace("_", " ")


def _json(facts: dict[str, Any]) -> JSONResponse:
    return JSONResponse(facts, headers={**HEADERS, "Cache-Control": "no-store"})


def _shown(found: Deck, sha256: str) -> Response:
    row = found.row(sha256)
    path = found.version.path / row.file if row else None
    if path is None or not path.is_file():
        raise HTTPException(404)
    return FileResponse(path, media_type="image/jpeg", headers={**HEADERS, "Cache-Control": "private, no-store"})


def _file(folder: Path, name: str) -> Response:
    path = folder / name
    if not re.fullmatch(r"[\w.-]+", name) or path.suffix not in MEDIA or not path.is_file():
        raise HTTPException(404)
    return FileResponse(path, media_type=MEDIA[path.suffix], headers={**HEADERS, "Cache-Control": "no-cache"})


def _same_origin(socket: WebSocket) -> bool:
    """A page of somebody else's must not play for its visitors; what is no browser sends no origin."""
    origin = socket.headers.get("origin")
    return origin is None or origin.partition("://")[2] == socket.headers.get("host")
