"""Steps as HTML: the links of their article, word for word as before."""

import dataclasses
import html
import re
from pathlib import Path

import pytest
from helpers import FRONT_MATTER
from markupsafe import Markup

from indexer.articles import read_articles
from indexer.readers.help_markdown import read_file
from indexer.sections import Section, Step, split_article
from server.step_html import step_html, step_places
from server.steps import answer_step

ROOT = Path(__file__).parents[1]


def section_of(folder: Path, body: str) -> Section:
    path = folder / "proba.md"
    path.write_text(FRONT_MATTER + body, encoding="utf-8")
    articles, _ = read_file(path, folder)
    return split_article(articles[0])[0]


def html_of(section: Section, number: int = 0) -> list[Markup]:
    """The HTML of a step and of its parts."""
    shown = step_html(answer_step(section.steps[number], section), section)
    return [shown.text, *shown.substeps]


@pytest.fixture(scope="module")
def own_sections() -> list[Section]:
    """The sections of our own help."""
    return [section for article in read_articles(ROOT / "corpus").articles for section in split_article(article)]


def test_every_step_of_our_help_reads_as_before_and_has_the_links_of_its_article(own_sections):
    links = 0
    for section in own_sections:
        places = list(step_places(section.html))
        assert len(places) == len(section.steps)
        for number, (begins, ends) in enumerate(places):
            step, made = section.steps[number], html_of(section, number)
            assert [html.unescape(re.sub("<[^>]*>", "", text)) for text in made] == [step.text, *step.substeps]
            there = re.findall("<a .*?</a>", section.html[begins:ends])
            assert re.findall("<a .*?</a>", "\n".join(made)) == there
            links += len(there)
    assert links > 20


def test_links_stand_in_the_step_and_in_its_parts(tmp_path):
    body = "1. Откройте настройки и [чаты](chats.md).\n   - Или [**настройки**](cache.md).\n2. Готово.\n"
    section = section_of(tmp_path, body)
    assert html_of(section) == [
        'Откройте настройки и <a href="/articles/chats">чаты</a>.',
        'Или <a href="/articles/cache"><strong>настройки</strong></a>.',
    ]
    assert html_of(section, 1) == ["Готово."]


def test_a_list_within_a_part_stays_a_line_of_text(tmp_path):
    section = section_of(tmp_path, "1. Откройте [чаты](chats.md).\n   - Или\n     - [ещё](chats.md)\n")
    assert html_of(section) == ['Откройте <a href="/articles/chats">чаты</a>.', "Или • ещё"]


def test_a_link_stands_where_it_stood_though_its_words_come_more_than_once(tmp_path):
    section = section_of(tmp_path, "1. Входит тот вход: [вход](a.md), ещё раз [вход](b.md), а не вход.\n")
    assert re.sub('href="[^"]*"', "href", html_of(section)[0]) == (
        "Входит тот вход: <a href>вход</a>, ещё раз <a href>вход</a>, а не вход."
    )


def test_what_looks_like_markup_stays_text(tmp_path):
    section = section_of(tmp_path, "1. Введите `<b>` и [R&D <i>](a.md).\n")
    assert re.sub('href="[^"]*"', "href", html_of(section)[0]) == (
        "Введите <code>&lt;b&gt;</code> и <a href>R&amp;D &lt;i&gt;</a>."
    )


@pytest.mark.parametrize(
    ("page", "steps"),
    [
        ("<ul><li>Сделайте <a href='/a'>это</a>.</li></ul>", (Step("Сделайте это."),)),  # no list of steps
        ("<ol><li>Сделайте <a href='/a'>это</a>.</li><li>И то.</li></ol>", (Step("Сделайте это."),)),  # others
        ("<ol><li>Сделайте <a href='/a'>то</a>.</li></ol>", (Step("Сделайте это."),)),  # other words
    ],
)
def test_a_step_that_does_not_stand_as_in_its_article_has_no_links(sections_by_id, page, steps):
    section = dataclasses.replace(next(iter(sections_by_id.values())), html=page, steps=steps)
    assert html_of(section) == ["Сделайте это."]


def test_a_step_whose_section_is_gone_has_no_links(own_sections):
    section = next(section for section in own_sections if section.steps and "<a " in section.html)
    step = answer_step(section.steps[0], section)
    assert step_html(step, None).text == html.escape(step.text, quote=False)


def test_a_step_of_another_section_has_no_links(own_sections):
    one, other = [section for section in own_sections if section.steps and "<a " in section.html][:2]
    step = answer_step(one.steps[0], one)
    assert "<a" not in step_html(step, other).text
