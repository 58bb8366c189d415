"""The CSV export: pandas reads it as it is meant."""

from collections import Counter
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas
from PIL import Image
from rows import Images, digest, images_of

from dataset.exports.export import export
from dataset.versions import manifest
from dataset.versions.published import Version


def test_pandas_reads_the_csv(version: Version, tmp_path: Path) -> None:
    """`file` is a path inside the version; both sizes say whose they are."""
    export(version, "csv", tmp_path / "x")
    read = pandas.read_csv(tmp_path / "x" / "manifest.csv", keep_default_na=False)
    found: Images = Counter()
    lines: list[dict[Any, Any]] = read.to_dict("records")
    for line in lines:
        path = version.path / line["file"]
        with Image.open(path) as picture:
            assert picture.size == (line["published_width"], line["published_height"])
        found[line["split"], line["label"], digest(path.read_bytes())] += 1
        assert (line["usage_preference"], line["copyright_notice"]) == ("", "")
        assert datetime.fromisoformat(line["checked_at"])
    assert found == images_of(version)
    assert not any(Path(file).is_absolute() for file in read["file"])


def test_pandas_reads_no_label_as_missing(version: Version, tmp_path: Path) -> None:
    """Data F14: a cell that pandas or R takes for a missing value starts with an apostrophe, as a formula does."""
    words = ["nan", "null", "NA", "None", "N/A"]
    rows = version.rows()
    copy = replace(version, path=tmp_path / "copy")
    copy.path.mkdir()
    changed = [replace(row, label=words[n % 5], creator=words[n % 4]) for n, row in enumerate(rows)]
    manifest.write(copy.path / manifest.FILE_NAME, changed)
    export(copy, "csv", tmp_path / "x")
    read = pandas.read_csv(tmp_path / "x" / "manifest.csv")
    assert not read["label"].isna().any()
    assert set(read["label"].str.removeprefix("'")) == set(words)
    assert not read["creator"].isna().any()
