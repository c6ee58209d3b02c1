"""What GNU's C library does with freed memory, where it is there; another library's is left as it is."""

import contextlib
import ctypes

_ARENA_MAX = -8  # malloc.h


def give_back() -> None:
    """Gives freed memory back to the system: what many sizes of arrays leave between each other, else stays."""
    _ask("malloc_trim", 0)


def use_one_arena() -> None:
    """Has all threads allocate from one place; else each keeps what it ever needed."""
    _ask("mallopt", _ARENA_MAX, 1)


def _ask(name: str, *values: int) -> None:
    with contextlib.suppress(OSError, AttributeError):
        getattr(ctypes.CDLL(None), name)(*values)
