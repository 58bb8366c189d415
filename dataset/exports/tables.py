"""CSV files of a version's rows, safe for spreadsheets, pandas and R."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from dataset.exports.job import Export
from dataset.versions.manifest import COLUMNS, Row
from foundation.files import replace_file
from foundation.safe_text import csv_cell

READ_AS_MISSING = {  # by pandas, whose list it is, and by R: such a cell gets an apostrophe, as a formula does
    "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA", "NULL",
    "NaN", "None", "n/a", "nan", "null",
}  # fmt: skip


def csv_only(job: Export) -> Iterator[int]:
    """manifest.csv: one line for each image. The pictures are not copied: `file` is the path inside the version."""
    rows = [row for part in job.parts.values() for row in part]
    replace_file(job.to / "manifest.csv", csv_of(rows, [row.file for row in rows]))
    yield len(rows)


def csv_of(rows: Sequence[Row], files: Sequence[str]) -> bytes:
    """All columns of the manifest, with other paths in the column `file`, which comes first."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = [name for name in COLUMNS if name != "file"]
    writer.writerow(["file", *names])
    for row, file in zip(rows, files, strict=True):
        values = vars(row)
        writer.writerow([file, *(_cell(values[name]) for name in names)])
    return out.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return _cell(" ".join(value))
    if isinstance(value, str) and value in READ_AS_MISSING:
        return f"'{value}"
    return value.isoformat() if hasattr(value, "isoformat") else csv_cell(value)
