"""Which steps of a section belong into an answer, told by questions whose answers were judged."""

import dataclasses

import numpy as np
import pytest
from helpers import HashEncoder, lemmatizer

from indexer.build import QuestionIndex
from indexer.knowledge import Question
from indexer.sections import Section, Step, with_parts
from server.answering import Answerer
from server.choice import StepChoice
from server.search import Searcher
from server.steps import StepFinder, Visitor

STEPS = (Step("Проверьте сеть."), Step("Выключите VPN."), Step("Перезапустите телефон."))


def section(name: str, level: int = 2, steps: tuple[Step, ...] = STEPS) -> Section:
    return Section(
        section_id=f"chats#{name}",
        article_id="chats",
        anchor=name,
        level=level,
        headings=("Чаты", name),
        text="",
        html="",
        steps=steps,
        platforms=(),
        audiences=(),
        keywords=(),
        related=(),
        aliases=(),
    )


WHOLE = section("not-sending")
ABOUT_VPN = Question(text="мешает ли впн", sections=("chats#not-sending",), steps=(STEPS[1].step_id,))
ABOUT_ALL = Question(
    text="не уходят сообщения", sections=("chats#not-sending",), steps=tuple(step.step_id for step in STEPS)
)


def chosen(questions: tuple[Question, ...], *cosines: float) -> tuple[Step, ...]:
    choice = StepChoice(questions, {"chats": [WHOLE]})
    return choice.chosen(WHOLE, np.array(cosines, dtype=np.float32))


def test_the_nearer_question_decides():
    assert chosen((ABOUT_VPN, ABOUT_ALL), 0.95, 0.80) == (STEPS[1],)
    assert chosen((ABOUT_VPN, ABOUT_ALL), 0.80, 0.95) == STEPS


def test_of_two_as_near_a_step_of_either_stays():
    assert chosen((ABOUT_VPN, ABOUT_ALL), 0.9, 0.9) == STEPS


def test_a_question_that_no_step_answers_takes_all_away():
    assert chosen((Question(text="а", sections=("chats#not-sending",), steps=()), ABOUT_ALL), 0.95, 0.8) == ()


@pytest.mark.parametrize(
    "questions", [(), (Question(text="а", sections=("chats#not-sending",)),)], ids=["none", "unjudged"]
)
def test_where_nothing_was_judged_all_steps_belong(questions):
    assert chosen(questions, *(0.9 for _ in questions)) == STEPS


def test_a_question_that_is_left_out_has_no_vote():
    assert chosen((ABOUT_VPN, ABOUT_ALL), -np.inf, 0.8) == STEPS
    assert chosen((ABOUT_VPN,), -np.inf) == STEPS


def test_without_cosines_all_steps_belong():
    assert StepChoice((ABOUT_VPN,), {"chats": [WHOLE]}).chosen(WHOLE, None) == STEPS


def test_the_parts_of_a_question_are_judged_with_it():
    head, part = section("question", steps=()), section("on-android", level=3)
    other = section("other")
    assert list(with_parts(head, [head, part, other])) == [head, part]
    assert list(with_parts(other, [head, part, other])) == [other]
    judged = Question(text="а", sections=("chats#question",), steps=(STEPS[0].step_id,))
    choice = StepChoice((judged,), {"chats": [head, part, other]})
    assert choice.chosen(part, np.array([0.9])) == (STEPS[0],)
    assert choice.chosen(other, np.array([0.9])) == STEPS


def test_who_tried_the_chosen_steps_in_vain_is_told_the_others_of_the_section(artifact, encoder):
    query = "не приходят уведомления"
    plain = Searcher(artifact, encoder)
    whole = Answerer(plain).answer(query, platform="android").steps
    answering = plain.sections[whole[0].section_id]
    judged = Question(text=query, sections=(answering.section_id,), steps=(whole[-1].step_id,))
    questions = QuestionIndex.build((judged,), HashEncoder(), lemmatizer().lemmas, {}, lambda done, total: None)
    answerer = Answerer(Searcher(dataclasses.replace(artifact, questions=questions), encoder))
    first = answerer.answer(query, platform="android").steps
    assert [step.step_id for step in first] == [whole[-1].step_id]
    then = answerer.answer(query, platform="android", tried=[whole[-1].step_id])
    of_section = {step.step_id for step in whole if step.section_id == answering.section_id}
    assert of_section <= {step.step_id for step in then.steps}
    assert then.next_step is not None and then.next_step.step_id in of_section - {whole[-1].step_id}


def test_others_leaves_out_what_was_given(artifact, encoder):
    searcher = Searcher(artifact, encoder)
    finder, result = StepFinder(searcher), searcher.search("не приходят уведомления")
    given = finder.steps(result, Visitor())
    assert given and finder.others(given, result, Visitor()) == ()
    assert finder.others(given[:1], result, Visitor()) == given[1:]
