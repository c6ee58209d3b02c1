"""Whether one system is better than another or only luckier: the paired test over the same queries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

CONFIDENCE = 0.95
RESAMPLES = 10_000  # of the bootstrap, and random sign flips where not all are counted
EXACT = 13  # queries that differ: up to 2**13 = 8192 sign flips are all counted

# Differences are counted in billionths, as whole numbers: a measure that two systems reach by sums in another order is
# a tie, and two flips that sum to the same are seen to.
_UNITS = 1e9
_BATCH = 1_000  # flips at a time: a few megabytes for a thousand queries

_Differences = NDArray[np.float64]


class ComparisonError(Exception):
    """Two systems cannot be compared; the message gives place, found, expected, what to do."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """System b against system a by one measure, query by query."""

    mean_a: float
    mean_b: float
    difference: float  # mean of b - a
    low: float  # 95 % confidence interval of the difference
    high: float
    p: float  # two-sided, in (0, 1]
    wins: int  # queries on which b is better
    losses: int
    ties: int
    test: str  # what p is of, as a report names it


def paired(a: Mapping[str, float], b: Mapping[str, float], seed: int) -> Comparison:
    """How far b is ahead of a in the mean over queries, and how sure that is; `a` and `b` map query_id to a value.

    p is that of Fisher's randomisation test (Smucker, Allan and Carterette, 2007): the share of all ways to swap the
    two systems on some queries after which the means differ at least as much as they do. Where at most 13 queries
    differ, every way is counted; else 10,000 random ones and the observed one (so that p is never 0; Phipson and Smyth,
    2010). The interval is the BCa bootstrap's over queries (Efron, 1987), from 10,000 resamples: differences between
    rankings are mostly 0 and skewed, which BCa corrects for and percentiles do not. With some ten queries or fewer it
    is too narrow; read p there. Where all queries differ alike (also: one query, or all ties) it is that one point.
    All ties give p = 1.

    The same values and seed give the same Comparison, whatever the order of the queries.
    Raises ComparisonError where the queries are not the same, there is none, or a value is not finite.
    """
    _check(a, b)
    query_ids = sorted(a)
    values_a, values_b = (np.array([values[query_id] for query_id in query_ids]) for values in (a, b))
    differences = np.rint((values_b - values_a) * _UNITS)
    p, test = _randomisation(differences, np.random.default_rng(seed))
    low, high = _interval(differences, np.random.default_rng(seed))
    return Comparison(
        mean_a=float(values_a.mean()),
        mean_b=float(values_b.mean()),
        difference=float(differences.mean()) / _UNITS,
        low=low / _UNITS,
        high=high / _UNITS,
        p=p,
        wins=int((differences > 0).sum()),
        losses=int((differences < 0).sum()),
        ties=int((differences == 0).sum()),
        test=test,
    )


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """The p-values of several comparisons shown together, adjusted, in the order given; each in [0, 1].

    Step-down Bonferroni (Holm, 1979): the chance of one false alarm among all stays at the level that each is held to.
    Raises ValueError where a p-value is not in [0, 1].
    """
    if wrong := [p for p in p_values if not 0 <= p <= 1]:
        raise ValueError(f"p-value {wrong[0]}; expected one in [0, 1]; give the p of each comparison")
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda place: p_values[place])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return tuple(adjusted)


@dataclass(frozen=True, slots=True)
class AurocComparison:
    """System b against system a in telling answerable queries from others, on the same queries."""

    auroc_a: float
    auroc_b: float
    difference: float  # b - a
    low: float  # 95 % confidence interval of the difference
    high: float


def paired_auroc(
    a: Sequence[float], b: Sequence[float], answerable: Sequence[bool], seed: int, resamples: int = 2_000
) -> AurocComparison:
    """How far b is ahead of a in AUROC; `a` and `b` are their relevances for the same queries, in one order.

    The interval is the stratified percentile bootstrap's: answerable and other queries are resampled apart, each query
    with both its relevances (as in pROC: Robin et al., 2011). Raises ComparisonError where the lengths differ or a sort
    of queries is missing.
    """
    if not len(a) == len(b) == len(answerable) or len(set(answerable)) < 2:
        raise ComparisonError(
            f"AUROC: {len(a)} and {len(b)} relevances, {sum(answerable)} of {len(answerable)} queries answerable; "
            "expected as many of each, and queries of both sorts; compare on a set that has both"
        )
    pairs = np.column_stack([a, b])
    own, others = pairs[np.asarray(answerable)], pairs[~np.asarray(answerable)]

    def aurocs(rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.float64]:
        more = own[rows][:, None, :] - others[columns][None, :, :]
        return np.asarray(((more > 0) + (more == 0) / 2).mean(axis=(0, 1)))

    rng = np.random.default_rng(seed)
    drawn = [
        aurocs(rng.integers(len(own), size=len(own)), rng.integers(len(others), size=len(others)))
        for _ in range(resamples)
    ]
    low, high = np.quantile([after - before for before, after in drawn], [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    before, after = aurocs(np.arange(len(own)), np.arange(len(others)))
    return AurocComparison(float(before), float(after), float(after - before), float(low), float(high))


def _check(a: Mapping[str, float], b: Mapping[str, float]) -> None:
    if not a and not b:
        raise ComparisonError("comparison: no queries; expected at least one; give the values of each query")
    if different := sorted(a.keys() ^ b.keys()):
        side = "a" if different[0] in a else "b"
        raise ComparisonError(
            f"comparison: query {different[0]} is in {side} only ({len(different)} such); "
            "expected the same queries on both sides; measure both systems on the same set"
        )
    for side, values in (("a", a), ("b", b)):
        for query_id, value in values.items():
            if not np.isfinite(value):
                raise ComparisonError(
                    f"comparison: query {query_id} is {value} in {side}; expected a number; leave it out of both"
                )


def _randomisation(differences: _Differences, rng: np.random.Generator) -> tuple[float, str]:
    """p and the name of the test; ties are left out, since flipping a 0 changes nothing."""
    moved = differences[differences != 0]
    observed = abs(moved.sum())
    if len(moved) <= EXACT:
        ways = np.arange(2 ** len(moved))[:, np.newaxis] >> np.arange(len(moved))
        as_far = int((abs(_flipped(ways & 1, moved)) >= observed).sum())
        return as_far / len(ways), f"paired randomisation test, two-sided, exact ({len(ways)} sign flips)"
    as_far = 1
    for _ in range(RESAMPLES // _BATCH):
        ways = rng.integers(0, 2, size=(_BATCH, len(moved)))
        as_far += int((abs(_flipped(ways, moved)) >= observed).sum())
    return as_far / (RESAMPLES + 1), f"paired randomisation test, two-sided, {RESAMPLES} random sign flips"


def _flipped(ways: NDArray[np.int64], moved: _Differences) -> _Differences:
    """The sums of the differences (queries,), their signs turned where a row of `ways` (flips, queries) has 1."""
    sums: _Differences = (1.0 - 2.0 * ways) @ moved
    return sums


def _interval(differences: _Differences, rng: np.random.Generator) -> tuple[float, float]:
    if np.ptp(differences) == 0:  # BCa divides by their spread
        return float(differences[0]), float(differences[0])
    found = stats.bootstrap(
        (differences,),
        np.mean,
        n_resamples=RESAMPLES,
        batch=_BATCH,
        confidence_level=CONFIDENCE,
        method="BCa",
        rng=rng,
    ).confidence_interval
    return float(found.low), float(found.high)
