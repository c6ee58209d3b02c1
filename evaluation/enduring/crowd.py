"""Very many callers of one server from a single thread: so many at once, or so many a second however it answers.

Each makes one request over a connection of its own, which the server ends. One loop serves them all and does little
for each, since the server may be on the same machine, which has to bear it, too.
"""

import selectors
import socket
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import orjson

_PATIENCE = 30.0  # seconds until a request counts as lost
_READ = 256 * 1024


@dataclass(slots=True)
class Tally:
    """What became of requests."""

    seconds: float = 0.0
    sent: int = 0
    answered: list[float] = field(default_factory=list)  # milliseconds of each
    refused: int = 0  # 503 with Retry-After
    failures: Counter[str] = field(default_factory=Counter)  # what else came -> requests

    @property
    def goodput(self) -> float:
        """Answered requests a second."""
        return len(self.answered) / self.seconds if self.seconds else 0.0

    def took(self, head: bytes, milliseconds: float) -> None:
        """Counts a reply by its first bytes."""
        status = head[9:12].decode("latin-1")
        if status == "200":
            self.answered.append(milliseconds)
        elif status == "503" and b"\r\nretry-after:" in head.lower():
            self.refused += 1
        else:
            self.failures[f"{status} without Retry-After" if status == "503" else status or "no reply"] += 1


@dataclass(slots=True)
class _Caller:
    socket: socket.socket
    request: bytes
    began: float
    head: bytes = b""


def search_request(url: str, query: str) -> bytes:
    """POST /v1/search for a query, as it goes over the wire."""

    body = orjson.dumps({"query": query})
    head = (
        f"POST /v1/search HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


class Crowd:
    """The callers of the server at one address."""

    def __init__(self, url: str, requests: Iterator[bytes]) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._requests = requests
        self._selector = selectors.DefaultSelector()
        self._asking: dict[socket.socket, _Caller] = {}  # the one that asked first stands first

    def at_once(self, callers: int, seconds: float) -> Tally:
        """So many ask all the time, each anew as soon as it is answered."""
        tally, began = Tally(), time.perf_counter()
        while (now := time.perf_counter()) < began + seconds:
            for _ in range(callers - len(self._asking)):
                self._begin(tally, now)
            self._serve(tally, 0.1)
        return self._finish(tally, began)

    def at_rate(self, per_second: float, seconds: float) -> Tally:
        """So many begin each second, evenly, however many are not answered yet."""
        tally, began = Tally(), time.perf_counter()
        while (now := time.perf_counter()) < began + seconds:
            due = int((now - began) * per_second) + 1
            for _ in range(due - tally.sent):
                self._begin(tally, now)
            self._serve(tally, max(0.0, began + due / per_second - time.perf_counter()))
        return self._finish(tally, began)

    def _finish(self, tally: Tally, began: float) -> Tally:
        """What is answered after the end counts as no failure, and is no goodput either."""
        tally.seconds = time.perf_counter() - began
        late = Tally()
        while self._asking:
            self._serve(late, 0.1)
        tally.failures += late.failures
        tally.refused += late.refused
        return tally

    def _begin(self, tally: Tally, now: float) -> None:
        tally.sent += 1
        caller = socket.socket()
        caller.setblocking(False)
        asking = self._asking[caller] = _Caller(caller, next(self._requests), now)
        try:
            caller.connect(self._address)  # on this machine mostly at once
            caller.send(asking.request)  # fits into the system's own memory
        except BlockingIOError:
            self._selector.register(caller, selectors.EVENT_WRITE)
        except OSError as error:
            del self._asking[caller]
            caller.close()
            tally.failures[type(error).__name__] += 1
        else:
            self._selector.register(caller, selectors.EVENT_READ)

    def _serve(self, tally: Tally, longest: float) -> None:
        for key, _ in self._selector.select(longest):
            caller = self._asking[key.fileobj]  # type: ignore[index]  # sockets alone are registered
            try:
                if key.events & selectors.EVENT_WRITE:
                    caller.socket.send(caller.request)
                    self._selector.modify(caller.socket, selectors.EVENT_READ)
                    continue
                received = caller.socket.recv(_READ)
            except OSError as error:
                self._end(caller)
                tally.failures[type(error).__name__] += 1
                continue
            if len(caller.head) < 1024:
                caller.head += received[:1024]
            if not received:
                self._end(caller)
                tally.took(caller.head, (time.perf_counter() - caller.began) * 1000)
        oldest = next(iter(self._asking.values()), None)
        if oldest and time.perf_counter() - oldest.began > _PATIENCE:
            self._end(oldest)
            tally.failures["lost"] += 1

    def _end(self, caller: _Caller) -> None:
        del self._asking[caller.socket]
        self._selector.unregister(caller.socket)
        caller.socket.close()
