import contextlib
import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import onnxruntime
import pytest
from commands import here

from dataset.project import Project
from dataset.reader import decode, load
from foundation.errors import UsageError
from foundation.network.outgoing import Outgoing
from training import models
from training.predict import LIMITS, learned_from, predict


@contextlib.contextmanager
def served(body: bytes, repeated: int = 1) -> Iterator[str]:
    """A server that answers with the body, several times in a row, and 404 for /missing."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(404 if self.path == "/missing" else 200)
            self.end_headers()
            with contextlib.suppress(OSError):
                for _ in range(repeated):
                    self.wfile.write(body)

        def log_message(self, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def to(url: str) -> Outgoing:
    """Requests that may go to the server at `url`."""
    return Outgoing("test", {urlsplit(url).netloc})


def test_the_exported_file_gives_the_same_answers(trained: Project) -> None:
    """model.onnx in plain onnxruntime, on the file of a picture."""
    model = models.find(trained.home, "svm")
    version = load(trained.home, model.version)
    path = version.path / version.rows()[0].file
    (answer,) = predict(model, [path])
    plain = onnxruntime.InferenceSession(model.path / "model.onnx")
    probabilities, chosen = plain.run(["probabilities", "class"], {"pixels": np.asarray(decode(path))[None]})
    assert model.labels[int(chosen[0])] == answer["label"]
    np.testing.assert_allclose(probabilities[0], list(answer["probabilities"].values()), atol=1e-5)


def test_folders(trained: Project) -> None:
    """All pictures below a folder are classified."""
    model = models.find(trained.home, "linear")
    version = load(trained.home, model.version)
    answers = predict(model, [version.path / "data" / "test"])
    assert len(answers) == sum(version.counts["test"].values())


def test_urls(trained: Project) -> None:
    """A picture at a URL has the same answer as its file; a body that is too long is refused."""
    model = models.find(trained.home, "linear")
    version = load(trained.home, model.version)
    path = version.path / version.rows()[0].file
    with served(path.read_bytes()) as url:
        (remote,), (local,) = predict(model, [f"{url}/a.jpg"], outgoing=to(url)), predict(model, [path])
        assert remote["probabilities"] == local["probabilities"]
        with pytest.raises(UsageError, match="missing cannot be fetched"):
            predict(model, [f"{url}/missing"], outgoing=to(url))
    with (
        served(bytes(1_000_000), LIMITS.max_bytes // 1_000_000 + 2) as url,
        pytest.raises(UsageError, match="is over 30 MB; name a smaller picture"),
    ):
        predict(model, [f"{url}/a.jpg"], outgoing=to(url))


def test_nearest_training_pictures(trained: Project) -> None:
    """Each answer can name the most similar training pictures; a training picture is most similar to itself."""
    model = models.find(trained.home, "linear")
    version = load(trained.home, model.version)
    row = next(row for row in version.rows() if row.split == "train")
    (answer,) = predict(model, [version.path / row.file], learned_from(trained.settings, model))
    assert answer["nearest"][0]["file"].endswith(row.file)
    assert answer["nearest"][0]["similarity"] == pytest.approx(1.0, abs=1e-3)
    assert len(answer["nearest"]) == 3


def test_sources_that_are_no_pictures(trained: Project, tmp_path: Path) -> None:
    """Text, a missing file, an empty folder, a server that does not answer: the message names the source."""
    model = models.find(trained.home, "linear")
    text = tmp_path / "a.jpg"
    text.write_text("no picture")
    (tmp_path / "empty").mkdir()
    for source in (text, tmp_path / "none.jpg", tmp_path / "empty", "http://127.0.0.1:9/x.jpg"):
        with pytest.raises(UsageError, match=str(source).rpartition("/")[2]):
            predict(model, [source])


def test_what_cannot_be_read_is_skipped(trained: Project, tmp_path: Path) -> None:
    """A broken file among others: the others are classified, and its name and the reason are reported."""
    model = models.find(trained.home, "linear")
    version = load(trained.home, model.version)
    folder = tmp_path / "mixed"
    folder.mkdir()
    (folder / "b.jpg").write_bytes((version.path / version.rows()[0].file).read_bytes())
    (folder / "a.jpg").write_text("no picture")
    skipped: list[tuple[str, str]] = []
    (answer,) = predict(model, [folder], skip=lambda *one: skipped.append(one))
    assert answer["file"].endswith("b.jpg")
    ((name, why),) = skipped
    assert name.endswith("a.jpg")
    assert "not a picture that can be decoded" in why


def test_what_is_missing_is_skipped(trained: Project, tmp_path: Path) -> None:
    """As docs/commands.md says: the others are classified, the missing ones are named, the exit code is 1."""
    version = load(trained.home, models.find(trained.home, "linear").version)
    picture = version.path / version.rows()[0].file
    (tmp_path / "empty").mkdir()
    missing = ["no-such.jpg", str(tmp_path / "empty"), f"{'long' * 99}.jpg"]
    ended = here(trained.settings.root, "predict", missing[0], str(picture), *missing[1:], "--json")
    (answer,) = json.loads(ended.stdout)
    assert answer["file"] == str(picture)
    for name in missing:
        assert f"skipped: {name}" in ended.stderr
    assert ended.sentence() == "error: 3 pictures skipped, 1 classified"
    assert here(trained.settings.root, "predict", "no-such.jpg").returncode == 1


def test_the_model_that_answers_is_named(trained: Project) -> None:
    """On stderr, with the reason where nobody chose it; in JSON with each picture."""
    version = load(trained.home, models.find(trained.home, "linear").version)
    picture = str(version.path / version.rows()[0].file)
    chosen = here(trained.settings.root, "predict", picture, "--model", "linear").stderr
    assert f"model linear/{version.name}\n" in chosen
    (answer,) = json.loads(here(trained.settings.root, "predict", picture, "--json", "--model", "svm").stdout)
    assert answer["model"] == f"svm/{version.name}"
    default = trained.home / "models" / models.DEFAULT_MODEL_FILE
    default.unlink(missing_ok=True)
    without = here(trained.settings.root, "predict", picture)
    best = models.find(trained.home)
    assert f"model {best.id}: no model is the default, so the best one of the newest version answers" in without.stderr
    assert f"`isitcake models promote {best.name}`" in without.stderr
    assert "no model is the default" not in without.stdout
    default.write_text(json.dumps({"model": f"linear/{version.name}"}))
    assert f"model linear/{version.name}, the default model\n" in here(trained.settings.root, "predict", picture).stderr


def test_a_pipe_without_a_writer_is_not_waited_for(trained: Project, tmp_path: Path) -> None:
    """Neither one that is named nor one in a folder; and an empty name is not the current folder."""
    model = models.find(trained.home, "linear")
    folder = tmp_path / "pipes"
    folder.mkdir()
    os.mkfifo(folder / "pipe.jpg")
    (folder / "gone.jpg").symlink_to(folder / "none.jpg")
    skipped: list[tuple[str, str]] = []
    assert predict(model, [folder / "pipe.jpg", folder], skip=lambda *one: skipped.append(one)) == []
    assert [Path(name).name for name, _ in skipped] == ["pipe.jpg", "gone.jpg", "pipe.jpg"]
    assert all("is not a file" in why for _, why in skipped)
    with pytest.raises(UsageError, match="an empty name"):
        predict(model, [""])


@pytest.mark.parametrize(
    "form",
    ["http://127.0.0.1:{}/a.jpg", "HTTP://127.1:{}/", "http://localhost:{}/", "http://[::ffff:127.0.0.1]:{}/",
     "http://127.0.0.1:{}\\@93.184.216.34/", "http://93.184.216.34@127.0.0.1:{}/"],
)  # fmt: skip
def test_private_hosts_are_not_asked(trained: Project, form: str) -> None:
    """Security 2 and 3: one sentence that names the setting; the server sees nothing."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    with pytest.raises(UsageError, match=r"is not fetched .* list a private host in \[crawl\] allow_private_hosts$"):
        predict(models.find(trained.home, "linear"), [form.format(server.server_port)])
    server.shutdown()
    thread.join()
    server.server_close()
    assert asked == []
