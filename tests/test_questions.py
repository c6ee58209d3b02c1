"""Known questions: their file, their index, what they do to a ranking, and that none of them is a judged query."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from helpers import CORPUS, HashEncoder, build_index, lemmatizer

from evaluation.commands.opening import JUDGED
from indexer import artifact as artifacts
from indexer.articles import read_articles
from indexer.errors import ArticleError, ArtifactError
from indexer.knowledge import QUESTIONS, Question, read_questions
from indexer.questions import FOLDER, QuestionIndex
from indexer.sections import split_article
from indexer.stores.store import Filters
from indexer.validate import check
from indexer.words import clean, words
from server.asked import LeftOut
from server.search import Searcher

OURS = Path("corpus")

FEW = (
    Question(text="морда на аватарке старая", sections=("profile#photo",)),
    Question(text="когда обед"),
)


def index_of(questions: tuple[Question, ...], encoder: HashEncoder) -> QuestionIndex:
    return QuestionIndex.build(questions, encoder, lemmatizer().lemmas, {}, lambda done, total: None)


def lines(*questions: dict[str, object]) -> str:
    return "".join(json.dumps(question, ensure_ascii=False) + "\n" for question in questions)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    import shutil

    return Path(shutil.copytree(CORPUS, tmp_path / "corpus"))


@pytest.fixture
def searcher(artifact, encoder) -> Searcher:
    return Searcher(artifact, encoder)


def asked(searcher: Searcher, questions: tuple[Question, ...] = FEW, weight: float = 1.0) -> Searcher:
    artifact = dataclasses.replace(searcher.artifact, questions=index_of(questions, HashEncoder()))
    return Searcher(artifact, searcher.encoder, dataclasses.replace(searcher.ranking, question_weight=weight))


def test_a_corpus_without_the_file_has_no_questions(tmp_path):
    assert read_questions(tmp_path) == ()


def test_questions_are_read_with_their_sections(tmp_path):
    (tmp_path / QUESTIONS).write_text(
        lines({"text": " как войти ", "sections": ["a#b", "c#d"]}, {"text": "обед"}) + "\n"
    )
    assert read_questions(tmp_path) == (
        Question(text="как войти", sections=("a#b", "c#d")),
        Question(text="обед", sections=()),
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"text": ""}', "2: text does not fit"),
        ('{"sections": []}', "2: text does not fit"),
        ('{"text": "а", "section": "b#c"}', "2: section does not fit"),
        ("[", "2: the line does not fit"),
    ],
)
def test_each_mistake_is_named_with_its_line(tmp_path, line, said):
    (tmp_path / QUESTIONS).write_text(lines({"text": "как войти"}) + line + "\n")
    with pytest.raises(ArticleError, match=rf"{QUESTIONS}:{said} .*; expected .*; correct the line"):
        read_questions(tmp_path)


def test_text_that_is_not_utf8_is_refused(tmp_path):
    (tmp_path / QUESTIONS).write_bytes('{"text": "как войти"}'.encode("cp1251"))
    with pytest.raises(ArticleError, match="is not UTF-8"):
        read_questions(tmp_path)


def test_validate_names_unknown_sections_and_questions_that_stand_twice(corpus):
    (corpus / QUESTIONS).write_text(
        lines({"text": "Как войти", "sections": ["profile#nowhere"]}, {"text": "как  войти"}, {"text": "обед"})
    )
    found = [str(finding) for finding in check(read_articles(corpus)) if QUESTIONS in str(finding)]
    assert len(found) == 2
    assert ':1: section "profile#nowhere" does not exist' in found[0]
    assert ":2: " in found[1]
    assert "stands in line 1, too" in found[1]


def test_validate_names_steps_that_the_sections_of_a_question_do_not_have(corpus):
    sections = [section for article in read_articles(corpus).articles for section in split_article(article)]
    with_steps, other = [section for section in sections if section.steps][:2]
    (corpus / QUESTIONS).write_text(
        lines(
            {"text": "а", "sections": [with_steps.section_id], "steps": [with_steps.steps[0].step_id]},
            {"text": "б", "sections": [other.section_id], "steps": [with_steps.steps[0].step_id]},
            {"text": "в", "sections": [other.section_id], "steps": []},
        )
    )
    (found,) = [str(finding) for finding in check(read_articles(corpus)) if QUESTIONS in str(finding)]
    assert f':2: step "{with_steps.steps[0].step_id}" is none of its sections; expected' in found


def test_our_own_questions_point_to_sections_that_exist():
    assert not [str(finding) for finding in check(read_articles(OURS)) if QUESTIONS in str(finding)]


def test_none_of_our_questions_is_a_judged_query():
    """Else what the evaluation reports would be what it was taught."""

    def key(text: str) -> str:
        return " ".join(word.text for word in words(clean(text)))

    judged = {key(json.loads(line)["text"]) for line in (JUDGED / "queries.jsonl").read_text().splitlines()}
    assert not judged & {key(question.text) for question in read_questions(OURS)}


def test_an_index_gives_back_what_was_saved(tmp_path, encoder):
    index = index_of(FEW, encoder)
    index.save(tmp_path / FOLDER)
    again = QuestionIndex.load(tmp_path / FOLDER, encoder.dimension)
    assert again.questions == FEW
    np.testing.assert_array_equal(again.vectors, index.vectors)
    np.testing.assert_array_equal(again.words(["аватарка"]), index.words(["аватарка"]))
    (vector,) = encoder.encode_queries(["где моя аватарка"])
    np.testing.assert_allclose(again.cosines(vector), index.cosines(vector), atol=0.01)  # from fewer bytes


def test_an_index_without_questions_can_be_saved_and_asked(tmp_path, encoder):
    index_of((), encoder).save(tmp_path / FOLDER)
    again = QuestionIndex.load(tmp_path / FOLDER, encoder.dimension)
    assert (len(again.questions), again.vectors.shape, len(again.words(["кэш"]))) == (0, (0, encoder.dimension), 0)


def test_files_that_do_not_belong_together_are_refused(tmp_path, encoder):
    index_of(FEW, encoder).save(tmp_path / FOLDER)
    (tmp_path / FOLDER / QUESTIONS).write_text(lines({"text": "одна"}))
    with pytest.raises(ArtifactError, match="1 questions, 2 vectors, 2 in the lexical index; expected as many of each"):
        QuestionIndex.load(tmp_path / FOLDER, encoder.dimension)


def test_a_build_encodes_each_question_once_and_only_new_ones_again(corpus, tmp_path):
    class Counting(HashEncoder):
        def __init__(self) -> None:
            super().__init__()
            self.asked: list[str] = []

        def encode_queries(self, queries, progress=None):
            self.asked += queries
            return super().encode_queries(queries, progress)

    encoder = Counting()
    (corpus / QUESTIONS).write_text(lines({"text": "старая морда", "sections": ["profile#photo"]}, {"text": "обед"}))
    build_index(corpus, tmp_path / "index", encoder=encoder)
    with (corpus / QUESTIONS).open("a") as file:
        file.write(lines({"text": "ужин"}))
    build_index(corpus, tmp_path / "index", encoder=encoder)
    assert sorted(encoder.asked) == ["обед", "старая морда", "ужин"]
    loaded = artifacts.load(tmp_path / "index").questions
    assert [question.text for question in loaded.questions] == ["старая морда", "обед", "ужин"]
    np.testing.assert_allclose(loaded.vectors[1], encoder.encode_query("обед"))


def test_a_question_that_somebody_asked_finds_the_section_that_answered_it(searcher):
    query = "морда на аватарке старая"
    section = next(iter(searcher.sections))
    known = asked(searcher, (Question(text=query, sections=(section,)), Question(text="когда обед")))
    assert known.search(query).hits[0].section_id == section
    unweighted = asked(searcher, (Question(text=query, sections=(section,)),), weight=0.0)
    plain = [hit.section_id for hit in searcher.search(query).hits]
    assert [hit.section_id for hit in unweighted.search(query).hits] == plain


def test_an_error_text_stays_above_what_was_asked_before(searcher):
    first = searcher.search("пишет chat_not_found").hits[0]
    other = next(name for name in searcher.sections if name != first.section_id)
    known = asked(searcher, (Question(text="пишет chat_not_found", sections=(other,)),))
    assert known.search("пишет chat_not_found").hits[0].section_id == first.section_id


def test_halves_alone_do_not_know_of_questions(searcher):
    section = list(searcher.sections)[-1]
    known = asked(searcher, (Question(text="сменить фото", sections=(section,)),))
    for mode in ("lexical", "semantic"):
        expected = [hit.section_id for hit in searcher.search("сменить фото", mode=mode).hits]
        assert [hit.section_id for hit in known.search("сменить фото", mode=mode).hits] == expected


def test_a_question_left_out_is_unknown_and_unknown_sections_are_passed_over(searcher):
    questions = (
        Question(text="сменить фото", sections=("gone#for-good",)),
        Question(text="сменить фото", sections=(next(iter(searcher.sections)),)),
        Question(text="когда обед"),
    )
    known = asked(searcher, questions).asked
    vector = searcher.encoder.encode_query("сменить фото")
    lemmas = searcher.lemmatizer.lemmas("сменить фото")
    found = known.likeness(vector, known.worded(lemmas))
    assert known.cosines(found) == {0: pytest.approx(1.0)}
    assert found.to_each.tolist() == pytest.approx(
        [1.0, 1.0, float(vector @ searcher.encoder.encode_query("когда обед"))]
    )
    assert known.sides.tolist() == [1.0, 1.0, -1.0]
    left_out = LeftOut(1, np.zeros(3, dtype=np.float32))
    without = known.likeness(vector, known.worded(lemmas, left_out), left_out)
    assert without.words == {}
    assert known.cosines(without) == {}
    assert without.to_each[1] == -np.inf


def test_what_all_known_questions_tell_of_a_section_adds_to_its_score(searcher):
    query, row = "сменить фото", 3
    section_id = list(searcher.sections)[row]
    sections, lemmas = searcher.artifact.sections, searcher.lemmatizer.lemmas
    told = (Question(text=query, sections=(section_id,)),)
    index = QuestionIndex.build(told, searcher.encoder, lemmas, {}, lambda done, total: None, sections)
    artifact = dataclasses.replace(searcher.artifact, questions=index)
    scores = []
    for weight in (0.0, 1.5):
        ranking = dataclasses.replace(searcher.ranking, question_weight=0.0, belonging_weight=weight)
        known = Searcher(artifact, searcher.encoder, ranking)
        candidates = known.candidates(known.read(query), "hybrid")
        scores.append(known.fuse(candidates, "hybrid")[row])
    assert candidates.likeness.belonging == {
        row: pytest.approx(1.5 / 1.7, abs=1e-3)
    }  # 1 of a likeness of 1.5, penalised
    assert scores[1] - scores[0] == pytest.approx(1.5 * candidates.likeness.belonging[row])


def test_other_separators_of_lines_within_a_question_do_not_end_it(corpus):
    (corpus / QUESTIONS).write_text('{"text": "как\u2028войти"}\n\n{"text": "обед", "sections": ["profile#nowhere"]}\n')
    assert [question.text for question in read_questions(corpus)] == ["как\u2028войти", "обед"]
    (found,) = [str(finding) for finding in check(read_articles(corpus)) if QUESTIONS in str(finding)]
    assert ":3: section" in found


def test_a_section_for_the_platform_inherits_from_the_one_beside_it_that_the_filter_leaves_out(searcher):
    ios = searcher.sections["notifications#missing-ios"]
    android = next(
        section
        for section in searcher.sections_of("notifications")
        if section.platforms == ("android",) and section.audiences == ios.audiences
    )
    known = asked(searcher, (Question(text="молчит", sections=(android.section_id,)),))
    read = known.read("молчит")
    rows = {section_id: row for row, section_id in enumerate(known.sections)}
    given = known.given_by_questions(known.candidates(read, "hybrid", Filters(platform=("ios",))))
    assert given[rows[ios.section_id]] == given[rows[android.section_id]] > 0
    assert rows[ios.section_id] not in known.given_by_questions(known.candidates(read, "hybrid"))
