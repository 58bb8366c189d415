"""All errors that a user may see.

IsItCakeError
├── UsageError            exit code 2: the request was wrong
│   ├── ConfigError       isitcake.toml or an ISITCAKE_… variable
│   │   └── NoProject     there is no isitcake.toml
│   ├── UnknownSource     no source of that name            (also a LookupError)
│   ├── UnknownVersion    no version of that name           (also a LookupError)
│   ├── UnknownModel      no model of that name             (also a LookupError)
│   ├── UnknownImage      no image of that SHA-256          (also a LookupError)
│   └── BadAnswers        a file of answers cannot be read
└── StageError            exit code 1: the work failed; finished work is kept
    ├── CatalogError      the catalog cannot be opened, read or written
    ├── StorageError      a file cannot be written
    ├── DamagedVersion    a version's folder is damaged
    ├── CrawlError        a crawl could not run
    │   └── BeingCollected  another process collects the source
    ├── PhotoApiError     a photo API refused or failed
    ├── HubError          the Hugging Face Hub cannot be reached, or refused
    ├── LabelStudioError  Label Studio cannot be reached, or refused
    ├── TrainingError     no model can be made from a version
    └── FlowError         Prefect cannot be reached, or a flow failed

Each message is one sentence: what went wrong, where, and the fix.
"""


class IsItCakeError(Exception):
    """Base of all errors that this program raises on purpose."""

    exit_code = 1


class UsageError(IsItCakeError):
    exit_code = 2


class ConfigError(UsageError): ...


class NoProject(ConfigError): ...


class UnknownSource(UsageError, LookupError): ...


class UnknownVersion(UsageError, LookupError): ...


class UnknownModel(UsageError, LookupError): ...


class UnknownImage(UsageError, LookupError): ...


class BadAnswers(UsageError): ...


class StageError(IsItCakeError): ...


class CatalogError(StageError): ...


class StorageError(StageError): ...


class DamagedVersion(StageError): ...


class CrawlError(StageError): ...


class BeingCollected(CrawlError): ...


class PhotoApiError(StageError): ...


class HubError(StageError): ...


class LabelStudioError(StageError): ...


class TrainingError(StageError): ...


class FlowError(StageError): ...
