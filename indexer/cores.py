"""How many processors there are to share work among."""

import os


def usable() -> int:
    """Those that this process may use: fewer than the machine has where it was bound to some."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
