"""`evaluation answers`: steps against the judged ones, and everything shown against the help."""

import json

import pytest

import evaluation.__main__ as cli
from evaluation.commands import answers
from evaluation.judgments import JudgedSet, Nugget, Query
from server.search import Searcher


@pytest.fixture(scope="module")
def searcher(artifact, encoder):
    return Searcher(artifact, encoder)


def judged(*nuggets: Nugget) -> JudgedSet:
    query = Query("q1", "телефон молчит, включено фокусирование")
    qrels = {"q1": {"notifications#missing-ios": 2}}
    return JudgedSet("own, tuning", (query,), qrels, {"q1": nuggets} if nuggets else {})


SECTION = "notifications#missing-ios"
FIRST = Nugget(SECTION, "Откройте «Настройки» > «Фокусирование».", vital=True)
SECOND = Nugget(SECTION, "Добавьте «Голубь» в разрешённые приложения.", vital=True)


def test_steps_that_are_the_judged_ones_in_their_order_count_whole(searcher):
    found = answers.measure(searcher, judged(FIRST, SECOND))
    assert (found.queries, found.recall, found.precision, found.order) == (1, 1.0, 1.0, 1.0)


def test_a_judged_step_that_is_not_given_costs_recall_and_one_too_many_precision(searcher):
    other = Nugget(SECTION, "Позвоните администратору по внутреннему телефону.", vital=True)
    found = answers.measure(searcher, judged(FIRST, other))
    assert (found.recall, found.precision) == (0.5, 0.5)


def test_all_that_is_shown_stands_in_the_help_and_is_for_the_platform(searcher):
    found = answers.measure(searcher, judged())
    assert (found.queries, found.recall) == (0, None)
    assert (found.citations, found.wrong_platform) == (1.0, 0)


@pytest.mark.model
def test_on_our_own_help_every_step_and_quote_stands_word_for_word(real_searcher, monkeypatch, capsys):
    monkeypatch.setattr(answers, "open_searcher", lambda corpus, judged: real_searcher)
    assert cli.main(["answers", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["citations"], found["wrong_platform"]) == (1.0, 0)
    assert found["recall"] >= 0.85
    assert found["precision"] >= 0.75
