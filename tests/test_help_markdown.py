"""Articles in our own form: what is read, and the line of every mistake in the form."""

from pathlib import Path

import pytest
from helpers import FRONT_MATTER, write_corpus
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.articles import (
    Article,
    Finding,
    Heading,
    Inline,
    Item,
    ItemList,
    Link,
    Paragraph,
    Preformatted,
    Quotation,
    Table,
)
from indexer.readers.help_markdown import find_files, read_file
from indexer.sections import split_article


def read(folder: Path, content: str | bytes, name: str = "proba.md") -> tuple[list[Article], list[Finding]]:
    path = folder / "articles" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_file(path, folder)


def body(folder: Path, text: str) -> tuple[object, ...]:
    """The blocks of an article with this body, which has no mistake."""
    articles, findings = read(folder, FRONT_MATTER + text)
    assert findings == []
    return articles[0].body


def plain(text: str) -> Inline:
    return Inline(text, text)


# Mistakes


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        # The front matter; the fields themselves stand in test_front_matter.py.
        ("", ["1: no front matter"]),
        ("Текст без полей\n", ["1: no front matter; expected a block of fields"]),
        ("\n" + FRONT_MATTER + "Текст\n", ["1: no front matter"]),
        (FRONT_MATTER.removesuffix("---\n") + "Текст\n", ["1: no front matter"]),
        (FRONT_MATTER.replace("topic: start", "topik: start") + "Т\n", ['1: "topic" is missing', '3: field "topik"']),
        (FRONT_MATTER.replace("2026-11-22", "вчера") + "Текст\n", ["4: \"updated\" is 'вчера'"]),
        # Headings; the body begins in line 6.
        (FRONT_MATTER, ["6: the article has no text"]),
        (FRONT_MATTER + "# Проба {#a}\n\nТекст\n", ["6: heading of level 1; expected ## or ###"]),
        (FRONT_MATTER + "Т\n\n#### Часть {#a}\n\nТ\n", ["8: heading of level 4"]),
        (FRONT_MATTER + "## Как войти\n\nТекст\n", ['6: heading "Как войти" has no id; expected "## Text {#id}"']),
        (FRONT_MATTER + "## Как войти {#}\n\nТекст\n", ['6: id ""']),
        (FRONT_MATTER + "## Как войти {#Sign_In}\n\nТекст\n", ['6: id "Sign_In"; expected small letters']),
        (FRONT_MATTER + "## Как войти {#вход}\n\nТекст\n", ['6: id "вход"']),
        (FRONT_MATTER + "## Как войти {#top}\n\nТекст\n", ['6: id "top"']),
        (FRONT_MATTER + "## А {#a}\n\nТ\n\n## Б {#a}\n\nТ\n", ['10: id "a" stands in line 6 too']),
        (FRONT_MATTER + "## А {#a}\n\n## Б {#b}\n\nТ\n", ['6: section "А" is empty']),
        (FRONT_MATTER + "Текст\n\n## А {#a}\n", ['8: section "А" is empty']),
        (FRONT_MATTER + "## А {#a}\n{platform=web}\n", ['6: section "А" is empty']),
        (FRONT_MATTER + "## А {#a}\n\n### Б {#b}\n\nТ\n", ["8: ### part without platform or audience"]),
        (FRONT_MATTER + "## А {#a}\n\n### Б {#b}\n{related=#a}\n\nТ\n", ["8: ### part without platform or audience"]),
        # Attribute lines stand under their heading.
        (FRONT_MATTER + "## А {#a}\n{platform=windows}\n\nТ\n", ['7: platform "windows" is unknown']),
        (FRONT_MATTER + "## А {#a}\n{danger=signs_out}\n\nТ\n", ['7: attribute "danger" is unknown here']),
        (FRONT_MATTER + "## А {#a}\n{platform=web\n\nТ\n", ["7: attribute line '{platform=web'; expected {name=value"]),
        (FRONT_MATTER + '## А {#a}\n{keywords="тихо}\n\nТ\n', ['7: {keywords="тихо} has an open quotation mark']),
        # Steps.
        (FRONT_MATTER + "1. Раз\n2. Два {danger=hot}\n", ['7: danger "hot" is unknown']),
        (FRONT_MATTER + "Т\n\n1. Раз\n   - Два {alias=a}\n", ['9: attribute "alias" is unknown here']),
        # Links.
        (
            FRONT_MATTER + "Текст\n\n[сюда](readme.txt)\n",
            ['8: link to "readme.txt"; expected https://…, article.md#id'],
        ),
        (FRONT_MATTER + "[сюда](/articles/files)\n", ['6: link to "/articles/files"']),
        (FRONT_MATTER + "[сюда](files)\n", ['6: link to "files"']),
        (FRONT_MATTER + "[сюда](ftp://example.org/a)\n", ['6: link to "ftp://example.org/a"']),
        (FRONT_MATTER + "## А {#a}\n{platform=web}\n[сюда](files)\n", ['8: link to "files"']),
    ],
)
def test_mistake_is_named_with_its_line(tmp_path: Path, content: str, expected: list[str]):
    _, findings = read(tmp_path, content)
    found = [str(finding).removeprefix(f"{tmp_path}/articles/proba.md:") for finding in findings]
    assert len(found) == len(expected), found
    for text, part in zip(found, expected, strict=True):
        assert text.startswith(part.partition(": ")[0] + ": ")
        assert part in text


@pytest.mark.parametrize("name", ["Вход.md", "Sign-in.md", "sign_in.md", "-a.md", "a--b.md", "старое/a.md"])
def test_file_name_that_is_no_id_is_named(tmp_path: Path, name: str):
    _, findings = read(tmp_path, FRONT_MATTER + "Текст\n", name)
    assert len(findings) == 1
    assert findings[0].place == f"{tmp_path}/articles/{name}:1"
    assert "expected small Latin letters, digits and hyphens; rename the file" in findings[0].message


def test_every_mistake_of_a_file_is_named_at_once(tmp_path: Path):
    _, findings = read(tmp_path, FRONT_MATTER + "[а](b)\n\n## А\n{web}\n\n1. Раз {danger=hot}\n")
    assert [finding.place.rpartition(":")[2] for finding in findings] == ["6", "8", "9", "11"]


def test_mistakes_of_the_text_are_named_beside_those_of_the_fields(tmp_path: Path):
    articles, findings = read(tmp_path, FRONT_MATTER.replace("topic: start\n", "") + "## А\n\nТекст\n")
    assert articles == []
    assert [finding.message.partition(";")[0] for finding in findings] == [
        '"topic" is missing',
        'heading "А" has no id',
    ]


def test_file_that_is_not_utf_8_is_named_with_the_line_of_the_byte(tmp_path: Path):
    articles, findings = read(tmp_path, (FRONT_MATTER + "Привет\n").encode() + "мир".encode("cp1251"))
    assert articles == []
    (finding,) = findings
    assert finding.place == f"{tmp_path}/articles/proba.md:7"
    assert "is not UTF-8; expected UTF-8 text; save the file as UTF-8" in finding.message


def test_file_that_cannot_be_read_is_named(tmp_path: Path):
    path = tmp_path / "articles" / "proba.md"
    path.mkdir(parents=True)
    articles, findings = read_file(path, tmp_path)
    assert articles == []
    assert findings[0].place == str(path)
    assert "cannot be read" in findings[0].message


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.sampled_from("а1.-#*>|`{}[]()=\n \\<&:_~!"), max_size=60))
def test_any_text_is_read_and_split(tmp_path: Path, text: str):
    articles, findings = read(tmp_path, FRONT_MATTER + text)
    assert len(articles) == 1
    for section in split_article(articles[0]):
        assert "<script" not in section.html
    last_line = (FRONT_MATTER + text).count("\n") + 1
    assert all(1 <= int(finding.place.rpartition(":")[2]) <= last_line for finding in findings)


# The same text in another dress


@pytest.mark.parametrize("dress", ["crlf", "cr", "bom", "no line end at the end", "decomposed"])
def test_file_of_another_editor_reads_the_same(tmp_path: Path, dress: str):
    content = FRONT_MATTER + "Мой йод\n\n## А {#a}\n{platform=web}\n\n1. Раз\n2. Два {danger=signs_out}\n"
    dressed = {
        "crlf": content.replace("\n", "\r\n"),
        "cr": content.replace("\n", "\r"),
        "bom": "\ufeff" + content,
        "no line end at the end": content.removesuffix("\n"),
        "decomposed": content.replace("й", "и\u0306"),
    }[dress]
    assert dressed != content
    assert read(tmp_path, dressed) == read(tmp_path, content)


def test_lines_are_counted_the_same_with_windows_line_ends(tmp_path: Path):
    content = (FRONT_MATTER + "Текст\n\n## А\n\nТекст\n").replace("\n", "\r\n")
    _, findings = read(tmp_path, b"\xef\xbb\xbf" + content.encode())
    assert [finding.place.rpartition(":")[2] for finding in findings] == ["8"]


# Blocks


def test_article_has_the_fields_of_its_front_matter(tmp_path: Path):
    fields = "order: 2\nplatforms: [web]\nrelated: [files, '#a']\naliases: [old]\nkeywords: [пуш]\nfeatured: [a]\n---\n"
    articles, findings = read(tmp_path, FRONT_MATTER.removesuffix("---\n") + fields + "## А {#a}\n\nТ\n")
    assert findings == []
    (article,) = articles
    assert article.article_id == "proba"
    assert article.source == f"{tmp_path}/articles/proba.md"
    assert (article.title, article.topic, article.order, article.updated) == ("Проба", "start", 2, "2026-11-22")
    assert article.related == ("files", "proba#a")
    assert (article.platforms, article.keywords, article.aliases, article.featured) == (
        ("web",),
        ("пуш",),
        ("old",),
        ("a",),
    )


def test_heading_has_its_attributes_and_line(tmp_path: Path):
    attributes = 'platform=web,ios audience=admin related=#a,files#b alias=old,x#y,#z keywords="а б, в"'
    heading = body(tmp_path, f"Т\n\n## Как **войти** {{#sign-in}}\n{{{attributes}}}\n\nТ\n")[1]
    assert heading == Heading(
        level=2,
        text="Как войти",
        anchor="sign-in",
        line=8,
        platforms=("web", "ios"),
        audiences=("admin",),
        related=("proba#a", "files#b"),
        aliases=("old", "x#y", "proba#z"),
        keywords=("а б", "в"),
    )


@pytest.mark.parametrize(
    ("below", "expected"),
    [
        ("Сразу текст\nи ещё\n", [Paragraph(Inline("Сразу текст и ещё", "Сразу текст\nи ещё"))]),
        ("\nЧерез строку\n", [Paragraph(plain("Через строку"))]),
        ("1. Сразу шаг\n", [ItemList(True, (Item(plain("Сразу шаг")),))]),
        ("2. Шаг\nи дальше\n", [ItemList(True, (Item(Inline("Шаг и дальше", "Шаг\nи дальше")),), start=2)]),
        ("    код\nи текст\n", [Preformatted("код"), Paragraph(plain("и текст"))]),
    ],
)
def test_text_may_stand_right_under_an_attribute_line(tmp_path: Path, below: str, expected: list[object]):
    assert list(body(tmp_path, "## А {#a}\n{platform=web}\n" + below)[1:]) == expected


def test_reference_under_an_attribute_line_leaves_the_section_empty(tmp_path: Path):
    _, findings = read(tmp_path, FRONT_MATTER + "## А {#a}\n{platform=web}\n[b]: https://example.org\n")
    assert [finding.message.partition(";")[0] for finding in findings] == ['section "А" is empty']


def test_lists_keep_their_kind_their_order_and_what_stands_under_an_item(tmp_path: Path):
    (steps, causes) = body(tmp_path, "1. Раз\n   - а\n   - б\n\n   Ещё\n2. Два\n\n* Причина\n")
    assert steps == ItemList(
        True,
        (
            Item(plain("Раз"), (ItemList(False, (Item(plain("а")), Item(plain("б")))), Paragraph(plain("Ещё")))),
            Item(plain("Два")),
        ),
    )
    assert causes == ItemList(False, (Item(plain("Причина")),))


def test_attributes_at_the_end_of_a_step_are_its_own(tmp_path: Path):
    (steps,) = body(tmp_path, "1. Раз {platform=web,ios audience=admin danger=signs_out,deletes_data}\n2. Два {имя}\n")
    assert steps == ItemList(
        True,
        (
            Item(plain("Раз"), (), ("web", "ios"), ("admin",), ("signs_out", "deletes_data")),
            Item(plain("Два {имя}")),
        ),
    )


def test_table_code_and_quotation_are_read(tmp_path: Path):
    table, code, quotation = body(
        tmp_path, "| А | Б |\n|---|---|\n| **в** | |\n\n```\n<г>\n\n  д\n```\n\n> Ещё\n> - е\n"
    )
    assert table == Table(
        ((plain("А"), plain("Б")), (Inline("в", "<strong>в</strong>"), plain(""))),
    )
    assert code == Preformatted("<г>\n\n  д")
    assert quotation == Quotation((Paragraph(plain("Ещё")), ItemList(False, (Item(plain("е")),))))


@pytest.mark.parametrize(
    ("source", "text", "html"),
    [
        ("**а** *б* `в`", "а б в", "<strong>а</strong> <em>б</em> <code>в</code>"),
        ("<b>а</b> & <!-- б -->", "<b>а</b> & <!-- б -->", "&lt;b&gt;а&lt;/b&gt; &amp; &lt;!-- б --&gt;"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("&lt;&amp;&nbsp;1", "<&\u00a01", "&lt;&amp;\u00a01"),
        (r"\*а\*", "*а*", "*а*"),
        ("а  \nб", "а\nб", "а<br />\nб"),
        ("а\nб", "а б", "а\nб"),
        ("![Кнопка](a.png)", "Кнопка", "Кнопка"),
        ("![](a.png)", "", ""),
        ("![<i>](a.png)", "<i>", "&lt;i&gt;"),
        ("[а](javascript:alert(1))", "[а](javascript:alert(1))", "[а](javascript:alert(1))"),
        ("<https://a.ru/?b&c>", "https://a.ru/?b&c", '<a href="https://a.ru/?b&amp;c">https://a.ru/?b&amp;c</a>'),
        ('[а](https://a.ru "б\\"<")', "а", '<a href="https://a.ru" title="б&quot;&lt;">а</a>'),
        ("[а](mailto:a@example.org)", "а", '<a href="mailto:a@example.org">а</a>'),
        ("за\u0301мок зашифро\u00adван", "замок зашифрован", "замок зашифрован"),
    ],
)
def test_inline_markup_leaves_text_and_safe_html(tmp_path: Path, source: str, text: str, html: str):
    assert body(tmp_path, f"{source}\n") == (Paragraph(Inline(text, html)),)


# Links


@pytest.mark.parametrize(
    ("name", "target", "href", "kept"),
    [
        ("proba.md", "files.md", "/articles/files", "files"),
        ("proba.md", "files.md#limits", "/articles/files#limits", "files#limits"),
        ("proba.md", "./files.md", "/articles/files", "files"),
        ("proba.md", "#a", "/articles/proba#a", "proba#a"),
        ("admin/proba.md", "backup.md", "/articles/admin/backup", "admin/backup"),
        ("admin/proba.md", "../files.md#limits", "/articles/files#limits", "files#limits"),
        ("admin/proba.md", "#a", "/articles/admin/proba#a", "admin/proba#a"),
    ],
)
def test_link_leads_to_the_page_and_is_kept_for_checking(tmp_path: Path, name: str, target: str, href: str, kept: str):
    articles, findings = read(tmp_path, FRONT_MATTER + f"Текст\n\n[сюда]({target})\n", name)
    assert findings == []
    assert articles[0].links == (Link(kept, 8),)
    assert articles[0].body[1] == Paragraph(Inline("сюда", f'<a href="{href}">сюда</a>'))


@pytest.mark.parametrize("target", ["https://example.org/files.md", "http://example.org", "tel:+70000000000"])
def test_link_out_of_the_help_is_left_as_it_is(tmp_path: Path, target: str):
    articles, findings = read(tmp_path, FRONT_MATTER + f"[сюда]({target})\n")
    assert findings == []
    assert articles[0].links == ()
    assert articles[0].body == (Paragraph(Inline("сюда", f'<a href="{target}">сюда</a>')),)


def test_links_of_steps_tables_and_headings_are_kept_too(tmp_path: Path):
    text = "## А [б](b.md) {#a}\n\n1. [в](c.md)\n   - [г](d.md)\n\n| [д](e.md) |\n|---|\n\n> [е](f.md)\n"
    articles, _ = read(tmp_path, FRONT_MATTER + text)
    assert [(link.target, link.line) for link in articles[0].links] == [
        ("b", 6),
        ("c", 8),
        ("d", 9),
        ("e", 11),
        ("f", 14),
    ]


# Files


def test_files_are_found_below_articles_in_order_without_hidden_ones(tmp_path: Path):
    for name in ["b.md", "a.md", "admin/c.md", ".d.md", ".git/e.md", "README.md", "f.txt"]:
        path = tmp_path / "articles" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    (tmp_path / "g.md").write_text("")
    assert [path.relative_to(tmp_path).as_posix() for path in find_files(tmp_path)] == [
        "articles/a.md",
        "articles/admin/c.md",
        "articles/b.md",
    ]


def test_folder_without_articles_folder_holds_the_articles_itself(tmp_path: Path):
    (tmp_path / "a.md").write_text(FRONT_MATTER + "Текст\n")
    assert find_files(tmp_path) == [tmp_path / "a.md"]
    assert read_file(tmp_path / "a.md", tmp_path)[0][0].article_id == "a"


@pytest.mark.parametrize(
    ("body", "line", "message"),
    [
        ("## Вход {#enter\n\nТекст.\n", 6, "the id of heading"),
        ("## Вход {#enter}\n\n1. Выйдите. {danger=signs_out\n", 8, "attributes within a text"),
        ("## Вход {#enter}\n\nВыйдите {danger=signs_out} из приложения.\n", 8, "attributes within a text"),
    ],
)
def test_open_brace_is_found_where_it_stands(tmp_path: Path, body: str, line: int, message: str):
    path = write_corpus(tmp_path, {"a": FRONT_MATTER + body}) / "articles" / "a.md"
    _, findings = read_file(path, tmp_path)
    assert [finding.place for finding in findings] == [f"{path}:{line}"]
    assert message in findings[0].message


def test_braces_in_code_are_text(tmp_path: Path):
    body = "## Вход {#enter}\n\nПишите `{platform=ios}`.\n"
    path = write_corpus(tmp_path, {"a": FRONT_MATTER + body}) / "articles" / "a.md"
    assert read_file(path, tmp_path)[1] == []
