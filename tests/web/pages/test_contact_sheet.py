"""The contact sheet of a version."""

from typing import Any

import pytest
from PIL import Image
from projects import LAYOUTS

from dataset.project import Project
from dataset.versions import published
from foundation.errors import UnknownVersion
from web.pages.contact_sheet import CELL_PX, COLUMNS, HEADING_PX, ROWS_PER_LABEL, write_contact_sheet


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_sheet_has_a_band_for_each_label(published_project: Project) -> None:
    """The first cell of each band shows a picture: it is not white."""
    version = published.newest(published_project.home)
    assert version is not None
    path = write_contact_sheet(published_project, version.name)
    assert path == published_project.home / "reports" / f"{version.name}.jpg"
    band_px = HEADING_PX + ROWS_PER_LABEL * CELL_PX
    with Image.open(path) as sheet:
        assert sheet.size == (COLUMNS * CELL_PX, band_px * len(version.labels))
        for number in range(len(version.labels)):
            top = number * band_px + HEADING_PX
            low: Any
            low, _ = sheet.convert("L").crop((0, top, CELL_PX, top + CELL_PX)).getextrema()
            assert low < 200


def test_an_unknown_version_has_no_sheet(published_project: Project) -> None:
    with pytest.raises(UnknownVersion):
        write_contact_sheet(published_project, "2020.1.0")
