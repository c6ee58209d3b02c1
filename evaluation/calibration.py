"""Fits how features of the first section become its relevance, and the threshold below which the help has no answer."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold

from evaluation.judgments import JudgedSet, JudgmentError
from evaluation.results import Answerability
from evaluation.tables import answerability_figures
from indexer.calibration import FEATURES_VERSION, Calibration, Term
from server.relevance import Gauge, wording
from server.search import First, Searcher

Array = npt.NDArray[np.float64]

_FEWEST = 20  # queries of each kind; fewer fit noise
_FOLDS = 10
# How much the query's own vector and its words count beside the features, and how little the model is held back
# (scikit-learn's C).
_VECTOR_SHARES = (0.2, 0.3, 0.5)
_WORD_SHARES = (2.0, 3.0, 5.0)
_STRENGTHS = (0.1, 0.3, 1.0)
_LEAST_USED = 3  # queries that have a lemma; what fewer say of it is chance
_SEED = 20261127


@dataclass(frozen=True, slots=True)
class Example:
    """A query with what was found for it first."""

    first: First
    answerable: bool


def examples(
    searcher: Searcher, judged: JudgedSet, progress: Callable[[int, int], None] = lambda done, total: None
) -> list[Example]:
    """What the hybrid finds first for each query of a set; without those for which it finds nothing."""
    found = []
    for done, query in enumerate(judged.queries, start=1):
        if (first := searcher.first(query.text)) is not None:
            found.append(Example(first, query.answerable))
        progress(done, len(judged.queries))
    return found


def fit(
    searcher: Searcher, tuning: Sequence[Example], others: Sequence[Example], fitted_on: Mapping[str, str]
) -> tuple[Calibration, tuple[Answerability, ...]]:
    """The calibration, and what it says of each tuning query when that was left out of the fitting.

    All examples are learnt from; the tuning queries alone say how common questions without an answer are, and choose
    the settings and the threshold, each by a model that has not seen it (ten-fold cross-validation). Raises
    JudgmentError for too few queries of a kind.
    """
    known = [*tuning, *others]
    _require(tuning, "tuning")
    answers = np.array([each.answerable for each in known], dtype=int)
    names = [name for name in Gauge.FEATURES if name not in Gauge.FITTED]
    features = np.array([[each.first.features[name] for name in names] for each in known])
    vectors = np.array([each.first.vector for each in known], dtype=np.float64)
    lemmas, used = _used([each.first.lemmas for each in known])
    mean, scale = features.mean(axis=0), features.std(axis=0)
    scale[scale == 0] = 1.0
    centre, spread = vectors.mean(axis=0), vectors.std()
    own = len(tuning)

    def columns(of_vector: float, of_words: float) -> Array:
        return np.hstack([(features - mean) / scale, (vectors - centre) / spread * of_vector, used * of_words])

    tried = {}
    for of_vector, of_words, strength in product(_VECTOR_SHARES, _WORD_SHARES, _STRENGTHS):
        logits = _left_out(columns(of_vector, of_words), answers, own, strength)
        slope, offset = _straightened(logits, answers[:own])
        likely = 1 / (1 + np.exp(-(slope * logits + offset)))
        tried[log_loss(answers[:own], likely)] = of_vector, of_words, strength, slope, offset, likely
    of_vector, of_words, strength, slope, offset, likely = tried[min(tried)]
    model = _model(strength).fit(columns(of_vector, of_words), answers)
    weights, along, told = np.split(model.coef_[0] * slope, [len(names), len(names) + vectors.shape[1]])
    along *= of_vector / spread
    told *= of_words
    decided, threshold = _threshold(likely, answers[:own])
    terms = {
        name: Term(mean=round(float(m), 6), scale=round(float(s), 6), weight=round(float(w), 6))
        for name, m, s, w in zip(names, mean, scale, weights, strict=True)
    }
    terms["direction"] = Term(mean=round(float(centre @ along), 6), scale=1.0, weight=1.0)
    terms["wording"] = Term(mean=0.0, scale=1.0, weight=1.0)
    inputs = searcher.artifact.manifest.inputs
    calibration = Calibration(
        features_version=FEATURES_VERSION,
        model_fingerprint=inputs.model_fingerprint,
        corpus_digest=inputs.corpus_digest,
        terms=terms,
        direction=tuple(round(float(value), 5) for value in along),
        wording={lemma: round(float(weight), 4) for lemma, weight in zip(lemmas, told, strict=True)},
        intercept=round(float(model.intercept_[0] * slope + offset), 6),
        threshold=round(threshold, 4),
        fitted_on=dict(fitted_on),
        figures={name: round(value, 4) for name, value in answerability_figures(decided).items()},
    )
    return calibration, decided


def _used(lemmas: Sequence[Collection[str]]) -> tuple[list[str], Array]:
    """Lemmas of several queries, and for each query how much of it each is, as server.relevance.wording counts it."""
    counts = Counter(lemma for each in lemmas for lemma in set(each))
    kept = sorted(lemma for lemma, count in counts.items() if count >= _LEAST_USED)
    places = {lemma: place for place, lemma in enumerate(kept)}
    found = np.zeros((len(lemmas), len(kept)))
    for row, each in enumerate(lemmas):
        for lemma in places.keys() & set(each):
            found[row, places[lemma]] = wording({lemma: 1.0}, each)
    return kept, found


def _require(found: Sequence[Example], name: str) -> None:
    for wanted in (True, False):
        number = sum(each.answerable is wanted for each in found)
        if number < _FEWEST:
            kind = "with" if wanted else "without"
            raise JudgmentError(
                f"{name}: {number} queries {kind} an answer; expected {_FEWEST} or more; judge more queries"
            )


def _model(strength: float) -> LogisticRegression:
    return LogisticRegression(C=strength, max_iter=5000, class_weight="balanced")


def _left_out(columns: Array, answers: npt.NDArray[np.int_], own: int, strength: float) -> Array:
    """The logit of each tuning query by a model that was fitted without its fold."""
    logits = np.zeros(own)
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=_SEED).split(columns[:own], answers[:own])
    rest = np.arange(own, len(columns))
    for kept, left in folds:
        rows = np.concatenate([kept, rest])
        logits[left] = _model(strength).fit(columns[rows], answers[rows]).decision_function(columns[left])
    return logits


def _straightened(logits: Array, answers: npt.NDArray[np.int_]) -> tuple[float, float]:
    """Slope and offset that turn logits into the logits of likelihoods (Platt, 1999)."""
    line = LogisticRegression(C=1e6).fit(logits[:, None], answers)
    return float(line.coef_[0][0]), float(line.intercept_[0])


def _threshold(likely: Array, answers: npt.NDArray[np.int_]) -> tuple[tuple[Answerability, ...], float]:
    """The threshold of the best balanced accuracy, in the middle of those that reach it, and the decisions by it."""
    at = np.unique(np.round(likely, 4))
    balanced = np.array([(np.mean(likely[answers == 1] >= t) + np.mean(likely[answers == 0] < t)) / 2 for t in at])
    best = at[balanced == balanced.max()]
    threshold = float(best[len(best) // 2])
    rows = zip(likely, answers, strict=True)
    return tuple((float(value), bool(answer), bool(value >= threshold)) for value, answer in rows), threshold
