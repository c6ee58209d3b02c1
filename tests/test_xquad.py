"""XQuAD's Russian file becomes two BEIR folders, byte for byte the same each time."""

import json
from pathlib import Path
from typing import Any

import pytest

from evaluation.judgments import JudgmentError, read_judged
from evaluation.xquad import convert
from indexer.articles import read_articles

GIVEN = Path(__file__).parents[2] / "shared" / "data" / "xquad-ru"

CATS = "\ufeffКошка спит. Мышь не спит! "
RIVERS = "Волга течёт на юг.  Обь течёт на север."


def question(question_id: str, text: str, context: str, answer: str) -> dict[str, Any]:
    start = context.index(answer)
    return {"id": question_id, "question": text, "answers": [{"answer_start": start, "text": answer}]}


SQUAD = {
    "version": "1.1",
    "data": [
        {
            "title": "Звери",
            "paragraphs": [
                {
                    "context": CATS,
                    "qas": [
                        question("c1", "Кто спит?", CATS, "Кошка"),  # right after the byte order mark
                        question("c2", "Что делает мышь? ", CATS, "не спит"),
                        question("c3", "Чем кончается?", CATS, "!"),  # the last letter of a sentence
                    ],
                },
                {"context": "Слон велик.", "qas": []},
            ],
        },
        {
            "title": "Реки",
            "paragraphs": [
                {
                    "context": RIVERS,
                    "qas": [
                        question("r1", "Какая река течёт на север?", RIVERS, "Обь"),  # where the second one begins
                        question("r2", "Где граница?", RIVERS, "  Обь"),  # between them: the next one
                        question("r3", "Куда течёт «Волга»?", RIVERS, "на юг.  Обь"),  # begins in the first
                    ],
                }
            ],
        },
    ],
}

QUERIES = (
    '{"_id": "c1", "text": "Кто спит?"}\n'
    '{"_id": "c2", "text": "Что делает мышь? "}\n'
    '{"_id": "c3", "text": "Чем кончается?"}\n'
    '{"_id": "r1", "text": "Какая река течёт на север?"}\n'
    '{"_id": "r2", "text": "Где граница?"}\n'
    '{"_id": "r3", "text": "Куда течёт «Волга»?"}\n'
)

EXPECTED = {
    "passages/corpus.jsonl": (
        '{"_id": "00-0", "title": "", "text": "\ufeffКошка спит. Мышь не спит! "}\n'
        '{"_id": "00-1", "title": "", "text": "Слон велик."}\n'
        '{"_id": "01-0", "title": "", "text": "Волга течёт на юг.  Обь течёт на север."}\n'
    ),
    "passages/queries.jsonl": QUERIES,
    "passages/qrels/test.tsv": (
        "query-id\tcorpus-id\tscore\nc1\t00-0\t1\nc2\t00-0\t1\nc3\t00-0\t1\nr1\t01-0\t1\nr2\t01-0\t1\nr3\t01-0\t1\n"
    ),
    "sentences/corpus.jsonl": (
        '{"_id": "00-0-0", "title": "", "text": "\ufeffКошка спит."}\n'
        '{"_id": "00-0-1", "title": "", "text": "Мышь не спит!"}\n'
        '{"_id": "00-1-0", "title": "", "text": "Слон велик."}\n'
        '{"_id": "01-0-0", "title": "", "text": "Волга течёт на юг."}\n'
        '{"_id": "01-0-1", "title": "", "text": "Обь течёт на север."}\n'
    ),
    "sentences/queries.jsonl": QUERIES,
    "sentences/qrels/test.tsv": (
        "query-id\tcorpus-id\tscore\n"
        "c1\t00-0-0\t1\nc2\t00-0-1\t1\nc3\t00-0-1\t1\nr1\t01-0-1\t1\nr2\t01-0-1\t1\nr3\t01-0-0\t1\n"
    ),
}


def write(folder: Path, content: object) -> Path:
    path = folder / "xquad.ru.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_paragraphs_and_their_sentences_become_beir_folders(tmp_path: Path):
    counts = convert(write(tmp_path, SQUAD), tmp_path / "out")
    assert counts == {"passages": 3, "sentences": 5}
    assert {name: text.decode() for name, text in files(tmp_path / "out").items()} == EXPECTED


def test_converted_folders_are_read_as_a_corpus_with_its_judgments(tmp_path: Path):
    convert(write(tmp_path, SQUAD), tmp_path / "out")
    for name in ("passages", "sentences"):
        corpus = read_articles(tmp_path / "out" / name)
        judged = read_judged(tmp_path / "out" / name)
        assert corpus.findings == ()
        assert len(judged.queries) == 6
        assert judged.judged_ids <= {article.article_id for article in corpus.articles}


def test_converting_again_replaces_what_was_there(tmp_path: Path):
    convert(write(tmp_path, {"data": SQUAD["data"][:1]}), tmp_path / "out")
    convert(write(tmp_path, SQUAD), tmp_path / "out")
    assert files(tmp_path / "out")["passages/corpus.jsonl"].decode() == EXPECTED["passages/corpus.jsonl"]


@pytest.mark.parametrize(
    "content",
    [
        [],
        {},
        {"data": {"title": "a"}},
        {"data": [{"title": "a"}]},
        {"data": [{"paragraphs": [{"qas": []}]}]},
        {"data": [{"paragraphs": [{"context": "a"}]}]},
        {"data": [{"paragraphs": [{"context": "a", "qas": [{"id": "1", "question": "b", "answers": []}]}]}]},
        {"data": [{"paragraphs": [{"context": "a", "qas": [{"id": "1", "answers": [{"answer_start": 0}]}]}]}]},
    ],
)
def test_file_of_another_form_is_refused_and_nothing_written(tmp_path: Path, content: object):
    source = write(tmp_path, content)
    with pytest.raises(JudgmentError, match=r"xquad\.ru\.json: .*expected xquad\.ru\.json of XQuAD"):
        convert(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_file_that_is_missing_or_no_json_is_refused(tmp_path: Path):
    with pytest.raises(JudgmentError, match="FileNotFoundError"):
        convert(tmp_path / "xquad.ru.json", tmp_path / "out")
    (tmp_path / "xquad.ru.json").write_text("{", encoding="utf-8")
    with pytest.raises(JudgmentError, match="JSONDecodeError"):
        convert(tmp_path / "xquad.ru.json", tmp_path / "out")


@pytest.mark.skipif(not GIVEN.is_dir(), reason="../shared/data/xquad-ru, an input that is no part of the project")
def test_the_whole_of_xquad_becomes_the_given_folders_byte_for_byte(tmp_path: Path):
    assert convert(GIVEN / "xquad.ru.json", tmp_path) == {"passages": 240, "sentences": 1212}
    given = {name: content for name, content in files(GIVEN).items() if "/" in name}
    assert len(given) == 6
    assert files(tmp_path) == given
