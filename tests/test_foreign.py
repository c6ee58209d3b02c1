"""A folder of other people's help: every file is an article or is left out with a reason."""

import os
from collections import Counter
from pathlib import Path

import pytest
from helpers import assert_linear, build_index
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.articles import Article, Corpus, Finding, LeftOut, Paragraph, Reading, read_articles
from indexer.artifact import load
from indexer.errors import ArticleError
from indexer.readers import folder as folder_module
from indexer.readers.folder import find_sources
from indexer.readers.foreign import find_files, read_folder

MARKDOWN = "# Вход\n\nОткройте приложение «Ласточка» и введите номер.\n"
PAGE = "<!doctype html><title>Вход</title><h1>Вход</h1><p>Откройте приложение «Ласточка» и введите номер.</p>"
DUMP = "Вход\n\nОткройте приложение «Ласточка» и введите номер.\n"


def fill(root: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def read(root: Path) -> Reading:
    return read_folder(root, lambda done, total: None)


def ids(root: Path) -> dict[str, str]:
    """File -> the id of its article."""
    return {Path(article.source).relative_to(root).as_posix(): article.article_id for article in read(root).articles}


def left_out(reading: Reading | Corpus) -> dict[str, str]:
    assert len({left.path for left in reading.left_out}) == len(reading.left_out)
    return {left.path: left.reason for left in reading.left_out}


# Articles


def test_forms_stand_side_by_side_and_are_counted(tmp_path: Path):
    fill(tmp_path, {"a.md": MARKDOWN, "b.HTM": PAGE, "в/г.txt": DUMP, "d.markdown": MARKDOWN, "e.png": b"\x89PNG"})
    reading = read(tmp_path)
    assert reading.read == {"Markdown": 2, "HTML": 1, "text": 1}
    assert sorted(article.article_id for article in reading.articles) == ["a", "b", "d", "в/г"]
    assert {article.title for article in reading.articles} == {"Вход"}
    for article in reading.articles:
        (paragraph,) = article.body
        assert isinstance(paragraph, Paragraph)
        assert paragraph.inline.text == "Откройте приложение «Ласточка» и введите номер."
    assert left_out(reading) == {"e.png": "other format"}
    assert reading.findings == []


def test_folder_reads_the_same_each_time(tmp_path: Path):
    fill(tmp_path, {"a.md": MARKDOWN, "b.html": PAGE, "c.txt": DUMP, "d.png": b""})
    assert read_articles(tmp_path) == read_articles(tmp_path)


def test_progress_goes_from_nothing_to_all(tmp_path: Path):
    moves: list[tuple[int, int]] = []
    read_folder(fill(tmp_path, {"a.md": MARKDOWN, "b.html": PAGE}), lambda done, total: moves.append((done, total)))
    assert moves == [(0, 2), (1, 2), (2, 2)]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1251", "koi8-r"])
@pytest.mark.parametrize(("name", "content"), [("a.md", MARKDOWN), ("a.html", PAGE), ("a.txt", DUMP)])
def test_encoding_and_line_ends_make_no_difference(tmp_path: Path, name: str, content: str, encoding: str):
    content = content.replace("«", "").replace("»", "")  # koi8-r has none
    plain = read(fill(tmp_path / "plain", {name: content})).articles[0]
    for ends in ("\n", "\r\n", "\r"):
        fill(tmp_path / "other", {name: content.replace("\n", ends).encode(encoding)})
        article = read(tmp_path / "other").articles[0]
        assert (article.title, article.body) == (plain.title, plain.body)


# Ids


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["a.md", "a.html", "a.txt"], {"a.md": "a", "a.html": "a.html", "a.txt": "a.txt"}),
        (["a.html", "a.txt"], {"a.html": "a", "a.txt": "a.txt"}),
        (["a.htm", "a.html", "A.html"], {"a.html": "a", "a.htm": "a.htm", "A.html": "A"}),
        (["a.md", "a.MD"], {"a.MD": "a", "a.md": "a.md"}),
        (["a.md", "a.html", "a.html.md"], {"a.md": "a", "a.html": "a.html", "a.html.md": "a.html.md"}),
        (["a.html", "a.html.md"], {"a.html": "a", "a.html.md": "a.html.md"}),
        (
            ["a.md", "a.txt", "a.txt.md", "a.txt.md.md"],
            {"a.md": "a", "a.txt": "a.txt", "a.txt.md": "a.txt.md", "a.txt.md.md": "a.txt.md.md"},
        ),
        (["b/a.md", "a.md", "b.md"], {"b/a.md": "b/a", "a.md": "a", "b.md": "b"}),
        (["index.html", "b/index.html"], {"index.html": "index", "b/index.html": "b/index"}),
        (["вход в систему.md", "c#.md"], {"вход в систему.md": "вход в систему", "c#.md": "c#"}),
        (["a.v1.2.md"], {"a.v1.2.md": "a.v1.2"}),
    ],
)
def test_id_is_the_path_without_its_ending_unless_another_file_has_it(
    tmp_path: Path, files: list[str], expected: dict[str, str]
):
    contents: dict[str, str | bytes] = {".md": MARKDOWN, ".htm": PAGE, ".html": PAGE, ".txt": DUMP}
    fill(tmp_path, {name: contents[Path(name).suffix.lower()] for name in files})
    assert ids(tmp_path) == expected


@given(st.sets(st.lists(st.sampled_from(["a", ".md", ".html", ".txt"]), min_size=1, max_size=4).map("".join)))
@settings(max_examples=50)
def test_no_two_articles_have_one_id(tmp_path_factory: pytest.TempPathFactory, names: set[str]):
    root = tmp_path_factory.mktemp("ids")
    fill(root, {f"b{name}": f"Текст файла {name}" for name in names})
    found = Counter(article.article_id for article in read(root).articles)
    assert set(found.values()) <= {1}
    assert len(found) == sum(name.endswith((".md", ".html", ".txt")) for name in names)


# Left out


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.md", "", "no text"),
        ("a.html", "", "no text"),
        ("a.txt", "", "no text"),
        ("a.md", " \n\t\r\n", "no text"),
        ("a.md", "\ufeff", "no text"),
        ("a.txt", "----\n\n123\n", "no text"),
        ("a.md", "# Вход\n", "nothing but a title"),
        ("a.html", "<title>Вход</title><h1>Вход</h1>", "nothing but a title"),
        ("a.md", bytes(range(256)), "binary"),
        ("a.html", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "binary"),
        ("a.txt", b"\0" * 100, "binary"),
    ],
)
def test_file_without_an_article_is_left_out_with_its_reason(
    tmp_path: Path, name: str, content: str | bytes, reason: str
):
    reading = read(fill(tmp_path, {"sub/" + name: content, "b.md": MARKDOWN}))
    assert left_out(reading) == {f"sub/{name}": reason}
    assert reading.read == {"Markdown": 1}


def test_file_that_fails_while_it_is_read_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    read_bytes = Path.read_bytes

    def fail(self: Path) -> bytes:
        if self.name == "b.md":
            raise OSError(5, "Input/output error", str(self))
        return read_bytes(self)

    fill(tmp_path, {"a.md": MARKDOWN, "b.md": MARKDOWN})
    monkeypatch.setattr(Path, "read_bytes", fail)
    assert left_out(read(tmp_path)) == {"b.md": "cannot be read (Input/output error)"}


def test_file_without_rights_does_not_stop_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    open_ = Path.open

    def refuse(self: Path, *arguments: object, **named: object) -> object:
        if self.name == "b.md":
            raise PermissionError(13, "Permission denied", str(self))
        return open_(self, *arguments, **named)  # type: ignore[call-overload]

    fill(tmp_path / "help", {"a.md": MARKDOWN, "b.md": MARKDOWN})
    monkeypatch.setattr(Path, "open", refuse)
    summary = build_index(tmp_path / "help", tmp_path / "index")
    assert summary.counts["articles"] == 1
    assert summary.left_out == (LeftOut("b.md", "cannot be read (Permission denied)"),)


def test_folder_of_unreadable_files_alone_is_refused_with_the_reasons_counted(tmp_path: Path):
    fill(tmp_path, {"a.png": b"", "b.pdf": b"", "c.md": b"\0" * 9, ".git/HEAD": b"", "d.html": ""})
    (tmp_path / "e.md").symlink_to("nowhere")
    with pytest.raises(ArticleError) as refused:
        read_articles(tmp_path)
    message = str(refused.value)
    assert message.startswith(f"{tmp_path}: no articles (left out: other format 2, hidden 1, ")
    for reason in ("binary 1", "no text 1", "symbolic link to nothing 1"):
        assert reason in message


def test_broken_bytes_are_replaced_with_a_warning_that_counts_them(tmp_path: Path):
    fill(tmp_path, {"a.md": MARKDOWN.encode() + b"\xff \xfe\n"})
    reading = read(tmp_path)
    (finding,) = reading.findings
    assert (finding.place, finding.is_error) == (str(tmp_path / "a.md"), False)
    assert finding.message.startswith("2 places are no utf-8; expected one encoding throughout")
    assert len(reading.articles) == 1


# A folder with `articles`


def test_folder_articles_is_the_corpus_and_what_stands_beside_it_is_named(tmp_path: Path):
    fill(
        tmp_path,
        {
            "articles/вход.md": MARKDOWN,
            "articles/a.png": b"",
            "README.md": "# О справке\n\nТекст.\n",
            "news/a.html": PAGE,
            "news/b.html": PAGE,
            "support.toml": "",
        },
    )
    assert find_files(tmp_path) == [tmp_path / "articles" / "вход.md"]
    reading = read(tmp_path)
    assert [article.article_id for article in reading.articles] == ["вход"]
    assert left_out(reading) == {
        "README.md": "not in the folder articles",
        "news": "not in the folder articles",
        "a.png": "other format",
    }


def test_table_of_the_editor_beside_the_files_is_not_said_to_be_left_out(tmp_path: Path):
    fill(tmp_path, {"a.md": MARKDOWN, "support.toml": "", "synonyms.toml": "", "other.toml": "", "b/support.toml": ""})
    assert left_out(read(tmp_path)) == {"other.toml": "other format", "b/support.toml": "other format"}


# What stands on most pages


def site(root: Path, pages: int, extra: dict[int, str] | None = None) -> Reading:
    """Pages with a text each, and a heading, a note and a list that stand on all of them."""
    common = "<h2>Решение</h2><p>Была ли статья полезна?</p><ul><li>Да</li><li>Нет</li></ul>"
    for number in range(pages):
        own = f"<h1>Тема {number}</h1><p>Ответ номер {number}.</p>" + (extra or {}).get(number, "")
        fill(root, {f"{number}.html": own + common})
    return read(root)


def shown(article: Article) -> str:
    return repr(article.body)


def test_paragraph_and_list_of_most_pages_go_and_headings_stay(tmp_path: Path):
    reading = site(tmp_path, 5)
    assert len(reading.articles) == 5
    for number, article in enumerate(reading.articles):
        assert f"Ответ номер {number}." in shown(article)
        assert "Решение" in shown(article)
        assert "Была ли статья полезна?" not in shown(article)
        assert "Нет" not in shown(article)


def test_paragraph_of_two_pages_stays(tmp_path: Path):
    note = "<p>Нужны права администратора.</p>"
    reading = site(tmp_path, 5, {1: note, 3: note})
    assert [note[3:-4] in shown(article) for article in reading.articles] == [False, True, False, True, False]


@pytest.mark.parametrize(("times", "stays"), [(3, True), (4, False)])
def test_half_of_the_pages_are_not_most_of_them(tmp_path: Path, times: int, stays: bool):
    note = "<p>Нужны права администратора.</p>"
    reading = site(tmp_path, 6, dict.fromkeys(range(times), note))
    assert any(note[3:-4] in shown(article) for article in reading.articles) is stays


def test_what_a_page_says_twice_counts_once(tmp_path: Path):
    reading = site(tmp_path, 6, dict.fromkeys(range(3), "<p>Внимание!</p><p>Внимание!</p>"))
    assert shown(reading.articles[0]).count("Paragraph(inline=Inline(text='Внимание!'") == 2


def test_few_pages_do_not_show_what_stands_on_most(tmp_path: Path):
    assert all("Была ли статья полезна?" in shown(article) for article in site(tmp_path, 4).articles)


def test_page_with_nothing_of_its_own_is_left_out(tmp_path: Path):
    fill(tmp_path, {"sub/empty.html": "<p>Была ли статья полезна?</p>"})
    reading = site(tmp_path, 5)
    assert reading.read == {"HTML": 5}
    assert left_out(reading) == {"sub/empty.html": "nothing but what stands on most pages"}


def test_markdown_and_text_have_no_furniture(tmp_path: Path):
    for number in range(5):
        fill(tmp_path, {f"{number}.md": MARKDOWN + f"\nОтвет {number}.\n", f"{number}.txt": DUMP})
    assert all("«Ласточка»" in shown(article) for article in read(tmp_path).articles)


# Anything

ENDINGS = [".md", ".markdown", ".html", ".htm", ".xhtml", ".txt", ".png", ""]
MARKS = "#*>|`{}[]()=-+_~:!<>&;/\"'\\ \n\t1.аЯ\0\ufeff"


def contents() -> st.SearchStrategy[bytes]:
    markup = [
        "<p>",
        "<ul><li>",
        "<ol>",
        "</li>",
        "<table><tr><td>",
        "<h2>",
        "<a name=x>",
        "<pre>",
        "<frameset>",
        "<!--",
    ]
    marks = ["---\n", "title: ", "# ", "1. ", "- ", "```\n", "> ", "{{", "}}", "[!INCLUDE[x](y)]", "Нажмите кнопку.\n"]
    pieces = st.sampled_from([*markup, *marks])
    text = st.lists(st.one_of(pieces, st.text(st.sampled_from(MARKS), max_size=6)), max_size=12).map("".join)
    encodings = st.sampled_from(["utf-8", "utf-16", "cp1251"])
    return st.one_of(
        st.binary(max_size=60),
        st.builds(lambda text, encoding: text.encode(encoding, errors="ignore"), text, encodings),
    )


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(["", "б/", ".git/"]), contents(), st.sampled_from(ENDINGS)), max_size=8))
def test_folder_of_anything_is_built_or_refused_and_loses_nothing(
    tmp_path_factory: pytest.TempPathFactory, files: list[tuple[str, bytes, str]]
):
    folder = tmp_path_factory.mktemp("any")
    root = fill(folder / "help", {f"{at}{n}{ending}": content for n, (at, content, ending) in enumerate(files)})
    root.mkdir(exist_ok=True)
    names = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    try:
        corpus = read_articles(root)
    except ArticleError:
        assert not read(root).articles
        return
    articles = {Path(article.source).relative_to(root).as_posix() for article in corpus.articles}
    left = left_out(corpus)
    assert not articles & left.keys()
    for name in names - articles:
        assert name in left or (name.startswith(".git/") and left[".git"] == "hidden")
    assert sum(corpus.read.values()) == len(articles)
    summary = build_index(root, folder / "index")
    assert summary.counts["articles"] == len(load(folder / "index").articles) == len(articles)
    assert not build_index(root, folder / "index").built


def test_time_grows_with_the_number_of_files(tmp_path: Path):
    def folder(count: int) -> Path:
        root = tmp_path / str(count)
        for number in range(count):
            (root / f"{number}.d").mkdir(parents=True)
            (root / f"{number}.md").write_bytes(b"")
        assert len(find_sources(root)[0]) == count
        return root

    assert_linear(find_sources, folder(1000), folder(4000))


# The index


def test_index_is_stale_after_a_change_of_any_file_that_is_read(tmp_path: Path):
    folder = fill(tmp_path / "help", {"a.md": MARKDOWN, "b.html": PAGE, "c.txt": DUMP})
    index = tmp_path / "index"
    assert build_index(folder, index).built
    assert not build_index(folder, index).built
    for change in (
        lambda: fill(folder, {"b.html": PAGE + "<p>Ещё.</p>"}),
        lambda: fill(folder, {"c.txt": DUMP + "Ещё одна строка.\n"}),
        lambda: fill(folder, {"d.htm": PAGE}),
        lambda: (folder / "d.htm").rename(folder / "e.htm"),
        lambda: (folder / "a.md").unlink(),
    ):
        change()
        assert build_index(folder, index).built
        assert not build_index(folder, index).built


def test_index_stays_fresh_after_a_change_of_what_is_left_out(tmp_path: Path):
    folder = fill(tmp_path / "help", {"a.md": MARKDOWN})
    build_index(folder, tmp_path / "index")
    fill(folder, {".git/HEAD": "a", "b.png": b"\x89", ".c.md": MARKDOWN})
    (folder / "d.md").symlink_to("a.md")
    assert not build_index(folder, tmp_path / "index").built


def test_file_that_outgrows_the_limit_is_gone_from_the_next_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = fill(tmp_path / "help", {"a.md": MARKDOWN, "b.md": MARKDOWN * 20})
    assert build_index(folder, tmp_path / "index").counts["articles"] == 2
    monkeypatch.setattr(folder_module, "MAXIMUM_BYTES", 1000)
    summary = build_index(folder, tmp_path / "index")
    assert (summary.built, summary.counts["articles"]) == (True, 1)


def test_warnings_of_the_files_are_in_the_summary_and_stop_nothing(tmp_path: Path):
    folder = fill(tmp_path / "help", {"a.md": MARKDOWN.encode() + b"\xff"})
    summary = build_index(folder, tmp_path / "index")
    (warning,) = summary.warnings
    assert warning.startswith(f"{folder}{os.sep}a.md: warning: 1 places are no utf-8")
    assert summary.skipped == ()


def test_finding_of_a_foreign_file_is_never_an_error(tmp_path: Path):
    deep = "<div>" * 3000 + "Текст" + "</div>" * 3000
    fill(tmp_path, {"a.md": "> " * 200 + "Текст", "b.html": PAGE + deep, "c.txt": "Оглавление\n- Раз\n- Два\n" + DUMP})
    findings: list[Finding] = read(tmp_path).findings
    assert findings
    assert not any(finding.is_error for finding in findings)
