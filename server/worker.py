"""The process that answers requests, with bounds: gunicorn's threaded worker, but for how a request comes to a thread.

gunicorn gives a thread to every connection, which reads the request there: a few clients that send a byte a second
take all threads, and however many connections come, all wait for one. Here the loop that accepts connections reads
requests, too, and hands on whole ones: at most as many as there are threads and places in the queue. One more is
refused at once, but for those who look after the server: they have threads of their own.
"""

import errno
import logging
import selectors
import socket
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import Any

import orjson
from gunicorn.http import get_parser
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, TConn, ThreadWorker

from server import deadline
from server.errors import TRANSPORT_ERRORS
from server.incoming import Incoming
from server.schema import LARGER_BODIES, MAXIMUM_BODY

RETRY_AFTER = 2  # seconds; the queue holds less than a second of work

_WATCHED = ("/healthz", "/livez", "/readyz", "/metrics")  # answered whatever the load
_WATCHERS, _MOST_WATCHED = 2, 16  # threads for them, and requests that these may have before them
_LINGER, _MOST_LINGERING = 2.0, 100  # seconds that a refused client may go on sending, and how many may
_READ = 64 * 1024  # bytes at a time
_ACCEPTED = 64  # connections at a time
_MOST_HELD = 64 * 1024 * 1024  # bytes of requests that are not whole, beyond which the oldest is dropped
_TOLD_EVERY = 10.0  # seconds between two lines of the log about refusals
# Seconds between two looks at newcomers while there is room for none of them: each look takes the interpreter from the
# threads that answer. Less than they need for what waits already, however short.
_PAUSE = 0.004
# Seconds. The loop competes with the threads for the interpreter, and needs it for a moment after each call to the
# system: with Python's 5 ms it would accept, under load, a few dozen connections a second.
_SWITCH = 0.0005

_log = logging.getLogger(__name__)


class Connection(TConn):  # type: ignore[misc]
    """A client, and the request that comes from it or is answered."""

    def __init__(self, worker: "BoundedWorker", client: socket.socket, address: Any, server: Any) -> None:  # noqa: ANN401 -- as the family of addresses has it
        super().__init__(worker.cfg, client, address, server)
        self.worker = worker
        self.incoming = Incoming(MAXIMUM_BODY, LARGER_BODIES)
        self.until = 0.0  # time.monotonic(): when the request has to be whole
        self.came = 0.0  # when it was
        self.is_cut = False  # it is answered without all of it being read
        self.is_watcher = False

    def init(self) -> None:
        """Called by the thread that answers: one that does not take its reply is not waited for."""
        self.sock.settimeout(self.worker.bounds.client_seconds)

    def close(self, graceful: bool = False) -> None:
        """Ends the connection. One that may still be sending is half closed first, or the reply would be lost."""
        if graceful and self.is_cut:
            self.worker.linger(self)
        else:
            super().close()


class BoundedWorker(ThreadWorker):  # type: ignore[misc]
    """Reads requests without threads, and takes on no more than it can answer soon."""

    def run(self) -> None:
        """Serves until it is told to stop, then until what it has taken on is answered."""
        self.bounds = self.wsgi.extensions["bounds"]
        self._metrics = self.wsgi.extensions["observer"].metrics
        self._most = self.cfg.threads + self.bounds.waiting(self.cfg.threads)
        self._taken = self._watched = 0  # requests that threads have or will get; those of watchers
        self._watchers = ThreadPoolExecutor(_WATCHERS, "watchers")
        # In the order of their `until`.
        self._arriving: dict[Connection, None] = {}
        self._lingering: dict[Connection, float] = {}
        self._held = 0  # bytes of requests that are not whole
        self._refused, self._told = 0, -_TOLD_EVERY
        self._is_full = False  # somebody was refused for want of room since the last turn of the loop
        self._is_stopping = False
        sys.setswitchinterval(_SWITCH)
        super().run()
        self._watchers.shutdown(wait=False)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begins to stop: /readyz says so on connections that are kept."""
        if getattr(self, "wsgi", None):  # it may still be loading
            self.wsgi.extensions["stopping"].set()
        super().handle_exit(sig, frame)

    def accept(self, listener: socket.socket) -> None:
        """Takes the connections that wait, and reads their requests."""
        server = listener.getsockname()
        for _ in range(_ACCEPTED):
            try:
                client, address = listener.accept()
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE):
                    self._drop_oldest()
                elif error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                    raise
                return
            self.nr_conns += 1
            if self.nr_conns >= self.worker_connections:
                self._drop_oldest()
            self._begin(Connection(self, client, address, server))

    def enqueue_req(self, conn: Connection) -> None:
        """Waits for the next request of a connection; some of it may have come with the one before."""
        conn.sock.setblocking(False)  # each call to the system gives the interpreter away: no needless ones
        self._begin(conn)

    def _begin(self, conn: Connection) -> None:
        conn.incoming = Incoming(MAXIMUM_BODY, LARGER_BODIES)
        conn.until = time.monotonic() + self.bounds.client_seconds
        if conn.parser is not None and (sent := conn.parser.unreader.take_buffered()):
            self._take(conn, sent)
        else:
            self._readable(conn, None)  # mostly all of it is there

    def _readable(self, conn: Connection, _: object) -> None:
        try:
            received = conn.sock.recv(_READ)
        except BlockingIOError:
            self._wait(conn)
            return
        except OSError:
            received = b""
        if received:
            self._take(conn, received)
        else:
            self._drop(conn)

    def _wait(self, conn: Connection) -> None:
        if conn not in self._arriving:
            self._arriving[conn] = None
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._readable, conn))

    def _take(self, conn: Connection, received: bytes) -> None:
        state = conn.incoming.take(received)
        self._held += len(received)
        if state == "partial":
            if conn.incoming.expects:
                conn.incoming.expects = False
                _send(conn.sock, b"HTTP/1.1 100 Continue\r\n\r\n")
            self._wait(conn)
            if self._held > _MOST_HELD:
                self._drop_oldest()
            return
        self._forget(conn)
        if state == "head_too_large":
            self._refuse(conn, 431)
            return
        conn.is_cut = state == "body_too_large"
        self._hand_on(conn)

    def _hand_on(self, conn: Connection) -> None:
        """Gives a request to a thread, or refuses it."""
        conn.came = time.monotonic()
        conn.is_watcher = conn.incoming.path in _WATCHED
        if self._watched >= _MOST_WATCHED if conn.is_watcher else self._taken >= self._most:
            self._refuse(conn, 503)
            self._is_full = True
            return
        # From bytes, not from the socket: no thread waits for a client that sends less than it said.
        conn.parser = get_parser(self.cfg, iter([conn.incoming.content()]), conn.client)
        conn.initialized = conn.data_ready = True
        if conn.is_watcher:
            self._watched += 1
        else:
            self._taken += 1
            self._metrics.waits(max(0, self._taken - self.cfg.threads))
        pool = self._watchers if conn.is_watcher else self.tpool
        pool.submit(self.handle, conn).add_done_callback(
            lambda done: self.method_queue.defer(self.finish_request, conn, done)
        )

    def handle(self, conn: Connection) -> object:
        """Answers a request, in a thread."""
        deadline.came(conn.came)
        try:
            return super().handle(conn)
        finally:
            deadline.end()

    def handle_request(self, req: Any, conn: Connection) -> bool:  # noqa: ANN401 -- gunicorn has no types
        """Lets the application answer; a connection whose request was not read to its end cannot be kept."""
        req._expected_100_continue = False  # the loop has seen to it
        if conn.is_cut:
            req.force_close()
        return bool(super().handle_request(req, conn))

    def finish_request(self, conn: Connection, fs: "Future[object]") -> None:
        """Takes a connection back from the thread that had it."""
        if conn.is_watcher:
            self._watched -= 1
        else:
            self._taken -= 1
            self._metrics.waits(max(0, self._taken - self.cfg.threads))
        super().finish_request(conn, fs)

    def _refuse(self, conn: Connection, status: int) -> None:
        """Answers a request that is worked on by nobody, and ends its connection."""
        conn.is_cut = conn.is_cut or status != 503
        _send(conn.sock, _REFUSALS[status])
        self._metrics.rejected(TRANSPORT_ERRORS[status][1])
        self.nr_conns -= 1
        conn.close(graceful=True)
        self._refused += 1
        if (now := time.monotonic()) - self._told >= _TOLD_EVERY:
            reason = TRANSPORT_ERRORS[status][1]
            _log.warning("refused with %d %s; %d requests since the last such line", status, reason, self._refused)
            self._told, self._refused = now, 0

    def _forget(self, conn: Connection) -> None:
        """No longer waits for a request."""
        self._held -= conn.incoming.size
        if conn in self._arriving:
            del self._arriving[conn]
            self.poller.unregister(conn.sock)

    def _drop(self, conn: Connection) -> None:
        self._forget(conn)
        self.nr_conns -= 1
        conn.close()

    def _drop_oldest(self) -> None:
        """Makes room for others: the connection that has kept them waiting longest without a whole request goes."""
        if self._arriving:
            self._drop(next(iter(self._arriving)))

    def linger(self, conn: Connection) -> None:
        """Half closes a connection, and reads away for a while what its client still sends."""
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
            if len(self._lingering) < _MOST_LINGERING:
                self._lingering[conn] = time.monotonic() + _LINGER
                self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._read_away, conn))
                return
        except OSError:
            pass
        conn.close()

    def _read_away(self, conn: Connection, _: object) -> None:
        try:
            if conn.sock.recv(_READ):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._let_go(conn)

    def _let_go(self, conn: Connection) -> None:
        del self._lingering[conn]
        self.poller.unregister(conn.sock)
        conn.close()

    def murder_pending(self) -> None:
        """Cuts off whoever took too long; called at each turn of the loop."""
        if self._is_full:
            self._is_full = False
            time.sleep(_PAUSE)
        now = time.monotonic()
        if not self.alive and not self._is_stopping:
            self._is_stopping = True
            for conn in self._arriving:
                conn.until = min(conn.until, now + STOP_KEEPALIVE_LINGER)
        while self._arriving and (conn := next(iter(self._arriving))).until <= now:
            if conn.incoming.size:
                self._forget(conn)
                self._refuse(conn, 408)
            else:
                self._drop(conn)
        while self._lingering and (first := next(iter(self._lingering.items())))[1] <= now:
            self._let_go(first[0])


def _send(client: socket.socket, content: bytes) -> None:
    """Sends what fits into the system's own memory: the loop waits for no client."""
    with suppress(OSError):  # it has gone, and misses nothing
        client.send(content)


def _refusal(status: int, reason: str, code: str, message: str) -> bytes:
    body = orjson.dumps({"error": {"code": code, "message": message, "field": None}}) + b"\n"
    head = [
        f"HTTP/1.1 {status} {reason}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
        "Connection: close",
        *([f"Retry-After: {RETRY_AFTER}"] if status == 503 else []),
    ]
    return "\r\n".join([*head, "", ""]).encode() + body


_REFUSALS = {status: _refusal(status, *told) for status, told in TRANSPORT_ERRORS.items()}
