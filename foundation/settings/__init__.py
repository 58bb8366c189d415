"""The settings of one project: frozen objects, made by `foundation.settings_file.load`."""

from foundation.settings.names import (
    AGENT_NAME,
    CLASSES_NAME,
    CONFIG_NAME,
    DETECTOR_NAME,
    NOT_LABELS,
    WEIGHTS_NAME,
    ZOO_DETECTOR_NAME,
    ZOO_WEIGHTS_NAME,
)
from foundation.settings.project import Secrets, Settings
from foundation.settings.sections import (
    LICENCES,
    PHOTO_APIS,
    BlobsSection,
    CatalogSection,
    CrawlSection,
    ModelsSection,
    ProjectSection,
    PublishSection,
    ReviewSection,
    Section,
    Source,
    WebSection,
)

__all__ = [
    "AGENT_NAME",
    "CLASSES_NAME",
    "CONFIG_NAME",
    "DETECTOR_NAME",
    "LICENCES",
    "NOT_LABELS",
    "PHOTO_APIS",
    "WEIGHTS_NAME",
    "ZOO_DETECTOR_NAME",
    "ZOO_WEIGHTS_NAME",
    "BlobsSection",
    "CatalogSection",
    "CrawlSection",
    "ModelsSection",
    "ProjectSection",
    "PublishSection",
    "ReviewSection",
    "Secrets",
    "Section",
    "Settings",
    "Source",
    "WebSection",
]
