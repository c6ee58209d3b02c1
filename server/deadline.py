"""Until when a request has to be answered. No thread can be stopped: between stages it asks here whether to go on."""

import math
import time
from contextvars import ContextVar

from server.errors import QueryError

_came: ContextVar[float | None] = ContextVar("came", default=None)
_until: ContextVar[float] = ContextVar("until", default=math.inf)


def came(at: float | None) -> None:
    """Notes when the request that this thread takes up next had come, by time.monotonic(): its waiting counts."""
    _came.set(at)


def begin(seconds: float) -> None:
    """Gives the current request so many seconds from when it came, or from now where nobody noted that."""
    at = _came.get()
    _until.set((time.monotonic() if at is None else at) + seconds)


def end() -> None:
    """Lets go of the current request."""
    _came.set(None)
    _until.set(math.inf)


def left() -> float:
    """Seconds that are left, less than 0 where the time is over; infinitely many outside of a request."""
    return _until.get() - time.monotonic()


def check() -> None:
    """Raises QueryError where the time is over."""
    if left() <= 0:
        raise QueryError(503, "timeout", "Сервер не успел ответить: сейчас слишком много запросов. Повторите позже.")
