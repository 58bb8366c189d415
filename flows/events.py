"""The events that our flows send, and that automations wait for."""

from enum import StrEnum


class Event(StrEnum):
    """Names of events on the Prefect server."""

    ROUND_FINISHED = "review.round.finished"  # every question has an answer
    PUBLISHED = "dataset.version.published"
    TRAINED = "model.trained"
