"""A request as its bytes come in, kept until it is whole: what is slow to come takes room, and no thread.

Only where a request ends is read here. What it says, and whether it is one at all, gunicorn judges afterwards.
"""

import re
from collections.abc import Mapping
from typing import Literal

State = Literal["partial", "whole", "head_too_large", "body_too_large"]

LONGEST_HEAD = 32 * 1024  # bytes of the first line and all headers; gunicorn has limits for each line

_END = re.compile(rb"\r?\n\r?\n")
_LENGTH = re.compile(rb"(?im)^content-length[ \t]*:[ \t]*(\d+)[ \t]*\r?$")
_CHUNKED = re.compile(rb"(?im)^transfer-encoding[ \t]*:.*chunked")
_EXPECTS = re.compile(rb"(?im)^expect[ \t]*:[ \t]*100-continue")
_SIZE = re.compile(rb"\s*([0-9a-fA-F]{1,8})\s*(?:;.*)?")
_LONGEST_SIZE = 256  # bytes of the line before a chunk


class Incoming:
    """One request, and what was sent after it."""

    def __init__(self, largest_body: int, larger: Mapping[str, int] | None = None) -> None:
        """A body of more bytes is not waited for; some paths take `larger` ones, {path: bytes}."""
        self._largest_body = largest_body
        self._larger = larger or {}
        self._bytes = bytearray()
        self._looked_to = 0  # bytes that hold no end of the head
        self._body: int | None = None  # where it begins; None until the head is whole
        self._length: int | None = None  # of the body; None: it comes in chunks
        self._chunk = 0  # where the next one begins
        self.expects = False  # the client waits for "100 Continue" before it sends the body

    @property
    def size(self) -> int:
        """Bytes that have come."""
        return len(self._bytes)

    @property
    def path(self) -> str:
        """The path as it stands in the first line, without what was asked; empty where there is none."""
        words = bytes(self._bytes[:1024]).split(b"\n", 1)[0].split()
        return words[1].partition(b"?")[0].decode("latin-1") if len(words) > 1 else ""

    def content(self) -> bytes:
        """All that has come."""
        return bytes(self._bytes)

    def take(self, received: bytes) -> State:
        """How far it is once these bytes have come, too."""
        self._bytes += received
        if self._body is None:
            end = _END.search(self._bytes, self._looked_to)
            if end is None:
                self._looked_to = max(0, len(self._bytes) - 3)
                return "head_too_large" if len(self._bytes) > LONGEST_HEAD else "partial"
            self._read_head(end.end())
        return self._state()

    def _read_head(self, end: int) -> None:
        head = bytes(self._bytes[:end])
        self._largest_body = self._larger.get(self.path, self._largest_body)
        self._body = self._chunk = end
        self.expects = _EXPECTS.search(head) is not None
        if _CHUNKED.search(head):
            return
        length = _LENGTH.search(head)
        # A number of twenty digits is too large, whichever it is.
        self._length = 0 if length is None else int(length[1][:20])

    def _state(self) -> State:
        begin = self._body or 0
        if begin > LONGEST_HEAD:
            return "head_too_large"
        come = len(self._bytes) - begin
        if self._length is not None:
            if self._length > self._largest_body:
                return "body_too_large"
            return "whole" if come >= self._length else "partial"
        if self._ends():
            return "whole"
        # Twice: chunks of a few bytes each have lines as long as themselves.
        return "body_too_large" if come > 2 * self._largest_body else "partial"

    def _ends(self) -> bool:
        """Whether the last chunk has come; what is no chunk is whole, for gunicorn to refuse."""
        while (end := self._bytes.find(b"\r\n", self._chunk, self._chunk + _LONGEST_SIZE)) >= 0:
            size = _SIZE.fullmatch(self._bytes, self._chunk, end)
            if size is None:
                return True
            if int(size[1], 16) == 0:
                return self._bytes.find(b"\r\n\r\n", end) >= 0
            following = end + 2 + int(size[1], 16) + 2
            if following > len(self._bytes):
                return False
            self._chunk = following
        return len(self._bytes) > self._chunk + _LONGEST_SIZE
