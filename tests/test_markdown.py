"""Other people's Markdown: golden files for the tools it was written for, and the rules one by one.

A golden file, tests/data/foreign/markdown/<name>.json, holds the article's title, date and keywords and its sections,
whole. Where a change is meant to change them, rewrite them and read the difference before committing:

    UPDATE_GOLDEN=1 python -m pytest tests/test_markdown.py && git diff tests/data/foreign/markdown
"""

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from html.parser import HTMLParser
from pathlib import Path

import pytest
from helpers import assert_linear
from hypothesis import example, given, settings
from hypothesis import strategies as st

from indexer.articles import Article, Finding, Heading, ItemList, LeftOut
from indexer.readers.markdown import read_markdown
from indexer.sections import Section, split_article
from indexer.words import clean

SAMPLES = Path(__file__).parent / "data" / "foreign" / "markdown"
GIVEN = Path(__file__).parents[2] / "shared" / "data" / "m365-ru"


def article_of(text: str) -> Article:
    """The article of a file, help/proba.md, that is read without a warning."""
    found, findings = read_markdown(text, "help/proba", "help/proba.md")
    assert isinstance(found, Article)
    assert findings == []
    return found


def sections_of(text: str) -> tuple[Section, ...]:
    return split_article(article_of(text))


def text_of(text: str) -> str:
    return "\n".join(section.text for section in sections_of(text))


def steps_of(text: str) -> list[str]:
    return [step.text for section in sections_of(text) for step in section.steps]


# Golden files


@pytest.mark.parametrize("name", sorted(path.stem for path in SAMPLES.glob("*.md")))
def test_file_is_read_as_its_golden_file_says(name: str):
    article = article_of(clean((SAMPLES / f"{name}.md").read_text(encoding="utf-8")))
    found = {
        "title": article.title,
        "updated": article.updated,
        "keywords": list(article.keywords),
        "sections": json.loads(json.dumps([asdict(section) for section in split_article(article)])),
    }
    golden = SAMPLES / f"{name}.json"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(json.dumps(found, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    assert found == json.loads(golden.read_text(encoding="utf-8"))


def test_every_golden_file_has_its_sample():
    assert {path.stem for path in SAMPLES.glob("*.json")} == {path.stem for path in SAMPLES.glob("*.md")}


# Front matter


@pytest.mark.parametrize(
    ("front_matter", "title"),
    [
        ("---\ntitle: Вход\n---\n", "Вход"),
        ("---\ntitle: 'Вход'\n...\n", "Вход"),
        ("\n---\nTitle: Вход\n---\n", "Вход"),
        ("---\nlayout: page\nheading: Вход\n---\n", "Вход"),
        ("---\ntitle: Ошибка: нет доступа\n---\n", "Ошибка: нет доступа"),
        ('---\ntitle: "Вход\nlayout: page\n---\n', "Вход"),
        ("---\n\ttitle: Вход\ntitle: Выход\n---\n", "Выход"),
        ("---\ntitle: 12:30\n---\n", "12:30"),
        ("---\ntitle: 1.10\n---\n", "1.10"),
        ("---\ntitle: да\n---\n", "да"),
        ("---\ntitle: 2024-05-31\n---\n", "2024-05-31"),
        ("---\ntitle: >\n  Вход\n  в чат\n---\n", "Вход в чат"),
        ("---\ntitle: Вход в {{ site.product }}\n---\n", "Вход в"),
        ("---\ntitle: [Вход]\n---\n", "proba"),
        ("---\nauthor: Иванова\n---\n", "proba"),
        ("---\n---\n", "proba"),
        ('+++\ntitle = "Вход"\n+++\n', "Вход"),
        ('+++\ntitle = "Вход"\nугол = 3\n+++\n', "Вход"),
        ('{"title": "Вход", "draft": false}\n', "Вход"),
        ("Title: Вход\nCategory: Чаты\n\n", "Вход"),
        ("---\ntitle: Вход\n" + "note: слово\n" * 2000 + "---\n", "Вход"),
    ],
)
def test_title_stands_in_front_matter_of_any_kind(front_matter: str, title: str):
    article = article_of(front_matter + "Введите код.\n")
    assert article.title == title
    assert [section.text for section in split_article(article)] == ["Введите код."]


@pytest.mark.parametrize(
    "text",
    [
        "---\n\nВведите код.\n\n***\n",
        "---\nВведите код.\n\n---\n",
        "---\ntitle: Вход\n\nВведите код.\n",
        "{{ name }} Введите код.\n",
        "{Введите код.}\n",
        "Название: Вход\n\nВведите код.\n",
    ],
)
def test_text_that_only_resembles_front_matter_is_read(text: str):
    assert "Введите код." in text_of(text)


@pytest.mark.parametrize(
    ("written", "updated"),
    [
        ("date: 2021-08-13", "2021-08-13"),
        ("date: 2021-08-13 12:00:00 +0300", "2021-08-13"),
        ("date: 2021-8-3T01:02:03Z", "2021-08-03"),
        ("date: 2021/08/13", "2021-08-13"),
        ("ms.date: 08/13/2021", "2021-08-13"),
        ("date: 13.08.2021", "2021-08-13"),
        ("date: '2021-08-13'", "2021-08-13"),
        ("date: 2020-01-01\nlastmod: 2021-08-13", "2021-08-13"),
        ("lastmod: вчера\ndate: 2021-08-13", "2021-08-13"),
        ("date: 2021-02-30", ""),
        ("date: 13 августа", ""),
        ("date:", ""),
        ("date: [2021-08-13]", ""),
    ],
)
def test_date_of_any_form_becomes_an_iso_date(written: str, updated: str):
    assert article_of(f"---\n{written}\n---\nТекст.\n").updated == updated


def test_date_of_toml_is_read():
    assert article_of("+++\nlastmod = 2021-08-13T01:02:03Z\n+++\nТекст.\n").updated == "2021-08-13"


@pytest.mark.parametrize(
    ("written", "keywords"),
    [
        ("keywords: вход, код  подтверждения,", ("вход", "код подтверждения")),
        ("keywords: [вход, 2024]", ("вход", "2024")),
        ("tags:\n  - вход\n  - [код]\n  -", ("вход",)),
        ("keywords: []\ntags: вход", ("вход",)),
        ("keywords: {вход: код}", ()),
        ('keywords: ["за\\u00ADмок", "\\uD800"]', ("замок",)),
    ],
)
def test_keywords_are_a_list_or_words_between_commas(written: str, keywords: tuple[str, ...]):
    assert article_of(f"---\n{written}\n---\nТекст.\n").keywords == keywords


def test_merged_fields_of_yaml_do_not_multiply():
    levels = "".join(f"a{n + 1}: &a{n + 1}\n  <<: [{', '.join([f'*a{n}'] * 9)}]\n" for n in range(30))
    assert article_of(f"---\na0: &a0 {{б: в}}\n{levels}title: Вход\n---\nТекст.\n").title == "Вход"


# Title and headings


@pytest.mark.parametrize(
    ("text", "title", "headings"),
    [
        ("# Вход\n\nТ\n\n## Код\n\nТ\n", "Вход", [("Вход",), ("Вход", "Код")]),
        ("Вход\n====\n\nТ\n", "Вход", [("Вход",)]),
        ("## Вход\n\nТ\n\n## Код\n\nТ\n", "Вход", [("Вход",), ("Вход", "Код")]),
        ("---\ntitle: Вход\n---\n# Вход!\n\nТ\n", "Вход", [("Вход",)]),
        ("---\ntitle: Вход\n---\n# Код\n\nТ\n\n## СМС\n\nТ\n", "Вход", [("Вход", "Код"), ("Вход", "Код", "СМС")]),
        ("---\ntitle: Вход\n---\nТ\n\n# Вход\n\nТ\n", "Вход", [("Вход",)]),
        ("---\ntitle: Вход\n---\nТ\n\n## Вход\n\nТ\n", "Вход", [("Вход",), ("Вход", "Вход")]),
        ("![Знак](a.png)\n\n# Вход\n\nТ\n", "Вход", [("Вход",)]),
        ("# Вход\n\nТ\n\n# Выход\n\nТ\n", "Вход", [("Вход",), ("Вход", "Выход")]),
        ("Т\n\n# Вход\n\nТ\n\n# Выход\n\nТ\n", "Вход", [("Вход",), ("Вход", "Вход"), ("Вход", "Выход")]),
        ("Текст без заголовка.\n", "proba", [("proba",)]),
        ("<h1>Вход</h1>\n\nТ\n", "Вход", [("Вход",)]),
        ("# Вход с `кодом` и [ссылкой](a.md)\n\nТ\n", "Вход с кодом и ссылкой", [("Вход с кодом и ссылкой",)]),
    ],
)
def test_title_is_the_front_matters_or_the_first_heading_and_not_said_twice(
    text: str, title: str, headings: list[tuple[str, ...]]
):
    article = article_of(text)
    assert article.title == title
    assert [section.headings for section in split_article(article)] == headings


def test_several_first_level_headings_are_sections_with_their_parts_below():
    levels = [
        block.level for block in article_of("# А\n\nТ\n\n# Б\n\nТ\n\n## В\n\nТ\n").body if isinstance(block, Heading)
    ]
    assert levels == [2, 3]


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("## Код {#code}", "code"),
        ("## Код {#code .wide}", "code"),
        ("## Код {.wide #code}", "code"),
        ("## Код {: #code}", "code"),
        ("## Код\n{: #code .wide}", "code"),
        ("Код\n---\n{:.wide #code}", "code"),
        ('## <a name="code"></a>Код', "code"),
        ('## <a id="code"></a>Код', "code"),
        ('<a name="code"></a>\n## Код', "code"),
        ('<a name="code"></a>\n\n## Код', "code"),
        ('<h2 id="code">Код</h2>', "code"),
        ("## Код", "код"),
        ("## Код {{#each}}", "код"),
    ],
)
def test_heading_keeps_the_anchor_that_its_author_gave(heading: str, anchor: str):
    section = sections_of(f"# Вход\n\nТекст.\n\n{heading}\n\nВведите код.\n")[-1]
    assert (section.anchor, section.headings[-1], section.text) == (anchor, "Код", "Введите код.")


def test_anchor_of_a_paragraph_is_not_the_next_headings():
    assert sections_of('# А\n\n<a name="b"></a>Слово\n\n## Код\n\nТ\n')[-1].anchor == "код"


# Nothing to read


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no text"),
        (" \n\n\t\n", "no text"),
        ("---\ntitle: Вход\n---\n", "no text"),
        ('+++\ntitle = "Вход"\n+++', "no text"),
        ("[!INCLUDE [Вход](../includes/enter.md)]\n", "no text"),
        ("{% include enter.html %}\n", "no text"),
        ("<!-- Дописать -->\n", "no text"),
        ("***\n", "no text"),
        ("![](a.png)\n", "no text"),
        ("[a]: https://example.org\n", "no text"),
        ("# Вход\n", "nothing but a title"),
        ("---\ntitle: Вход\n---\n# Вход\n\n## Код\n", "nothing but a title"),
    ],
)
def test_file_without_text_is_left_out_with_its_reason(text: str, reason: str):
    assert read_markdown(text, "a", "a.md") == (LeftOut("a.md", reason), [])


# What other tools put something in place of


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("[!INCLUDE [Вход](enter.md)] Текст", "Текст"),
        ("[!include[Вход](enter.md)] Текст", "Текст"),
        ("[!code-console[Пример](a.sh)] Текст", "Текст"),
        ("> [!WARNING]\n> Текст", "Текст"),
        ("[!VIDEO https://example.org/a] Текст", "Текст"),
        ("{% include a.html param='б' %}\nТекст", "Текст"),
        ("{% raw %}Текст{% endraw %}", "Текст"),
        ("{{< a >}}Текст{{< /a >}}", "Текст"),
        ("В {{ product }} есть текст", "В есть текст"),
        ("Текст\n{: .note}", "Текст"),
        ("[TOC]\n\nТекст", "Текст"),
        ("[[_TOC_]]\n\nТекст", "Текст"),
        ('--8<-- "a.md"\n\nТекст', "Текст"),
        ("import Tabs from '@theme/Tabs';\nТекст", "Текст"),
        ("export const a = {b: 1};\n\nТекст", "Текст"),
        (":::note\nТекст\n:::", "Текст"),
        (":::note[Важно]\nТекст\n:::", "Важно\nТекст"),
        ("::: warning Важно: пароль\nТекст\n:::", "Важно: пароль\nТекст"),
        ("::: {.callout-note}\nТекст\n:::", "Текст"),
        (':::row:::\n:::column span="2":::\nТекст\n:::column-end:::\n:::row-end:::', "Текст"),
        (':::image source="a.png" alt-text="Окно входа":::', "Окно входа"),
        ('{% tab title="Android" %}\nТекст', "Android\nТекст"),
        ("{{% alert title='Важно' %}}\nТекст\n{{% /alert %}}", "Важно\nТекст"),
        ('!!! note "Важно"\n    Текст\n\nДальше', "Важно\nТекст\nДальше"),
        ("!!! note\n\n    Текст\n\n    - Слово", "Текст\n• Слово"),
        ('=== "Android"\n\n    Текст', "Android\nТекст"),
        ("!!! Важно: текст", "!!! Важно: текст"),
        ('<TabItem value="a" label="Android">\n\nТекст\n\n</TabItem>', "Android\nТекст"),
        ('<Icon name="bell" /> Текст', "Текст"),
        ('<iframe src="https://example.org" title="Player"></iframe>\n\nТекст', "Текст"),
        ('<video src="a.mp4" controls>\n\nТекст', "Текст"),
        ("<p>В {{ product }} есть текст</p>", "В есть текст"),
    ],
)
def test_includes_and_placeholders_of_other_tools_are_left_out_and_their_titles_kept(written: str, read: str):
    assert text_of(written + "\n") == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("`{{ name }}`, `{% if %}`, `[!NOTE]`", "{{ name }}, {% if %}, [!NOTE]"),
        ("```\n{{ name }}\n:::note\n<имя>\n```", "{{ name }}\n:::note\n<имя>"),
        ("    {% if %}\n    import a from 'b'", "{% if %}\nimport a from 'b'"),
        ("<pre>{{ name }}</pre>", "{{ name }}"),
    ],
)
def test_code_stays_as_it_is(written: str, read: str):
    assert text_of(written + "\n") == read


@pytest.mark.parametrize(
    "text",
    [
        "Впишите <mailbox> в поле.",
        "Впишите <имя ящика> в поле.",
        "Впишите <tenant name> и <TenantName>.",
        "<mailbox>",
        "- <mailbox> — адрес",
        "<mailbox>, затем <server>.",
    ],
)
def test_what_a_reader_has_to_fill_in_stays_as_text(text: str):
    assert text_of(text + "\n") == text.replace("- ", "• ")


# Inline and blocks


@pytest.mark.parametrize(
    ("written", "text", "html"),
    [
        ("**а** *б* `в`", "а б в", "<strong>а</strong> <em>б</em> <code>в</code>"),
        ("[а](b.md)", "а", "а"),
        ("[а][1]\n\n[1]: b.md", "а", "а"),
        ("[а](file:///c:/a) [б](javascript:alert) ![в](data:image/svg+xml;base64,AA)", "а б в", "а б в"),
        ("![**а** [б](c.md)](a.png)", "а б", "а б"),
        ("<https://example.org/?a=1&b=2>", "https://example.org/?a=1&b=2", "https://example.org/?a=1&amp;b=2"),
        ("<b>а</b><br>б<script>alert(1)</script>", "а\nб", "<strong>а</strong><br>б"),
        ("а  \nб", "а\nб", "а<br>б"),
        (r"\*а\* &lt;б&gt; &amp;", "*а* <б> &", "*а* &lt;б&gt; &amp;"),
    ],
)
def test_links_and_images_are_reduced_to_their_text(written: str, text: str, html: str):
    (section,) = sections_of(written + "\n")
    assert (section.text, section.html) == (text, f"<p>{html}</p>")


def test_footnotes_stand_at_the_end_and_are_no_steps():
    (section,) = sections_of("Раз[^a], два[^b] и опять раз[^a].\n\n[^a]: Первая.\n\n[^b]: Вторая.\n")
    assert section.text == "Раз[1], два[2] и опять раз[1].\n• [1] Первая.\n• [2] Вторая."
    assert section.steps == ()


def test_definition_list_keeps_its_terms_with_their_meanings():
    (section,) = sections_of("Чат\n: Переписка двоих.\n\nКанал\n: Лента новостей.\n")
    assert section.text == "• Чат\nПереписка двоих.\n• Канал\nЛента новостей."
    assert section.steps == ()


def test_table_of_markdown_and_of_html_read_the_same():
    written = sections_of("| А | Б |\n|---|---|\n| **в** | г |\n")
    as_html = sections_of("<table><tr><th>А</th><th>Б</th></tr><tr><td><b>в</b></td><td>г</td></tr></table>\n")
    assert written == as_html
    assert written[0].text == "А | Б\nв | г"


# Steps


def test_numbered_list_that_goes_on_after_a_paragraph_keeps_its_numbers():
    (section,) = sections_of("1. Раз\n2. Два\n\nПодождите минуту.\n\n3. Три\n4. Четыре\n")
    assert section.text == "1. Раз\n2. Два\nПодождите минуту.\n3. Три\n4. Четыре"
    assert [step.text for step in section.steps] == ["Раз", "Два", "Три", "Четыре"]
    assert '<ol start="3">' in section.html


def test_list_ends_where_the_tab_around_it_ends():
    lists = [
        block
        for block in article_of("{% tab %}\n1. Раз\n{% endtab %}\n\n{% tab %}\n1. Два\n{% endtab %}\n").body
        if isinstance(block, ItemList)
    ]
    assert [[item.inline.text for item in found.items] for found in lists] == [["Раз"], ["Два"]]


@pytest.mark.parametrize(
    ("written", "steps"),
    [
        ("- Откройте чат.\n- Нажмите на имя.\n", ["Откройте чат.", "Нажмите на имя."]),
        ("* [ ] Проверьте сеть\n* [x] Обновить программу\n", ["Проверьте сеть", "Обновить программу"]),
        ("- Чат\n- Канал\n", []),
        ("- Код устарел.\n- Часы отстают.\n- Запросите новый код.\n", []),
        ("- Причина\n  1. Откройте чат.\n  2. Закройте его.\n", ["Откройте чат.", "Закройте его."]),
        ("> 1. Откройте чат.\n> 2. Закройте его.\n", ["Откройте чат.", "Закройте его."]),
    ],
)
def test_bulleted_list_is_steps_only_where_it_instructs(written: str, steps: list[str]):
    assert steps_of(written) == steps


def test_step_keeps_its_code_notes_and_substeps():
    (section,) = sections_of(
        "1. Введите:\n\n   ```sh\n   ls\n   ```\n   > Подождите.\n2. Выберите:\n   - чат;\n   - канал.\n"
    )
    first, second = section.steps
    assert (first.text, first.substeps) == ("Введите: ls Подождите.", ())
    assert (second.text, second.substeps) == ("Выберите:", ("чат;", "канал."))


# Limits


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("слово **важно** " * 8000, "**важно**"),
        ("".join("  " * depth + "- слово\n" for depth in range(60)), "слово"),
        (">" * 30 + " слово\n", "слово"),
    ],
    ids=["a long paragraph", "deep lists", "deep quotations"],
)
def test_what_is_not_read_as_it_stands_is_warned_of(text: str, words: str):
    found, findings = read_markdown(text, "a", "a.md")
    assert isinstance(found, Article)
    assert words in split_article(found)[0].text
    (finding,) = findings
    assert (finding.place, finding.is_error) == ("a.md", False)
    assert "; expected " in finding.message


def test_rows_beyond_the_limit_are_read_as_plain_text(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("indexer.readers.markdown._MOST_TOKENS", 50)
    found, _ = read_markdown("| А |\n|---|\n" + "".join(f"| {number} |\n" for number in range(1, 6)), "a", "a.md")
    assert isinstance(found, Article)
    assert split_article(found)[0].text == "А\n1\n2\n3\n| 4 |\n| 5 |".replace("|\n|", "| |")


def test_more_blocks_than_are_read_are_cut_with_a_warning(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("indexer.readers.markdown._MOST_TOKENS", 30)
    found, findings = read_markdown("Раз\n\n" * 10 + "Последнее\n", "a", "a.md")
    assert isinstance(found, Article)
    assert split_article(found)[0].text == "\n".join(["Раз"] * 10)
    assert [finding.is_error for finding in findings] == [False]
    assert "the rest was not read" in findings[0].message


# Whatever the file holds

ALLOWED = set("p ul ol li table tr th td div pre blockquote strong em code br".split())  # noqa: SIM905
FRAGMENTS = [
    *(
        "\n",
        "\n\n",
        "    ",
        "  ",
        "- ",
        "1. ",
        "7) ",
        "> ",
        "# ",
        "## Код {#code}\n",
        "***\n",
        "---\n",
        "===\n",
        "+++\n",
    ),
    *(
        "слово ",
        "Откройте чат. ",
        "a",
        "*",
        "**",
        "_",
        "~~",
        "`",
        "```\n",
        "[",
        "]",
        "(",
        ")",
        "![",
        "](a.md)",
        "\\",
        "|",
    ),
    *(
        "title: а\n",
        "title: а: б\n",
        "| а | б |\n|---|---|\n",
        "а\n: б\n",
        "[^1]",
        "[^1]: в\n",
        "^[г]",
        "[а]: b\n",
        "[ ] ",
    ),
    *(
        "{% raw %}",
        "{{ a }}",
        "{{< b >}}\n",
        "{: .c}",
        ":::note\n",
        ":::\n",
        '!!! note "а"\n',
        '=== "а"\n',
        "[!NOTE]",
        "{",
    ),
    *(
        "<b>",
        "</b>",
        "<ul><li>",
        "</ul>",
        "<table><tr><td>",
        "</td></tr></table>",
        "<p",
        ">",
        "<",
        "<h1>",
        "</h1>",
        "<pre>",
    ),
    *(
        "<script>alert(1)</script>",
        "<script>",
        "<img src=x onerror=alert(1) alt='<i>'>",
        "<!--",
        "-->",
        "<?",
        "<![CDATA[",
    ),
    *(
        "[а](javascript:alert(1))",
        "&lt;script&gt;",
        "&#60;img&#62;",
        "<имя>",
        "<mailbox>",
        "<X label='<u>'>",
        '<a name="x">',
    ),
    *(
        "<details><summary>",
        "</summary>",
        "</details>",
        "<dl><dt>",
        "<dd>",
        "<svg onload=alert(1)>",
        "<iframe>",
        "<p hidden>",
    ),
]
markdown = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=3), max_size=40).map("".join)


class Outline(HTMLParser):
    """Collects what a section's HTML holds besides text, and whether every element is closed in its place."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.strange: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {name for name, _ in attrs}
        if tag not in ALLOWED or not names <= {"start", "class", "scope"}:
            self.strange.append(f"{tag} {names}")
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.strange.append(f"/{tag}")

    def handle_comment(self, data: str) -> None:
        self.strange.append(data)

    def handle_decl(self, decl: str) -> None:
        self.strange.append(decl)

    def handle_pi(self, data: str) -> None:
        self.strange.append(data)


def read_any(text: str) -> tuple[Article | LeftOut, list[Finding]]:
    """As the reader of folders calls it; an article has sections, and their HTML is ours."""
    found, findings = read_markdown(clean(text), "a/b", "a/b.md")
    if isinstance(found, LeftOut):
        assert found.reason
        return found, findings
    sections = split_article(found)
    assert found.title
    assert sections
    assert len({section.section_id for section in sections}) == len(sections)
    for section in sections:
        outline = Outline(section.html)
        assert (outline.strange, outline.open) == ([], [])
        section.text.encode()
    return found, findings


@settings(max_examples=150)
@given(st.text())
@example("---\ntitle: " + "0x" + "f" * 9000 + "\n---\nа")
@example("---\na: &a [*a]\ntitle: &b {? [*b] : а}\n---\nа")
@example("+++\ntitle = 0x" + "f" * 9000 + "\n+++\nа")
@example('{"title": ' + "9" * 9000 + "}а")
@example('{"title": ' + "[" * 9000)
@example("---\ntitle: " + "[" * 9000 + "\n---\nа")
@example("---\ntitle: !!python/object:os.system а\n---\nа")
@example("---\ntitle: а\r---\rб")
@example("\0\x0b\ud800")
def test_any_text_ends_in_an_article_or_is_left_out(text: str):
    read_any(text)


@settings(max_examples=400)
@given(markdown)
def test_any_markup_ends_in_an_article_with_safe_html_or_is_left_out(text: str):
    read_any(text)


LETTERS = st.text("абвгдеёжзийклмнопрстуфхцчшщъыьэюя", min_size=1, max_size=8)
PARAGRAPH = st.lists(
    st.builds(
        lambda before, word, after: before + word + after,
        st.sampled_from(["", "«", "„"]),
        LETTERS,
        st.sampled_from(["", ",", ".", "!", "?", ";", "»", "…", " —"]),
    ),
    min_size=1,
).map(" ".join)


@settings(max_examples=150)
@given(st.lists(PARAGRAPH, min_size=1), st.sampled_from(["\n\n", "\n", "\n  \n", "\r\n\r\n"]))
def test_no_word_of_plain_paragraphs_is_lost(paragraphs: list[str], between: str):
    found, findings = read_any(between.join(paragraphs))
    assert isinstance(found, Article)
    assert findings == []
    assert " ".join(section.text for section in split_article(found)).split() == " ".join(paragraphs).split()


# Linear time


def repeated(piece: str) -> Callable[[int], str]:
    return lambda size: piece * (size // len(piece))


def indented(piece: str, indent: str) -> Callable[[int], str]:
    """Lines that lie ever deeper; their number grows with the root of the size."""
    return lambda size: "".join(indent * depth + piece for depth in range(int((2 * size / len(indent)) ** 0.5)))


SHAPES: dict[str, tuple[Callable[[int], str], int]] = {  # and a size that is read in about a twentieth of a second
    "paragraphs": (repeated("Слово за слово.\n\n"), 40_000),
    "lines of one paragraph": (repeated("слово\n"), 30_000),
    "headings": (repeated("## Код\n\nСлово\n\n"), 10_000),
    "tasks": (repeated("- [ ] Слово\n"), 8_000),
    "table rows": (lambda size: "|а|б|\n|-|-|\n" + "|в|г|\n" * (size // 6), 4_000),
    "nested lists": (indented("- слово\n", "  "), 40_000),
    "nested quotations": (indented("> слово\n\n", "> "), 20_000),
    "signs of quotation in one line": (repeated(">"), 80_000),
    "lines that a deep quotation goes on in": (lambda size: ">" * 100 + "а\n" * (size // 2), 6_000),
    "nested admonitions": (indented("!!! note\n", "    "), 100_000),
    "brackets": (repeated("["), 8_000),
    "images without end": (repeated("!["), 8_000),
    "emphasis without end": (repeated("*а **б _в "), 10_000),
    "backticks": (lambda size: "".join("а" + "`" * run for run in range(int((2 * size) ** 0.5))), 200_000),
    "tags without end": (repeated("<a "), 20_000),
    "declarations without end": (repeated("а<![CDATA[ <!-- <? "), 10_000),
    "placeholders without end": (repeated("{% {{ [!NOTE {: "), 10_000),
    "headings with an open id": (repeated("# а {#\n"), 7_000),
    "link definitions": (lambda size: "".join(f"[а{n}]: б\n" for n in range(size // 10)), 15_000),
    "links to one long address": (lambda size: f"[а]: {'б' * size}\n\n" + "![а][а] [а] " * (size // 60), 20_000),
    "footnotes": (lambda size: "".join(f"а[^{n}]\n\n[^{n}]: б\n\n" for n in range(size // 20)), 6_000),
    "fields of TOML within one another": (lambda size: "+++\n" + "a." * (size // 2) + "b = 1\n+++\nв\n", 10_000),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_four_times_the_text_takes_less_than_ten_times_as_long(shape: str):
    write, size = SHAPES[shape]
    assert_linear(lambda text: read_markdown(text, "a", "a.md"), write(size), write(4 * size))


# Real help


@pytest.mark.skipif(not GIVEN.is_dir(), reason="../shared/data/m365-ru, an input that is no part of the project")
def test_real_help_is_read_without_marks_of_its_tool():
    files = sorted(GIVEN.rglob("*.md"))[::20]
    assert files
    for path in files:
        found, findings = read_markdown(clean(path.read_text(encoding="utf-8")), path.stem, path.name)
        assert isinstance(found, Article), path
        assert findings == []
        text = "\n".join(section.text for section in split_article(found))
        assert not [mark for mark in ("[!", ":::", "ms.date", "](", "<a ", "{{") if mark in text], path
