"""How long one text takes."""

import time
from collections.abc import Callable


def milliseconds_of(work: Callable[[str], object], text: str) -> float:
    """How long the work took."""
    started = time.perf_counter()
    work(text)
    return (time.perf_counter() - started) * 1000
