"""From a query to a ranking, over the test corpus and the small encoder."""

import dataclasses
from collections import Counter
from itertools import pairwise

import pytest

from indexer.knowledge import KnownError, KnownErrors
from indexer.stores.store import Filters
from server.ranking import Ranking
from server.relevance import relevance_of_bm25, relevance_of_cosine
from server.search import Searcher

BALANCED = Ranking({"path": 0.5, "heading": 1.0, "keywords": 1.0, "errors": 1.0, "body": 1.0}, "minmax", 0.5)


@pytest.fixture(scope="module")
def searcher(artifact, encoder):
    return Searcher(artifact, encoder, BALANCED)


def ids(result):
    return [hit.section_id for hit in result.hits]


@pytest.mark.parametrize("mode", ["hybrid", "lexical", "semantic"])
def test_the_section_whose_words_are_asked_for_comes_first(searcher, mode):
    assert ids(searcher.search("как сменить фото", mode=mode))[0] == "profile#photo"


def test_query_in_another_form_finds_the_same_section(searcher):
    assert ids(searcher.search("НЕ ПРИШЛО УВЕДОМЛЕНИЕ"))[0] == ids(searcher.search("не приходят уведомления"))[0]


def test_scores_do_not_increase_and_ranks_count_from_one(searcher):
    hits = searcher.search("уведомления на телефоне", limit=20).hits
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
    assert all(above.score >= below.score for above, below in pairwise(hits))


def test_at_most_per_article_sections_of_one_article_and_the_list_is_refilled(searcher):
    for per_article in (1, 2, 3):
        hits = searcher.search("уведомления", limit=8, per_article=per_article).hits
        assert max(Counter(hit.article_id for hit in hits).values()) <= per_article
        assert len(hits) == 8


def test_filters_keep_sections_for_all_and_or_their_values(searcher):
    hits = searcher.search("уведомления", limit=50, per_article=50, filters=Filters(platform=("ios", "server"))).hits
    platforms = {hit.platforms for hit in hits}
    assert () in platforms
    assert ("ios",) in platforms
    assert ("server",) in platforms
    assert not any(hit.platforms == ("android",) for hit in hits)


def test_topic_filter_leaves_other_topics_out(searcher, artifact):
    topics = {head.article_id: head.topic for head in artifact.articles}
    hits = searcher.search("уведомления", limit=50, filters=Filters(topic=("calls",))).hits
    assert {topics[hit.article_id] for hit in hits} == {"calls"}


def test_a_filter_that_nothing_suits_gives_no_hits(searcher):
    result = searcher.search("уведомления", filters=Filters(topic=("nothing",)))
    assert result.hits == ()
    assert not result.answerable


@pytest.mark.parametrize("query", ["????", "🔥🔥", "", "\u202e", "-- … --"])
def test_a_query_without_letters_or_digits_has_no_answer(searcher, query):
    result = searcher.search(query)
    assert (result.hits, result.answerable, result.relevance) == ((), False, 0.0)


def test_unknown_words_alone_match_nothing_lexically(searcher):
    assert searcher.search("шиншилла ёжик", mode="lexical").hits == ()


def test_matched_by_names_the_halves(searcher):
    assert searcher.search("фото", mode="lexical").hits[0].matched_by == ("lexical",)
    assert searcher.search("фото", mode="semantic").hits[0].matched_by == ("semantic",)
    assert searcher.search("сменить фото").hits[0].matched_by == ("lexical", "semantic")


def test_a_known_error_text_brings_its_section_first_whatever_stands_around_it(searcher):
    query = "вчера сменил фото профиля, сегодня уведомления и чаты пропали, пишет chat_not_found, где мои файлы"
    first = searcher.search(query).hits[0]
    assert first.section_id == "errors#chat-not-found"
    assert "error" in first.matched_by


def test_a_vague_error_text_does_not_decide_within_other_words(searcher):
    hits = searcher.search("отказано в доступе к смене фото профиля в настройках").hits
    assert not any("error" in hit.matched_by for hit in hits)


def test_an_error_whose_section_is_filtered_out_stays_out(searcher):
    hits = searcher.search("0x80070005", filters=Filters(platform=("ios",))).hits
    assert "errors#no-access" not in [hit.section_id for hit in hits]


def test_an_error_that_names_a_section_of_another_corpus_is_left_aside(artifact, encoder):
    errors = KnownErrors(error=(KnownError(text="chat_not_found", section="gone#gone", distinctive=True),))
    other = Searcher(dataclasses.replace(artifact, errors=errors), encoder, BALANCED)
    assert other.search("chat_not_found").hits[0].section_id == "errors#chat-not-found"


def test_ties_break_by_section_id(searcher, artifact):
    fused = dict.fromkeys(range(len(artifact.sections)), 1.0)
    found = [artifact.sections[row].section_id for row in searcher.ranked(fused, 100, 100)]
    assert found == sorted(found)


def test_hit_says_where_the_section_stands(searcher):
    hit = searcher.search("тихие часы ночью").hits[0]
    assert hit.section_id == "notifications#quiet"
    assert hit.headings == ("Уведомления", "Как отключить звук ночью")
    assert hit.title == "Уведомления"
    assert hit.url == "/articles/notifications#quiet"
    assert hit.updated == "2026-11-21"
    assert [hit.snippet[a:b] for a, b in hit.highlights] == ["Тихие", "часы"]


def test_relevance_rises_with_the_score_and_stays_in_the_unit_interval():
    cosines = [relevance_of_cosine(value / 100) for value in range(-100, 101)]
    assert cosines == sorted(cosines)
    assert 0 <= cosines[0] < cosines[-1] <= 1
    assert relevance_of_cosine(0.82) == 0.5
    assert (relevance_of_bm25(0), relevance_of_bm25(5)) == (0, 0.5)


def test_leads_and_sections_for_administrators_can_be_set_back(artifact, encoder):
    query = "профиль: имя, фото и должность"
    as_it_is = Searcher(artifact, encoder, BALANCED).search(query).hits
    set_back = Searcher(artifact, encoder, dataclasses.replace(BALANCED, lead_factor=0.1)).search(query).hits
    assert as_it_is[0].section_id == "profile#top"
    assert set_back[0].section_id != "profile#top"
    admin = Searcher(artifact, encoder, dataclasses.replace(BALANCED, admin_factor=0.1))
    query = "проверить отправку уведомлений через шлюз"
    assert admin.search(query).hits[0].section_id != "notifications#missing-admin"
    for_admins = admin.search(query, filters=Filters(audience=("admin",)))
    assert for_admins.hits[0].section_id == "notifications#missing-admin"


def test_a_lead_that_is_the_whole_article_is_not_set_back(artifact, encoder):
    lowered = Searcher(artifact, encoder, dataclasses.replace(BALANCED, lead_factor=0.0))
    assert "about#top" in [hit.section_id for hit in lowered.search("голубь", limit=50).hits if hit.score > 0]
