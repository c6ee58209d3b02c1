"""Our own measures: values worked out by hand, properties, and agreement with other implementations."""

from itertools import permutations

import ir_measures
import pytest
import pytrec_eval
from helpers import measured
from hypothesis import assume, given
from hypothesis import strategies as st
from ir_measures import Judged
from scipy.stats import kendalltau, mannwhitneyu
from sklearn.metrics import ndcg_score

from evaluation import measures, runs
from evaluation.judgments import JudgedSet, Nugget, Query
from evaluation.measures import Abstention, Bin, CitedStep, Decision, StepScores, step_scores
from evaluation.runs import Run


def equal(answered: str, judged: str) -> bool:
    return answered == judged


def nuggets(steps: str, section_id: str = "a#1") -> list[Nugget]:
    """A nugget a letter, the capitals vital."""
    return [Nugget(section_id, step.lower(), step.isupper()) for step in steps]


def test_step_scores_by_hand():
    # Vital a, c, d of which a and d are named; of five steps a, b, d are nuggets; in order are (d, a) no, (d, b) no,
    # (a, b) yes.
    found = step_scores(["d", "x", "a", "y", "b"], nuggets("AbCD"), equal)
    assert found == StepScores(recall=2 / 3, precision=3 / 5, order=pytest.approx(1 / 3))


@pytest.mark.parametrize(
    ("answered", "judged", "expected"),
    [
        ("ab", "", StepScores(None, None, None)),
        ("", "", StepScores(None, None, None)),
        ("", "Ab", StepScores(0.0, None, None)),
        ("x", "Ab", StepScores(0.0, 0.0, None)),
        ("a", "ab", StepScores(None, 1.0, None)),
        ("a", "A", StepScores(1.0, 1.0, None)),
        ("ab", "AB", StepScores(1.0, 1.0, 1.0)),
        ("ba", "AB", StepScores(1.0, 1.0, 0.0)),
    ],
    ids=["unjudged", "nothing at all", "no answer", "all wrong", "none vital", "one", "right", "reversed"],
)
def test_step_scores_where_little_is_judged_or_answered(answered, judged, expected):
    assert step_scores(answered, nuggets(judged), equal) == expected


def test_step_said_twice_counts_once():
    assert step_scores("aa", nuggets("AB"), equal) == StepScores(recall=0.5, precision=0.5, order=None)


def test_one_step_that_says_everything_stands_for_one_nugget():
    assert step_scores(["все сразу"], nuggets("ABC"), lambda answered, judged: True).recall == pytest.approx(1 / 3)


def test_first_step_leaves_to_the_second_the_only_nugget_that_it_fits():
    fits = {("broad", "a"), ("broad", "b"), ("narrow", "a")}
    found = step_scores(["broad", "narrow"], nuggets("AB"), lambda *pair: pair in fits)
    assert (found.recall, found.precision) == (1.0, 1.0)


def test_vital_nugget_is_matched_before_an_okay_one():
    assert step_scores(["any"], nuggets("abCd"), lambda answered, judged: True).recall == 1.0


def test_same_step_asked_for_twice_is_matched_in_order():
    # «Откройте настройки», then something, then «Откройте настройки» again.
    assert step_scores("aba", nuggets("ABA"), equal) == StepScores(1.0, 1.0, 1.0)
    assert step_scores("xaa", nuggets("ABA"), equal).order == 1.0
    assert step_scores("baab", nuggets("AAB"), equal).order == 1.0  # by the second b


def test_steps_of_two_sections_have_no_order_between_them():
    judged = [*nuggets("AB", "ios#1"), *nuggets("CD", "android#1")]
    assert step_scores("cdab", judged, equal).order == 1.0
    assert step_scores("dcab", judged, equal).order == 0.5
    assert step_scores("ca", judged, equal).order is None


@given(
    answered=st.text("abcd", max_size=4),
    judged=st.text("abcdABCD", max_size=5),
    related=st.sets(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd"))),
)
def test_matching_is_the_fullest_of_all_that_there_are(answered, judged, related):
    asked = nuggets(judged)
    found = step_scores(answered, asked, lambda *pair: pair in related)
    most = most_vital = 0
    for chosen in permutations([*range(len(asked)), *[None] * len(answered)], len(answered)):
        matched = [
            asked[place]
            for step, place in zip(answered, chosen, strict=True)
            if place is not None and (step, asked[place].step) in related
        ]
        most = max(most, len(matched))
        most_vital = max(most_vital, sum(nugget.vital for nugget in matched))
    vital = sum(nugget.vital for nugget in asked)
    assert found.recall == (most_vital / vital if vital else None)
    assert found.precision == (most / len(answered) if answered and asked else None)


@given(answered=st.permutations("abcdefgh"), judged=st.permutations("abcdexyz"))
def test_order_is_kendalls_tau_brought_to_shares(answered, judged):
    places = [judged.index(step) for step in answered if step in judged]
    tau = kendalltau(range(len(places)), places).statistic
    assert step_scores(answered, nuggets("".join(judged)), equal).order == pytest.approx((tau + 1) / 2)


SECTIONS = {
    "sign-in#sms": "1. Откройте «Настройки».\n2. Нажмите Wi-Fi, затем Входящие.\nКод ошибки 0x80070005.",
    "chats#create": "Нажмите «Создать чат».",
}


@pytest.mark.parametrize(
    ("section_id", "step", "holds"),
    [
        ("sign-in#sms", "Откройте «Настройки».", True),
        ("sign-in#sms", "откройте   настройки", True),
        ("sign-in#sms", "Нажмите Wi-Fi", True),
        ("sign-in#sms", "Код ошибки 0x80070005", True),
        ("sign-in#sms", "От\u00adкройте на\u200bстройки", True),
        ("sign-in#sms", "Нажмите ход", False),
        ("sign-in#sms", "ходящие", False),
        ("sign-in#sms", "Нажмите Входящие", False),
        ("sign-in#sms", "Нажмите «Создать чат».", False),
        ("chats#gone", "Нажмите «Создать чат».", False),
        ("chats#create", "Нажмите «Создать чат».", True),
        ("chats#create", "…", False),
        ("chats#gone", "", False),
    ],
)
def test_cited_section_holds_the_step_word_for_word(section_id, step, holds):
    assert measures.citation_correctness([CitedStep(section_id, step)], SECTIONS) == float(holds)


def test_citation_correctness_is_a_share_and_none_without_steps():
    cited = [CitedStep("chats#create", "Нажмите «Создать чат»."), CitedStep("sign-in#sms", "Нажмите «Создать чат».")]
    assert measures.citation_correctness([cited[0], *cited], SECTIONS) == pytest.approx(2 / 3)
    assert measures.citation_correctness([], SECTIONS) is None


def test_abstention_by_hand():
    found = measures.abstention(
        [
            Decision(0.9, answerable=True, answered=True),
            Decision(0.5, answerable=True, answered=True),
            Decision(0.4, answerable=True, answered=True),
            Decision(0.2, answerable=True, answered=False),
            Decision(0.5, answerable=False, answered=True),
            Decision(0.1, answerable=False, answered=False),
        ]
    )
    # Of the 8 pairs, 0.9 wins two, 0.5 one and a half, 0.4 one, 0.2 one.
    assert found == Abstention(
        answerable=4,
        unanswerable=2,
        false_refusals=1,
        false_answers=1,
        false_refusal_rate=1 / 4,
        false_answer_rate=1 / 2,
        balanced_accuracy=(3 / 4 + 1 / 2) / 2,
        auroc=5.5 / 8,
    )


def test_abstention_without_a_class_of_queries_leaves_out_what_needs_both():
    answered, refused = Decision(0.9, True, True), Decision(0.2, True, False)
    assert measures.abstention([answered, refused]) == Abstention(2, 0, 1, 0, 0.5, None, None, None)
    assert measures.abstention([Decision(0.9, False, True)]) == Abstention(0, 1, 0, 1, None, 1.0, None, None)
    assert measures.abstention([]) == Abstention(0, 0, 0, 0, None, None, None, None)


shares = st.one_of(st.floats(0, 1, allow_subnormal=False), st.integers(0, 5).map(lambda fifth: fifth / 5))
decisions = st.lists(st.builds(Decision, shares, st.booleans(), st.booleans()), max_size=30)
both_classes = decisions.filter(lambda found: len({decision.answerable for decision in found}) == 2)


@given(found=both_classes)
def test_auroc_is_the_u_of_mann_and_whitney_over_the_pairs(found):
    answerable = [decision.relevance for decision in found if decision.answerable]
    unanswerable = [decision.relevance for decision in found if not decision.answerable]
    u = mannwhitneyu(answerable, unanswerable, method="asymptotic").statistic
    assert measures.abstention(found).auroc == pytest.approx(u / (len(answerable) * len(unanswerable)))


@given(found=both_classes)
def test_auroc_and_balanced_accuracy_of_the_opposite_judgment_make_one_together(found):
    opposite = [Decision(decision.relevance, not decision.answerable, decision.answered) for decision in found]
    one, other = measures.abstention(found), measures.abstention(opposite)
    assert one.auroc + other.auroc == pytest.approx(1)
    assert one.balanced_accuracy + other.balanced_accuracy == pytest.approx(1)


@given(found=both_classes)
def test_auroc_sees_only_the_order_of_relevance(found):
    halved = [Decision(decision.relevance / 2, decision.answerable, decision.answered) for decision in found]
    assert measures.abstention(halved).auroc == measures.abstention(found).auroc


@pytest.mark.parametrize("wrong", [-0.1, 1.5, float("nan")])
def test_relevance_and_confidence_outside_0_to_1_are_refused(wrong):
    with pytest.raises(ValueError, match=r"relevance 2: .*; expected one in \[0, 1\]"):
        measures.abstention([Decision(0.5, True, True), Decision(wrong, True, True)])
    with pytest.raises(ValueError, match=r"confidence 1: .*; expected one in \[0, 1\]"):
        measures.reliability([wrong], [True])


def test_reliability_table_and_its_error_by_hand():
    table = measures.reliability([0.95, 0.05, 0.85, 0.9, 0.15, 0.0], [True, False, False, True, True, False])
    # 0.9 still belongs to (0.8, 0.9], and 0 to the first.
    assert table == (
        Bin(0.0, 0.1, 2, pytest.approx(0.025), 0.0),
        Bin(0.1, 0.2, 1, pytest.approx(0.15), 1.0),
        Bin(0.8, 0.9, 2, pytest.approx(0.875), 0.5),
        Bin(0.9, 1.0, 1, pytest.approx(0.95), 1.0),
    )
    expected = (2 * 0.025 + 1 * 0.85 + 2 * 0.375 + 1 * 0.05) / 6
    assert measures.calibration_error(table) == pytest.approx(expected)


def test_confidence_on_a_bound_belongs_below_it_whatever_rounding_does():
    assert measures.reliability([0.07], [True], bins=100)[0].high == 0.07
    assert measures.reliability([1.0], [True], bins=3)[0].high == 1.0


def test_nothing_said_has_an_empty_table_and_no_error():
    assert measures.reliability([], []) == ()
    assert measures.calibration_error(()) is None


@pytest.mark.parametrize(("confidences", "came_true", "bins"), [([0.5], [], 10), ([], [True], 10), ([0.5], [True], 0)])
def test_reliability_refuses_unequal_lengths_and_no_bins(confidences, came_true, bins):
    with pytest.raises(ValueError, match="expected as many of one as of the other"):
        measures.reliability(confidences, came_true, bins)


said = st.lists(st.tuples(shares, st.booleans()), min_size=1, max_size=40)


@given(said=said, bins=st.integers(1, 20))
def test_calibration_error_is_that_of_every_bin_summed_by_the_definition(said, bins):
    table = measures.reliability([share for share, _ in said], [true for _, true in said], bins)
    error = 0.0
    for place in range(bins):
        low, high = place / bins, (place + 1) / bins
        inside = [each for each in said if low < each[0] <= high or (place == 0 and each[0] == 0)]
        error += abs(sum(share - true for share, true in inside)) / len(said)
    assert measures.calibration_error(table) == pytest.approx(error)
    assert sum(row.count for row in table) == len(said)
    assert all(row.count and row.low <= row.confidence <= row.high + 1e-12 for row in table)
    assert [row.low for row in table] == sorted({row.low for row in table})


@given(came_true=st.lists(st.booleans(), min_size=1, max_size=40))
def test_error_of_one_who_always_knows_is_0_and_of_one_who_never_does_1(came_true):
    right = measures.reliability([float(each) for each in came_true], came_true)
    wrong = measures.reliability([float(not each) for each in came_true], came_true)
    assert (measures.calibration_error(right), measures.calibration_error(wrong)) == (0.0, 1.0)


def test_judged_at_k_by_hand():
    qrels = {"q1": {"a": 0, "b": 2}, "q2": {"a": 1}, "q3": {"c": 1}, "q4": {"d": 1}}
    rankings = {"q1": ["b", "x", "a"], "q2": ["a"], "q3": [], "unjudged": ["x"]}
    # q1: the first two hold one judged, the first three two (a grade of 0 is a judgment). q2 is divided by its one.
    # q3 and q4 found nothing and stay out; what is not in the qrels has no part.
    assert measures.judged_at(2, rankings, qrels) == (1 / 2 + 1) / 2
    assert measures.judged_at(3, rankings, qrels) == (2 / 3 + 1) / 2
    assert measures.judged_at(3, {"q3": []}, qrels) is None
    with pytest.raises(ValueError, match="Judged@0: cutoff 0; expected 1 or more"):
        measures.judged_at(0, rankings, qrels)


def test_mean_leaves_out_what_has_no_value():
    assert measures.mean([1.0, None, 0.5]) == 0.75
    assert measures.mean([None]) is None


# Runs as systems give them: scores that tie often, lists that are empty, shorter and longer than the cutoff, queries
# that are not answered at all, judged documents that are not found, all grades 0.
documents = st.integers(10, 40).map(str)
graded = st.dictionaries(documents, st.integers(0, 2), min_size=1, max_size=15)
scored = st.dictionaries(documents, st.integers(0, 5).map(float), max_size=25)
query_ids = st.sampled_from(["q1", "q2", "q3", "q4"])
judged_sets = st.dictionaries(query_ids, graded, min_size=1)
scored_runs = st.dictionaries(query_ids, scored)


def best_first(scores: dict[str, float]) -> list[str]:
    """As trec_eval sorts: ties by id, the last first."""
    return sorted(scores, key=lambda document: (scores[document], document), reverse=True)


def measured_run(rankings: dict[str, list[str]], qrels: dict[str, dict[str, int]]) -> dict[str, float]:
    judged = JudgedSet("random", tuple(Query(query_id, query_id) for query_id in qrels), qrels)
    return measured(Run("random", rankings), judged)


@given(qrels=judged_sets, scores=scored_runs)
def test_measures_of_runs_agree_with_trec_eval_given_the_tied_scores(qrels, scores):
    names = {"ndcg_cut_10": "nDCG@10", "recall_10": "R@10", "success_1": "hit@1", "success_3": "hit@3"}
    evaluator = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut.10", "recall.10", "success.1,3", "recip_rank"})
    rankings = {query_id: best_first(found) for query_id, found in scores.items()}
    firsts = {query_id: {each: scores[query_id][each] for each in ids[:10]} for query_id, ids in rankings.items()}
    by_query, by_firsts = evaluator.evaluate(scores), evaluator.evaluate(firsts)
    expected = {
        ours: sum(values[theirs] for values in by_query.values()) / len(qrels) for theirs, ours in names.items()
    }
    expected["RR@10"] = sum(values["recip_rank"] for values in by_firsts.values()) / len(qrels)
    found = measured_run(rankings, qrels)
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-6)


def by_definition(ranking: list[str], grades: dict[str, int]) -> dict[str, float]:
    """scikit-learn's nDCG, and sets for the rest: ir_measures itself asks trec_eval for all but RR."""
    good = {document for document, grade in grades.items() if grade > 0}
    # Judged documents that were not found come after rank 10, lest scikit-learn take them for found.
    padded = [*ranking, *["none"] * (10 - len(ranking)), *(grades.keys() - set(ranking)), "none"]
    gains = [grades.get(document, 0) for document in padded]
    ranks = [rank for rank, document in enumerate(ranking[:10], start=1) if document in good]
    return {
        "nDCG@10": ndcg_score([gains], [range(len(gains), 0, -1)], k=10, ignore_ties=True),
        "RR@10": 1 / ranks[0] if ranks else 0,
        "R@10": len(ranks) / len(good) if good else 0,
        "hit@1": bool(good & set(ranking[:1])),
        "hit@3": bool(good & set(ranking[:3])),
    }


@given(qrels=judged_sets, scores=scored_runs)
def test_measures_of_runs_agree_with_scikit_learn_and_their_definitions(qrels, scores):
    rankings = {query_id: best_first(found) for query_id, found in scores.items()}
    by_query = [by_definition(rankings.get(query_id, []), grades) for query_id, grades in qrels.items()]
    expected = {name: sum(values[name] for values in by_query) / len(qrels) for name in by_query[0]}
    found = measured_run(rankings, qrels)
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-6)


@given(qrels=judged_sets, scores=scored_runs, k=st.integers(1, 12))
def test_judged_at_k_agrees_with_ir_measures_where_something_is_found(qrels, scores, k):
    rankings = {query_id: best_first(found) for query_id, found in scores.items()}
    asked = {query_id: grades for query_id, grades in qrels.items() if rankings.get(query_id)}
    assume(asked)
    found_something = {query_id: rankings[query_id] for query_id in asked}
    expected = ir_measures.calc_aggregate([Judged @ k], asked, runs.scored(found_something))[Judged @ k]
    assert measures.judged_at(k, rankings, qrels) == pytest.approx(expected)
