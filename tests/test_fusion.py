"""Two rankings into one: values worked out by hand, and properties that any fusion must have."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server import fusion

LEXICAL = {1: 10.0, 2: 6.0, 3: 2.0}
SEMANTIC = {2: 0.9, 3: 0.8, 4: 0.7}

scores = st.dictionaries(st.integers(0, 50), st.floats(0, 100, allow_nan=False), max_size=30)


def test_minmax_puts_best_at_one_and_worst_at_zero():
    assert fusion.minmax(LEXICAL) == {1: 1.0, 2: 0.5, 3: 0.0}


def test_equal_scores_are_all_best_under_minmax():
    assert fusion.minmax({1: 3.0, 2: 3.0}) == {1: 1.0, 2: 1.0}


def test_maximum_divides_by_the_best():
    assert fusion.by_maximum(LEXICAL) == {1: 1.0, 2: 0.6, 3: 0.2}


def test_zscore_counts_standard_deviations_above_the_worst():
    # mean 6, variance (16 + 0 + 16) / 3, deviation 3.266
    assert fusion.zscore(LEXICAL) == pytest.approx({1: 8 / 3.26599, 2: 4 / 3.26599, 3: 0.0}, rel=1e-5)


def test_weighted_sum_by_hand():
    fused = fusion.weighted_sum(LEXICAL, SEMANTIC, semantic_weight=0.25, normalisation="minmax")
    assert fused == pytest.approx({1: 0.75, 2: 0.75 * 0.5 + 0.25, 3: 0.25 * 0.5, 4: 0.0})


def test_reciprocal_rank_by_hand():
    assert fusion.reciprocal_rank(LEXICAL) == pytest.approx({1: 1 / 61, 2: 1 / 62, 3: 1 / 63})
    fused = fusion.weighted_sum(LEXICAL, SEMANTIC, semantic_weight=0.5, normalisation="reciprocal_rank")
    assert {row: 2 * score for row, score in fused.items()} == pytest.approx(
        {1: 1 / 61, 2: 1 / 62 + 1 / 61, 3: 1 / 63 + 1 / 62, 4: 1 / 63}
    )


def test_ties_of_one_half_keep_the_order_of_rows_in_reciprocal_rank():
    fused = fusion.reciprocal_rank({5: 1.0, 2: 1.0})
    assert fused[2] > fused[5]


@pytest.mark.parametrize("normalisation", sorted(fusion.NORMALISATIONS))
@given(lexical=scores, semantic=scores, weight=st.floats(0, 1))
def test_fusion_keeps_every_candidate_and_never_scores_below_zero(normalisation, lexical, semantic, weight):
    fused = fusion.weighted_sum(lexical, semantic, weight, normalisation)
    assert fused.keys() == lexical.keys() | semantic.keys()
    assert all(score >= 0 for score in fused.values())


@pytest.mark.parametrize("normalisation", sorted(fusion.NORMALISATIONS))
@given(lexical=scores, semantic=scores, weight=st.floats(0, 1))
def test_shares_of_both_halves_add_up_to_the_fused_score(normalisation, lexical, semantic, weight):
    shares = fusion.shares(lexical, semantic, weight, normalisation)
    fused = fusion.weighted_sum(lexical, semantic, weight, normalisation)
    assert fused == {row: words + meaning for row, (words, meaning) in shares.items()}


@pytest.mark.parametrize("normalisation", sorted(fusion.NORMALISATIONS))
@given(lexical=scores)
def test_weight_zero_keeps_the_lexical_order(normalisation, lexical):
    fused = fusion.weighted_sum(lexical, {}, 0.0, normalisation)
    best = sorted(lexical, key=lambda row: (-lexical[row], row))
    assert all(fused[above] >= fused[below] for above, below in pairwise(best))
