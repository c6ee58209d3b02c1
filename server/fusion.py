"""Two rankings into one: pure functions on {row: score}, higher is better."""

from collections.abc import Callable, Mapping

Scores = Mapping[int, float]


def minmax(scores: Scores) -> dict[int, float]:
    """The scores moved to [0, 1], the best at 1, the worst at 0; all 1 where they are equal."""
    if not scores:
        return {}
    low, high = min(scores.values()), max(scores.values())
    if not high > low:
        return dict.fromkeys(scores, 1.0)
    reach = high - low
    return {row: (score - low) / reach for row, score in scores.items()}


def by_maximum(scores: Scores) -> dict[int, float]:
    """The scores divided by the best; zeros where that is not positive."""
    high = max(scores.values(), default=0.0)
    return {row: score / high if high > 0 else 0.0 for row, score in scores.items()}


def zscore(scores: Scores) -> dict[int, float]:
    """The scores in standard deviations above the worst (so that a missing row, at 0, equals it)."""
    if not scores:
        return {}
    mean = sum(scores.values()) / len(scores)
    deviation = (sum((score - mean) ** 2 for score in scores.values()) / len(scores)) ** 0.5
    low = min(scores.values())
    return {row: (score - low) / deviation if deviation > 0 else 1.0 for row, score in scores.items()}


def reciprocal_rank(scores: Scores, k: int = 60) -> dict[int, float]:
    """1 / (k + rank), ties by row: half of reciprocal rank fusion, which adds these with equal weights.

    Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet ..." (2009).
    """
    order = sorted(scores, key=lambda row: (-scores[row], row))
    return {row: 1 / (k + rank) for rank, row in enumerate(order, start=1)}


NORMALISATIONS: Mapping[str, Callable[[Scores], dict[int, float]]] = {
    "minmax": minmax,
    "maximum": by_maximum,
    "zscore": zscore,
    "reciprocal_rank": reciprocal_rank,
}


def shares(
    lexical: Scores, semantic: Scores, semantic_weight: float, normalisation: str
) -> dict[int, tuple[float, float]]:
    """What each half gives a row: its score, normalised over its own candidates and weighted; 0 where it lacks it."""
    normalise = NORMALISATIONS[normalisation]
    left, right = normalise(lexical), normalise(semantic)
    return {
        row: ((1 - semantic_weight) * left.get(row, 0.0), semantic_weight * right.get(row, 0.0))
        for row in left.keys() | right.keys()
    }


def weighted_sum(lexical: Scores, semantic: Scores, semantic_weight: float, normalisation: str) -> dict[int, float]:
    """What both halves give, added.

    The convex combination of Bruch, Gai and Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval" (2023).
    """
    normalise = NORMALISATIONS[normalisation]
    left, right = normalise(lexical), normalise(semantic)
    # As `shares` has it, without a pair for every row.
    lexical_weight = 1 - semantic_weight
    return {
        row: lexical_weight * left.get(row, 0.0) + semantic_weight * right.get(row, 0.0)
        for row in left.keys() | right.keys()
    }
