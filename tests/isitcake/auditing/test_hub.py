"""A data set that the `datasets` library wrote to this disk. The Hub itself is not asked here."""

import json
from pathlib import Path

import pytest
from commands import here
from small_projects import drawn, put, tree

from foundation.errors import StageError, UsageError
from isitcake.auditing.hub import write_folder

pytestmark = pytest.mark.slow  # `datasets` takes seconds to import


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """Two splits of two labels; a picture of test is in train too."""
    import datasets

    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["cake", "cup"])})
    rows = {"train": [("cake", 1), ("cake", 2), ("cup", 1), ("cake", 3)], "test": [("cake", 3), ("cup", 2)]}
    tables = {
        split: datasets.Dataset.from_dict(
            {
                "image": [{"bytes": drawn(label, number), "path": None} for label, number in pictures],
                "label": [["cake", "cup"].index(label) for label, _ in pictures],
            },
            features=features,
        )
        for split, pictures in rows.items()
    }
    datasets.DatasetDict(tables).save_to_disk(str(tmp_path / "saved"))
    return tmp_path / "saved"


@pytest.mark.parametrize("prefix", ["hf:", ""])
def test_a_saved_data_set_is_audited(prefix: str, saved: Path, tmp_path: Path) -> None:
    """Files are named by split, label and number of the row, and have the original bytes."""
    work = tmp_path / "work"
    ended = here(tmp_path, "audit", f"{prefix}{saved}", "--json", "--work", str(work))
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert found["counts"] == {"cake": {"train": 3, "test": 1}, "cup": {"train": 1, "test": 1}}
    assert [(leak["path"], leak["keeps"]) for leak in found["leaks"]] == [
        ("train/cake/00000003.jpg", "test/cake/00000000.jpg")
    ]
    (written,) = (work / "pictures").glob("*/train/cake/00000003.jpg")
    assert written.read_bytes() == drawn("cake", 3)


def silent(_what: str, _done: int, _total: int) -> None: ...


def test_two_data_sets_are_never_mixed(tmp_path: Path) -> None:
    """Nor two states of one; the same one is found again."""
    import datasets

    folders = []
    for name, picture in (("first", 1), ("second", 1), ("second", 2), ("second", 2)):
        rows = {"image": [{"bytes": drawn("cake", picture), "path": None}], "label": ["cake"]}
        features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("string")})
        datasets.Dataset.from_dict(rows, features=features).save_to_disk(str(tmp_path / name))
        folders.append(write_folder(str(tmp_path / name), tmp_path / "out", silent).folder)
    assert (len(set(folders[:3])), folders[3]) == (3, folders[2])
    assert all(len(list(folder.rglob("*.jpg"))) == 1 for folder in folders)


def test_rows_without_a_picture_are_counted_and_no_file_of_this_disk_is_shown(tmp_path: Path) -> None:
    """A row names a file; it is read only if it lies in the data set's folder."""
    import datasets

    root = tmp_path / "rows"
    secret, own = put(tmp_path, "secret.jpg", drawn("cup", 1)), put(root, "own.jpg", drawn("cup", 2))
    (root / "link.jpg").symlink_to(secret)
    paths = (
        None,
        str(secret),
        str(root / "link.jpg"),
        str(root / "gone.jpg"),
        "https://a.example/1.jpg",
        "\0",
        str(own),
    )
    images = [None, {"bytes": drawn("cake", 1), "path": None}, *({"bytes": None, "path": path} for path in paths)]
    plain = datasets.Features(
        {
            "image": {"bytes": datasets.Value("binary"), "path": datasets.Value("string")},
            "label": datasets.Value("string"),
        }
    )
    rows = {"image": images, "label": ["cake"] * len(images)}
    datasets.Dataset.from_dict(rows, features=plain).save_to_disk(str(root))
    info = json.loads((root / "dataset_info.json").read_text())  # the library itself would read the files
    info["features"]["image"] = {"_type": "Image"}
    (root / "dataset_info.json").write_text(json.dumps(info))
    ended = here(tmp_path, "audit", str(root), "--json", "--work", str(tmp_path / "work"))
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert (found["files"], len(found["unread"])) == (2, 7)
    assert set(found["unread"].values()) == {"row without a picture that can be read"}
    (written,) = (tmp_path / "work" / "pictures").iterdir()
    assert set(tree(written)) == {"train/cake/00000001.jpg", "train/cake/00000008.jpg"}


def test_a_failure_of_the_library_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    def fail(*_: object, **__: object) -> None:
        raise datasets.exceptions.DatasetGenerationError("An error occurred while generating the dataset")

    monkeypatch.setattr(datasets, "load_dataset", fail)
    with pytest.raises(StageError, match=r"the data set beans cannot be loaded \(An error occurred"):
        write_folder("beans", tmp_path / "out", silent)


def test_columns_that_are_missing_are_named(tmp_path: Path) -> None:
    import datasets

    datasets.Dataset.from_dict({"text": ["a"]}).save_to_disk(str(tmp_path / "texts"))
    with pytest.raises(UsageError, match="needs a column of pictures and one of labels; its columns are text"):
        write_folder(str(tmp_path / "texts"), tmp_path / "out", lambda *_: None)
