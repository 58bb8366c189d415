"""What happens when Label Studio calls the webhook: pull the new answers.

A call may be lost, repeated or forged, so its content is not read. Answers always come from Label Studio itself.
"""

import logging
import threading

from dataset.project import Project
from foundation.errors import IsItCakeError
from labeling.pull import pull

log = logging.getLogger(__name__)


class Waker:
    """Pulls answers when called. Calls during a pull cause one more pull after it, however many there are."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._pulling = threading.Lock()
        self._is_called = threading.Event()

    def wake(self) -> None:
        """Pull now, or let the pull that is running do it again."""
        self._is_called.set()
        while self._is_called.is_set() and self._pulling.acquire(blocking=False):
            try:
                self._is_called.clear()
                log.info("%s", pull(self._project).line())
            except IsItCakeError as error:
                log.warning("%s", error)  # the next scheduled pull tries again
            finally:
                self._pulling.release()
