"""How an article falls into sections: golden files for the test corpus, and the rules one by one.

A golden file, tests/data/sections/<article_id>.json, holds the sections of one article of tests/corpus, whole. Where
a change of the code or of an article is meant to change them, rewrite them and read the difference before committing:

    UPDATE_GOLDEN=1 python -m pytest tests/test_sections.py && git diff tests/data/sections
"""

import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest
from helpers import CORPUS, DATA, FRONT_MATTER

from indexer.articles import Article, Heading, Inline, Paragraph, read_articles
from indexer.readers.help_markdown import read_file
from indexer.sections import Section, Step, split_article

GOLDEN = DATA / "sections"


def sections_of(folder: Path, body: str, fields: str = "") -> tuple[Section, ...]:
    """The sections of an article, `proba`, with this body and these further fields."""
    path = folder / "proba.md"
    path.write_text(FRONT_MATTER.removesuffix("---\n") + fields + "---\n" + body, encoding="utf-8")
    articles, _ = read_file(path, folder)
    return split_article(articles[0])


def article_of(*anchors: str) -> Article:
    body = [block for anchor in anchors for block in (Heading(2, "А", anchor, 1), Paragraph(Inline("Т", "Т")))]
    return Article("proba", "Проба", tuple(body), "proba.md")


# Golden files


@pytest.mark.parametrize("article_id", sorted(path.stem for path in (CORPUS / "articles").glob("*.md")))
def test_article_falls_into_the_sections_of_its_golden_file(article_id: str):
    article = next(article for article in read_articles(CORPUS).articles if article.article_id == article_id)
    found = json.loads(json.dumps([asdict(section) for section in split_article(article)]))
    golden = GOLDEN / f"{article_id}.json"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(json.dumps(found, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    assert found == json.loads(golden.read_text(encoding="utf-8"))


def test_every_golden_file_has_its_article():
    assert {path.stem for path in GOLDEN.glob("*.json")} == {path.stem for path in (CORPUS / "articles").glob("*.md")}


# Sections


def test_text_before_the_first_heading_is_the_section_top(tmp_path: Path):
    top, other = sections_of(tmp_path, "Начало\n\n## Дальше {#a}\n\nТ\n", "related: [files]\nkeywords: [пуш]\n")
    assert (top.section_id, top.anchor, top.level, top.headings) == ("proba#top", "top", 1, ("Проба",))
    assert (top.text, top.related, top.keywords) == ("Начало", ("files",), ("пуш",))
    assert (other.section_id, other.level, other.headings) == ("proba#a", 2, ("Проба", "Дальше"))
    # What to read next is said of the article once; its keywords find every section.
    assert (other.related, other.keywords) == ((), ("пуш",))


def test_article_that_begins_with_a_heading_has_no_section_top(tmp_path: Path):
    assert [section.anchor for section in sections_of(tmp_path, "## А {#a}\n\nТ\n")] == ["a"]


def test_article_of_a_title_alone_is_one_section_without_text():
    (section,) = split_article(Article("proba", "Проба", (), "proba.md"))
    assert (section.section_id, section.headings, section.text) == ("proba#top", ("Проба",), "")


def test_heading_with_nothing_under_it_is_no_section(tmp_path: Path):
    body = "## А {#a}\n\n## Б {#b}\n\n### В {#c}\n\nТекст\n\n## Г {#d}\n"
    assert [section.anchor for section in sections_of(tmp_path, body)] == ["b", "c"]


def test_text_of_a_section_ends_where_its_first_part_begins(tmp_path: Path):
    body = "## А {#a}\n\nОбщее\n\n### Б {#b}\n{platform=ios}\n\nЧасть\n\n## В {#c}\n\nДругое\n"
    assert [(section.headings[1:], section.text) for section in sections_of(tmp_path, body)] == [
        (("А",), "Общее"),
        (("А", "Б"), "Часть"),
        (("В",), "Другое"),
    ]


def test_section_made_of_parts_alone_lists_them(tmp_path: Path):
    body = "## А {#a}\n\n### Б <i> {#b}\n{platform=ios}\n\nТ\n\n### В {#c}\n{platform=web}\n\nТ\n\n## Г {#d}\n\nТ\n"
    first = sections_of(tmp_path, body)[0]
    assert first.text == "• Б <i>\n• В"
    assert first.html == "<ul><li>Б &lt;i&gt;</li><li>В</li></ul>"
    assert first.steps == ()


def test_repeated_anchors_are_numbered():
    assert [section.anchor for section in split_article(article_of("a", "a", "b", "a"))] == ["a", "a-2", "b", "a-3"]


def test_number_of_a_repeated_anchor_takes_no_anchor_that_stands_before():
    assert [section.anchor for section in split_article(article_of("a", "a-2", "a"))] == ["a", "a-2", "a-3"]


def test_heading_without_anchor_is_named_by_its_words():
    texts = ("Не приходит SMS-код?", "не приходит SMS-код", "…")
    body = [block for text in texts for block in (Heading(2, text, "", 1), Paragraph(Inline("Т", "Т")))]
    sections = split_article(Article("proba", "Проба", tuple(body), "proba.md"))
    assert [section.anchor for section in sections] == ["не-приходит-sms-код", "не-приходит-sms-код-2", "section"]


@pytest.mark.parametrize(
    ("fields", "above", "own", "expected"),
    [
        ("", "", "platform=ios", (("ios",), ())),
        ("platforms: [web]\naudiences: [admin]\n", "", "audience=user", (("web",), ("user",))),
        ("platforms: [web]\n", "{platform=desktop}", "audience=admin", (("desktop",), ("admin",))),
        ("platforms: [web]\n", "{platform=desktop}", "platform=ios,android", (("ios", "android"), ())),
        ("audiences: [admin]\n", "{audience=user}", "platform=ios", (("ios",), ("user",))),
    ],
)
def test_part_without_platforms_or_audiences_has_those_above_it(
    tmp_path: Path, fields: str, above: str, own: str, expected: tuple[tuple[str, ...], tuple[str, ...]]
):
    part = sections_of(tmp_path, f"## А {{#a}}\n{above}\n\nТ\n\n### Б {{#b}}\n{{{own}}}\n\nТ\n", fields)[-1]
    assert (part.platforms, part.audiences) == expected


def test_what_stands_under_something_internal_is_internal(tmp_path: Path):
    body = "## Раз {#one}\n{internal=true}\n\nТекст.\n\n### Часть {#part}\n{platform=web}\n\nТекст.\n\n"
    body += "## Два {#two}\n\nТекст.\n\n### Своя {#own}\n{internal=true}\n\nТекст.\n"
    sections = sections_of(tmp_path, body)
    assert [(section.anchor, section.internal) for section in sections] == [
        ("one", True),
        ("part", True),
        ("two", False),
        ("own", True),
    ]


def test_every_section_of_an_internal_article_is_internal(tmp_path: Path):
    sections = sections_of(tmp_path, "Начало.\n\n## Раз {#one}\n\nТекст.\n", "internal: true\n")
    assert [section.internal for section in sections] == [True, True]


def test_next_section_inherits_nothing_from_its_neighbour(tmp_path: Path):
    body = "## А {#a}\n{platform=ios audience=admin}\n\nТ\n\n## Б {#b}\n\nТ\n"
    assert [(section.platforms, section.audiences) for section in sections_of(tmp_path, body)] == [
        (("ios",), ("admin",)),
        ((), ()),
    ]


def test_aliases_are_whole_ids(tmp_path: Path):
    (section,) = sections_of(tmp_path, "## А {#a}\n{alias=old,other#b,#c}\n\nТ\n")
    assert section.aliases == ("proba#old", "other#b", "proba#c")


# Steps


def test_numbered_list_becomes_steps(tmp_path: Path):
    body = (
        "Сначала:\n\n1. Раз\n   - а\n   - б\n     - в\n2. Два\n\n   Ещё слово.\n\n   ```\n   код\n   ```\n\n- Причина\n"
    )
    (section,) = sections_of(tmp_path, body)
    assert section.steps == (Step("Раз", ("а", "б • в")), Step("Два Ещё слово. код"))
    assert section.text == "Сначала:\n1. Раз\n• а\n• б\n• в\n2. Два\nЕщё слово.\nкод\n• Причина"


def test_two_numbered_lists_of_a_section_are_steps_in_order(tmp_path: Path):
    (section,) = sections_of(tmp_path, "1. Раз\n2. Два\n\nЕсли не помогло:\n\n1. Три\n")
    assert [step.text for step in section.steps] == ["Раз", "Два", "Три"]


def test_bulleted_list_gives_no_steps_but_a_numbered_one_in_it_does(tmp_path: Path):
    (section,) = sections_of(tmp_path, "- Причина\n  1. Раз\n\n> - Ещё одна\n> 1. Два\n")
    assert [step.text for step in section.steps] == ["Раз", "Два"]


def test_numbered_substeps_belong_to_their_step(tmp_path: Path):
    (section,) = sections_of(tmp_path, "1. Раз\n   1. а\n   2. б\n")
    assert section.steps == (Step("Раз", ("а", "б")),)


def test_attributes_of_a_step_reach_the_step_and_the_page(tmp_path: Path):
    (section,) = sections_of(tmp_path, "1. Раз {platform=web,ios audience=admin danger=signs_out}\n2. Два\n")
    assert section.steps == (Step("Раз", (), ("web", "ios"), ("admin",), ("signs_out",)), Step("Два"))
    assert section.html == (
        '<ol><li data-platforms="web ios" data-audiences="admin" data-danger="signs_out">Раз</li><li>Два</li></ol>'
    )


# HTML


@pytest.mark.parametrize(
    "body",
    [
        "<script>alert(1)</script>\n",
        "Текст <script>alert(1)</script>\n",
        "1. <script>alert(1)</script>\n",
        "| <script>alert(1)</script> |\n|---|\n| <script>alert(1)</script> |\n",
        "> <script>alert(1)</script>\n",
        "> ## <script>alert(1)</script> {#a}\n",
        "```\n<script>alert(1)</script>\n```\n",
        "`<script>alert(1)</script>`\n",
        "![<script>alert(1)</script>](a.png)\n",
        "[<script>alert(1)</script>](#a)\n",
        "## А {#a}\n\n### <script>alert(1)</script> {#b}\n{platform=web}\n\nТ\n",
    ],
)
def test_html_in_an_article_comes_out_as_text(tmp_path: Path, body: str):
    sections = sections_of(tmp_path, body)
    assert not any("<script" in section.html for section in sections)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in sections[0].html
    assert "<script>alert(1)</script>" in sections[0].text


@pytest.mark.parametrize(
    "body",
    ['[а](https://a.ru/"onclick="x)\n', '[а](https://a.ru "\\"onclick=\\"x")\n', '[а](b.md#"onclick="x)\n'],
)
def test_link_cannot_leave_its_attribute(tmp_path: Path, body: str):
    (section,) = sections_of(tmp_path, body)
    assert '"onclick' not in section.html


def test_table_has_its_head_in_header_cells(tmp_path: Path):
    (section,) = sections_of(tmp_path, "| А | Б |\n|---|--:|\n| **в** | г |\n")
    assert section.html == (
        '<div class="table"><table><tr><th scope="col">А</th><th scope="col">Б</th></tr>'
        "<tr><td><strong>в</strong></td><td>г</td></tr></table></div>"
    )
    assert section.text == "А | Б\nв | г"


def test_rule_between_paragraphs_leaves_nothing_behind(tmp_path: Path):
    (section,) = sections_of(tmp_path, "Раз\n\n***\n\nДва\n")
    assert (section.text, section.html) == ("Раз\nДва", "<p>Раз</p><p>Два</p>")
