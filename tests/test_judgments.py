"""Judged queries: a folder in BEIR's layout is read or refused; our own judgments fit our own corpus."""

import csv
import json
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from evaluation.judgments import JudgedSet, JudgmentError, Query, digest, read_judged
from indexer.articles import PLATFORMS, read_articles
from indexer.sections import Section, split_article

ROOT = Path(__file__).parents[1]
JUDGED = ROOT / "evaluation" / "judged"

HEAD = "query-id\tcorpus-id\tscore\n"


def query_line(query_id: str, text: str) -> str:
    return json.dumps({"_id": query_id, "text": text}, ensure_ascii=False) + "\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three queries, two of them judged, in one split."""
    (tmp_path / "judged" / "qrels").mkdir(parents=True)
    lines = query_line("q2", "войти в чат") + query_line("q1", "не приходит код\u2028из СМС") + query_line("q3", "кэш")
    (tmp_path / "judged" / "queries.jsonl").write_text(lines, encoding="utf-8")
    rows = "q1\tsign-in#phone\t2\nq2\tchats#create\t1\nq1\tsign-in#qr\t0\n"
    (tmp_path / "judged" / "qrels" / "test.tsv").write_text(HEAD + rows, encoding="utf-8")
    return tmp_path / "judged"


def test_folder_gives_the_judged_queries_in_the_order_of_their_file(folder: Path):
    assert read_judged(folder) == JudgedSet(
        name="judged, test",
        queries=(Query("q2", "войти в чат"), Query("q1", "не приходит код\u2028из СМС")),
        qrels={"q1": {"sign-in#phone": 2, "sign-in#qr": 0}, "q2": {"chats#create": 1}},
    )


def test_head_line_of_the_judgments_may_be_missing(folder: Path):
    (folder / "qrels" / "test.tsv").write_text("q1\tsign-in#phone\t2\n", encoding="utf-8")
    assert read_judged(folder).qrels == {"q1": {"sign-in#phone": 2}}


def test_split_is_chosen_by_name(folder: Path):
    (folder / "qrels" / "tuning.tsv").write_text(HEAD + "q3\tcache#clear\t1\n", encoding="utf-8")
    assert [query.query_id for query in read_judged(folder, "tuning").queries] == ["q3"]
    assert [query.query_id for query in read_judged(folder, "test").queries] == ["q2", "q1"]


@pytest.mark.parametrize("split", [None, "dev"])
def test_split_that_is_not_there_or_not_named_is_answered_with_those_that_are(folder: Path, split: str | None):
    (folder / "qrels" / "tuning.tsv").write_text(HEAD, encoding="utf-8")
    with pytest.raises(JudgmentError, match=r"qrels: has test, tuning; expected .* --split"):
        read_judged(folder, split)


def test_folder_without_judgments_has_no_split(tmp_path: Path):
    with pytest.raises(JudgmentError, match="has none"):
        read_judged(tmp_path / "nowhere")


def test_judgments_without_rows_are_refused(folder: Path):
    # The mean over no queries is no number.
    (folder / "qrels" / "test.tsv").write_text(HEAD, encoding="utf-8")
    with pytest.raises(JudgmentError, match=r"test\.tsv: no judgments"):
        read_judged(folder)


@pytest.mark.parametrize(
    "line",
    ["{", "[1]", "7", '{"_id": "q4"}', '{"text": "кэш"}', '{"_id": "q4", "text": null}'],
)
def test_line_that_is_no_query_is_named(folder: Path, line: str):
    path = folder / "queries.jsonl"
    path.write_text(path.read_text(encoding="utf-8") + "\n" + line + "\n", encoding="utf-8")  # after an empty line
    with pytest.raises(JudgmentError, match=r'queries\.jsonl:5: .*expected \{"_id", "text"\}'):
        read_judged(folder)


@pytest.mark.parametrize("row", ["q1\tsign-in#phone", "q1 sign-in#phone 2", "q1\tsign-in#phone\thigh", "q1\t0\ta\t2"])
def test_row_that_is_no_judgment_is_named(folder: Path, row: str):
    path = folder / "qrels" / "test.tsv"
    path.write_text(path.read_text(encoding="utf-8") + row + "\n", encoding="utf-8")
    with pytest.raises(JudgmentError, match=r"test\.tsv:5: .*expected query-id, corpus-id, score"):
        read_judged(folder)


def test_judged_query_without_text_is_named(folder: Path):
    path = folder / "qrels" / "test.tsv"
    path.write_text(path.read_text(encoding="utf-8") + "q9\tchats#create\t1\n", encoding="utf-8")
    with pytest.raises(JudgmentError, match=r"test\.tsv: query q9 is not in queries\.jsonl"):
        read_judged(folder)


def test_missing_queries_are_named(folder: Path):
    (folder / "queries.jsonl").unlink()
    with pytest.raises(JudgmentError, match=r"queries\.jsonl: cannot be read"):
        read_judged(folder)


def test_judgments_in_another_encoding_are_named(folder: Path):
    (folder / "queries.jsonl").write_bytes('{"_id": "q1", "text": "кэш"}'.encode("cp1251"))
    with pytest.raises(JudgmentError, match=r"queries\.jsonl: .*expected UTF-8"):
        read_judged(folder)


def test_what_stands_twice_is_named(folder: Path):
    with (folder / "queries.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"_id": "q1", "text": "другой"}\n')
    with pytest.raises(JudgmentError, match=r"queries\.jsonl:\d+: .*q1 stands above already"):
        read_judged(folder)


def test_pair_that_is_judged_twice_is_named(folder: Path):
    (folder / "qrels" / "test.tsv").write_text(HEAD + "q1\ta#1\t1\nq1\ta#1\t2\n", encoding="utf-8")
    with pytest.raises(JudgmentError, match=r"test\.tsv:3: .*judged above already"):
        read_judged(folder)


def test_judged_ids_are_those_of_all_queries():
    many = JudgedSet("many", (), {"q1": dict.fromkeys("hgfedcba", 1), "q2": dict.fromkeys("bdfhx", 2)})
    assert many.judged_ids == set("abcdefghx")


# Our own judgments.


KINDS = {"keywords", "question", "complaint", "error", "staff", "chatbot"}


@cache
def own_sections() -> dict[str, Section]:
    """The sections of our help by their ids, in reading order."""
    articles = read_articles(ROOT / "corpus").articles
    return {section.section_id: section for article in articles for section in split_article(article)}


def own_rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]


@pytest.fixture(scope="module")
def own_queries() -> list[dict[str, str | bool]]:
    lines = (JUDGED / "queries.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def own_judgments() -> list[list[str]]:
    """Rows of every split: query, section, grade."""
    return [row for path in sorted((JUDGED / "qrels").glob("*.tsv")) for row in own_rows(path)]


def test_our_queries_have_ids_and_texts_of_their_own(own_queries: list[dict[str, str | bool]]):
    for name in ("_id", "text"):
        repeated = [value for value, number in Counter(query[name] for query in own_queries).items() if number > 1]
        assert repeated == []
    answerable = [query for query in own_queries if query.get("answerable", True)]
    assert len(answerable) >= 300
    assert len(own_queries) - len(answerable) >= 100


def test_both_splits_have_every_kind_topic_and_platform(own_queries: list[dict[str, str | bool]]):
    topics = {article.topic for article in read_articles(ROOT / "corpus").articles}
    platforms = {section_id: set(section.platforms) for section_id, section in own_sections().items()}
    for split in ("tuning", "test"):
        judged = read_judged(JUDGED, split)
        assert {query.kind for query in judged.queries} == KINDS
        assert {query.topic for query in judged.answerable} == topics
        best = [each for grades in judged.qrels.values() for each, grade in grades.items() if grade == 2]
        assert set().union(*(platforms[section_id] for section_id in best)) == set(PLATFORMS)
        assert len(judged.queries) - len(judged.answerable) >= 48


def test_the_splits_share_no_question_of_the_help():
    question_of, above = {}, ""
    for section_id, section in own_sections().items():
        above = section_id if section.level <= 2 else above  # a part follows its question
        question_of[section_id] = above
    asked = {
        split: {
            question_of[section_id]
            for grades in read_judged(JUDGED, split).qrels.values()
            for section_id, grade in grades.items()
            if grade == 2
        }
        for split in ("tuning", "test")
    }
    assert asked["tuning"] & asked["test"] == set()


@pytest.mark.parametrize("split", ["tuning", "test"])
def test_judged_sets_are_frozen(split: str):
    # A changed judgment changes every figure: do it on purpose, say so, and write the digest anew.
    assert json.loads((JUDGED / "digests.json").read_text())[split] == digest(read_judged(JUDGED, split))


@pytest.mark.parametrize("split", ["tuning", "test"])
def test_nuggets_are_steps_of_the_help_word_for_word(split: str):
    sections, judged = own_sections(), read_judged(JUDGED, split)
    assert len(judged.nuggets) >= 60
    for query_id, nuggets in judged.nuggets.items():
        for nugget in nuggets:
            assert judged.qrels[query_id][nugget.section_id] > 0
            assert nugget.step in sections[nugget.section_id].text, (query_id, nugget)


def test_every_split_of_ours_holds_the_queries_that_name_it(own_queries: list[dict[str, str | bool]]):
    split_of = {query["_id"]: query["split"] for query in own_queries}
    for path in (JUDGED / "qrels").glob("*.tsv"):
        judged = read_judged(JUDGED, path.stem)
        assert judged.queries
        assert {split_of[query.query_id] for query in judged.queries} == {path.stem}


def test_our_judged_sections_are_in_our_corpus(own_judgments: list[list[str]]):
    assert sorted({section for _, section, _ in own_judgments} - own_sections().keys()) == []


def test_our_judgments_name_a_section_once_a_query_with_a_grade_up_to_2(own_judgments: list[list[str]]):
    pairs = Counter((query, section) for query, section, _ in own_judgments)
    assert [pair for pair, number in pairs.items() if number > 1] == []
    assert {grade for _, _, grade in own_judgments} == {"0", "1", "2"}


def test_each_of_our_grades_above_0_has_a_reason_and_each_reason_a_grade(own_judgments: list[list[str]]):
    reasons = {(query, section): reason for query, section, reason in own_rows(JUDGED / "reasons.tsv")}
    assert reasons.keys() == {(query, section) for query, section, grade in own_judgments if grade != "0"}
    assert [pair for pair, reason in reasons.items() if not reason.strip()] == []


def test_our_queries_are_judged_or_said_to_be_unanswerable(
    own_queries: list[dict[str, str | bool]], own_judgments: list[list[str]]
):
    judged = {query for query, _, _ in own_judgments}
    unanswerable = {query["_id"] for query in own_queries if query.get("answerable") is False}
    assert unanswerable, "none to learn from when to say that there is no answer"
    assert judged & unanswerable == set()
    assert judged | unanswerable == {query["_id"] for query in own_queries}
