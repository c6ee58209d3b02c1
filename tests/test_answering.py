"""From a query to steps, a quote and an escalation, over the small test corpus."""

import dataclasses
import datetime
from zoneinfo import ZoneInfo

import pytest

from indexer.sections import Step
from server.answering import Answerer
from server.app import create_app
from server.escalation import Escalator
from server.search import Searcher
from server.steps import StepFinder, Visitor, alike, suits

FRIDAY_NOON = datetime.datetime(2026, 11, 27, 12, 0, tzinfo=ZoneInfo("Europe/Moscow"))


@pytest.fixture(scope="module")
def searcher(artifact, encoder):
    return Searcher(artifact, encoder)


@pytest.fixture(scope="module")
def answerer(searcher):
    return Answerer(searcher, Escalator(searcher.artifact.support, now=lambda: FRIDAY_NOON))


def texts(answer):
    return [step.text for step in answer.steps]


def test_steps_are_those_of_the_best_section_word_for_word_and_in_order(answerer, searcher):
    answer = answerer.answer("телефон молчит, включено фокусирование", platform="ios")
    assert texts(answer) == [step.text for step in searcher.sections["notifications#missing-ios"].steps]
    assert {step.section_id for step in answer.steps} == {"notifications#missing-ios"}
    assert answer.steps[0].url == "/articles/notifications#missing-ios"
    assert answer.next_step == answer.steps[0]


@pytest.mark.parametrize("platform", ["android", "ios", "web", "desktop", "server"])
def test_no_step_is_for_another_platform(answerer, platform):
    for query in ("не приходят уведомления", "ошибка 0x80070005", "как сменить фото"):
        for step in answerer.answer(query, platform=platform).steps:
            assert not step.platforms or platform in step.platforms


def test_a_step_is_known_by_its_text_alone(answerer):
    first = answerer.answer("не приходят уведомления", platform="android")
    again = answerer.answer("нет уведомлений", platform="android")
    ids = {step.text: step.step_id for step in first.steps}
    shared = [step for step in again.steps if step.text in ids]
    assert shared
    assert all(step.step_id == ids[step.text] for step in shared)


def test_tried_steps_are_marked_and_the_next_is_the_first_that_was_not(answerer):
    first = answerer.answer("не приходят уведомления на айфоне", platform="ios")
    answer = answerer.answer("не приходят уведомления на айфоне", platform="ios", tried=[first.steps[0].step_id])
    assert [step.tried for step in answer.steps] == [True, False]
    assert answer.next_step == answer.steps[1]
    assert answer.escalation.reason == "if_not_solved"


def test_after_the_specific_steps_come_the_general_ones_and_then_the_support(artifact, searcher):
    # A section of the help says the ladder's steps in full.
    said = ("Обновите приложение в магазине.", "Выйдите из аккаунта и войдите снова.")
    steps = tuple(Step(text, danger=("signs_out",) if "Выйдите" in text else ()) for text in said)
    sections = tuple(
        dataclasses.replace(section, steps=steps) if section.section_id == "about#top" else section
        for section in artifact.sections
    )
    answerer = Answerer(Searcher(dataclasses.replace(artifact, sections=sections), searcher.encoder))
    ask = {"query": "не приходят уведомления на айфоне", "platform": "ios"}
    specific = [step.step_id for step in answerer.answer(**ask).steps]
    answer = answerer.answer(**ask, tried=specific)
    general = answer.steps[len(specific) :]
    assert tuple(step.text for step in general) == said
    assert general[1].danger == ("signs_out",)
    assert answer.next_step == general[0]
    done = answerer.answer(**ask, tried=[step.step_id for step in answer.steps])
    assert done.next_step is None
    assert done.escalation.reason == "all_tried"
    assert "Обновите приложение в магазине." in done.escalation.draft


def test_a_question_that_is_no_problem_gets_a_sentence_of_the_help(answerer, searcher):
    answer = answerer.answer("как отключить звук ночью")
    assert answer.quote
    assert answer.quote.text in searcher.sections[answer.quote.section_id].text
    assert answer.quote.section_id == "notifications#quiet"


def test_a_problem_gets_no_quote(answerer):
    assert answerer.answer("не приходят уведомления").quote is None


def test_every_step_and_quote_stands_in_the_help(answerer, searcher):
    for query in ("сменить фото", "не могу войти", "пользователь не найден", "как позвонить", "звук ночью", "файл"):
        answer = answerer.answer(query)
        for step in answer.steps:
            assert all(part in searcher.sections[step.section_id].text for part in (step.text, *step.substeps))
        if answer.quote:
            assert answer.quote.text in searcher.sections[answer.quote.section_id].text


def test_related_sections_are_not_the_one_that_answers_and_stand_once(answerer):
    answer = answerer.answer("пользователь не найден")
    ids = [each.section_id for each in answer.related]
    assert "sign-in#phone" in ids
    assert len(ids) == len(set(ids)) <= 5
    assert answer.result.hits[0].section_id not in ids


def test_what_no_article_links_to_is_related_by_meaning(searcher):
    answerer = Answerer(searcher)
    result = searcher.search("звук в звонке прерывается")
    best = searcher.sections[result.hits[0].section_id]
    assert not best.related
    assert not searcher.articles[best.article_id].related
    answer = answerer.of(result)
    shown = {best.section_id, *(step.section_id for step in answer.steps)}
    nearest = [searcher.artifact.sections[row] for row in searcher.neighbours(best.section_id, 10)]
    expected = [section.section_id for section in nearest if section.level > 1 and section.section_id not in shown]
    assert [each.section_id for each in answer.related] == expected[:5]
    assert expected


def test_alternatives_are_for_other_platforms_and_the_same_audience(answerer, searcher):
    found = searcher.search("не приходят уведомления", limit=50, per_article=50)
    hits = {hit.section_id.partition("#")[2]: hit for hit in found.hits}
    first = dataclasses.replace(hits["missing-android"], relevance=0.9)
    other = dataclasses.replace(hits["missing-ios"], relevance=0.8)
    result = dataclasses.replace(found, hits=(first, dataclasses.replace(other, audiences=("admin",)), other))
    assert answerer.of(result).alternatives == (other,)
    assert answerer.of(result, "android").alternatives == ()


def test_without_an_answer_there_are_only_ways_to_turn_to(answerer):
    answer = answerer.answer("????")
    assert (answer.steps, answer.quote, answer.related) == ((), None, ())
    assert answer.escalation.reason == "no_answer"
    assert answer.escalation.routes


def test_routes_are_for_the_audience_with_hours_and_no_invented_address(answerer):
    user = answerer.answer("не приходят уведомления").escalation
    assert [route.name for route in user.routes] == ["Страница поддержки", "«Написать в поддержку» в приложении"]
    assert user.routes[0].open_now is True
    assert user.routes[0].hours.endswith("сейчас работает до 18:00 мск")
    assert user.routes[1].address == ""
    admin = answerer.answer("не приходят уведомления", audience="admin").escalation
    assert "Менеджер вашей организации" in [route.name for route in admin.routes]
    assert admin.routes[-1].open_now is None


def test_the_letter_carries_the_query_without_personal_data_and_the_platform(answerer):
    escalation = answerer.answer("не приходят уведомления, +7 916 123-45-67", platform="android").escalation
    assert "не приходят уведомления, [телефон скрыт]" in escalation.draft
    assert "Платформа: Android" in escalation.draft
    assert "— Текст ошибки дословно: …" in escalation.draft
    assert escalation.hidden == ("телефон",)


def test_a_wish_gets_a_letter_of_its_own(answerer):
    escalation = answerer.answer("хочу предложить тёмные смайлики").escalation
    assert escalation.reason == "feature_request"
    assert "— чего не хватает: …" in escalation.draft
    assert escalation.gather == ()


def test_trouble_is_told_from_questions(searcher):
    finder = StepFinder(searcher)
    for query, expected in (
        ("не приходят уведомления", True),
        ("пропали чаты", True),
        ("Отказано в доступе", True),
        ("как сменить фото", False),
        ("статус Ждём выпуск", False),
    ):
        assert finder.is_trouble(searcher.search(query)) is expected, query


def test_what_suits_a_visitor():
    assert suits((), (), Visitor("ios", "user"))
    assert suits(("ios", "android"), ("user",), Visitor("ios"))
    assert not suits(("android",), (), Visitor("ios"))
    assert not suits((), ("admin",), Visitor(None, "user"))


def test_a_question_gets_steps_of_its_own_article_alone_where_the_best_section_has_none(searcher):
    def found(*section_ids: str, query: str = "как переименовать себя"):
        result = searcher.search(query)
        hits = tuple(searcher.describe(searcher.sections[section_id]) for section_id in section_ids)
        return {
            step.section_id for step in StepFinder(searcher).steps(dataclasses.replace(result, hits=hits), Visitor())
        }

    assert found("profile#name", "sign-in#phone", "profile#photo") == {"profile#photo"}
    assert found("profile#name", "sign-in#phone", "profile#photo", query="что такое имя") == set()
    assert found("profile#photo", query="что такое имя") == {"profile#photo"}
    assert found("profile#name", "sign-in#phone") == set()
    far = ["sign-in#phone", "chats#create", "sign-in#qr", "calls#bad-sound"]
    assert found("profile#name", *far, "profile#photo") == set()


def test_a_platform_that_is_only_guessed_does_not_take_the_answer_away(searcher):
    finder = StepFinder(searcher)
    result = searcher.search("телефон молчит, включено фокусирование")
    assert result.hits[0].platforms == ("ios",)
    given, guessed = (Visitor("server", is_sure=sure) for sure in (True, False))
    assert all(not step.platforms or "server" in step.platforms for step in finder.steps(result, given))
    assert {step.section_id for step in finder.steps(result, guessed)} == {result.hits[0].section_id}


def test_alike_is_the_share_of_common_lemmas():
    assert alike(frozenset("abc"), frozenset("bcd")) == 0.5
    assert alike(frozenset(), frozenset()) == 0.0


@pytest.fixture(scope="module")
def client(built_index, encoder):
    return create_app(built_index, encoder).test_client()


def test_the_route_answers_in_the_shape_of_the_contract(client):
    reply = client.post("/v1/answer", json={"query": "не приходят уведомления", "platform": "ios"}).get_json()
    assert {"query_id", "answerable", "relevance", "interpretation", "took_ms", "index"} <= reply.keys()
    assert {"steps", "next_step", "quote", "alternatives", "related", "escalation"} <= reply.keys()
    assert "hits" not in reply
    assert reply["next_step"]["step_id"] == reply["steps"][0]["step_id"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"query": " "}, "query"),
        ({}, "query"),
        ({"query": "кэш", "platform": "toaster"}, "platform"),
        ({"query": "кэш", "tried": "x"}, "tried"),
        ({"query": "кэш", "colour": "red"}, "colour"),
    ],
)
def test_a_wrong_request_is_refused_by_its_field(client, body, field):
    response = client.post("/v1/answer", json=body)
    assert response.status_code == 422
    assert response.get_json()["error"]["field"] == field
