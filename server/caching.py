"""What need not be worked out twice: the vectors of queries, and whole replies to searches. Both bounded."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from threading import Lock

from cachetools import LRUCache

from indexer.encoder import Progress, Vectors
from indexer.query_encoder import QueryEncoder
from server import tracing
from server.found import Result

_VECTORS = 1024  # queries, 1.5 kB each with 384 dimensions
_REPLIES = 4 * 1024 * 1024  # bytes; a reply of ten sections has about 20 kB

_ID, _TOOK = b'"query_id":"', b'"took_ms":'


class RememberingEncoder:
    """Encodes a query once, as long as it is among the last that were asked."""

    def __init__(self, encoder: QueryEncoder) -> None:
        self._encoder = encoder
        self._vectors: LRUCache[str, Vectors] = LRUCache(_VECTORS)
        self._lock = Lock()
        self.name, self.fingerprint, self.dimension = encoder.name, encoder.fingerprint, encoder.dimension

    def encode_query(self, query: str) -> Vectors:
        """One unit vector, float32, shape (dimension,); not to be written to."""
        with self._lock:
            known = self._vectors.get(query)
        tracing.looked_up("vectors", known is not None)
        if known is not None:
            return known
        vector = self._encoder.encode_query(query)
        vector.flags.writeable = False
        with self._lock:
            self._vectors[query] = vector
        return vector

    def encode_queries(self, queries: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Unit vectors, float32, shape (len(queries), dimension)."""
        return self._encoder.encode_queries(queries, progress)

    def count_tokens(self, passages: Sequence[str]) -> list[int]:
        """How many tokens each passage has."""
        return self._encoder.count_tokens(passages)


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply in JSON without what is new each time, and what was found, for the journal."""

    before_id: bytes
    before_took: bytes
    rest: bytes
    result: Result  # without the candidates

    @classmethod
    def of(cls, body: bytes, result: Result) -> "Reply":
        """The reply of a body that has a query_id and, after it, took_ms."""
        # Neither can stand in a text: quotation marks in there have a backslash before them.
        start = body.index(_ID) + len(_ID)
        stop = body.index(b'"', start)
        took = body.index(_TOOK, stop) + len(_TOOK)
        return cls(body[:start], body[stop:took], body[body.index(b",", took) :], result)

    def body(self, query_id: str, took_ms: float) -> bytes:
        """The whole body."""
        return b"%b%b%b%b%b" % (self.before_id, query_id.encode(), self.before_took, b"%g" % took_ms, self.rest)

    @property
    def size(self) -> int:
        """Bytes that it takes, nearly; the texts of the result are the index's own."""
        return len(self.before_id) + len(self.before_took) + len(self.rest) + 4096


class Replies:
    """The last replies by what was asked for; threads may share them."""

    def __init__(self) -> None:
        self._replies: LRUCache[Hashable, Reply] = LRUCache(_REPLIES, getsizeof=lambda reply: reply.size)
        self._lock = Lock()

    def get(self, key: Hashable) -> Reply | None:
        """The reply, or None."""
        with self._lock:
            known = self._replies.get(key)
        tracing.looked_up("replies", known is not None)
        return known

    def keep(self, key: Hashable, reply: Reply) -> None:
        """Keeps a reply; one larger than all others may be together is not kept."""
        if reply.size <= _REPLIES:
            with self._lock:
                self._replies[key] = reply
