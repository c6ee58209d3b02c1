"""What the C library and the collector keep, given back to the system."""

import contextlib
import ctypes
import gc
from collections.abc import Iterator

_M_ARENA_MAX = -8  # malloc.h

# Objects made before the youngest are looked through, and how often those that stay are: of 700 by default.
_RARELY = (100_000, 10, 10)


def use_one_arena() -> None:
    """Lets all threads take memory from one place; else each keeps what the longest query ever needed."""
    _ask_glibc("mallopt", _M_ARENA_MAX, 1)


def freeze() -> None:
    """Collects, and takes what is there now out of later collections: one in a worker would copy its pages."""
    gc.collect()
    gc.freeze()


@contextlib.contextmanager
def rarely_collected() -> Iterator[None]:
    """Looks for garbage in cycles less often meanwhile: work that makes many objects that stay takes a third less."""
    before = gc.get_threshold()
    if gc.isenabled() and before[0]:
        gc.set_threshold(*_RARELY)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def leave() -> None:
    """Before a process ends: what is there is not looked through for garbage, which after PyTorch takes a second."""
    gc.freeze()


def collect() -> None:
    """Frees what nothing refers to, frozen or not, and gives the memory back."""
    frozen = gc.get_freeze_count() > 0
    gc.unfreeze()
    gc.collect()
    if frozen:
        gc.freeze()
    give_back()


def give_back() -> None:
    """Gives back what was needed and freed: of loading an index 20 MB."""
    _ask_glibc("malloc_trim", 0)


def _ask_glibc(name: str, *values: int) -> None:
    """Calls a function of the C library; another than GNU's does not have it, and is left as it is."""
    with contextlib.suppress(OSError, AttributeError):
        getattr(ctypes.CDLL(None), name)(*values)
