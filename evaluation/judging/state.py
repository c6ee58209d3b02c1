"""How far the queries are judged, and which of them is next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evaluation.judging.store import Contents


@dataclass(frozen=True, slots=True)
class State:
    """How many of a query's pooled sections are judged."""

    judged: int
    pooled: int

    @property
    def is_done(self) -> bool:
        """Whether none is left to judge; an empty pool is done from the start."""
        return self.judged == self.pooled


def states(pools: Mapping[str, Sequence[str]], contents: Contents) -> dict[str, State]:
    """The state of each query, in the order of the pools. Judged sections outside of its pool count for nothing."""
    return {
        query_id: State(len(contents.judgments.get(query_id, {}).keys() & set(pool)), len(set(pool)))
        for query_id, pool in pools.items()
    }


def next_open(found: Mapping[str, State], after_query: str | None = None) -> str | None:
    """The first query that is not done, looking first behind `after_query` and then before it; None where all are.

    `after_query` itself is not given, however open it is: who left it knows why.
    """
    ids = list(found)
    start = ids.index(after_query) + 1 if after_query is not None else 0
    around = [*ids[start:], *ids[:start]]
    return next((each for each in around if not found[each].is_done and each != after_query), None)
