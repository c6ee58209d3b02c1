"""From HTML to blocks: each kind of block, whatever stands in what, and the text of a line."""

import pytest

from indexer.articles import Article, Block, Heading, Inline, Item, ItemList, Paragraph, Preformatted, Table
from indexer.readers.html_tree import parse
from indexer.readers.markup import blocks
from indexer.sections import split_article


def read(source: str) -> tuple[Block, ...]:
    root, whole = parse(source)
    assert whole
    return blocks(root) if root is not None else ()


def shown(source: str) -> str:
    """The page that comes of the blocks; each heading as its level, text and anchor: «[2 Вход #sign-in]»."""
    parts: list[str] = []
    for block in read(source):
        if isinstance(block, Heading):
            parts.append(f"[{block.level} {block.text}{f' #{block.anchor}' if block.anchor else ''}]")
        else:
            parts += [section.html for section in split_article(Article("proba", "", (block,), ""))]
    return "".join(parts).replace('<div class="table">', "").replace("</table></div>", "</table>")


def text(source: str) -> str:
    """The text of a source that is one paragraph."""
    (block,) = read(source)
    assert isinstance(block, Paragraph)
    return block.inline.text


def plain(words: str) -> Inline:
    return Inline(words, words)


# The text of a line


@pytest.mark.parametrize(
    ("source", "expected", "reason"),
    [
        ("<p>один\n   два\t три</p>", "один два три", "white space collapses"),
        ("<p>5&nbsp;&nbsp;МБ&#160;и</p>", "5 МБ и", "no-break spaces are spaces"),
        ("<p>пере&shy;за&#173;грузка</p>", "перезагрузка", "soft hyphens would cut the word"),
        ("<p>за&#769;мок и&#8203;ли&#xFEFF;</p>", "замок или", "stress marks and characters of no width are dropped"),
        ("<p>&laquo;Да&raquo; &lt;b&gt; &amp;amp; &mdash;</p>", "«Да» <b> &amp; —", "entities are read once"),
        ("<p>&нет; &unknown; AT&T</p>", "&нет; &unknown; AT&T", "what is no entity stays"),
        ("<p>&#151; &#147;так&#148;</p>", "— “так”", "old pages number the characters of Windows"),
        ("<p>один<br>два<br/>  три<BR></p>", "один\nдва\nтри", "line breaks stay, but not at the end"),
        ("<p><b>один </b><br>два</p>", "один\nдва", "also behind a space of another format"),
        ("<p><b>один</b> <i>два</i></p>", "один два", "a space between two elements stays"),
        ("<p><b>один </b> <i> два</i></p>", "один два", "once"),
        ("<p><b>при</b>вет глав<wbr>ная</p>", "привет главная", "no space is added within a word"),
        ("<p>м<sup>2</sup></p>", "м2", "nor before an index"),
        ("<p>значок <i class='fa'></i>, затем <svg></svg>.</p>", "значок, затем.", "no space is left before a comma"),
        ("<p>файл <i class='fa'></i>.docx</p>", "файл .docx", "but before a dot that begins a name"),
        ("<p>нажмите <code>:</code> и <code>,</code></p>", "нажмите : и ,", "and before a mark that is meant"),
        ('<p>кнопка<img alt="Корзина">, она', "кнопка Корзина, она", "the text of an image is no part of a word"),
        ('<p>кнопка <img class="icon" alt="Корзина"></p>', "кнопка Корзина", "an icon says what to look for"),
        ('<p>кнопка <img class="icon" alt="Значок">, она</p>', "кнопка, она", "or it does not"),
        ('<p>раз <img alt="два" role="presentation"></p>', "раз", "an ornament says nothing"),
        ("<p>раз <img alt=''><img src=a></p>", "раз", "nor does an image without a text"),
        ("<p><a href=a>раз</a>, <a href=b>два</a></p>", "раз, два", "links are their text"),
        ("<p>раз<a href='#top'>↑</a></p>", "раз", "apart from marks that lead up the page"),
        ("<label>Windows</label><label>macOS</label>", "Windows macOS", "names of tabs stand side by side"),
        ("<p><span hidden>Сервис</span><span hidden>Вид</span> – Поля", "Сервис / Вид – Поля", "one of them is seen"),
        (
            "раз<!-- два --> три<script>x</script><style>y</style><button>z</button>",
            "раз три",
            "what is no text is not",
        ),
        ("<p>раз</p></body></html>", "раз", "the end of the page"),
    ],
)
def test_text_of_a_line(source: str, expected: str, reason: str):
    assert text(source) == expected, reason


def test_formats_are_kept_and_links_are_not():
    source = "<p>a &lt; <b>b</b> <strong>c</strong> <em>d</em> <kbd>e</kbd> <tt>f</tt> <a href='x'>g</a> <u>h</u></p>"
    (block,) = read(source)
    assert isinstance(block, Paragraph)
    assert block.inline.html == (
        "a &lt; <strong>b</strong> <strong>c</strong> <em>d</em> <code>e</code> <code>f</code> g h"
    )


def test_what_stands_after_the_end_of_the_page_is_read():
    assert shown("<html><body><p>а</body></html><p>б</p>в<html><body>г</body></html>") == "<p>а</p><p>б</p><p>вг</p>"


def test_what_the_parser_takes_for_the_head_of_the_page_is_read():
    assert shown("<script>x</script></p><label><p>а</p>") == "<p>а</p>"


# Blocks in one another


@pytest.mark.parametrize(
    ("source", "expected", "reason"),
    [
        ("а<p>б<p>в<div>г</div>д", "<p>а</p><p>б</p><p>в</p><p>г</p><p>д</p>", "a block ends a line, closed or not"),
        (
            "<b>а<div>б</div>в</b>г",
            "<p><strong>а</strong></p><p><strong>б</strong></p><p><strong>в</strong>г</p>",
            "in a <b>",
        ),
        ("<a href=x><div>а</div><div>б</div></a>в", "<p>а</p><p>б</p><p>в</p>", "in a link"),
        ("<i>а<b>б</i>в</b>", "<p><em>а</em><strong><em>б</em></strong>в</p>", "crossed"),
        ("<blockquote>а<p>б</blockquote>", "<blockquote><p>а</p><p>б</p></blockquote>", "a quotation holds blocks"),
        ("<blockquote></blockquote><ul></ul><table><tr><td></table><p> </p><pre>\n</pre>", "", "empty ones are none"),
        ("<pre>\n  а &lt;\n\n  <b>б</b></pre>", "<pre>  а &lt;\n\n  б</pre>", "code keeps its lines"),
        ("<pre><code>а<br>б<br></code></pre>", "<pre>а\nб</pre>", "also those that <br> makes"),
        ("<pre><div>а</div><div><p>б</p></div>\n<div>в</div></pre>", "<pre>а\nб\nв</pre>", "or an element for each"),
        ("<pre>а<button>Копировать</button><script>x</script></pre>", "<pre>а</pre>", "but not the button above it"),
        ("<hr>а<hr>б", "<p>а</p><p>б</p>", "a rule divides"),
        ("<figure><img alt=а><figcaption>б</figcaption></figure>", "<p>а</p><p>б</p>", "a caption is a line"),
    ],
)
def test_blocks(source: str, expected: str, reason: str):
    assert shown(source) == expected, reason


# Headings


@pytest.mark.parametrize(
    ("source", "expected", "reason"),
    [
        ("<h1>А</h1><h2 id=b>Б</h2>в<H3>Г</H3>", "[1 А][2 Б #b]<p>в</p>[3 Г]", "levels and ids"),
        ("<h2>А<br><b>б</b> <img alt=в></h2>", "[2 А б в]", "a heading is one line"),
        ("<section id=s><h2>А</h2></section>", "[2 А #s]", "the id of its section"),
        ("<section id=s><span id=old></span><h2>А</h2></section>", "[2 А #old]", "or what stands nearer"),
        ("<a name=x></a><h2>А</h2>", "[2 А #x]", "a name before it"),
        ("<a name=x><h2>А</h2></a>", "[2 А #x]", "a name around it"),
        ("<h2 id=id4711><a name=x>А</a></h2>", "[2 А #x]", "a name in it was given by the author"),
        ("<h2><span id=x>А</span></h2>", "[2 А #x]", "an id in it"),
        ("<h2 id=y><span id=x>А</span></h2>", "[2 А #y]", "unless it has its own"),
        ("<p id=p>а</p><h2>Б</h2>", "<p>а</p>[2 Б]", "the id of a paragraph is no heading's"),
        ("<p>а <a name=x></a></p><h2>Б</h2>", "<p>а</p>[2 Б]", "nor is a name within one"),
        ('<h2 id=a>А<a class="headerlink" href="#a">¶</a></h2>', "[2 А #a]", "without the mark of its link"),
        ("<h2>А<p>б", "[2 А]<p>б</p>", "a paragraph ends an open heading"),
        ("<h2>А<ul><li>б</ul>в", "[2 А]<ul><li>б</li></ul><p>в</p>", "so does a list"),
        ("<h2>А<h3>Б</h3>в</h2>г", "[2 А][3 Б]<p>в</p><p>г</p>", "and another heading"),
        ("<h2><div>А</div><div>Б</div></h2>в", "[2 А Б]<p>в</p>", "but not a part of it"),
        ("<h2></h2><h2>&nbsp;</h2>а", "<p>а</p>", "an empty one is none"),
        ("<ul><li><h4>А</h4>б</ul>", "<ul><li><strong>А</strong><p>б</p></li></ul>", "in an item it is a line"),
        (
            "<blockquote><h5>А</h5>б</blockquote>",
            "<blockquote><p><strong>А</strong></p><p>б</p></blockquote>",
            "a quotation",
        ),
        ("<ul><li><h2>А</h2>б<li><h2>В</h2>г</ul>", "[2 А]<p>б</p>[2 В]<p>г</p>", "a list of parts is layout"),
        ("<table><tr><td><h1>А</h1><td>б</table>", "[1 А]<p>б</p>", "so is a table of them"),
        ("<h2>А</h2><details><summary>Б</summary>в</details>", "[2 А][3 Б]<p>в</p>", "a folded part is one below"),
        (
            "<details><summary>А</summary></details><details><summary>Б</summary></details>",
            "[2 А][2 Б]",
            "side by side",
        ),
        ("<details><summary><h4>А</h4></summary>б</details>", "[4 А]<p>б</p>", "unless it says how deep"),
        ("<h3><button class=accordion-button>А</button></h3>б", "[3 А]<p>б</p>", "a button may fold a part"),
        ("<button aria-expanded=false>А</button><div hidden>б</div>", "[2 А]<p>б</p>", "without a heading"),
        ("<button aria-expanded=false class=menu-toggle>А</button>б", "<p>б</p>", "but that of a menu does not"),
        ("<button aria-expanded=false aria-haspopup>А</button>б", "<p>б</p>", "nor that of any list to choose from"),
    ],
)
def test_headings(source: str, expected: str, reason: str):
    assert shown(source) == expected, reason


def test_heading_that_holds_half_the_page_is_text():
    (block,) = read("<h2>" + "слово " * 100)
    assert isinstance(block, Paragraph)


# Lists


@pytest.mark.parametrize(
    ("source", "expected", "reason"),
    [
        ("<ul><li>а<li>б</ul>", "<ul><li>а</li><li>б</li></ul>", "items need no end"),
        ("<ol start=4><li>а</ol>", '<ol start="4"><li>а</li></ol>', "a list may go on"),
        ("<ol start=-2><li>а</ol><ol start=x><li>б</ol>", "<ol><li>а</li></ol><ol><li>б</li></ol>", "from a number"),
        ("<ul><li>а<p>б</p>в</ul>", "<ul><li>а<p>б</p><p>в</p></li></ul>", "an item holds blocks"),
        ("<ul><li><p>а</p></li></ul>", "<ul><li>а</li></ul>", "its first line may be a paragraph"),
        ("<ul><li><pre>а</pre></ul>", "<ul><li><pre>а</pre></li></ul>", "or missing"),
        ("<ul><li>а<ol><li>б</ol>в</ul>", "<ul><li>а<ol><li>б</li></ol><p>в</p></li></ul>", "a list within an item"),
        (
            "<ul><li>а</li><ul><li>б</ul><li>в</ul>",
            "<ul><li>а<ul><li>б</li></ul></li><li>в</li></ul>",
            "or between two",
        ),
        ("<ul>а<li>б</li>в<li>г</ul>", "<p>а</p><ul><li>б<p>в</p></li><li>г</li></ul>", "text between items"),
        ("<ul>а</ul>", "<p>а</p>", "a list without items is text"),
        ("<li>а<li>б", "<p>а</p><p>б</p>", "items without a list are"),
        ("<ul><div><li>а</div><li>б</ul>", "<ul><li>а</li><li>б</li></ul>", "something between list and item"),
        ("<menu><li>а</menu><dir><li>б</dir>", "<ul><li>а</li></ul><ul><li>б</li></ul>", "old names of lists"),
        ("<dl><dt>а<dd>б<dd>в<dt>г<dd>д</dl>", "<ul><li>а<p>б</p><p>в</p></li><li>г<p>д</p></li></ul>", "terms"),
        ("<dl><div><dt>а</dt><dd>б</dd></div></dl>", "<ul><li>а<p>б</p></li></ul>", "in groups"),
        ("<dl><dd>а</dl><dt>б<dd>в", "<ul><li>а</li></ul><p>б</p><p>в</p>", "or alone"),
        (
            "<dl><dt>а<dd><dl><dt>б<dd>в</dl></dl>",
            "<ul><li>а<ul><li>б<p>в</p></li></ul></li></ul>",
            "within one another",
        ),
    ],
)
def test_lists(source: str, expected: str, reason: str):
    assert shown(source) == expected, reason


def test_numbered_list_and_list_of_instructions_are_steps():
    (numbered,) = read("<ol><li>Пункт меню</ol>")
    (told,) = read("<ul><li>Откройте папку<li>Выберите файл</ul>")
    (listed,) = read("<ul><li>Папка<li>Файл</ul>")
    assert [isinstance(block, ItemList) and block.is_steps for block in (numbered, told, listed)] == [True, True, False]


def test_lists_nested_deeper_than_anybody_writes_keep_their_text():
    source = "".join(f"<ul><li>слово{depth}" for depth in range(200))
    found = shown(source)
    assert all(f"слово{depth}<" in found for depth in range(200))
    assert found.count("<ul>") < 50


# Tables


@pytest.mark.parametrize(
    ("source", "rows", "has_head", "reason"),
    [
        ("<tr><th>а<th>б<tr><td>в<td>г", (("а", "б"), ("в", "г")), True, "<th> names columns"),
        ("<thead><tr><td>а<td>б</thead><tr><td>в<td>г", (("а", "б"), ("в", "г")), True, "so does <thead>"),
        ("<tr><td>а<td>б<tr><td>в<td>г", (("а", "б"), ("в", "г")), False, "a table may have no head"),
        ("<tr><th>а<td>б<tr><th>в<td>г", (("а", "б"), ("в", "г")), False, "<th> may name a row"),
        ("<tr><td><th>б<tr><th>в<td>г", (("", "б"), ("в", "г")), True, "or both, with an empty corner"),
        ("<tr><td>а<td>б<tr><th>в<th>г", (("а", "б"), ("в", "г")), False, "a head stands first"),
        ("<tr><td><p>а<p>б<td>в<tr><td>г<td>", (("а б", "в"), ("г", "")), False, "paragraphs in a cell"),
        ("<tr><td>а<ul><li>б<li>в</ul>г<td>д<tr><td>е", (("а • б • в г", "д"), ("е",)), False, "a list in a cell"),
        ("<tr><td><pre>а\nб</pre><td>в<tr><td>г<td>д", (("а б", "в"), ("г", "д")), False, "code in a cell"),
        ("<tr><td><h4>а</h4><td>б<tr><td>в<td>г", (("а", "б"), ("в", "г")), False, "a heading in a cell"),
        ("<tr><td>а<td>б<tr><td><td><tr><td>в<td>г", (("а", "б"), ("в", "г")), False, "an empty row is left out"),
    ],
)
def test_tables(source: str, rows: tuple[tuple[str, ...], ...], has_head: bool, reason: str):
    (table,) = read(f"<table>{source}</table>")
    assert isinstance(table, Table)
    assert tuple(tuple(cell.text for cell in row) for row in table.rows) == rows, reason
    assert table.has_head == has_head, reason


def test_lines_of_a_cell_are_shown_as_lines():
    (table,) = read("<table><tr><td>а<ol><li>б</ol><pre>в\nг</pre><td>д<tr><td>е<td>ж</table>")
    assert isinstance(table, Table)
    assert table.rows[0][0].html == "а<br>• б<br><code>в<br>г</code>"


def test_caption_stands_above_its_table():
    assert shown("<table><caption>а</caption><tr><td>б<td>в<tr><td>г<td>д</table>").startswith("<p>а</p><table>")


@pytest.mark.parametrize(
    "source",
    [
        "<table><tr><td>а<td>б</table>",  # one row
        "<table><tr><td>а<tr><td>б</table>",  # one column
        "<table><tr><td>а<tr><td><table><tr><td>б</table></table>",  # one in another
    ],
)
def test_table_for_layout_is_read_as_text(source: str):
    assert read(source) == (Paragraph(plain("а")), Paragraph(plain("б")))


def test_table_in_a_table_for_layout_stays_one():
    found = shown("<table><tr><td>а<td><table><tr><td>1<td>2<tr><td>3<td>4</table>б<tr><td>в<td>г</table>")
    assert found == (
        "<p>а</p><table><tr><td>1</td><td>2</td></tr><tr><td>3</td><td>4</td></tr></table><p>б</p><p>в</p><p>г</p>"
    )


def test_table_in_an_item_belongs_to_it():
    (listed,) = read("<ul><li>а<table><tr><td>1<td>2<tr><td>3<td>4</table><li>б</ul>")
    rows = tuple(tuple(map(plain, row)) for row in ("12", "34"))
    assert listed == ItemList(False, (Item(plain("а"), (Table(rows, False),)), Item(plain("б"))))


# Sources


def test_encoding_that_a_page_declares_is_that_of_its_file_and_not_of_its_text():
    for declared in ('<meta charset="windows-1251">', '<?xml version="1.0" encoding="koi8-r"?>'):
        assert text(f"{declared}<p>Привет</p>") == "Привет"


@pytest.mark.parametrize(
    "source", ["", " \n", "<!-- а -->", "<!DOCTYPE html>", "<?xml version='1.0'?>", "<p>", "<", ">"]
)
def test_source_with_next_to_no_text_is_read(source: str):
    assert all(isinstance(block, Paragraph) for block in read(source))


def test_elements_left_out_by_the_caller_leave_the_text_after_them():
    root, _ = parse("<div>а<p>б</p>в</div>")
    assert root is not None
    assert blocks(root, set(root.iter("p"))) == (Paragraph(plain("ав")),)


def test_attributes_beyond_a_few_hundred_are_passed_over():
    many = " ".join(f"a{number}='>'" for number in range(1000))
    assert (
        shown(f"<h2 id=x {many} data-a='</h2>'>А</h2><pre title='{'слово ' * 1000}'>б</pre>") == "[2 А #x]<pre>б</pre>"
    )
    assert isinstance(read("<pre>а</pre>")[0], Preformatted)
