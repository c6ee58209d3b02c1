"""How long one text takes."""

import time
from collections.abc import Callable
from typing import TypeVar

Given = TypeVar("Given")


def milliseconds_of(work: Callable[[Given], object], given: Given) -> float:
    """How long the work took."""
    started = time.perf_counter()
    work(given)
    return (time.perf_counter() - started) * 1000
