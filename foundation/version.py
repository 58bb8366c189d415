"""The version of this program, from the metadata of the installed package."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("isitcake")
except PackageNotFoundError:  # a checkout that was never installed
    VERSION = "0+unknown"
