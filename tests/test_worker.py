"""A real server under more requests than it can answer, with clients that are slow, and when it is told to stop."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from evaluation.benching.servers import free_port, surroundings
from server.worker import RETRY_AFTER

SCRIPT = Path(__file__).parent / "slow_server.py"
THREADS, QUEUE = 2, 3


class Running:
    """A server, and the ways to talk to it."""

    def __init__(self, port, process, log):
        self.port, self.process, self.log = port, process, log

    def get(self, path, timeout=20):
        with self.connected(timeout) as connection:
            connection.request("GET", path)
            return read(connection.getresponse())

    def search(self, query, timeout=20):
        body = json.dumps({"query": query})
        with self.connected(timeout) as connection:
            connection.request("POST", "/v1/search", body, {"Content-Type": "application/json"})
            return read(connection.getresponse())

    @contextmanager
    def connected(self, timeout=20):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            yield connection
        finally:
            connection.close()

    def socket(self, timeout=20):
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)

    def number(self, name):
        text = self.get("/metrics")[2].decode()
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))


def read(response):
    return response.status, response.headers, response.read()


@contextmanager
def running(index, folder, *options):
    port = free_port()
    command = [sys.executable, str(SCRIPT), "--index", str(index), "--port", str(port)]
    command += ["--threads", str(THREADS), "--queue", str(QUEUE), *options]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=surroundings({"TMPDIR": str(folder)}), stdout=log, stderr=log)
    server = Running(port, process, folder / "log")
    try:
        end = time.monotonic() + 60
        while True:
            try:
                assert server.get("/readyz")[0] == 200
                break
            except OSError:
                assert process.poll() is None, server.log.read_text()
                assert time.monotonic() < end
                time.sleep(0.05)
        yield server
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture(scope="module")
def server(built_index, tmp_path_factory):
    with running(built_index, tmp_path_factory.mktemp("worker"), "--client-timeout", "1") as found:
        yield found


def error_code(reply):
    return json.loads(reply[2])["error"]["code"]


# Too many at once


def test_what_neither_threads_nor_queue_take_is_refused_at_once_and_the_rest_is_answered(server):
    refused_before = server.number('spravka_requests_rejected_total{reason="overloaded"}')

    def timed(number):
        began = time.monotonic()
        reply = server.search(f"подождать 0.8 раза {number}")
        return reply, time.monotonic() - began

    with ThreadPoolExecutor(12) as pool:
        asked = [pool.submit(timed, number) for number in range(12)]
        time.sleep(0.4)
        watched = {path: server.get(path, timeout=2)[0] for path in ("/healthz", "/livez", "/readyz", "/metrics")}
        waiting = server.number("spravka_requests_waiting")
        replies = [each.result() for each in asked]
    assert set(watched.values()) == {200}
    assert waiting == QUEUE
    assert Counter(reply[0] for reply, _ in replies) == {200: THREADS + QUEUE, 503: 12 - THREADS - QUEUE}
    for reply, seconds in replies:
        if reply[0] == 503:
            assert error_code(reply) == "overloaded"
            assert reply[1]["Retry-After"] == str(RETRY_AFTER)
            assert seconds < 0.7
    refused = server.number('spravka_requests_rejected_total{reason="overloaded"}') - refused_before
    assert refused == 12 - THREADS - QUEUE
    assert server.number("spravka_requests_waiting") == 0
    assert server.search("пароль")[0] == 200


def test_request_that_waited_longer_than_its_time_is_not_worked_on(built_index, tmp_path):
    with running(built_index, tmp_path, "--request-timeout", "0.5", "--threads", "1", "--queue", "9") as server:
        with ThreadPoolExecutor(6) as pool:
            replies = list(pool.map(lambda number: server.search(f"подождать 0.2 раза {number}"), range(6)))
        late = [reply for reply in replies if reply[0] == 503]
        assert 1 <= len(late) <= 4
        assert {error_code(reply) for reply in late} == {"timeout"}
        assert all(reply[1]["Retry-After"] for reply in late)
        assert server.search("пароль")[0] == 200


# Slow and large


def until_closed(client, trickle=b"", pause=0.1):
    """What the server sends until it ends the connection, and the seconds that took; a byte of `trickle` each pause."""
    began, found = time.monotonic(), b""
    client.settimeout(pause)
    for place in range(200):
        try:
            if trickle:
                client.send(trickle[place : place + 1] or b"a")
            if not (received := client.recv(4096)):
                break
            found += received
        except TimeoutError:
            continue
        except OSError:
            break
    return found, time.monotonic() - began


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n",
        b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n",
    ],
    ids=["head", "body", "chunks"],
)
def test_client_that_sends_a_byte_at_a_time_is_cut_off(server, begun):
    with server.socket() as client:
        client.sendall(begun)
        found, seconds = until_closed(client, b"GET /v1/search?q=a HTTP/1.1\r\nX: ")
    assert found.startswith(b"HTTP/1.1 408 ")
    assert seconds < 5


def test_slow_clients_take_no_thread(server):
    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(server.socket()).sendall(b"POST /v1/search HTTP/1.1\r\n")
        began = time.monotonic()
        assert server.search("пароль")[0] == 200
        assert time.monotonic() - began < 0.8


def test_client_that_takes_no_reply_keeps_no_thread(server):
    # 64 requests over each connection, of which no reply is read: more than the system's own memory holds.
    request = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with ExitStack() as stack:
        for _ in range(THREADS):
            client = stack.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", server.port))
            client.sendall(request * 64)
        time.sleep(0.3)
        assert server.search("пароль", timeout=5)[0] == 200


def test_silent_connection_is_ended(server):
    with server.socket() as client:
        found, seconds = until_closed(client)
    assert found == b""
    assert seconds < 5


@pytest.mark.parametrize("expects", [b"", b"Expect: 100-continue\r\n"])
def test_body_over_the_limit_is_refused_without_being_read(server, expects):
    head = b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with server.socket() as client:
        client.sendall(head + expects + b"Content-Length: 2000000000\r\n\r\n" + b"{" * 1000)
        found, seconds = until_closed(client)
    assert found.startswith(b"HTTP/1.1 413 ")
    assert b'"too_large"' in found
    assert seconds < 5


def test_head_over_the_limit_is_refused(server):
    with server.socket() as client:
        client.sendall(b"GET / HTTP/1.1\r\n" + b"X: " + b"a" * 40_000)
        found, _ = until_closed(client)
    assert found.startswith(b"HTTP/1.1 431 ")


def test_client_that_waits_for_leave_to_send_its_body_gets_it(server):
    body = json.dumps({"query": "пароль"}).encode()
    head = b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"
    with server.socket() as client:
        client.sendall(head + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body))
        assert client.recv(4096).startswith(b"HTTP/1.1 100 ")
        client.sendall(body)
        found, _ = until_closed(client)
    assert b"HTTP/1.1 200 OK" in found


def test_requests_in_pieces_in_chunks_and_one_behind_the_other_are_answered_in_order(server):
    body = json.dumps({"query": "пароль"}).encode()
    head = b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:7], body[7:])) + b"0\r\n\r\n"
    sent = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    sent += head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks
    sent += b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with server.socket() as client:
        for start in range(0, len(sent), 50):
            client.sendall(sent[start : start + 50])
        found, _ = until_closed(client)
    assert found.count(b"HTTP/1.1 200 OK") == 3
    assert found.count(b'"hits"') == 2
    assert found.endswith(b'{"status":"ok"}\n')


def test_connection_is_kept_for_the_next_request(server):
    with server.connected() as connection:
        for _ in range(5):
            connection.request("GET", "/healthz")
            assert read(connection.getresponse())[0] == 200
            local = connection.sock.getsockname() if connection.sock else None
            assert local is not None


# The end


def test_request_in_flight_is_answered_whole_when_the_server_is_told_to_stop(built_index, tmp_path):
    with running(built_index, tmp_path) as server, server.connected() as kept:
        kept.request("GET", "/readyz")
        assert read(kept.getresponse())[0] == 200
        replies = []
        asking = threading.Thread(target=lambda: replies.append(server.search("подождать 1.5")))
        asking.start()
        time.sleep(0.5)
        os.kill(server.process.pid, signal.SIGTERM)
        time.sleep(0.3)
        kept.request("GET", "/readyz")
        status, _, body = read(kept.getresponse())
        assert (status, json.loads(body)["ready"]) == (503, False)
        with pytest.raises(OSError):
            server.get("/readyz", timeout=2)
        asking.join()
        ((status, headers, body),) = replies
        assert status == 200
        assert len(body) == int(headers["Content-Length"])
        assert json.loads(body)["hits"]
        assert server.process.wait(20) == 0
    assert "Traceback" not in server.log.read_text()
