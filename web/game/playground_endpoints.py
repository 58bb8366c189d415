"""The playground: the default model classifies a visitor's photo.

This happens in the browser. A browser that cannot run the model sends the photo to the server.
"""

from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute

from dataset.names.renamed import LABEL, renamed
from dataset.project import Project
from foundation.errors import IsItCakeError, UnknownModel
from training import models
from web.game.http import check_limit, empty_page, json_response, page, read_body, visible
from web.gate.slots import NoSlot, Slots
from web.gate.visitors import visitor_key
from web.guard import GAME_HEADERS, Limit
from web.http import get, post
from web.judging.pool import Busy, Judges, TooCostly, Unreadable

RUNTIME = Path(__file__).parents[1] / "vendor" / "ort"  # onnxruntime-web; scripts/setup.sh downloads it
PHOTO_BYTES = 10_000_000
PHOTOS, PHOTOS_S = 20, 60  # most photos of one address that the server classifies, in so many seconds
UPLOADS_OF_ADDRESS, UPLOADS_IN_ALL = 4, 12  # photos that are received at the same time, of up to PHOTO_BYTES each
TOO_LARGE = "a photo may have at most 10 MB"
BUSY = "too many photos are being classified; try again in a minute"


class PlaygroundEndpoints:
    def __init__(self, project: Project) -> None:
        self._project = project
        self._limit = Limit(PHOTOS, PHOTOS_S)
        self._uploads = Slots(UPLOADS_OF_ADDRESS, UPLOADS_IN_ALL)
        self._judges = Judges(project.home)

    def routes(self) -> list[BaseRoute]:
        return [
            get("/playground", self.playground_page),
            get("/play/model.onnx", self.graph),
            get("/play/model.json", self.about_model),
            post("/playground/judge", self.classify),
        ]

    def playground_page(self, _: Request) -> Response:
        try:
            model = self._find()
        except UnknownModel as error:
            return empty_page(error)
        is_default = model.id == models.default_model_id(self._project.home)
        return page("game_playground.html", model=model, is_default=is_default)

    def graph(self, _: Request) -> Response:
        """The default model's graph, for browsers."""
        headers = {**GAME_HEADERS, "Cache-Control": "no-cache"}
        return FileResponse(self._model().path / "model.onnx", media_type="application/octet-stream", headers=headers)

    def about_model(self, _: Request) -> Response:
        """The default model's id and labels, and whether this server has the runtime for browsers."""
        model = self._model()
        has_runtime = (RUNTIME / "ort.wasm.min.mjs").is_file()
        return json_response({"model": model.id, "labels": model.labels, "runtime": has_runtime})

    async def classify(self, request: Request) -> Response:
        """Probability of each label for the photo in the body. The photo stays in memory and is not kept."""
        check_limit(request, self._limit)
        try:
            with self._uploads.taken(visitor_key(request)):
                content = await read_body(request, PHOTO_BYTES, TOO_LARGE)
                probabilities = await run_in_threadpool(self._probabilities, content)
        except Unreadable as error:
            raise HTTPException(422, f"this file cannot be read as a picture: {error}") from None
        except TooCostly as error:
            raise HTTPException(413, str(error)) from None
        except (Busy, NoSlot):
            raise HTTPException(503, BUSY, {"Retry-After": "60"}) from None
        except IsItCakeError as error:
            raise HTTPException(409, visible(error)) from None
        return json_response({"probabilities": probabilities})

    def _probabilities(self, content: bytes) -> dict[str, float]:
        model = self._find()
        answer = self._judges.probabilities(model.id, content)
        return {model.as_now(label): probability for label, probability in answer.items()}

    def _model(self) -> models.Model:
        """The default model. Raises HTTPException 404 where there is none."""
        try:
            return self._find()
        except UnknownModel:
            raise HTTPException(404) from None

    def _find(self) -> models.Model:
        """The default model, else the newest, whose labels have their names of now. Raises UnknownModel."""
        with self._project.catalog.read() as connection:
            return models.find(self._project.home).renamed(renamed(connection, LABEL))
