"""networks.weights: files are downloaded once and always checked; models train with the zoo's forms of them."""

import hashlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest
from PIL import Image
from zoo_networks import boxes, classifier, picture_tower, put_pair, text_tower, tokenizer

from dataset.project import Project
from foundation.errors import ConfigError, StorageError, TrainingError, UsageError
from foundation.settings import (
    CLIP,
    MOBILENET_V2,
    PAIRS,
    PICTURE_TOWER,
    SIGLIP2,
    TEXT_TOWER,
    TOKENIZER,
    ZOO_DETECTOR_NAME,
    ZOO_WEIGHTS_NAME,
    Settings,
)
from foundation.settings_file import load
from networks import weights
from networks.objects import detector
from networks.weights import Weights, fetch
from training.train import train

PICTURES, TEXTS, WORDS = (f"/{kind.format(SIGLIP2)}" for kind in (PICTURE_TOWER, TEXT_TOWER, TOKENIZER))
NETWORKS_LISTED = (MOBILENET_V2, "ssd_mobilenet_v1", SIGLIP2, SIGLIP2, SIGLIP2)  # of the files on the server


class _Files(BaseHTTPRequestHandler):
    files: dict[str, bytes] = {}  # noqa: RUF012

    def do_GET(self) -> None:
        content = self.files.get(self.path)
        self.send_response(200 if content is not None else 404)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    """The files of the list, on a local server."""
    files = {
        f"/{ZOO_WEIGHTS_NAME}": classifier(), f"/{ZOO_DETECTOR_NAME}": boxes(), PICTURES: picture_tower(),
        TEXTS: text_tower(), WORDS: tokenizer().encode(),
    }  # fmt: skip
    monkeypatch.setattr(_Files, "files", files)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Files)
    thread = Thread(target=server.serve_forever)
    thread.start()
    pinned = tuple(
        Weights(name[1:], f"http://127.0.0.1:{server.server_port}{name}", hashlib.sha256(content).hexdigest(),
                "Apache-2.0", "", "" if network in PAIRS else "what-stands-in.onnx", network)
        for (name, content), network in zip(files.items(), NETWORKS_LISTED, strict=True)
    )  # fmt: skip
    monkeypatch.setattr(weights, "WEIGHTS", pinned)
    yield files
    server.shutdown()
    thread.join()
    server.server_close()


def with_folder(project: Project, folder: Path) -> Settings:
    """The project's settings, with another folder of weights and the server of the list allowed."""
    section = project.settings.models.model_copy(update={"folder": str(folder)})
    hosts = [urlsplit(entry.address).netloc for entry in weights.WEIGHTS]
    crawl = project.settings.crawl.model_copy(update={"allow_private_hosts": hosts})
    return project.settings.model_copy(update={"models": section, "crawl": crawl})


def test_files_are_downloaded_once_and_checked(collected: Project, listed: dict[str, bytes], tmp_path: Path) -> None:
    """A file that is there is kept, a changed one is refused, a replacement is enough, and no folder is an error."""
    settings = with_folder(collected, tmp_path / "weights")
    assert {file.state for file in fetch(settings)} == {"fetched"}
    assert (tmp_path / "weights" / ZOO_WEIGHTS_NAME).read_bytes() == listed[f"/{ZOO_WEIGHTS_NAME}"]
    listed.clear()
    assert {file.state for file in fetch(settings)} == {"there"}
    (tmp_path / "weights" / ZOO_DETECTOR_NAME).write_bytes(b"changed")
    with pytest.raises(StorageError, match="has another SHA-256 than the pinned file"):
        fetch(settings)
    (tmp_path / "weights" / "what-stands-in.onnx").write_bytes(b"")
    assert all(file.state.startswith("not needed") for file in fetch(settings))
    with pytest.raises(UsageError, match="ISITCAKE_MODELS"):
        fetch(collected.settings)


def test_a_failed_download_keeps_nothing(collected: Project, listed: dict[str, bytes], tmp_path: Path) -> None:
    """Another file than the pinned one, and a server without it: one sentence each."""
    settings = with_folder(collected, tmp_path / "weights")
    listed[f"/{ZOO_WEIGHTS_NAME}"] = b"something else"
    with pytest.raises(StorageError, match="returned another file than the pinned one"):
        fetch(settings)
    listed.clear()
    with pytest.raises(
        TrainingError, match=r"cannot be fetched from http://127.* \(answered 404\); copy it into the folder"
    ):
        fetch(settings)
    assert list((tmp_path / "weights").glob("*.onnx")) == []
    path = tmp_path / "isitcake.toml"
    path.write_text(f'[models]\nnetwork = "mobilenet_v2"\nfolder = "{tmp_path}"\n')
    with pytest.raises(ConfigError, match="isitcake models fetch"):
        load(path, {})
    assert load(path, {}, needs_weights=False).weights_folder == tmp_path


def test_a_network_is_fetched_by_its_name(collected: Project, listed: dict[str, bytes], tmp_path: Path) -> None:
    """Its files and no others; without a name the files of pairs are left out; unknown names get the list."""
    settings = with_folder(collected, tmp_path / "weights")
    assert [file.file for file in fetch(settings, network=MOBILENET_V2)] == [ZOO_WEIGHTS_NAME]
    assert [file.file for file in fetch(settings)] == [ZOO_WEIGHTS_NAME, ZOO_DETECTOR_NAME]
    assert [file.state for file in fetch(settings, network=SIGLIP2)] == ["fetched"] * 3
    assert (tmp_path / "weights" / TEXTS[1:]).read_bytes() == listed[TEXTS]
    with pytest.raises(UsageError, match="no network 'resnet' to fetch; there are mobilenet_v2, ssd_mobilenet_v1, sig"):
        fetch(settings, network="resnet")


def test_another_file_of_a_pair_than_the_pinned_one(
    collected: Project, listed: dict[str, bytes], tmp_path: Path
) -> None:
    """It is not kept, and a changed file names the command that fetches it again."""
    settings = with_folder(collected, tmp_path / "weights")
    listed[WORDS] = b"{}"
    with pytest.raises(StorageError, match="returned another file than the pinned one"):
        fetch(settings, network=SIGLIP2)
    assert sorted(path.name for path in (tmp_path / "weights").iterdir()) == sorted([PICTURES[1:], TEXTS[1:]])
    (tmp_path / "weights" / PICTURES[1:]).write_bytes(b"changed")
    with pytest.raises(StorageError, match=r"remove it and run `isitcake models fetch siglip2` again"):
        fetch(settings, network=SIGLIP2)


def test_the_real_list_pins_every_file() -> None:
    """Addresses name a commit for pairs, hashes are SHA-256; CLIP's texts have no known hash and are absent."""
    assert all(len(entry.sha256) == 64 and entry.address.startswith("https://") for entry in weights.WEIGHTS)
    files = {network: [e.file for e in weights.WEIGHTS if e.network == network] for network in PAIRS}
    assert files[SIGLIP2] == [kind.format(SIGLIP2) for kind in (PICTURE_TOWER, TEXT_TOWER, TOKENIZER)]
    assert files[CLIP] == [PICTURE_TOWER.format(CLIP)]


@pytest.mark.parametrize("name", PAIRS)
def test_a_pair_without_files_names_the_command(name: str, tmp_path: Path) -> None:
    """One sentence, without a folder and without the file in it."""
    path = tmp_path / "isitcake.toml"
    path.write_text(f'[models]\nnetwork = "{name}"\n')
    with pytest.raises(ConfigError, match=rf"set \[models\] folder, then run `isitcake models fetch {name}`"):
        load(path, {})
    path.write_text(f'[models]\nnetwork = "{name}"\nfolder = "weights"\n')
    with pytest.raises(ConfigError, match=rf"{name}_vision.onnx does not exist.*`isitcake models fetch {name}`"):
        load(path, {})
    put_pair(tmp_path / "weights", name, with_texts=False)
    assert load(path, {}).network == tmp_path / "weights" / PICTURE_TOWER.format(name)


def test_attempts_train_with_a_detector_of_tensorflows_form(bakery: Project, tmp_path: Path) -> None:
    """The exported graph of the zero-shot attempt gives the same probabilities as the attempt itself."""
    for name, content in ((ZOO_WEIGHTS_NAME, classifier()), (ZOO_DETECTOR_NAME, boxes())):
        (tmp_path / name).write_bytes(content)
    boxed = detector(tmp_path / ZOO_DETECTOR_NAME)
    assert boxed is not None
    assert boxed.scores(Image.new("RGB", (60, 40), (204, 204, 204))) == {"cake": 0.8, "person": 0.3}
    settings = with_folder(bakery, tmp_path)
    assert settings.detector == tmp_path / ZOO_DETECTOR_NAME
    report = train(settings, names=["coco-zero-shot", "linear"])
    assert set(report.new) == {"coco-zero-shot", "linear"}
    assert all(model.costs["parity"] < 1e-3 for model in report.trained)
