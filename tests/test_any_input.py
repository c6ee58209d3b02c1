"""Whatever a file of foreign help or a pasted text holds: readers give an article or a reason, never an exception."""

import html
import re
from functools import cache
from pathlib import Path

import pytest
from helpers import HashEncoder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.articles import Article, LeftOut
from indexer.artifact import load
from indexer.readers import attributes, decoding, fields
from indexer.readers.markdown import read_markdown
from indexer.readers.text_dump import read_text
from indexer.readers.web_page import read_page
from indexer.sections import split_article
from server.personal import hide
from server.reading.masks import mask
from server.reading.pasted import read_pasted
from server.search import Searcher

# What the forms give a meaning to, so that chance meets it.
PIECES = st.sampled_from([
    "# ", "## ", "---\n", "title: ", ": ", "\n", "\n\n", "  ", "\t", "- ", "1. ", "* ", "> ", "```", "~~~",
    "`", "[", "](", ")", "![", "<", ">", "</", "/>", "<p>", "<div ", "<script>", "<!--", "-->", "<table>",
    "<td>", "<li>", "<ol>", "<pre>", "<h2 id=", "</h2>", "&lt;", "&#0;", "&amp;", "{", "}", "{#", "{{< ",
    "{% ", "%}", ":::", '=== "', "!!! ", "«", "»", "‹", "›", "\\", "\x00", "\ufeff", "\u202e", "́", "ё", "Й",
    "текст", "Ошибка", "ERROR", "Caused by: ", "0x80070005", "2026-11-28 10:15:00 ", "at a.b(C.java:1)",
    '{"error": ', "+7 912 345-67-89", "a@b.ru", "4111 1111 1111 1111", "Bearer ", "eyJhbGciOi", "http://",
    "\r\n", "\u2028", "'", '"', "=",
])  # fmt: skip
TEXTS = st.lists(PIECES | st.text(max_size=6), max_size=40).map("".join)
OWN_TAG = re.compile(
    r"</?(?:p|ol|ul|li|pre|code|table|thead|tbody|tr|th|td|br|a|strong|em|blockquote|h[2-6]|div|span|kbd)\b"
)


@pytest.mark.parametrize("read", [read_markdown, read_page, read_text], ids=lambda read: read.__name__)
@settings(max_examples=60, derandomize=True)
@given(text=TEXTS)
def test_any_text_is_an_article_or_left_out(read, text: str):
    found, findings = read(text, "проба", "проба.md")
    assert isinstance(found, Article | LeftOut)
    assert all(finding.message for finding in findings)
    if isinstance(found, Article):
        for section in split_article(found):
            for tag in re.findall(r"<[^>]*>", section.html):
                assert OWN_TAG.match(tag), tag
                assert not re.search(r"\son\w+=|javascript:", html.unescape(re.sub(r'"[^"]*"', "", tag)))


@settings(max_examples=100, derandomize=True)
@given(content=st.binary(max_size=300) | TEXTS.map(lambda text: text.encode("utf-16", "replace")))
def test_any_bytes_are_decoded_or_are_no_text(content: bytes):
    found = decoding.decode(content)
    assert found is None or isinstance(found.text, str)


@settings(max_examples=100, derandomize=True)
@given(text=TEXTS)
def test_any_front_matter_and_attributes_are_read(text: str):
    _, body = fields.read_fields("---\n" + text)
    assert isinstance(body, str)
    values, mistakes = attributes.parse(text, ("platform", "danger"))
    assert values.keys() <= {"platform", "danger"}
    assert all(mistakes)


@settings(max_examples=150, derandomize=True)
@given(text=TEXTS)
def test_any_pasted_text_is_read_or_is_no_error(text: str):
    found = read_pasted(text)
    assert found is None or isinstance(found.message, str)


@settings(max_examples=60, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS)
def test_any_query_is_read(built_index: Path, encoder: HashEncoder, text: str):
    read = searcher(built_index, encoder).read(text)
    assert read.kind in ("keywords", "question", "error")
    assert all(0 <= change.confidence <= 1 for change in read.changes)


@cache
def searcher(index: Path, encoder: HashEncoder) -> Searcher:
    return Searcher(load(index), encoder)


@settings(max_examples=100, derandomize=True)
@given(before=TEXTS, after=TEXTS)
def test_a_mail_address_is_hidden_wherever_it_stands(before: str, after: str):
    text = f"{before} ivanov@example.ru {after}"
    assert "ivanov@example.ru" not in hide(text).text
    assert "ivanov@example.ru" not in mask(text)
