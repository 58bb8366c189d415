"""Why a request is not made. The message of each error is what the ledger keeps as the reason.

An address that may not be connected to is foundation.network.addresses.Refused.
"""


class NotAsked(Exception):
    """Base: no request was made."""


class Disallowed(NotAsked):
    """robots.txt forbids it, or could not be read and so forbids everything."""


class OptedOut(NotAsked):
    """The host does not want its pictures used for training; the message is the evidence."""


class HostPaused(NotAsked):
    """The host kept failing, or asked for a longer pause than a run waits: not asked again in this run."""


class LeftSite(NotAsked):
    """The page leads to another host, which is not the source's."""


class KnownPage(NotAsked):
    """The page leads to one that is read anyway."""
