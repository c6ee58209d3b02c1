"""Which steps of a section belong into an answer, learnt from questions whose answers were judged."""

import dataclasses

import numpy as np
import pytest
from helpers import HashEncoder, lemmatizer

from evaluation.leaving_out import LeavingOut
from indexer.belonging import likeness, penalised
from indexer.errors import ArtifactError
from indexer.knowledge import Question
from indexer.questions import QuestionIndex
from indexer.sections import Section, Step, with_parts
from server.answering import Answerer
from server.asked import KnownQuestions, LeftOut, Likeness
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


def index_of(*questions: Question, sections: tuple[Section, ...] = (WHOLE,)) -> QuestionIndex:
    return QuestionIndex.build(questions, HashEncoder(), lemmatizer().lemmas, {}, lambda done, total: None, sections)


def like(index: QuestionIndex, query: str, left_out: LeftOut | None = None) -> Likeness:
    rows = {section_id: row for row, (section_id,) in enumerate(index.learnt.sections.names)}
    known = KnownQuestions(index, rows)
    worded = known.worded(lemmatizer().lemmas(query), left_out)
    return known.likeness(HashEncoder().encode_query(query), worded, left_out)


def scores(index: QuestionIndex, query: str, of: Section = WHOLE, left_out: LeftOut | None = None) -> list[float]:
    """How much each step of a section belongs into the answer to a query."""
    steps = [(of.section_id, step.step_id) for step in of.steps]
    found = StepChoice(index).scores(steps, like(index, query, left_out))
    assert found is not None
    return [float(score) for score in found]


def test_a_known_question_has_its_own_steps():
    index = index_of(ABOUT_VPN, ABOUT_ALL)
    vpn, everything = scores(index, ABOUT_VPN.text), scores(index, ABOUT_ALL.text)
    assert vpn[1] > 0.8 and vpn[0] < 0.2 and vpn[2] < 0.2
    assert min(everything) > 0.8


def test_words_in_common_make_questions_alike_where_their_meaning_does_not():
    index = index_of(ABOUT_VPN, ABOUT_ALL)
    at_one_distance = np.full(2, 0.8, dtype=np.float32)
    by_words = {
        query: index.learnt.steps.of(likeness(at_one_distance, index.overlap.of(lemmatizer().lemmas(query))))
        for query in ("впн мешает", "сообщения не уходят")
    }
    assert by_words["впн мешает"][0] < by_words["сообщения не уходят"][0]
    assert by_words["впн мешает"][1] > 2 * by_words["впн мешает"][0]


def test_the_section_that_answers_questions_like_it_belongs_into_the_answer():
    other = section("other")
    index = index_of(ABOUT_ALL, Question(text="мешает ли впн", sections=("chats#other",)), sections=(WHOLE, other))
    rows = {section_id: row for row, (section_id,) in enumerate(index.learnt.sections.names)}
    found = like(index, "не уходят сообщения").belonging
    assert found[rows["chats#not-sending"]] > 0.8 and found[rows["chats#other"]] < 0.2


def test_a_question_without_an_answer_says_that_no_section_belongs():
    unanswered = Question(text="купить слона", sections=())
    found = like(index_of(ABOUT_ALL, unanswered), unanswered.text).belonging
    assert max(found.values()) < 0.2


def test_steps_that_no_question_has_do_not_belong():
    index = index_of(Question(text="а", sections=("chats#not-sending",), steps=()), ABOUT_VPN)
    assert max(scores(index, "а")) < 0.2


def test_a_question_whose_steps_nobody_judged_has_all_of_its_section():
    assert min(scores(index_of(Question(text="а", sections=("chats#not-sending",))), "а")) > 0.8


def test_nothing_is_told_of_steps_that_were_not_learnt():
    index = index_of(ABOUT_VPN)
    found = like(index, ABOUT_VPN.text)
    assert StepChoice(index).scores([("chats#other", "1")], found) is None
    assert StepChoice(index_of()).scores([("chats#not-sending", STEPS[0].step_id)], found) is None
    assert StepChoice(index).scores([("chats#not-sending", STEPS[0].step_id)], None) is None


def test_the_parts_of_a_question_are_learnt_with_it():
    head, part = section("question", steps=()), section("on-android", level=3)
    other = section("other")
    assert list(with_parts(head, [head, part, other])) == [head, part]
    assert list(with_parts(other, [head, part, other])) == [other]
    judged = Question(text="а", sections=("chats#question",), steps=(STEPS[0].step_id,))
    index = index_of(judged, sections=(head, part, other))
    first, *rest = scores(index, "а", part)
    assert first > 0.8 and max(rest) < 0.2
    assert {section_id for section_id, _ in index.learnt.steps.names} == {part.section_id}


def test_what_was_learnt_is_read_back_the_same(tmp_path):
    index = index_of(ABOUT_VPN, ABOUT_ALL)
    index.save(tmp_path / "questions")
    read = QuestionIndex.load(tmp_path / "questions", HashEncoder().dimension)
    for mine, its in ((read.learnt.sections, index.learnt.sections), (read.learnt.steps, index.learnt.steps)):
        assert mine.names == its.names
        np.testing.assert_array_equal(mine.weights, its.weights)
    np.testing.assert_allclose(
        like(read, ABOUT_VPN.text).alike @ index.learnt.sections.weights.T,
        list(like(read, ABOUT_VPN.text).belonging.values()),
        atol=0.01,  # of sections in 8 bits
    )
    (tmp_path / "questions" / "sections.onnx").write_bytes(b"")
    with pytest.raises(ArtifactError, match=r"sections\.onnx: unreadable model of sections"):
        like(QuestionIndex.load(tmp_path / "questions", HashEncoder().dimension), ABOUT_VPN.text)
    np.save(tmp_path / "questions" / "steps.npy", index.learnt.steps.weights[:1])
    with pytest.raises(ArtifactError, match=r"model of \(1, 2\) steps.*expected \(3, 2\); rebuild"):
        QuestionIndex.load(tmp_path / "questions", HashEncoder().dimension)
    (tmp_path / "questions" / "steps.npy").write_bytes(b"")
    with pytest.raises(ArtifactError, match="unreadable model of steps"):
        QuestionIndex.load(tmp_path / "questions", HashEncoder().dimension)


def test_a_question_left_out_is_answered_as_if_it_had_never_been_known():
    questions = [
        ABOUT_VPN,
        ABOUT_ALL,
        Question(text="впн включён", sections=("chats#not-sending",), steps=(STEPS[1].step_id, STEPS[2].step_id)),
        Question(text="сообщения зависли", sections=("chats#not-sending",), steps=(STEPS[0].step_id,)),
    ]
    index = index_of(*questions)
    leaving = LeavingOut(index)
    targets = np.array([[step.step_id in each.steps for each in questions] for step in STEPS], dtype=float)
    all_of_them = penalised(index.vectors, index.overlap)
    for place, question in enumerate(questions):
        others = [other for other in range(len(questions)) if other != place]
        fitted = np.linalg.solve(all_of_them[np.ix_(others, others)], targets[:, others].T)
        expected = all_of_them[place, others] @ fitted
        assert scores(index, question.text, left_out=leaving.without(place)) == pytest.approx(expected, abs=1e-5)


def test_who_tried_the_chosen_steps_in_vain_is_told_the_others_of_the_section(artifact, encoder):
    query = "не приходят уведомления"
    plain = Searcher(artifact, encoder)
    whole = Answerer(plain).answer(query, platform="android").steps
    answering = plain.sections[whole[0].section_id]
    judged = Question(text=query, sections=(answering.section_id,), steps=(whole[-1].step_id,))
    questions = index_of(judged, sections=artifact.sections)
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
