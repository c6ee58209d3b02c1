"""A BEIR folder: one JSON record a line."""

import json
from pathlib import Path

import pytest

from indexer.articles import Heading, read_articles
from indexer.readers.beir import read_file
from indexer.sections import split_article


def record(identity: str = "1", title: str = "Заголовок", text: str = "Текст") -> str:
    return json.dumps({"_id": identity, "title": title, "text": text}, ensure_ascii=False)


def write(folder: Path, *lines: str) -> Path:
    path = folder / "corpus.jsonl"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def test_each_line_is_an_article_of_one_section(tmp_path: Path):
    path = write(tmp_path, record("b", text="Первый абзац\nвторой"), "", record("a"))
    articles, findings = read_file(path)
    assert findings == []
    assert [article.article_id for article in articles] == ["b", "a"]
    assert not any(isinstance(block, Heading) for article in articles for block in article.body)
    (section,) = split_article(articles[0])
    assert section.section_id == "b#top"
    assert section.headings == ("Заголовок",)
    assert section.text == "Первый абзац\nвторой"
    assert section.steps == ()


def test_folder_is_taken_for_beir_and_sorted_by_id(tmp_path: Path):
    write(tmp_path, record("b"), record("a"))
    corpus = read_articles(tmp_path)
    assert corpus.form == "beir"
    assert [article.article_id for article in corpus.articles] == ["a", "b"]


@pytest.mark.parametrize("identity", ["MED-10", " 7 ", "а/б#в", "Ёж", "cafe\u0301", "x\u00ad", "\u2028"])
def test_ids_are_kept_byte_for_byte(tmp_path: Path, identity: str):
    # Judgments name documents by these ids, so nothing may be cleaned away.
    articles, findings = read_file(write(tmp_path, record(identity)))
    assert findings == []
    assert articles[0].article_id == identity


def test_title_may_be_missing_or_null(tmp_path: Path):
    path = write(tmp_path, '{"_id": "1", "text": "a"}', '{"_id": "2", "title": null, "text": "b"}')
    articles, findings = read_file(path)
    assert findings == []
    assert [article.title for article in articles] == ["", ""]


def test_text_is_cleaned_and_escaped(tmp_path: Path):
    path = write(tmp_path, record(title="Загол\u00adовок", text="<b>за\u0301мок</b>"))
    (section,) = split_article(read_file(path)[0][0])
    assert section.headings == ("Заголовок",)
    assert section.text == "<b>замок</b>"
    assert section.html == "<p>&lt;b&gt;замок&lt;/b&gt;</p>"


def test_other_fields_of_a_record_are_passed_over(tmp_path: Path):
    articles, findings = read_file(write(tmp_path, '{"_id": "1", "text": "a", "metadata": {"url": ""}}'))
    assert (len(articles), findings) == (1, [])


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("{", "is no record"),
        ("[1, 2]", "is no record"),
        ("7", "is no record"),
        ('{"_id": "2", "title": "a"}', "KeyError('text')"),
        ('{"text": "a"}', "KeyError('_id')"),
        ('{"_id": 2, "text": "a"}', "a value is not a string"),
        ('{"_id": "2", "text": null}', "a value is not a string"),
        ('{"_id": "2", "title": ["a"], "text": "a"}', "a value is not a string"),
        ('{"_id": "", "text": "a"}', "again or empty"),
        ('{"_id": "1", "text": "другой текст"}', "again or empty"),
    ],
)
def test_bad_line_is_named_and_costs_no_other_article(tmp_path: Path, line: str, part: str):
    path = write(tmp_path, record("1"), line, record("3"))
    articles, findings = read_file(path)
    assert [article.article_id for article in articles] == ["1", "3"]
    assert len(findings) == 1
    assert findings[0].place == f"{path}:2"
    assert part in findings[0].message
    assert findings[0].is_error


def test_file_that_is_not_utf_8_is_named(tmp_path: Path):
    path = tmp_path / "corpus.jsonl"
    path.write_bytes('{"_id": "1", "text": "текст"}\n'.encode("cp1251"))
    articles, findings = read_file(path)
    assert articles == []
    assert findings[0].place == str(path)
    assert "expected UTF-8 text" in findings[0].message
