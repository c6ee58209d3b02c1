"""Which sections an evaluator sees for a query, and in which order."""

import hashlib
from collections.abc import Mapping, Sequence


def pool(rankings_by_system: Mapping[str, Mapping[str, Sequence[str]]], depth: int = 5) -> dict[str, tuple[str, ...]]:
    """The first `depth` of every system's ranking together, for each query that any system was asked.

    system -> query_id -> section ids, best first. A query for which nothing was found has an empty pool. The order
    tells neither system nor rank: it goes by a hash of query and section, so that a system that joins later puts its
    sections between the others and moves none. Raises ValueError where `depth` is below 1.
    """
    if depth < 1:
        raise ValueError(f"depth is {depth}; expected 1 or more")
    found: dict[str, set[str]] = {}
    for rankings in rankings_by_system.values():
        for query_id, ranking in rankings.items():
            found.setdefault(query_id, set()).update(ranking[:depth])
    return {query_id: tuple(sorted(ids, key=lambda each: _place(query_id, each))) for query_id, ids in found.items()}


def _place(query_id: str, section_id: str) -> bytes:
    return hashlib.sha256(f"{query_id}\n{section_id}".encode()).digest()
