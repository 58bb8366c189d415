"""A webhook is a wake-up and no more: it may be lost, doubled or forged, so the poll asks Label Studio itself."""

import logging
import threading

from dataset.project import Project
from foundation.errors import IsItCakeError
from labeling.pull import pull

log = logging.getLogger(__name__)


class Waker:
    """Pulls once for any number of wake-ups that come while a pull is under way, and once more after it."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._pulling = threading.Lock()
        self._called = threading.Event()

    def wake(self) -> None:
        self._called.set()
        while self._called.is_set() and self._pulling.acquire(blocking=False):
            try:
                self._called.clear()
                log.info("%s", pull(self._project).line())
            except IsItCakeError as error:
                log.warning("%s", error)  # the next poll finds what this one did not
            finally:
                self._pulling.release()
