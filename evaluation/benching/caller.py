"""A client that costs little: the same request again and again over a kept connection, the reply not read as JSON.

Thousands of requests a second would else measure this process: clients and server share the machine's cores.
"""

import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
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
        caller = _Caller(url, body)
        times: list[float] = []
        try:
            before = time.perf_counter()
            while before - started < seconds or not times:
                caller.ask()
                after = time.perf_counter()
                times.append((after - before) * 1000)
                before = after
        except OSError as error:
            raise SystemFailure(f"{url}: {error!r} in a load; expected a reply; look at its log") from error
        finally:
            caller.close()
        return times

    with ThreadPoolExecutor(clients) as pool:
        taken = list(pool.map(work, range(clients)))
    return Asked(time.perf_counter() - started, tuple(each for times in taken for each in times))


class _Caller:
    """One connection and the request that is sent over it."""

    def __init__(self, url: str, body: bytes | None) -> None:
        parts = urlsplit(url)
        head = f"{'GET' if body is None else 'POST'} {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        if body is not None:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        self._url = url
        self._request = head.encode() + b"\r\n" + (body or b"")
        self._socket = socket.create_connection((parts.hostname or "", parts.port or 80), TIMEOUT)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self) -> None:
        """Sends the request and reads the reply to its end."""
        self._socket.sendall(self._request)
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
