"""networks.pairs: features are vectors of a picture's tower, classes are answers whose texts fit best."""

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from PIL import Image
from zoo_networks import put_pair, text_tower

from foundation.errors import StorageError
from foundation.settings import CLIP, PAIRS, PICTURE_TOWER, SIGLIP2, TEXT_TOWER, TOKENIZER
from networks.backbone import Backbone, backbone
from networks.pairs import Texts, pair_of, text_vectors

SAID = {"warm": Texts(("red",)), "cold": Texts(("blue", "green"), ("The BLUE one.",))}
RED, BLUE, GREEN = (200, 30, 30), (20, 40, 220), (30, 190, 40)


def pair(folder: Path, name: str = SIGLIP2, *, with_texts: bool = True) -> Backbone:
    put_pair(folder, name, with_texts=with_texts)
    return backbone(folder / PICTURE_TOWER.format(name), SAID)


def plain(colour: tuple[int, int, int]) -> Image.Image:
    return Image.new("RGB", (300, 200), colour)


@pytest.mark.parametrize("name", PAIRS)
def test_the_answer_whose_text_fits_best_is_the_likeliest(name: str, tmp_path: Path) -> None:
    """The best text of an answer counts, so that an answer with three texts has no advantage."""
    net = pair(tmp_path, name)
    assert net.lacks == ""
    assert net.class_names == ("warm", "cold")
    vectors = np.stack([net.vector(plain(colour)) for colour in (RED, BLUE, GREEN)])
    likeliest = [max(classes, key=lambda answer: classes[answer]) for classes in net.classes(vectors)]
    assert likeliest == ["warm", "cold", "cold"]


def test_features_are_the_towers_vector_of_length_one(tmp_path: Path) -> None:
    """SigLIP2 gets the squeezed picture in -1 to 1."""
    vector = pair(tmp_path).vector(plain(RED))
    expected = np.array([*(np.array(RED) / 127.5 - 1), 0.1])
    np.testing.assert_allclose(vector, expected / np.linalg.norm(expected), atol=1e-5)


def test_clip_gets_the_centre_with_its_own_mean(tmp_path: Path) -> None:
    """A wide picture loses its sides."""
    net = pair(tmp_path, CLIP)
    picture = plain(RED)
    picture.paste(BLUE, (0, 0, 40, 200))
    clip = pair_of(tmp_path / PICTURE_TOWER.format(CLIP))
    assert clip is not None
    expected = np.array([*((np.array(RED) / 255 - clip.mean) / clip.deviation), 0.1])
    np.testing.assert_allclose(net.vector(picture), expected / np.linalg.norm(expected), atol=1e-3)


def test_texts_are_in_lower_case_in_the_template_and_of_one_length(tmp_path: Path) -> None:
    """Unknown words and the padding have next to no colour, and capitals none."""
    put_pair(tmp_path, SIGLIP2)
    known = pair_of(tmp_path / PICTURE_TOWER.format(SIGLIP2))
    assert known is not None
    (vectors,) = text_vectors(known, tmp_path, {"a": Texts(("red",), ("RED", "red " * 90))})
    assert vectors.shape == (3, 4)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-3)
    assert vectors[2] @ vectors[0] > 0.99


def test_the_name_tells_networks_and_files_apart(tmp_path: Path) -> None:
    """Features with another name are never used together."""
    names = {pair(tmp_path, name).name for name in PAIRS}
    path = tmp_path / PICTURE_TOWER.format(SIGLIP2)
    model = onnx.load(path)
    wider = next(constant for constant in model.graph.initializer if constant.name == "wider")
    wider.CopyFrom(numpy_helper.from_array(2 * np.eye(3, 4, dtype=np.float32), "wider"))
    onnx.save(model, path)
    names.add(backbone(path).name)
    assert len(names) == 3
    assert sorted(name.split("@")[0] for name in names) == [CLIP, SIGLIP2, SIGLIP2]
    assert all(len(name) <= 64 for name in names)  # the catalog's column


def test_a_pair_says_what_it_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Features need the tower of pictures only."""
    net = pair(tmp_path / "a", with_texts=False)
    assert net.lacks == "siglip2_text.onnx and siglip2_tokenizer.json; run `isitcake models fetch siglip2`"
    assert net.classes(net.vector(plain(RED))[None]) == [{}]
    assert "which you have to put there" in pair(tmp_path / "a", CLIP, with_texts=False).lacks
    path = tmp_path / "b" / PICTURE_TOWER.format(SIGLIP2)
    put_pair(path.parent, SIGLIP2)
    assert backbone(path, {"not_red": Texts()}).lacks == (
        "texts that mean not_red; name them in [labels.not_red] means"
    )
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    assert backbone(path, SAID).lacks == 'the package tokenizers; pip install "isitcake[pairs]"'


@pytest.mark.parametrize(
    ("file", "what"),
    [(PICTURE_TOWER, "tower of pictures"), (TEXT_TOWER, "tower of texts"), (TOKENIZER, "tokenizer")],
)
def test_a_damaged_file_is_named(file: str, what: str, tmp_path: Path) -> None:
    put_pair(tmp_path, SIGLIP2)
    path = tmp_path / file.format(SIGLIP2)
    path.write_bytes(b"something else")
    with pytest.raises(StorageError, match=rf"{path.name} is not a usable {what} \(.*\); replace it"):
        backbone(tmp_path / PICTURE_TOWER.format(SIGLIP2), SAID)


def test_a_tower_without_a_known_output_is_refused(tmp_path: Path) -> None:
    put_pair(tmp_path, SIGLIP2)
    (tmp_path / TEXT_TOWER.format(SIGLIP2)).write_bytes(text_tower("hidden"))
    with pytest.raises(StorageError, match="neither an output `text_embeds` nor `pooler_output`"):
        backbone(tmp_path / PICTURE_TOWER.format(SIGLIP2), SAID)
