"""Why a hit stands where it stands: the parts of an explanation add up to the score that the search gave."""

import dataclasses
import math

import pytest
from helpers import calibration_of

from indexer.knowledge import Question
from indexer.questions import QuestionIndex
from indexer.stores.store import Filters
from server.app import create_app
from server.explaining import Explainer, Explanation
from server.search import Searcher

QUESTIONS = (
    Question(text="морда на аватарке старая", sections=("profile#photo",)),
    Question(text="фото не моё", sections=("profile#photo", "profile#name")),
    Question(text="когда обед"),
)


@pytest.fixture(scope="module")
def searcher(artifact, encoder):
    plain = Searcher(artifact, encoder)
    index = QuestionIndex.build(QUESTIONS, encoder, plain.lemmatizer.lemmas, {}, lambda done, total: None)
    ranking = dataclasses.replace(plain.ranking, other_platform_factor=0.8, lead_factor=0.5, question_weight=0.7)
    return Searcher(dataclasses.replace(artifact, questions=index), encoder, ranking)


def explained(searcher, query, mode="hybrid", **options):
    result = searcher.search(query, mode=mode, limit=30, per_article=30, **options)
    for_anybody = not options.get("filters", Filters()).audience
    return result, Explainer(searcher).explain(result, mode, for_anybody=for_anybody)


def total(each: Explanation) -> float:
    both = (each.lexical.given + each.semantic.given) * math.prod(each.factors.values())
    return (both + each.questions.given + each.error) * each.relevance_factor


@pytest.mark.parametrize("mode", ["hybrid", "lexical", "semantic"])
@pytest.mark.parametrize(
    "query",
    [
        "сменить фото",
        "пишет chat_not_found",
        "не приходят уведомления на айфоне",
        "у сотрудника не обновляется пакет на сервере",
        "ytn ldjqyjuj afrnjhf",
        "морда на аватарке старая",
    ],
)
def test_the_parts_add_up_to_the_score(searcher, query, mode):
    result, found = explained(searcher, query, mode)
    assert [each.section_id for each in found] == [hit.section_id for hit in result.hits]
    assert found
    for hit, each in zip(result.hits, found, strict=True):
        assert total(each) == pytest.approx(hit.score, abs=2e-3)


def test_what_the_odds_of_relevance_took_is_a_part_as_well(searcher):
    calibration = calibration_of(searcher.encoder, coverage=1.0)
    artifact = dataclasses.replace(searcher.artifact, calibration=calibration)
    weighing = Searcher(artifact, searcher.encoder, dataclasses.replace(searcher.ranking, relevance_power=0.5))
    for query in ("сменить фото", "пишет chat_not_found"):
        result, found = explained(weighing, query)
        assert min(each.relevance_factor for each in found) < max(each.relevance_factor for each in found) == 1.0
        for hit, each in zip(result.hits, found, strict=True):
            assert total(each) == pytest.approx(hit.score, abs=2e-3)


def test_an_error_is_a_part_of_its_own_only_where_the_section_explains_it(searcher):
    _, (first, *rest) = explained(searcher, "пишет chat_not_found")
    assert first.error > 0
    assert not any(each.error for each in rest)


def test_fields_and_words_add_up_to_bm25(searcher):
    for each in explained(searcher, "сменить фото")[1]:
        assert sum(each.lexical.fields.values()) == pytest.approx(sum(each.lexical.words.values()), abs=2e-3)
        told = sum(each.lexical.words.values()) + sum(each.lexical.synonyms.values())
        assert told == pytest.approx(each.lexical.bm25, abs=2e-3)


def test_factors_are_named_as_the_settings_and_only_where_they_hold(searcher):
    _, found = explained(searcher, "не приходят уведомления на айфоне")
    factors = {each.section_id: each.factors for each in found}
    assert factors["notifications#missing-android"] == {"other_platform_factor": 0.8}
    assert factors["notifications#missing-ios"] == {}
    assert factors["notifications#top"] == {"lead_factor": 0.5}


def test_known_questions_are_named_the_nearest_first(searcher):
    found = {each.section_id: each.questions for each in explained(searcher, "морда на аватарке старая")[1]}
    assert [each.text for each in found["profile#photo"].nearest] == ["морда на аватарке старая", "фото не моё"]
    assert found["profile#photo"].nearest[0].cosine > found["profile#photo"].nearest[1].cosine
    assert found["profile#photo"].given > found["calls#camera"].given == 0.0
    assert found["calls#camera"].nearest == ()


def test_repairs_tell_what_the_words_that_they_brought_in_gave(searcher):
    _, found = explained(searcher, "cvtybnm ajnj")
    (repair,) = {each.repairs for each in found if each.section_id == "profile#photo"}
    assert "".join(each.read_as for each in repair).replace(" ", "") == "сменитьфото"
    assert sum(each.bm25 for each in repair) > 0
    assert sum(part.bm25 for each in found if each.section_id == "errors#no-access" for part in each.repairs) == 0


def test_nothing_searched_is_nothing_explained(searcher):
    assert explained(searcher, "???")[1] == []


def test_the_route_explains_where_it_is_asked_to(built_index, encoder):
    client = create_app(built_index, encoder).test_client()
    body = {"query": "сменить фото", "abstain": False}
    assert client.post("/v1/search", json=body).get_json()["explanations"] is None
    reply = client.post("/v1/search", json=body | {"explain": True}).get_json()
    assert [each["section_id"] for each in reply["explanations"]] == [hit["section_id"] for hit in reply["hits"]]
    assert set(reply["explanations"][0]) == {
        *("section_id", "score", "lexical", "semantic", "factors", "questions", "error", "relevance_factor", "repairs")
    }
    assert client.get("/v1/search?q=фото&explain=true").get_json()["explanations"]
