"""Something made in a process of its own, while this one does something else."""

import contextlib
import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import TypeVar

from indexer import memory
from indexer.errors import ArticleError

Made = TypeVar("Made")


def made_beside(make: Callable[[], Made], meanwhile: Callable[[], object]) -> Made:
    """What `make` gives, called in another process, to which it and what it gives travel by pickling.

    A thread would not do where both are Python's own work, such as reading and loading a model. Raises ArticleError as
    `make` does.
    """
    context = multiprocessing.get_context("spawn")  # a fork would take the locks of libraries' threads along
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_tell, args=(theirs, make), daemon=True)
    process.start()
    theirs.close()  # so that its end is noticed
    try:
        meanwhile()
        told: Made | ArticleError = ours.recv()
    except EOFError:  # it was stopped, for want of memory say
        return make()
    finally:
        ours.close()
        process.terminate()  # where it has not ended by itself: something went wrong here
        process.join()
    if isinstance(told, ArticleError):
        raise told
    return told


def _tell(pipe: Connection, make: Callable[[], object]) -> None:
    """Sends what was made, or why it cannot be; for the other process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the build, and ends this with it
    with memory.rarely_collected():
        try:
            told = make()
        except ArticleError as error:
            told = error
        with contextlib.suppress(BrokenPipeError):  # nobody waits any more
            pipe.send(told)
