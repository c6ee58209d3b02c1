"""A client that costs little: requests over a kept connection, the reply not read as JSON.

Else this process would be measured: clients and server share the machine's cores, and Python's own HTTP client takes
0.3 ms for a request.
"""

import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from evaluation.endpoints import TIMEOUT
from evaluation.systems import SystemFailure

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_END = b"\r\n\r\n"
_CHUNK = 1 << 18


@dataclass(frozen=True, slots=True)
class Asked:
    """What clients got in a time."""

    seconds: float  # from the first request to the last reply
    milliseconds: tuple[float, ...]  # of each request

    @property
    def per_second(self) -> float:
        """Replies a second."""
        return len(self.milliseconds) / self.seconds


def repeat(url: str, body: bytes | None, clients: int, seconds: float) -> Asked:
    """What so many clients got that asked the same for so many seconds: POST of a body of JSON, or GET without one.

    Raises SystemFailure at the first reply that is not 200.
    """
    started = time.perf_counter()

    def work(_: int) -> list[float]:
        times: list[float] = []
        with told(url), closing(Caller(url)) as caller:
            request = caller.request(body)
            before = time.perf_counter()
            while before - started < seconds or not times:
                caller.ask(request)
                after = time.perf_counter()
                times.append((after - before) * 1000)
                before = after
        return times

    with ThreadPoolExecutor(clients) as pool:
        taken = list(pool.map(work, range(clients)))
    return Asked(time.perf_counter() - started, tuple(each for times in taken for each in times))


@contextmanager
def told(url: str) -> Iterator[None]:
    """Raises SystemFailure where a connection to this address is refused or ends within the block."""
    try:
        yield
    except OSError as error:
        raise SystemFailure(f"{url}: {error!r}; expected a reply; look at its log") from error


class Caller:
    """One connection, for requests to one address."""

    def __init__(self, url: str) -> None:
        self._url, self._parts = url, urlsplit(url)
        self._socket = socket.create_connection((self._parts.hostname or "", self._parts.port or 80), TIMEOUT)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def request(self, body: bytes | None) -> bytes:
        """What asks with a body of JSON by POST, or without one by GET."""
        head = f"{'GET' if body is None else 'POST'} {self._parts.path} HTTP/1.1\r\nHost: {self._parts.netloc}\r\n"
        if body is not None:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return head.encode() + b"\r\n" + (body or b"")

    def ask(self, request: bytes) -> None:
        """Sends a request and reads the reply to its end.

        Raises SystemFailure where that is not 200, OSError where the connection was ended.
        """
        self._socket.sendall(request)
        reply = b""
        while (end := reply.find(_END)) < 0:
            reply += self._received()
        status, length = reply[9:12], _LENGTH.search(reply, 0, end + 2)
        if status != b"200" or not length:
            raise SystemFailure(f"{self._url}: {status.decode(errors='replace')}; expected 200 with a Content-Length")
        missing = end + len(_END) + int(length[1]) - len(reply)
        while missing > 0:
            missing -= len(self._received())

    def close(self) -> None:
        """Ends the connection."""
        self._socket.close()

    def _received(self) -> bytes:
        if received := self._socket.recv(_CHUNK):
            return received
        raise ConnectionError("the connection was ended")
