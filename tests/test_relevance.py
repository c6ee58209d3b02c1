"""How sure an answer is: the features of a hit, the file that weighs them, the fit, and the decision by it."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from helpers import CORPUS, QuietReporter, build_index

import indexer.__main__ as indexer
from evaluation import calibration as fitting
from evaluation.answer_model import Example
from evaluation.judgments import JudgmentError
from indexer import artifact as artifacts
from indexer.calibration import FEATURES_VERSION, FILE, Calibration, Term, read_calibration
from indexer.errors import ArticleError
from indexer.knowledge import Question
from indexer.questions import QuestionIndex
from server import search
from server.asked import LeftOut
from server.found import First
from server.relevance import Gauge, likelihood, logit, vote, wording
from server.search import Searcher


@pytest.fixture(scope="module")
def searcher(artifact, encoder):
    return Searcher(artifact, encoder)


def calibration(searcher: Searcher, **changes: object) -> Calibration:
    terms = {name: Term(mean=0.0, scale=1.0, weight=0.0) for name in Gauge.FEATURES}
    terms |= {"coverage": Term(mean=0.5, scale=0.25, weight=2.0)}
    values = {
        "features_version": FEATURES_VERSION,
        "model_fingerprint": searcher.encoder.fingerprint,
        "corpus_digest": searcher.artifact.manifest.inputs.corpus_digest,
        "terms": terms,
        "direction": (0.0,) * searcher.encoder.dimension,
        "wording": {},
        "intercept": 0.0,
        "threshold": 0.5,
        "fitted_on": {"a set": "its digest"},
        "figures": {},
    }
    return Calibration.model_validate(values | changes)


def calibrated(searcher: Searcher, **changes: object) -> Searcher:
    found = dataclasses.replace(searcher.artifact, calibration=calibration(searcher, **changes))
    return Searcher(found, searcher.encoder, searcher.ranking)


def features(searcher: Searcher, query: str) -> dict[str, float]:
    found = searcher.first(query)
    assert found
    return dict(found.features)


def test_features_are_those_that_the_version_names(searcher):
    assert tuple(features(searcher, "сменить фото")) == Gauge.FEATURES


def test_words_of_the_section_are_covered_and_unknown_ones_are_told_apart(searcher):
    known, half, foreign = (features(searcher, query) for query in ("сменить фото", "фото шиншилла", "шиншилла"))
    assert known["coverage"] == 1.0
    assert known["unknown"] == 0.0
    assert 0 < half["coverage"] < 1
    assert 0 < half["unknown"] < 1
    assert foreign["coverage"] == 0.0
    assert foreign["unknown"] == 1.0


def test_words_that_say_nothing_of_a_subject_do_not_weigh(searcher):
    assert features(searcher, "а как же сменить фото")["coverage"] == 1.0


def test_an_error_text_of_the_help_is_a_feature(searcher):
    assert features(searcher, "пишет chat_not_found")["error"] == 1.0
    assert features(searcher, "сменить фото")["error"] == 0.0


def test_likelihood_follows_its_terms(searcher):
    model = calibration(searcher, intercept=-1.0)
    at = dict.fromkeys(Gauge.FEATURES, 0.0) | {"coverage": 0.75}
    assert likelihood(logit(model, at)) == pytest.approx(1 / (1 + np.exp(-(2.0 * (0.75 - 0.5) / 0.25 - 1.0))))
    assert 0 < likelihood(logit(model, at | {"coverage": 1e9})) <= 1


def test_without_a_calibration_hits_are_an_answer_and_replies_say_so(searcher):
    found = searcher.search("шиншилла фото")
    assert (found.answerable, found.calibrated) == (True, False)


def test_with_one_the_threshold_decides_and_near_misses_stay_in_the_list(searcher):
    sure = calibrated(searcher)
    answered, refused = sure.search("сменить фото"), sure.search("шиншилла енот барсук фото")
    assert (answered.answerable, answered.calibrated) == (True, True)
    assert (refused.answerable, refused.calibrated) == (False, True)
    assert refused.hits
    assert 0 <= refused.relevance < 0.5 <= answered.relevance <= 1


def test_other_modes_lack_half_of_the_features_and_stay_uncalibrated(searcher):
    assert not calibrated(searcher).search("сменить фото", mode="lexical").calibrated


def test_the_direction_of_the_query_counts(searcher):
    vector = searcher.encoder.encode_query("сменить фото")
    terms = {name: Term(mean=0.0, scale=1.0, weight=float(name == "direction")) for name in Gauge.FEATURES}
    towards = calibrated(searcher, terms=terms, direction=tuple(vector.tolist()))
    assert towards.search("сменить фото").relevance == pytest.approx(1 / (1 + np.exp(-1.0)), abs=1e-4)


def weighing(searcher: Searcher, power: float, **weights: float) -> Searcher:
    terms = {name: Term(mean=0.0, scale=1.0, weight=weights.get(name, 0.0)) for name in Gauge.FEATURES}
    found = calibrated(searcher, terms=terms)
    found.ranking = dataclasses.replace(found.ranking, relevance_power=power)
    return found


def test_the_odds_of_relevance_decide_between_sections_that_score_nearly_the_same(searcher):
    query = "сменить фото пароль"
    plain, weighed = (weighing(searcher, power, coverage=-4.0) for power in (0.0, 2.0))
    before, after = (each.search(query, limit=50, per_article=50).hits for each in (plain, weighed))
    assert {hit.section_id for hit in before} == {hit.section_id for hit in after}
    assert after[0].relevance > before[0].relevance
    assert [hit.score for hit in after] == sorted((hit.score for hit in after), reverse=True)
    scores = {hit.section_id: hit.score for hit in before}
    odds = {hit.section_id: hit.relevance / (1 - hit.relevance) for hit in after}
    odds_of_best = max(odds[hit.section_id] for hit in before[: search._WEIGHED])
    for hit in after[: search._WEIGHED]:
        factor = (odds[hit.section_id] / odds_of_best) ** 2
        assert hit.score == pytest.approx(scores[hit.section_id] * factor, rel=1e-6)


def test_what_is_not_weighed_stays_below_what_is_in_its_order(searcher, monkeypatch):
    monkeypatch.setattr(search, "_WEIGHED", 3)
    query = "сменить фото"
    plain, weighed = (weighing(searcher, power, coverage=4.0) for power in (0.0, 2.0))
    before, after = (
        [hit.section_id for hit in each.search(query, limit=50, per_article=50).hits] for each in (plain, weighed)
    )
    assert len(before) > 6
    assert set(before[:3]) == set(after[:3])
    assert before[3:] == after[3:]
    few = [hit.section_id for hit in weighed.search(query, limit=2, per_article=50).hits]
    assert few == after[:2]  # how many are asked for does not change the order


def test_a_section_that_explains_an_error_text_stays_first_however_unlikely_it_is(searcher):
    unlikely = weighing(searcher, 2.0, error=-20.0)
    first, *others = unlikely.search("пишет chat_not_found").hits
    assert "error" in first.matched_by
    assert first.relevance < min(hit.relevance for hit in others)


def test_near_known_questions_outvote_far_ones_and_nobody_near_says_nothing():
    cosines = np.array([[0.99, 0.90, 0.90], [0.90, 0.99, 0.99], [0.3, 0.3, 0.3]])
    near_yes, near_no, far = vote(cosines, np.array([1.0, -1.0, -1.0]), 0.02)
    assert near_yes > 0.9
    assert near_no < -0.9
    assert far == pytest.approx(0.0, abs=1e-6)


def asking(searcher: Searcher, *questions: Question) -> Searcher:
    """The searcher over the same index with these known questions."""
    encoder, lemmas, sections = searcher.encoder, searcher.lemmatizer.lemmas, searcher.artifact.sections
    index = QuestionIndex.build(questions, encoder, lemmas, {}, lambda done, total: None, sections)
    return Searcher(dataclasses.replace(searcher.artifact, questions=index), searcher.encoder, searcher.ranking)


def test_known_questions_vote(searcher):
    terms = {name: Term(mean=0.0, scale=1.0, weight=float(name == "neighbours")) for name in Gauge.FEATURES}
    for sections, likely in ((("profile#photo",), 1.0), ((), -1.0)):
        known = asking(searcher, Question(text="сменить фото", sections=sections))
        found = calibrated(known, terms=terms, reach=0.02).search("сменить фото")
        assert found.relevance == pytest.approx(1 / (1 + np.exp(-likely)), abs=0.01)


def test_a_known_question_near_by_is_a_feature_of_the_sections_that_answer_it(searcher):
    section = searcher.search("сменить фото").hits[0].section_id
    known = asking(searcher, Question(text="сменить фото", sections=(section,)))
    found = known.first("сменить фото")
    assert found
    assert found.features["asked"] == pytest.approx(1.0, abs=1e-5)
    left_out = known.first("сменить фото", left_out=LeftOut(0, np.zeros(1, dtype=np.float32)))
    assert left_out
    names = ("asked", "neighbours", "belonging")
    assert [left_out.features[name] for name in names] == [0.8, 0.0, 0.0]


def test_the_words_of_the_query_count_each_once_and_less_in_a_long_query(searcher):
    terms = {name: Term(mean=0.0, scale=1.0, weight=float(name == "wording")) for name in Gauge.FEATURES}
    learnt = calibrated(searcher, terms=terms, wording={"фото": 2.0})
    assert learnt.search("фото").relevance == pytest.approx(1 / (1 + np.exp(-2.0)), abs=1e-4)
    assert learnt.search("фото и фото").relevance == pytest.approx(1 / (1 + np.exp(-2.0 / np.sqrt(2))), abs=1e-4)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A copy of the test corpus, to put a calibration into."""
    import shutil

    return Path(shutil.copytree(CORPUS, tmp_path / "corpus"))


def test_a_fitting_calibration_goes_into_the_index(corpus, tmp_path, searcher, encoder):
    (corpus / FILE).write_text(calibration(searcher).model_dump_json())
    build_index(corpus, tmp_path / "index", encoder=encoder)
    loaded = artifacts.load(tmp_path / "index")
    assert loaded.calibration == calibration(searcher)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"model_fingerprint": "0" * 64}, "fitted to model 000000000000, this one is"),
        ({"features_version": FEATURES_VERSION + 1}, f"features of version {FEATURES_VERSION + 1}, this version has"),
    ],
)
def test_one_for_another_model_or_version_is_left_out_and_named(corpus, tmp_path, searcher, encoder, changes, why):
    (corpus / FILE).write_text(calibration(searcher, **changes).model_dump_json())
    told: list[str] = []

    class Heard(QuietReporter):
        def say(self, text: str) -> None:
            told.append(text)

    build_index(corpus, tmp_path / "index", encoder=encoder, reporter=Heard())
    assert artifacts.load(tmp_path / "index").calibration is None
    assert any(why in line and "evaluation calibrate" in line for line in told)


def test_one_that_was_fitted_to_earlier_texts_is_used_and_said_to_be_stale(corpus, tmp_path, searcher, encoder, capsys):
    (corpus / FILE).write_text(calibration(searcher, corpus_digest="0" * 64).model_dump_json())
    told: list[str] = []

    class Heard(QuietReporter):
        def say(self, text: str) -> None:
            told.append(text)

    build_index(corpus, tmp_path / "index", encoder=encoder, reporter=Heard())
    assert artifacts.load(tmp_path / "index").calibration
    assert any("is stale, fitted to earlier texts; it is used" in line for line in told)
    indexer.main(["status", "--index", str(tmp_path / "index")])
    assert ", stale: fitted to earlier texts" in capsys.readouterr().out


def test_a_damaged_file_is_refused_with_what_to_do(corpus):
    (corpus / FILE).write_text(json.dumps({"terms": {}}))
    with pytest.raises(ArticleError, match=r"relevance\.json: unreadable .*; run it again, or remove the file"):
        read_calibration(corpus)


def drawn(number: int, seed: int) -> list[Example]:
    """Examples of which the answerable ones have more coverage, and a vector that leans one way."""
    random = np.random.default_rng(seed)
    found = []
    for place in range(number):
        answerable = place % 3 > 0
        values = dict.fromkeys(Gauge.FEATURES, 0.0) | {"coverage": random.normal(0.7 if answerable else 0.3, 0.1)}
        vector = random.normal(0.0, 1.0, 16).astype(np.float32)
        vector[0] += 2.0 * answerable
        lemmas = ("как", "пароль" if answerable == (random.random() < 0.9) else "погода")
        to_each = np.zeros(0, dtype=np.float32)
        found.append(Example(First(values, vector / np.linalg.norm(vector), to_each, lemmas), answerable))
    return found


def test_fit_tells_apart_what_differs_and_gives_likelihoods(searcher):
    found, decided = fitting.fit(searcher, drawn(150, 1), drawn(150, 2), {"a": "b"})
    assert found.figures["AUROC"] > 0.95
    assert found.figures["ECE"] < 0.1
    assert 0 < found.threshold < 1
    assert len(decided) == 150
    new = drawn(90, 3)
    direction = np.array(found.direction)
    said = [
        likelihood(
            logit(
                found,
                {
                    **each.first.features,
                    "direction": float(each.first.vector @ direction),
                    "wording": wording(found.wording, each.first.lemmas),
                    "neighbours": 0.0,
                },
            )
        )
        for each in new
    ]
    right = np.mean([(value >= found.threshold) == each.answerable for value, each in zip(said, new, strict=True)])
    assert right > 0.9
    assert found.wording["пароль"] > 0.1 > -0.1 > found.wording["погода"]


def test_fit_learns_nothing_from_noise(searcher):
    shuffled = [
        dataclasses.replace(each, answerable=bool(answer))
        for each, answer in zip(drawn(150, 1), np.random.default_rng(9).permutation([1, 0, 1] * 50), strict=True)
    ]
    found, _ = fitting.fit(searcher, shuffled, [], {})
    assert found.figures["AUROC"] < 0.65


def test_fit_refuses_too_few_queries_of_a_kind(searcher):
    with pytest.raises(JudgmentError, match=r"tuning: 0 queries without an answer; expected 20 or more"):
        fitting.fit(searcher, [each for each in drawn(90, 1) if each.answerable], [], {})
