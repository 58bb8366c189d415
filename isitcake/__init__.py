"""The `isitcake` command."""

from foundation.version import VERSION

__version__ = VERSION
