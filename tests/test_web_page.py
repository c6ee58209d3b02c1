"""Pages of other people's help: golden files for what real generators write, and the rules one by one.

A golden file, tests/data/foreign/html/<page>.json, holds the title, keywords and sections of the page beside it, or why
it is left out. Where a change of the code is meant to change them, rewrite them and read the difference:

    UPDATE_GOLDEN=1 python -m pytest tests/test_web_page.py && git diff tests/data/foreign/html
"""

import json
import os
import re
from collections.abc import Callable
from dataclasses import asdict
from html.parser import HTMLParser

import pytest
from helpers import DATA, assert_linear
from hypothesis import example, given, settings
from hypothesis import strategies as st

from indexer.articles import Article, Heading, LeftOut
from indexer.readers.web_page import read_page
from indexer.sections import split_article
from indexer.words import clean

PAGES = sorted((DATA / "foreign" / "html").glob("*.htm*"))

WORDS = "Сервер хранит документы и раздаёт их приложениям; вход по паролю или по ключу."  # more than what stands around
LINKS = "".join(f'<li><a href="{name}.html">{name}</a></li>' for name in ("Начало", "Файлы", "Почта", "Права", "Вход"))


def page(body: str, head: str = "") -> Article:
    article, findings = read_page(f"<html><head>{head}</head><body>{body}</body></html>", "help/a", "a.html")
    assert isinstance(article, Article)
    assert findings == []
    return article


def text(body: str) -> str:
    """All that is read of a page, a line a paragraph or heading, without its title."""
    sections = split_article(page(body))
    return "\n".join(line for section in sections for line in (*section.headings[1:][-1:], section.text) if line)


# Golden files


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_page_gives_what_its_golden_file_says(path):
    article, findings = read_page(clean(path.read_text(encoding="utf-8")), path.stem, path.name)
    assert findings == []
    found: dict[str, object] = {"left out": article.reason} if isinstance(article, LeftOut) else {}
    if isinstance(article, Article):
        found = {"title": article.title, "keywords": article.keywords}
        found["sections"] = [asdict(section) for section in split_article(article)]
    golden = path.with_suffix(".json")
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(json.dumps(found, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    assert json.loads(json.dumps(found)) == json.loads(golden.read_text(encoding="utf-8"))


def test_every_golden_file_has_its_page():
    assert {path.stem for path in (DATA / "foreign" / "html").glob("*.json")} == {path.stem for path in PAGES} != set()


# What is left out


@pytest.mark.parametrize(
    "furniture",
    [
        f"<nav><ul>{LINKS}</ul></nav>",
        "<nav>Вы здесь</nav>",
        f"<aside><h3>Разделы</h3><ul>{LINKS}</ul></aside>",
        "<aside>Не нашли ответа? Напишите нам.</aside>",
        "<footer><p>© Ладога</p></footer>",
        "<header><img alt='Ладога'> Справка</header>",
        f"<header><h2>Справка</h2><ul>{LINKS}</ul></header>",
        f"<div role='navigation'>{LINKS}</div>",
        "<div role='banner'><h2>Справка</h2></div>",
        "<div role='contentinfo'>© Ладога</div>",
        "<div role='search'>Найти</div>",
        "<div role='dialog'><h2>Настройки cookie</h2>Какие оставить?</div>",
        "<dialog>Оцените статью</dialog>",
        "<noscript>Включите JavaScript.</noscript>",
        "<template>Пример</template>",
        "<script>var a = '<p>Нет</p>';</script>",
        "<style>p { color: red }</style>",
        f"<div class='sidebar'><h3>Разделы</h3><ul>{LINKS}</ul></div>",
        f"<div id='left-menu'>{LINKS}</div>",
        f"<ul class='toc'>{LINKS}</ul>",
        f"<div class='toctree-wrapper compound'><p class='caption'>Далее</p><ul>{LINKS}</ul></div>",
        "<div class='breadcrumbs'><a href='/'>Справка</a> / Документы / Вход по паролю</div>",
        "<ol id='breadcrumb'><li><a href='/'>Справка</a><li>Вход по ключу</ol>",
        "<div class='pagination'><a href='1'>Назад</a><a href='2'>Далее</a></div>",
        f"<div class='related-articles'><h2>Читайте также</h2><ul>{LINKS}</ul></div>",
        "<div class='share'><a href='https://example.org'>Поделиться</a></div>",
        "<div class='share'><img src='vk.svg' alt='ВКонтакте'></div>",
        f"<div role='complementary'><h3>Разделы</h3><ul>{LINKS}</ul></div>",
        "<div id='cookie-banner'>Мы храним файлы cookie. <a href='c'>Подробнее</a></div>",
        "<div class='gdpr-consent fixed'><h3>Файлы cookie</h3>Вы не против?</div>",
        "<div class='footer'>© Ладога</div>",
        "<div id='site-footer'>© Ладога</div>",
        "<table><tr><td class='linenos'>1</td></tr></table>",
        "<i class='material-icons'>settings</i>",
        "<button>Оценить</button>",
        "<select><option>Русский<option>English</select>",
        "<svg><title>Лупа</title><text>Ищем</text></svg>",
    ],
)
def test_what_stands_around_the_text_is_left_out(furniture: str):
    assert text(f"{furniture}<p>{WORDS}</p>") == WORDS
    assert text(f"<p>{WORDS}</p>{furniture}") == WORDS


@pytest.mark.parametrize(
    "around",
    [
        "<div class='content with-sidebar'>…</div>",
        "<div class='page-menu-open'><div class='sidebar'><ul>" + LINKS * 20 + "</ul></div>…</div>",
        "<div id='nav-layout'><h2>Вход</h2>…</div>",
        "<section class='toc-page breadcrumbs-on'>…</section>",
        "<form class='nav-form'>…</form>",
        "<aside>…</aside>",
        "<header>…<h2>Вход</h2></header>",
        "<nav><h1>Вход</h1>…",
        "<div class='cookie-consent'><h2>Файлы cookie</h2>…</div>",
        "<article><header>…</header><p>Вход.</p></article>",
        "<article><aside class='admonition'>…</aside><p>Вход по паролю и по ключу. Вход по паролю и ключу. Вход.</p>",
        "<main><aside class='note'><p>…</p></aside><p>Вход по паролю и по ключу. Вход по паролю и ключу. Вход.</p>",
        "<div role='main'><div class='menu-item'>…</div><div class='menu-item'>"
        + "Вход по ключу. " * 9
        + "</div></div>",
        "<main><div><header>…</header></div><p>Вход по паролю и по ключу. Вход по паролю и ключу. Вход по ключу.</p>",
        "<div class='panel-footer'>…</div><p>Вход по паролю и по ключу. Вход по паролю и по ключу. Вход по паролю.</p>",
        "<div class='panel' style='display:none' aria-hidden='true'>…</div>",
        "<section id='cookies'><h2>Файлы cookie</h2>…</section><p>Вход по паролю и по ключу. Вход по паролю. Вход.</p>",
    ],
)
def test_text_is_never_taken_for_what_stands_around_it(around: str):
    assert WORDS in text(around.replace("…", WORDS)).split("\n")


@pytest.mark.parametrize(
    "body",
    [
        "<main>{}</main><div>Не то</div>",
        "<div>Не то</div><main role='main'><p>{}</p></main>",
        "<div role='main'>{}</div><div>Не то</div>",
        "<div>Не то</div><article>{}</article>",
        "<div id='content'>{}</div>Не то",
        "<div id='main'>Не то<div id='content'><p>Не то</p><div id='main-content'>{}</div></div></div>",
        "<main>{}</main><div>" + LINKS * 100 + "</div>",
        "<main>{}</main><div>" + "Не то. " * 30 + "</div>",
        "<main></main><div id='content'>{}</div>Не то",
        "<main><article>{}</article></main><main><article>Не то</article></main>",
    ],
)
def test_main_part_is_read(body: str):
    assert text(body.format(WORDS)) == WORDS


@pytest.mark.parametrize(
    "body",
    [
        "<main></main><div>{0}</div><div>{0}</div>",
        "<main>Загрузка</main>{0} {0}",
        "<main>{0}</main><main>{0}</main>",
        "<article>{0}</article><article>{0}</article>",
        "<div id='content'>Вход</div>{0} {0}",
        "<article class='card'>Вход</article>{0} {0}",
    ],
)
def test_page_without_a_main_part_is_read_whole(body: str):
    assert text(body.format(WORDS)).count(WORDS) == 2


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("", "no text"),
        ("<!-- нет -->", "no text"),
        ("<html><head><title>Вход</title></head><body></body></html>", "no text"),
        ("<body><script>var a = 1</script><img src='a.png'>&nbsp;</body>", "no text"),
        ("<body><h1>Вход</h1></body>", "nothing but a title"),
        ("<body><h1>Вход</h1><h2>По паролю</h2><h2>По ключу</h2></body>", "nothing but a title"),
        (f"<body><h1><a href='/'>Разделы</a></h1><ul>{LINKS}</ul></body>", "nothing but links"),
        (f"<body><nav>{LINKS}</nav></body>", "no text"),
        ("<frameset cols='20%,*'><frame src='a.html'></frameset>", "frame set, whose frames are read"),
        (
            "<frameset><frame src='a'><noframes><body>Нет фреймов.</body></noframes></frameset>",
            "frame set, whose frames are read",
        ),
    ],
)
def test_page_without_an_article_is_left_out(source: str, reason: str):
    assert read_page(source, "a", "a.html") == (LeftOut("a.html", reason), [])


def test_page_of_a_few_links_or_of_links_and_text_is_an_article():
    assert text("<a href='a'>Вход</a> <a href='b'>Выход</a>") == "Вход Выход"
    assert text(f"<ul>{LINKS * 6}</ul><p>{WORDS}</p>").startswith("• Начало\n• Файлы\n")


# Title, keywords, anchors


@pytest.mark.parametrize(
    ("body", "title", "headings"),
    [
        ("<h1>Вход</h1><p>а</p><h2>По паролю</h2><p>б</p>", "Вход", ["По паролю"]),
        ("<p>а</p><h1>Вход</h1><p>б</p><h2>По паролю</h2><p>в</p>", "Вход", ["По паролю"]),
        ("<h1>Вход</h1><p>а</p><h1>Выход</h1><p>б</p>", "Вход", ["Выход"]),
        ("<h2>По паролю</h2><p>а</p>", "Вход в «Ладогу»", ["По паролю"]),
        ("<h2>Вход в «Ладогу»</h2><p>а</p>", "Вход в «Ладогу»", []),
        ("<h2>По паролю</h2><p>а</p><h1>Вход</h1><p>б</p>", "Вход", ["По паролю", "Вход"]),
        ("<p>а</p>", "Вход в «Ладогу»", []),
    ],
)
def test_title_is_the_first_heading_of_the_first_level_or_that_of_the_page(body: str, title: str, headings: list[str]):
    article = page(body, "<title>\n  Вход&nbsp;в &laquo;Ладогу&raquo;\n</title>")
    assert article.title == title
    assert [section.headings[-1] for section in split_article(article) if section.anchor != "top"] == headings


def test_page_without_any_title_is_called_by_its_file():
    assert page("<p>а</p><svg><title>Лупа</title></svg>").title == "a"


def test_keywords_are_those_of_the_page():
    head = (
        '<META NAME="KEYWORDS" CONTENT="вход, пароль;ключ,, вход"><meta name="description" content="нет">'
        '<meta itemprop="keywords" content="ПИН&shy;-код">'
    )
    assert page("<p>а</p>", head).keywords == ("вход", "пароль", "ключ", "ПИН-код")


def test_anchors_are_names_and_ids():
    body = "<h1>А</h1><a name=b></a><h2>Б</h2>1<section id=v><h2>В</h2>2</section><h2 id='г 1'>Г</h2>3<h2>Д</h2>4"
    assert [section.anchor for section in split_article(page(body))] == ["b", "v", "г-1", "д"]


# Whatever a page holds


def words_of(article: Article) -> set[str]:
    headings = [block.text for block in article.body if isinstance(block, Heading)]
    said = [article.title, *headings, *(section.text for section in split_article(article))]
    return set(re.findall(r"слово\d+", " ".join(said)))


TAGS = (
    *("p", "div", "span", "b", "i", "font", "u", "em", "tt", "code", "a", "label", "pre", "center", "form", "section"),
    *("ul", "ol", "li", "dl", "dt", "dd", "table", "tbody", "thead", "tr", "td", "th", "caption", "blockquote"),
    *("h1", "h2", "h3", "h4", "h6", "details", "summary", "address", "figure", "body", "html"),
)
ATTRIBUTES = ("", " color=i", " class='with-sidebar'", ' CLASS="menu-open toc"', " id=x", " start=4", " hidden")
CLOSED = (
    "<script>нет</script>", "<style>нет</style>", "<nav>нет</nav>", "<!-- нет -->", "<footer>нет</footer>",
    "<svg><title>нет</title></svg>", "<button>нет</button>", "<select><option>нет</select>", "<br>", "<hr/>", "<img>",
)  # fmt: skip


@st.composite
def soups(draw: st.DrawFn) -> tuple[str, int]:
    """A page of elements opened, closed and crossed at random, and how many words are seen in it."""
    parts: list[str] = []
    words = 0
    for _ in range(draw(st.integers(1, 40))):
        kind = draw(st.sampled_from("owwce"))
        tag = draw(st.sampled_from(TAGS))
        if draw(st.booleans()):
            tag = tag.upper()
        if kind == "o":
            parts.append(f"<{tag}{draw(st.sampled_from(ATTRIBUTES))}>")
        elif kind == "c":
            parts.append(f"</{tag}>")
        elif kind == "e":
            parts.append(draw(st.sampled_from(CLOSED)))
        else:
            parts.append(f" слово{words} ")
            words += 1
    return "".join(parts), words


@settings(max_examples=400, deadline=None)
@given(soups())
def test_words_that_are_seen_are_never_lost(soup: tuple[str, int]):
    source, words = soup
    article, findings = read_page(source, "a", "a.html")
    assert findings == []
    found = words_of(article) if isinstance(article, Article) else set()
    if isinstance(article, LeftOut) and article.reason == "nothing but a title":
        return
    assert found == {f"слово{number}" for number in range(words)}
    assert not isinstance(article, Article) or "нет" not in str(article.body)


class Shown(HTMLParser):
    """What the HTML of a section holds: its elements, and those that stay open."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes.update(name for name, _ in attrs)
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


SAFE = {
    *("p", "ul", "ol", "li", "table", "tr", "th", "td", "div", "pre", "blockquote"),
    *("strong", "em", "code", "br"),
}
ANY_TAG = st.sampled_from(
    (
        *("<", "</", ">", '"', "'", "=", "<!--", "-->", "<![CDATA[", "<?", "&lt;", "&#1;", "&#xD800;", "\0", "\ud800"),
        *(
            "<p ",
            "<B>",
            "<ul>",
            "<li>",
            "<td>",
            "<table>",
            "<pre>",
            "<h2>",
            "<h1 id=",
            "<code>",
            "<a name=",
            "<img alt=",
        ),
        *("<script>", "</script>", "<svg>", "<main>", "<nav>", "</body>", "<frameset>", "<plaintext>", "&amp;"),
        "<meta name=keywords content=",
    )
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(ANY_TAG, st.text(max_size=6)), max_size=25).map("".join))
@example("")
@example("<p onclick=alert(1)>&lt;script&gt;<img alt='<script>alert(1)</script>' onerror=x><td><pre><b>&lt;/pre>")
@example("<h2>&lt;img src=x onerror=alert(1)&gt;</h2><ul><li class='\"><b>'>а<a href='javascript:alert(1)'>б</a></ul>")
def test_any_text_is_left_out_or_shown_safely(source: str):
    article, _ = read_page(source, "a", "a.html")
    assert isinstance(article, Article | LeftOut)
    for section in split_article(article) if isinstance(article, Article) else ():
        shown = Shown(section.html)
        assert shown.elements <= SAFE
        assert shown.attributes <= {"start", "class", "scope"}
        assert shown.open == []


@pytest.mark.parametrize("tag", ["div", "ul><li", "ol", "table><tr><td", "blockquote", "b", "font color=i", "dl><dd"])
def test_elements_within_one_another_are_read_until_the_parser_stops(tag: str):
    depth = 1000 if "><" not in tag else 400
    article, findings = read_page("".join(f"<{tag}>слово{number} " for number in range(depth)), "a", "a.html")
    assert findings == []
    assert isinstance(article, Article)
    assert len(words_of(article)) == depth
    article, findings = read_page("<p>слово0</p>" + f"<{tag}>слово1 " * 5000 + "слово2", "a", "a.html")
    (finding,) = findings
    assert not finding.is_error
    assert str(finding).startswith("a.html: warning: elements lie more than 2048 deep")
    assert isinstance(article, Article)
    assert {"слово0", "слово1"} <= words_of(article)


# Time


SHAPES: dict[str, tuple[int, Callable[[int], str]]] = {
    "paragraphs": (1500, lambda n: "<p>аб</p>" * n),
    "paragraphs without an end": (1500, lambda n: "<p>аб" * n),
    "bold paragraphs without an end": (1000, lambda n: "<p><b>аб" * n),
    "items without an end": (1500, lambda n: "<ul>" + "<li>аб" * n),
    "cells without an end": (1500, lambda n: "<table><tr>" + "<td>аб" * n),
    "rows without an end": (800, lambda n: "<table>" + "<tr><td>а<td>б" * n),
    "terms without an end": (800, lambda n: "<dl>" + "<dt>а<dd>б" * n),
    "bold text without an end": (500, lambda n: "<b>аб" * n),
    "fonts without an end": (500, lambda n: "<font color=i>аб" * n),
    "divisions within one another": (500, lambda n: "<div>аб" * n),
    "lists within one another": (240, lambda n: "<ul><li>аб" * n),
    "tables within one another": (160, lambda n: "<table><tr><td>аб" * n),
    "quotations within one another": (500, lambda n: "<blockquote>аб" * n),
    "headings within lists within one another": (120, lambda n: "<ul><li>аб<h4>в</h4>" * n),
    "attributes": (25000, lambda n: "<p " + " ".join(f"a{number}=1" for number in range(n)) + ">аб"),
    "attributes in quotation marks": (
        20000,
        lambda n: "<p " + " ".join(f"a{number}='>'" for number in range(n)) + ">аб",
    ),
    "attributes that are never closed": (15000, lambda n: "аб" + "<a b=\"<a b='" * n),
    "one long class": (40000, lambda n: "<div class='" + "nav-" * n + "'>аб</div>"),
    "comments": (20000, lambda n: "<!-- а -->б" * n),
    "comments without an end": (40000, lambda n: "аб" + "<!-- " * n),
    "less-than signs": (40000, lambda n: "<" * n),
    "ampersands": (60000, lambda n: "&" * n),
    "links": (1500, lambda n: "аб" * n + "<a href=x>аб</a>" * n),
    "links without an end": (1500, lambda n: "аб" * n + "<a href=x>аб" * n),
    "headings": (1000, lambda n: "<h2>аб</h2>в" * n),
    "headings in a list": (800, lambda n: "<ul>" + "<li><h3>а</h3>б" * n),
    "parts of a heading": (1500, lambda n: "<h2>а" + "<div>аб</div>" * n),
    "navigation with text between": (1500, lambda n: "<nav>а</nav>аб" * n),
    "main parts": (1500, lambda n: "<main>аб</main>" * n),
    "tables in a list": (300, lambda n: "<ul><li>а" + "<table><tr><td>а<td>б<tr><td>в<td>г</table>" * n),
    "text between items": (1000, lambda n: "<ul>" + "<li>а</li><p>б</p>в" * n),
    "lists": (800, lambda n: "<ul><li>аб</ul>" * n),
    "line breaks": (4000, lambda n: "аб<br>" * n),
    "empty elements": (3000, lambda n: "а" + "<span> </span>" * n + "б"),
    "white space": (200000, lambda n: "а" + " \n" * n + "б"),
    "folded parts": (800, lambda n: "<details><summary>а</summary>б</details>" * n),
    "lines of code": (2500, lambda n: "<pre>" + "<div>аб</div>" * n + "</pre>"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_four_times_the_page_takes_about_four_times_as_long(shape: str):
    size, make = SHAPES[shape]
    assert_linear(lambda source: read_page(source, "a", "a.html"), make(size), make(4 * size))
