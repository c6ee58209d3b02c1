"""The paired test: values worked out by hand, every sign flip counted in fractions, other ways to the same number."""

import random
from fractions import Fraction
from itertools import combinations, product
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from evaluation.significance import Comparison, ComparisonError, holm, paired, paired_auroc

# Values of both systems for a query, in tenths: small whole numbers, so that differences often cancel and tie.
tenths = st.tuples(st.integers(0, 10), st.integers(0, 10))


def compare(pairs: list[tuple[float, float]], seed: int = 1) -> Comparison:
    a, b = ({f"q{place}": pair[side] for place, pair in enumerate(pairs)} for side in (0, 1))
    return paired(a, b, seed)


def compare_tenths(pairs: list[tuple[int, int]]) -> Comparison:
    return compare([(a / 10, b / 10) for a, b in pairs])


def test_comparison_of_four_queries_worked_out_by_hand():
    # Differences 0.3, 0.1, -0.1, 0; their sum is 0.3. Of the 8 sign flips of the first three, the sums are
    # ±0.5, ±0.3, ±0.3, ±0.1: six are at least as far from 0.
    found = compare([(0.2, 0.5), (0.0, 0.1), (1.0, 0.9), (0.4, 0.4)])
    assert found.p == 6 / 8
    assert found.mean_a == pytest.approx(1.6 / 4)
    assert found.mean_b == pytest.approx(1.9 / 4)
    assert found.difference == pytest.approx(0.3 / 4)
    assert (found.wins, found.losses, found.ties) == (2, 1, 1)
    assert found.test == "paired randomisation test, two-sided, exact (8 sign flips)"


@given(pairs=st.lists(tenths, min_size=1, max_size=7))
def test_exact_p_is_the_share_of_all_flips_counted_in_fractions(pairs):
    differences = [Fraction(b - a, 10) for a, b in pairs]
    # Ties are flipped here too.
    flipped = [
        sum(sign * each for sign, each in zip(signs, differences, strict=True))
        for signs in product((1, -1), repeat=len(pairs))
    ]
    as_far = sum(abs(each) >= abs(sum(differences)) for each in flipped)
    assert compare_tenths(pairs).p == pytest.approx(as_far / len(flipped), abs=1e-12)


def test_differences_that_cancel_do_so_in_floating_point_too():
    # 0.1 + 0.2 - 0.3 is 5.5e-17, and -0.3 + 0.1 + 0.2 is 2.8e-17: no flip may be nearer to 0 than 0.
    assert compare([(0.0, 0.1), (0.0, 0.2), (0.3, 0.0)]).p == 1.0


def test_same_value_summed_in_another_order_is_a_tie():
    found = compare([(0.1 + 0.2 + 0.3, 0.3 + 0.2 + 0.1), (0.0, 0.5)])
    assert (found.wins, found.losses, found.ties) == (1, 0, 1)


def test_up_to_thirteen_queries_that_differ_every_flip_is_counted():
    ties = [(0.5, 0.5)] * 50
    thirteen = compare([(0.0, 0.5)] * 13 + ties)
    assert thirteen.p == 2 / 2**13
    assert "exact" in thirteen.test
    assert compare([(0.0, 0.5)] * 14 + ties).test == "paired randomisation test, two-sided, 10000 random sign flips"


def exact_p(differences: list[int]) -> float:
    """By the distribution of the sum, one difference added at a time."""
    ways = {0: 1}
    for each in differences:
        more: dict[int, int] = {}
        for total, count in ways.items():
            for moved in (total + each, total - each):
                more[moved] = more.get(moved, 0) + count
        ways = more
    observed = abs(sum(differences))
    return sum(count for total, count in ways.items() if abs(total) >= observed) / sum(ways.values())


@pytest.mark.parametrize("lead", [0, 1, 2])
def test_random_flips_come_near_the_exact_p_of_many_queries(lead):
    draw = random.Random(lead)
    pairs = [(draw.randint(0, 10 - lead), draw.randint(lead, 10)) for _ in range(80)]
    expected = exact_p([b - a for a, b in pairs])
    # Four standard deviations of a share of 10,000.
    assert compare_tenths(pairs).p == pytest.approx(
        expected, abs=4 * (expected * (1 - expected) / 10_000) ** 0.5 + 1e-4
    )


def test_p_of_random_flips_is_never_zero():
    assert compare([(0.0, 1.0)] * 60).p == 1 / 10_001


@settings(max_examples=25)
@given(pairs=st.lists(tenths, min_size=1, max_size=30))
def test_other_way_round_everything_is_mirrored(pairs):
    found, other = compare_tenths(pairs), compare_tenths([(b, a) for a, b in pairs])
    assert (other.mean_a, other.mean_b) == (found.mean_b, found.mean_a)
    assert (other.wins, other.losses, other.ties) == (found.losses, found.wins, found.ties)
    assert (other.p, other.difference) == (found.p, -found.difference)
    assert (other.low, other.high) == pytest.approx((-found.high, -found.low))


@settings(max_examples=25)
@given(pairs=st.lists(tenths, min_size=1, max_size=30))
def test_comparison_is_within_its_bounds(pairs):
    found = compare_tenths(pairs)
    assert 0 < found.p <= 1
    assert found.wins + found.losses + found.ties == len(pairs)
    assert found.difference == pytest.approx(found.mean_b - found.mean_a)
    differences = [(b - a) / 10 for a, b in pairs]
    assert min(differences) - 1e-9 <= found.low <= found.high <= max(differences) + 1e-9


def test_order_of_the_queries_does_not_matter_and_the_seed_decides():
    draw = random.Random(5)
    a = {f"q{place}": draw.random() for place in range(40)}
    b = {query_id: min(1.0, value + draw.uniform(-0.3, 0.4)) for query_id, value in a.items()}
    found = paired(a, b, 1)
    assert paired(dict(reversed(a.items())), dict(sorted(b.items())), 1) == found
    assert paired(a, b, 2).p != found.p
    assert paired(a, b, 2).low != found.low


def bca(differences: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    """The interval as Efron and Tibshirani (1993) write it, equations 14.9 to 14.15."""
    normal = NormalDist()
    means = np.sort(rng.choice(differences, (40_000, len(differences))).mean(axis=1))
    bias = normal.inv_cdf(float(np.mean(means < differences.mean())))
    left_out = np.array([np.delete(differences, place).mean() for place in range(len(differences))])
    spread = left_out.mean() - left_out
    acceleration = (spread**3).sum() / (6 * (spread**2).sum() ** 1.5)
    shifted = (bias + normal.inv_cdf(level) for level in (0.025, 0.975))
    levels = [normal.cdf(bias + each / (1 - acceleration * each)) for each in shifted]
    low, high = np.quantile(means, levels)
    return float(low), float(high)


def test_interval_agrees_with_bca_written_out_and_not_with_percentiles():
    draw = np.random.default_rng(3)
    differences = draw.exponential(0.1, 60) ** 2  # skewed: few queries gain much
    found = compare([(0.0, each) for each in differences])
    low, high = bca(differences, draw)
    assert (found.low, found.high) == pytest.approx((low, high), rel=0.02)
    percentiles = np.quantile(draw.choice(differences, (40_000, 60)).mean(axis=1), [0.025, 0.975])
    assert found.low > percentiles[0] * 1.04
    assert found.high > percentiles[1] * 1.04


def test_interval_holds_the_true_difference_about_19_times_of_20():
    draw = np.random.default_rng(4)
    held = 0
    for _ in range(150):
        found = compare([(0.0, each) for each in draw.normal(0.1, 0.3, 40)])
        held += found.low <= 0.1 <= found.high
    # Of 150, 142.5 are expected, with a standard deviation of 2.7.
    assert 132 <= held <= 149


@pytest.mark.parametrize(
    ("pairs", "difference", "p"),
    [
        ([(0.3, 0.3)], 0.0, 1.0),
        ([(0.3, 0.3), (0.8, 0.8), (0.0, 0.0)], 0.0, 1.0),
        ([(0.3, 0.7)], 0.4, 1.0),
        ([(0.0, 0.5), (0.5, 1.0)], 0.5, 0.5),
    ],
    ids=["one tie", "all ties", "one query", "all alike"],
)
def test_where_all_queries_differ_alike_the_interval_is_a_point(pairs, difference, p):
    found = compare(pairs)
    assert (found.low, found.high, found.p) == (pytest.approx(difference), pytest.approx(difference), p)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ({}, {}, "no queries; expected at least one"),
        ({"q1": 0.1}, {}, r"query q1 is in a only \(1 such\); expected the same queries on both sides"),
        ({"q2": 0.1}, {"q2": 0.1, "q1": 0.2, "q3": 0.2}, r"query q1 is in b only \(2 such\);"),
        ({"q1": 0.1}, {"q1": float("nan")}, "query q1 is nan in b; expected a number"),
        ({"q1": float("inf")}, {"q1": 0.1}, "query q1 is inf in a; expected a number"),
    ],
)
def test_what_cannot_be_compared_is_refused(a, b, message):
    with pytest.raises(ComparisonError, match=message):
        paired(a, b, 1)


def test_holm_of_three_by_hand():
    # The least times 3 is 0.03; the next, 0.03, times 2 is 0.06; the largest, 0.04, times 1 must not fall below that.
    assert holm([0.01, 0.04, 0.03]) == pytest.approx((0.03, 0.06, 0.06))
    assert holm([0.5, 0.6]) == (1.0, 1.0)
    assert holm([]) == ()


@given(p_values=st.lists(st.floats(0, 1), max_size=6))
def test_holm_is_bonferroni_over_every_group_that_a_comparison_is_in(p_values):
    # Closed testing (Marcus, Peritz and Gabriel, 1976): reject one where each group of comparisons with it is rejected.
    places = range(len(p_values))
    groups = [group for size in range(1, len(p_values) + 1) for group in combinations(places, size)]
    expected = [
        max(min(1.0, len(group) * min(p_values[each] for each in group)) for group in groups if place in group)
        for place in places
    ]
    assert holm(p_values) == pytest.approx(tuple(expected))


@pytest.mark.parametrize("wrong", [-0.1, 1.1, float("nan")])
def test_holm_refuses_what_is_no_p_value(wrong):
    with pytest.raises(ValueError, match=r"expected one in \[0, 1\]"):
        holm([0.5, wrong])


def test_auroc_of_both_and_their_difference_by_hand():
    answerable = [True, True, False, False]
    # a: 0.9 is above both others, 0.5 above one and level with none: 3 of 4; b tells all four couples.
    found = paired_auroc([0.9, 0.5, 0.6, 0.1], [0.9, 0.8, 0.6, 0.1], answerable, seed=1)
    assert (found.auroc_a, found.auroc_b, found.difference) == (0.75, 1.0, 0.25)
    assert 0 <= found.low <= 0.25 <= found.high <= 1


def test_aurocs_are_those_of_scikit_learn_with_ties():
    rng = np.random.default_rng(7)
    answerable = rng.random(80) < 0.6
    a, b = (np.round(rng.random(80), 1) for _ in range(2))
    found = paired_auroc(a.tolist(), b.tolist(), answerable.tolist(), seed=1)
    assert found.auroc_a == pytest.approx(roc_auc_score(answerable, a))
    assert found.auroc_b == pytest.approx(roc_auc_score(answerable, b))


def test_interval_of_the_same_system_twice_is_the_point_0():
    relevances = [0.1, 0.4, 0.35, 0.8]
    found = paired_auroc(relevances, relevances, [False, False, True, True], seed=1)
    assert (found.difference, found.low, found.high) == (0.0, 0.0, 0.0)


def test_interval_of_a_clear_difference_keeps_off_0_and_narrows_with_more_queries():
    def width(number: int) -> float:
        rng = np.random.default_rng(3)
        answerable = [place < number // 2 for place in range(number)]
        a = rng.normal(0, 1, number)
        b = a + np.where(answerable, 2.0, 0.0)
        found = paired_auroc(a.tolist(), b.tolist(), answerable, seed=1)
        assert found.low > 0
        return found.high - found.low

    assert width(400) < 0.7 * width(60)


@pytest.mark.parametrize(
    ("a", "b", "answerable"),
    [([0.1, 0.2], [0.1], [True, False]), ([0.1, 0.2], [0.1, 0.2], [True, True]), ([], [], [])],
)
def test_aurocs_that_cannot_be_compared_are_named(a: list[float], b: list[float], answerable: list[bool]):
    with pytest.raises(ComparisonError, match="expected as many of each, and queries of both sorts"):
        paired_auroc(a, b, answerable, seed=1)
