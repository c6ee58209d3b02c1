"""What ir_measures does not have: steps against nuggets, citations, abstention, calibration, the share judged.

Where nothing is judged a measure has no value: it is None and stays out of a mean, since 1 would praise and 0 blame an
answer that nobody looked at.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.optimize import linear_sum_assignment

from evaluation.judgments import Nugget
from indexer.adaptation.scale import auroc
from indexer.words import clean, words


def mean(values: Iterable[float | None]) -> float | None:
    """The mean of the values that there are; None where there is none."""
    present = [value for value in values if value is not None]
    return sum(present) / len(present) if present else None


@dataclass(frozen=True, slots=True)
class StepScores:
    """An answer's steps against the nuggets of its query; each in [0, 1] or None."""

    recall: float | None  # share of the vital nuggets that the answer names; None where none is vital
    precision: float | None  # share of the answered steps that are nuggets; None without nuggets or without steps
    order: float | None  # share of the pairs of named nuggets in the help's order; None without such a pair


def step_scores(answered: Sequence[str], nuggets: Sequence[Nugget], same: Callable[[str, str], bool]) -> StepScores:
    """Recall, precision and order of the answered steps; `same(answered step, nugget's step)` says whether two are one.

    One answered step stands for one nugget only and the other way round: a step said twice, or one sentence that names
    everything, counts once. After the nuggets of TREC 2003 QA (Voorhees, 2003): vital ones are asked for, okay ones do
    no harm; precision is over steps, where TREC has an allowance of length. Order is over the pairs of named nuggets of
    one section, which stand in `nuggets` as in the help: (Kendall's tau + 1) / 2. Steps of two sections have no order
    between them.
    """
    matched = _matched(answered, nuggets, same)
    vital = sum(nugget.vital for nugget in nuggets)
    found = sum(nuggets[nugget].vital for nugget in matched.values())
    pairs = [
        first < second
        for first, second in combinations(matched.values(), 2)
        if nuggets[first].section_id == nuggets[second].section_id
    ]
    return StepScores(
        recall=found / vital if vital else None,
        precision=len(matched) / len(answered) if answered and nuggets else None,
        order=mean(pairs),
    )


def _matched(answered: Sequence[str], nuggets: Sequence[Nugget], same: Callable[[str, str], bool]) -> dict[int, int]:
    """Which answered step stands for which nugget, by their places, in the order answered: as many as can be.

    An assignment, because the first that fits may take the only nugget that a later step could stand for. Vital nuggets
    weigh more, which costs no match: what can be matched is a matroid. Among the fullest matchings it is the one with
    the least squared distance between places: of equal steps («Откройте настройки», twice) the first is the first.
    """
    if not answered or not nuggets:
        return {}
    longest = max(len(answered), len(nuggets))
    match = longest**3 + 1  # more than all distances together
    worth = np.zeros((len(answered), len(nuggets)))
    for row, step in enumerate(answered):
        for column, nugget in enumerate(nuggets):
            if same(step, nugget.step):
                worth[row, column] = match * (2 if nugget.vital else 1) - (row - column) ** 2
    pairs = zip(*linear_sum_assignment(worth, maximize=True), strict=True)
    return {int(row): int(column) for row, column in pairs if worth[row, column]}


@dataclass(frozen=True, slots=True)
class CitedStep:
    """A step of an answer and the section that it is said to come from."""

    section_id: str
    text: str


def citation_correctness(answered: Sequence[CitedStep], sections: Mapping[str, str]) -> float | None:
    """Share of the answered steps whose words stand in their section in a row; None without steps.

    `sections` maps section_id to text. Case, punctuation and white space do not count; half a word is not that word. A
    section that is not there holds nothing, and a step without words is in none.
    """
    return mean(_holds(sections.get(step.section_id, ""), step.text) for step in answered)


def _holds(section: str, step: str) -> bool:
    text, quoted = (" ".join(word.text for word in words(clean(each))) for each in (section, step))
    return bool(quoted) and f" {quoted} " in f" {text} "


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a query was answered, and how relevant the best of what was found was held to be."""

    relevance: float  # in [0, 1]
    answerable: bool  # judged: the help has an answer
    answered: bool


@dataclass(frozen=True, slots=True)
class Abstention:
    """How well answers are withheld; what needs a class of queries (answerable or not) that is not there is None."""

    answerable: int
    unanswerable: int
    false_refusals: int  # answerable, not answered
    false_answers: int  # unanswerable, answered
    false_refusal_rate: float | None  # of the answerable
    false_answer_rate: float | None  # of the unanswerable
    balanced_accuracy: float | None  # mean share decided rightly of either class, whatever their sizes
    auroc: float | None


def abstention(decisions: Sequence[Decision]) -> Abstention:
    """Wrong refusals next to wrong answers, and whether relevance tells answerable queries from others.

    AUROC, by no threshold: the chance that an answerable query has the higher relevance of a pair, ties counting half
    (Mann and Whitney's U over the number of pairs; Hanley and McNeil, 1982). 0.5 is a coin.
    Raises ValueError where a relevance is not in [0, 1].
    """
    _check_shares("relevance", [decision.relevance for decision in decisions])
    answerable = [decision for decision in decisions if decision.answerable]
    unanswerable = [decision for decision in decisions if not decision.answerable]
    false_refusal_rate = mean(not decision.answered for decision in answerable)
    false_answer_rate = mean(decision.answered for decision in unanswerable)
    balanced_accuracy = None
    if false_refusal_rate is not None and false_answer_rate is not None:
        balanced_accuracy = 1 - (false_refusal_rate + false_answer_rate) / 2
    return Abstention(
        answerable=len(answerable),
        unanswerable=len(unanswerable),
        false_refusals=sum(not decision.answered for decision in answerable),
        false_answers=sum(decision.answered for decision in unanswerable),
        false_refusal_rate=false_refusal_rate,
        false_answer_rate=false_answer_rate,
        balanced_accuracy=balanced_accuracy,
        auroc=auroc(
            np.array([decision.relevance for decision in decisions], dtype=float),
            np.array([decision.answerable for decision in decisions], dtype=bool),
        ),
    )


@dataclass(frozen=True, slots=True)
class Bin:
    """Confidences in (low, high] (the first bin has 0 too) and what came of them."""

    low: float
    high: float
    count: int
    confidence: float  # mean
    frequency: float  # share that came true


def reliability(confidences: Sequence[float], came_true: Sequence[bool], bins: int = 10) -> tuple[Bin, ...]:
    """The reliability table, in rising order: `bins` of equal width over [0, 1], those that nothing falls in left out.

    Raises ValueError where the two are not of one length, a confidence is not in [0, 1], or `bins` is not positive.
    """
    if len(confidences) != len(came_true) or bins < 1:
        raise ValueError(
            f"reliability: {len(confidences)} confidences, {len(came_true)} outcomes, {bins} bins; "
            "expected as many of one as of the other, and a bin; give an outcome for each confidence"
        )
    _check_shares("confidence", confidences)
    # Bounds are compared, not multiplied out: 0.07 * 100 is more than 7.
    bounds = [place / bins for place in range(bins + 1)]
    bin_of = np.searchsorted(bounds[1:], confidences, side="left")
    rows = []
    for place in np.unique(bin_of).tolist():
        inside = bin_of == place
        confidence, frequency = (float(np.asarray(values)[inside].mean()) for values in (confidences, came_true))
        rows.append(Bin(bounds[place], bounds[place + 1], int(inside.sum()), confidence, frequency))
    return tuple(rows)


def calibration_error(table: Sequence[Bin]) -> float | None:
    """Expected calibration error, in [0, 1]: the distance of confidence and frequency, mean over all that was counted.

    After Guo et al., 2017 (equation 3). None for an empty table.
    """
    total = sum(row.count for row in table)
    return sum(row.count * abs(row.confidence - row.frequency) for row in table) / total if total else None


def judged_at(k: int, rankings: Mapping[str, Sequence[str]], qrels: Mapping[str, Mapping[str, int]]) -> float | None:
    """Judged@k: share of the first k that have a judgment, of whatever grade, mean over the judged queries; in [0, 1].

    A ranking shorter than k is divided by its own length. An empty or absent one shows nothing unjudged and stays out
    of the mean (ir_measures divides by 0 there); None where all are.
    Raises ValueError where k is not positive.
    """
    if k < 1:
        raise ValueError(f"Judged@{k}: cutoff {k}; expected 1 or more; give a positive cutoff")
    return mean(mean(found in grades for found in rankings.get(query_id, ())[:k]) for query_id, grades in qrels.items())


def _check_shares(name: str, values: Iterable[float]) -> None:
    for number, value in enumerate(values, start=1):
        if not 0 <= value <= 1:
            raise ValueError(f"{name} {number}: {value}; expected one in [0, 1]; give a probability")
