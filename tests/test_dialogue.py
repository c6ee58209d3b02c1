"""Follow-ups are read with the query before them, and nothing else is."""

import pytest
from helpers import DATA, HashEncoder

from indexer.artifact import Artifact
from server.app import create_app
from server.dialogue import Chosen, resolved
from server.search import Searcher

SUBJECT = "не приходят уведомления на андроиде"


def lines(name: str) -> list[str]:
    text = (DATA / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


@pytest.fixture(scope="module")
def searcher(artifact: Artifact, encoder: HashEncoder) -> Searcher:
    return Searcher(artifact, encoder)


@pytest.fixture(scope="module")
def client(built_index, encoder):
    return create_app(built_index, encoder).test_client()


@pytest.mark.parametrize("line", lines("follow_ups.tsv"))
def test_a_follow_up_takes_the_subject_and_changes_what_it_names(searcher: Searcher, line: str):
    query, expected = line.split("\t")
    assert resolved(query, ["как создать чат", SUBJECT], searcher) == expected


@pytest.mark.parametrize("query", lines("own_questions.txt"))
def test_a_question_of_its_own_is_left_as_it_is(searcher: Searcher, query: str):
    assert resolved(query, ["как создать чат", SUBJECT], searcher) == query


def test_the_tables_are_long_enough_to_mean_something():
    assert len(lines("follow_ups.tsv")) >= 40
    assert len(lines("own_questions.txt")) >= 40


@pytest.mark.parametrize("query", ["а на айфоне?", "не помогло"])
def test_a_follow_up_of_nothing_stays_as_it_is(searcher: Searcher, query: str):
    for context in ([], ["", "????"], ["спасибо"], ["а на андроиде", "не помогло"]):
        assert resolved(query, context, searcher) == query


def test_what_was_named_last_holds_and_politeness_is_passed_over(searcher: Searcher):
    context = ["Здравствуйте", SUBJECT, "а на айфоне?", "спасибо"]
    assert resolved("не помогло", context, searcher) == "не приходят уведомления на iPhone"
    assert resolved("а в браузере?", context, searcher) == "не приходят уведомления в браузере"
    assert resolved("а если я админ", context, searcher) == "не приходят уведомления на iPhone для администратора"


def test_the_subject_is_the_last_query_with_one(searcher: Searcher):
    context = [SUBJECT, "а на айфоне", "как создать чат?"]
    assert resolved("а в браузере", context, searcher) == "как создать чат в браузере?"


def test_words_for_another_audience_leave_the_subject(searcher: Searcher):
    context = ["как администратору сбросить пароль на windows 10"]
    assert resolved("а для пользователя?", context, searcher) == "как сбросить пароль на windows 10 для пользователя"
    assert resolved("а на android", context, searcher) == "как администратору сбросить пароль на Android"


def test_people_that_a_question_is_about_stay_in_it(searcher: Searcher):
    found = resolved("а если я админ?", ["как добавить сотрудника"], searcher)
    assert found == "как добавить сотрудника для администратора"


def test_a_subject_that_names_nothing_but_a_platform_keeps_it(searcher: Searcher):
    assert resolved("а для админа", ["настройки айфон"], searcher) == "настройки айфон для администратора"


def test_what_the_caller_chose_wins_over_the_words(searcher: Searcher):
    chosen = Chosen(platform=True)
    assert resolved("а на айфоне?", [SUBJECT], searcher, chosen) == "не приходят уведомления"


def test_a_pasted_error_is_asked_again_as_it_was(searcher: Searcher):
    pasted = "Ошибка 500\nстрока лога\nat a.b(C.java:1)"
    assert resolved("не помогло", [pasted], searcher) == pasted
    assert resolved("а на айфоне", ["слово " * 100], searcher) == "слово " * 100


def test_a_reply_shows_what_was_searched_for(client):
    body = {"query": "а на айфоне?", "context": [SUBJECT], "abstain": False}
    found = client.post("/v1/search", json=body).json
    assert found["query"] == "а на айфоне?"
    assert found["interpretation"]["read_as"] == "не приходят уведомления на iPhone"
    assert found["interpretation"]["platform"] == "ios"
    plain = client.post("/v1/search", json={"query": "не приходят уведомления на iPhone", "abstain": False}).json
    assert found["hits"] == plain["hits"] != []


def test_filters_of_the_caller_hold_in_a_dialogue(client):
    body = {"query": "а на айфоне?", "context": [SUBJECT], "filters": {"platform": ["android"]}, "abstain": False}
    found = client.post("/v1/search", json=body).json
    assert found["interpretation"]["read_as"] == "не приходят уведомления"
    assert found["hits"]
    assert all(not hit["platforms"] or "android" in hit["platforms"] for hit in found["hits"])


def test_an_address_takes_a_context_too(client):
    found = client.get("/v1/search", query_string={"q": "не помогло", "context": ["как создать чат", SUBJECT]}).json
    assert found["interpretation"]["read_as"] == SUBJECT


def test_an_answer_goes_on_with_the_steps_that_were_not_tried(client):
    context = ["не приходят уведомления на айфоне"]
    first = client.post("/v1/answer", json={"query": context[0]}).json
    assert len(first["steps"]) > 1
    tried = [first["steps"][0]["step_id"]]
    then = client.post("/v1/answer", json={"query": "не помогло", "context": context, "tried": tried}).json
    assert then["interpretation"]["read_as"] == context[0]
    assert then["next_step"]["step_id"] == first["steps"][1]["step_id"]
