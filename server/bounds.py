"""What a server bounds, so that no load makes it slow for everybody: docs/load.md says what each number stops."""

import argparse
import math
from dataclasses import dataclass

QUEUE_PER_THREAD = 8  # requests that may wait for each thread: together less than a second of work


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of one process."""

    request_seconds: float = 10.0  # from when a request has come until it is answered, or refused with 503
    client_seconds: float = 10.0  # that a client may take to send a request, and to take a reply
    queue: int | None = None  # requests that may wait for a thread; None: QUEUE_PER_THREAD for each

    def waiting(self, threads: int) -> int:
        """How many requests may wait in a process with so many threads."""
        return QUEUE_PER_THREAD * threads if self.queue is None else self.queue


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the bounds to the options of the command that serves."""
    defaults = Bounds()
    parser.add_argument(
        "--queue",
        type=_number,
        metavar="N",
        help=f"requests of a process that may wait for a thread (default: {QUEUE_PER_THREAD} for each); "
        "one more is answered 503 overloaded at once",
    )
    parser.add_argument(
        "--request-timeout",
        type=_seconds,
        default=defaults.request_seconds,
        metavar="SECONDS",
        help=f"until a request is answered 503 timeout (default: {defaults.request_seconds:g})",
    )
    parser.add_argument(
        "--client-timeout",
        type=_seconds,
        default=defaults.client_seconds,
        metavar="SECONDS",
        help=f"that a client may take to send a request, or to take a reply (default: {defaults.client_seconds:g})",
    )


def of_options(options: argparse.Namespace) -> Bounds:
    """The bounds that the options name."""
    return Bounds(options.request_timeout, options.client_timeout, options.queue)


def _number(text: str) -> int:
    if not (text.isdecimal() and int(text) <= 100_000):
        raise argparse.ArgumentTypeError(f'"{text}" is no number of requests; expected a whole number from 0 to 100000')
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0.1 <= seconds <= 600:
        raise argparse.ArgumentTypeError(f'"{text}" are no seconds; expected a number from 0.1 to 600')
    return seconds
