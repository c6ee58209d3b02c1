"""The query log, off unless the operator asks for it: what people asked, masked, for so many days.

It lies in the journal, beside the votes; `python -m evaluation gaps` reads it there.
"""

import time
from datetime import timedelta

from server.journal import Journal
from server.personal import Hidden

DAYS = 30  # that texts are kept unless the operator says otherwise

NOTHING_KEPT = Hidden("", {})  # of a query, where there is no log

_SWEEP = 60.0  # seconds between two looks for texts that are too old


class QueryLog:
    """The texts of queries in a journal, and when they go."""

    def __init__(self, journal: Journal, days: int) -> None:
        """Drops at once what is older than `days`. Raises JournalError."""
        self._journal = journal
        self._kept = timedelta(days=days)
        self._swept = 0.0
        self.sweep()

    def sweep(self) -> None:
        """Drops the texts that are too old, unless that was done within the last minute. Raises JournalError."""
        now = time.monotonic()
        if self._swept and now - self._swept < _SWEEP:
            return
        self._swept = now
        if self._journal.drop_texts(self._kept):
            self._journal.clean()
