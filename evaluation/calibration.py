"""Fits how features of the first section become its relevance, and the threshold below which the help has no answer."""

from collections.abc import Callable, Mapping, Sequence
from itertools import product

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold

from evaluation.answer_model import Example, Model, Settings, Table
from evaluation.judgments import JudgedSet, JudgmentError
from evaluation.leaving_out import LeavingOut
from evaluation.results import Answerability
from evaluation.tables import answerability_figures
from indexer.calibration import FEATURES_VERSION, Calibration
from server.relevance import Floats
from server.search import Searcher

_FEWEST = 20  # queries of each kind; fewer fit noise
_FOLDS = 10
_NEARLY = 0.01  # of balanced accuracy
# The settings that are tried: shares of the query's vector and of its words, reaches, strengths.
_TRIED = [Settings(*each) for each in product((0.2, 0.3), (3.0, 5.0), (0.015, 0.02, 0.03), (0.1, 0.3))]
_SEED = 20261127


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


def known_examples(
    searcher: Searcher, progress: Callable[[int, int], None] = lambda done, total: None
) -> list[Example]:
    """What the hybrid finds first for each known question of the help, as if it alone were unknown."""
    found = []
    questions = searcher.artifact.questions
    leaving = LeavingOut(questions)
    for place, question in enumerate(questions.questions):
        if (first := searcher.first(question.text, left_out=leaving.without(place))) is not None:
            found.append(Example(first, bool(question.sections)))
        progress(place + 1, len(questions.questions))
    return found


def fit(
    searcher: Searcher, tuning: Sequence[Example], known: Sequence[Example], fitted_on: Mapping[str, str]
) -> tuple[Calibration, tuple[Answerability, ...]]:
    """The calibration, and what it says of each tuning query.

    It learns from the known questions; the tuning queries choose the settings and the threshold, and say how common
    questions without an answer are. Without known questions it learns from the tuning queries, and what is said of
    each of those comes from a model that has not seen it (ten-fold cross-validation). Raises JudgmentError for too few
    queries of a kind.
    """
    _require(tuning, "tuning")
    sides = searcher.asked.sides.astype(np.float64)
    learnt = Table.of(known or tuning)
    if known:
        _require(known, "known questions")
    asked = Table.of(tuning)
    answers = asked.answers
    tried = {}
    for settings in _TRIED:
        logits = Model.fitted(learnt, sides, settings).logits(asked) if known else _left_out(asked, sides, settings)
        slope, offset = _straightened(logits, answers)
        likely = 1 / (1 + np.exp(-(slope * logits + offset)))
        tried[log_loss(answers, likely)] = settings, slope, offset, likely
    settings, slope, offset, likely = tried[min(tried)]
    decided, threshold = _threshold(likely, answers)
    model = Model.fitted(learnt, sides, settings)
    inputs = searcher.artifact.manifest.inputs
    calibration = Calibration(
        features_version=FEATURES_VERSION,
        model_fingerprint=inputs.model_fingerprint,
        corpus_digest=inputs.corpus_digest,
        terms=model.terms(slope),
        direction=tuple(round(float(value), 5) for value in model.direction * slope),
        wording={lemma: round(weight * slope, 4) for lemma, weight in model.wording.items()},
        reach=settings.reach,
        intercept=round(model.intercept * slope + offset, 6),
        threshold=round(threshold, 4),
        fitted_on=dict(fitted_on),
        figures={name: round(value, 4) for name, value in answerability_figures(decided).items()},
    )
    return calibration, decided


def _require(found: Sequence[Example], name: str) -> None:
    for wanted in (True, False):
        number = sum(each.answerable is wanted for each in found)
        if number < _FEWEST:
            kind = "with" if wanted else "without"
            raise JudgmentError(
                f"{name}: {number} queries {kind} an answer; expected {_FEWEST} or more; judge more queries"
            )


def _left_out(asked: Table, sides: Floats, settings: Settings) -> Floats:
    """The logit of each example by a model that was fitted without its fold."""
    logits = np.zeros(len(asked.answers))
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=_SEED)
    for kept, left in folds.split(asked.features, asked.answers):
        logits[left] = Model.fitted(asked.rows(kept), sides, settings).logits(asked.rows(left))
    return logits


def _straightened(logits: Floats, answers: npt.NDArray[np.int_]) -> tuple[float, float]:
    """Slope and offset that turn logits into the logits of likelihoods (Platt, 1999)."""
    line = LogisticRegression(C=1e6).fit(logits[:, None], answers)
    return float(line.coef_[0][0]), float(line.intercept_[0])


def _threshold(likely: Floats, answers: npt.NDArray[np.int_]) -> tuple[tuple[Answerability, ...], float]:
    """The lowest threshold that nearly reaches the best balanced accuracy, and the decisions by it.

    On a small set the very best hangs on single queries; and of two that do as well, the one that refuses less is
    better: who is refused gets no answer, who is shown a wrong one has lost a look.
    """
    at = np.unique(np.round(likely, 4))
    balanced = np.array([(np.mean(likely[answers == 1] >= t) + np.mean(likely[answers == 0] < t)) / 2 for t in at])
    best = at[balanced >= balanced.max() - _NEARLY]
    threshold = float(best[0])
    rows = zip(likely, answers, strict=True)
    return tuple((float(value), bool(answer), bool(value >= threshold)) for value, answer in rows), threshold
