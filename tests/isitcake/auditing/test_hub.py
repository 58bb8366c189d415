"""A data set that the `datasets` library wrote to this disk. The Hub itself is not asked here."""

import json
from pathlib import Path

import pytest
from commands import here
from small_projects import drawn

from foundation.errors import UsageError
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
    assert (work / "pictures/train/cake/00000003.jpg").read_bytes() == drawn("cake", 3)


def test_columns_that_are_missing_are_named(tmp_path: Path) -> None:
    import datasets

    datasets.Dataset.from_dict({"text": ["a"]}).save_to_disk(str(tmp_path / "texts"))
    with pytest.raises(UsageError, match="needs a column of pictures and one of labels; its columns are text"):
        write_folder(str(tmp_path / "texts"), tmp_path / "out", lambda *_: None)
