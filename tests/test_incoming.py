"""Where a request ends, whichever way its bytes come in."""

import pytest

from server.incoming import LONGEST_HEAD, Incoming

HEAD = b"POST /v1/search?q=a HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def states(content, size):
    incoming = Incoming(largest_body=100)
    return [incoming.take(content[start : start + size]) for start in range(0, len(content), size)]


@pytest.mark.parametrize("size", [1, 3, 10_000])
@pytest.mark.parametrize(
    "content",
    [
        HEAD + b"\r\n",
        HEAD.replace(b"\r\n", b"\n") + b"\n",
        HEAD + b"Content-Length: 5\r\n\r\n12345",
        HEAD + b"CONTENT-LENGTH :5\r\n\r\n12345",
        HEAD + b"Content-Length: 0\r\n\r\n",
        CHUNKED + b"5\r\n12345\r\n0\r\n\r\n",
        CHUNKED + b"5;name=value\r\n0\r\n\r\n\r\n0\r\n\r\n",  # the end of all stands within a chunk
        CHUNKED + b"2\r\nab\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n",
    ],
)
def test_request_is_whole_with_its_last_byte_and_not_before(content, size):
    found = states(content, size)
    assert found[-1] == "whole"
    assert set(found[:-1]) <= {"partial"}


@pytest.mark.parametrize(
    ("content", "state"),
    [
        (HEAD + b"Content-Length: 101\r\n\r\n", "body_too_large"),
        (HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", "body_too_large"),
        (CHUNKED + b"1\r\na\r\n" * 40, "body_too_large"),
        (CHUNKED + b"ffffffff\r\n" + b"a" * 300, "body_too_large"),
        (CHUNKED + b"no size\r\n", "whole"),  # gunicorn refuses it
        (CHUNKED + b"a" * 300, "whole"),
        (b"a" * (LONGEST_HEAD + 1), "head_too_large"),
        (HEAD + b"X: " + b"a" * LONGEST_HEAD + b"\r\n\r\n", "head_too_large"),
    ],
)
def test_what_is_too_large_or_no_request_is_not_waited_for(content, state):
    assert states(content, 50_000) == [state]


def test_path_is_told_without_what_was_asked():
    incoming = Incoming(largest_body=100)
    assert incoming.path == ""
    incoming.take(HEAD)
    assert incoming.path == "/v1/search"


def test_many_small_pieces_take_no_longer_for_being_many():
    # Chunks of one byte, a byte at a time: read from the start each time, this would take minutes.
    incoming = Incoming(largest_body=200_000)
    incoming.take(CHUNKED)
    for byte in b"1\r\na\r\n" * 30_000:
        assert incoming.take(bytes([byte])) == "partial"
