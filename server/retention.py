"""How long a server keeps what people asked and said, and the looks at which what is too old goes."""

import logging
import threading
import time
import weakref
from datetime import timedelta

from server.journal import Journal, JournalError
from server.querylog import DAYS

FEEDBACK_DAYS = 365  # that votes, comments and judgments are kept unless the operator says otherwise

_UNVOTED = timedelta(days=1)  # a query without a text and a vote; people vote in the hour in which they asked
_SWEEP = 60.0  # seconds between two looks while queries come
_IDLE = 3600.0  # seconds between two looks of a server that nobody asks

_log = logging.getLogger(__name__)


class Retention:
    """When the entries of a journal go."""

    def __init__(self, journal: Journal, query_days: int = DAYS, feedback_days: int = FEEDBACK_DAYS) -> None:
        """Deletes at once what is older. Raises JournalError."""
        self._journal = journal
        self._texts = timedelta(days=query_days)
        self._feedback = timedelta(days=feedback_days)
        self._swept = 0.0
        self.sweep()

    def sweep(self) -> None:
        """Deletes what is too old, unless that was done within the last minute. Raises JournalError."""
        now = time.monotonic()
        if self._swept and now - self._swept < _SWEEP:
            return
        self._swept = now
        # In this order: a query whose text or last vote went now is one without either.
        gone = self._journal.drop_feedback(self._feedback) + self._journal.drop_texts(self._texts)
        gone += self._journal.drop_unvoted(_UNVOTED)
        if gone:
            self._journal.clean()

    def watch(self) -> None:
        """Sweeps for as long as this object is there, so that what is too old also goes where nobody asks."""
        threading.Thread(target=_watch, args=(weakref.ref(self),), name="retention", daemon=True).start()


def _watch(retention: "weakref.ref[Retention]") -> None:
    while True:
        time.sleep(_IDLE)
        watched = retention()
        if watched is None:
            return
        try:
            watched.sweep()
        except JournalError as error:
            _log.warning("what is too old was not deleted, the next look follows: %s", error)
        del watched
