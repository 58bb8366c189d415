"""The version of this program."""

import re
from importlib.metadata import version

from foundation.version import VERSION
from isitcake import __version__


def test_the_version_is_that_of_the_installed_package() -> None:
    assert version("isitcake") == VERSION == __version__
    assert re.match(r"\d+\.\d+", VERSION)
