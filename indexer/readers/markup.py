"""From an HTML tree to the blocks of an article, whatever the page nests in what.

A tree is walked once, by events instead of recursion: a page may be nested deeper than Python's stack.
"""

import html
import re
from collections.abc import Container
from dataclasses import dataclass, field

from lxml import etree

from indexer.articles import Block, Heading, Inline, Item, ItemList, Paragraph, Preformatted, Quotation, Table
from indexer.instructions import are_instructions
from indexer.readers import inline_text
from indexer.words import clean

_BLOCKS = frozenset(
    "address article aside body caption center dd details dialog dir div dl dt fieldset figcaption figure footer "  # noqa: SIM905
    "form head header hr html legend main nav noscript p section tbody tfoot thead title".split()
)
_LEFT_OUT = frozenset(
    "applet audio button canvas datalist embed iframe input link map math meta noframes object script select "  # noqa: SIM905
    "style svg template textarea title video".split()
)
_LISTS = frozenset({"ul", "ol", "menu", "dir", "dl"})
_CONTAINERS = _BLOCKS | _LISTS | {"li", "blockquote", "table", "tr", "td", "th"}
_FORMATS = {
    "b": "strong",
    "strong": "strong",
    "i": "em",
    "em": "em",
    "cite": "em",
    "code": "code",
    "kbd": "code",
    "samp": "code",
    "tt": "code",
}
_HEADING = re.compile(r"h[1-6]")
_ENDS_HEADING = _LISTS | {"li", "p", "blockquote", "table", "tr", "td", "th"}  # one that holds text: it was left open
_LINES_OF_CODE = frozenset({"div", "p", "li", "tr"})
_PERMALINK = re.compile(r"\W*")  # ¶, #, 🔗
_NAMELESS = re.compile(r"\b(?:icon|image|значок|иконка|изображение)\b", re.IGNORECASE)
_FOLDS = re.compile(r"\b(?:accordion|collaps|faq)", re.IGNORECASE)
_OPENS_MENU = re.compile(r"toc|menu|nav|drop", re.IGNORECASE)
_LONGEST_HEADING = 500  # characters; more is text below a heading that was left open

_TOP_HEADINGS = frozenset({"h1", "h2", "h3"})  # one of these makes the list or table around it a matter of layout
_DEEPEST = 24  # lists and quotations within one another; what is nested deeper is read as if it were not


def blocks(root: etree._Element, left_out: Container[etree._Element] = ()) -> tuple[Block, ...]:
    """The blocks of what stands in an element; headings keep their level and the anchor that links to them use.

    Links and images are reduced to their text. What a script would show later (tabs, folded answers) is read too.
    """
    builder = _Builder(_layout(root))
    walker = etree.iterwalk(root, events=("start", "end"))
    skipped: etree._Element | None = None
    for event, element in walker:
        tag = _kind(element)
        if event == "start":
            if tag in _LEFT_OUT or element in left_out:
                skipped = element
                walker.skip_subtree()
            elif tag == "pre":
                builder.preformatted(element, left_out)
                skipped = element
                walker.skip_subtree()
            else:
                builder.start(tag, element)
                builder.text(element.text)
            continue
        if element is skipped:
            skipped = None
        else:
            builder.end(tag, element)
        if element is not root:
            builder.text(element.tail)
    return builder.finish()


def _kind(element: etree._Element) -> str:
    """The tag, or "summary" for a button that unfolds an answer."""
    tag = str(element.tag)
    names = element.get("class", "")
    if tag == "button" and "aria-haspopup" not in element.attrib and not _OPENS_MENU.search(names):
        return "summary" if "aria-expanded" in element.attrib or _FOLDS.search(names) else tag
    return tag


def _layout(root: etree._Element) -> set[etree._Element]:
    """Lists, quotations and tables that only arrange the page: around headings or tables, or of one row or column."""
    found: set[etree._Element] = set()
    open_: list[etree._Element] = []
    headed = 0  # how many of the outermost open ones hold a heading
    tables: list[tuple[etree._Element, list[int]]] = []  # those open, and the number of cells in each row
    for event, element in etree.iterwalk(root, events=("start", "end")):
        tag = element.tag
        if event == "start":
            if tag in _TOP_HEADINGS:
                found.update(open_[headed:])
                headed = len(open_)
            if tag == "table":
                found.update(outer for outer, _ in tables[-1:])
                tables.append((element, []))
            elif tag == "tr" and tables:
                tables[-1][1].append(sum(1 for cell in element if cell.tag in {"td", "th"}))
            if tag in _LISTS or tag in {"blockquote", "table"}:
                open_.append(element)
        elif tag in _LISTS or tag in {"blockquote", "table"}:
            open_.pop()
            headed = min(headed, len(open_))
            if tag == "table":
                _, rows = tables.pop()
                if len(rows) < 2 or max(rows) < 2:
                    found.add(element)
    return found


@dataclass(slots=True)
class _Frame:
    """A list, item, quotation, table or row that is open."""

    kind: str  # body, list, item, quotation, table, row, cell
    element: etree._Element | None
    blocks: list[Block] = field(default_factory=list)
    items: list[tuple[Inline, list[Block]]] = field(default_factory=list)
    rows: list[tuple[Inline, ...]] = field(default_factory=list)
    cells: list[Inline] = field(default_factory=list)
    has_head: bool = False


@dataclass(slots=True)
class _Builder:
    layout: set[etree._Element]
    frames: list[_Frame] = field(default_factory=lambda: [_Frame("body", None)])
    pieces: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)  # text and its formats
    formats: dict[str, int] = field(default_factory=dict)  # how many elements of each are open
    heading: int = 0  # level of the open heading
    anchor: str = ""  # of the open heading, or of what stands directly before the next one
    level: int = 1  # of the last heading that is no summary

    def text(self, text: str | None) -> None:
        if text and (text := clean(text)):
            self.pieces.append((text, tuple(name for name, count in self.formats.items() if count)))

    def start(self, tag: str, element: etree._Element) -> None:
        if tag in _FORMATS:
            self.format(_FORMATS[tag], 1)
        elif tag == "br":
            self.pieces.append(("\v", ()))
        elif tag == "img":
            self.image(element)
        elif tag == "a" and self.is_permalink(element):
            self.format("permalink", 1)
        elif _HEADING.fullmatch(tag) or tag == "summary":
            self.open_heading(tag)
        elif tag in _CONTAINERS:
            self.open_block(tag, element)
        elif tag == "label":
            self.text(" ")  # of tabs, side by side
        elif "hidden" in element.attrib and (previous := element.getprevious()) is not None:
            # Variants of which a script shows one: «Сервис - Параметры / LibreOffice - Параметры».
            self.text(" / " if "hidden" in previous.attrib else "")
        if anchor := element.get("id") or (element.get("name") if tag == "a" else None):
            self.keep_anchor(anchor, tag)

    def end(self, tag: str, element: etree._Element) -> None:
        if tag in _FORMATS:
            self.format(_FORMATS[tag], -1)
        elif tag == "a" and self.formats.get("permalink"):
            self.format("permalink", -1)
        elif _HEADING.fullmatch(tag) or tag == "summary":
            self.close_heading() if self.heading else self.flush()
        elif tag == "dl" and self.frames[-1].kind == "item" and self.frames[-1].element is element:
            self.close_frame()
        if self.frames[-1].element is element:
            self.close_frame()
        elif tag in _CONTAINERS:
            self.flush()

    def finish(self) -> tuple[Block, ...]:
        self.flush()
        return tuple(self.frames[0].blocks)

    # Blocks

    def open_block(self, tag: str, element: etree._Element) -> None:
        self.flush()
        if self.heading and tag in _ENDS_HEADING and any(text.strip() for text, _ in self.pieces):
            self.close_heading()
        above = self.frames[-1]
        if above.kind == "cell":  # is one text: its paragraphs and items are lines of it
            if tag == "li":
                self.text("• ")
            return
        if tag in _LISTS or tag in {"blockquote", "table"}:
            kind = "list" if tag in _LISTS else {"blockquote": "quotation", "table": "table"}[tag]
            if element not in self.layout and len(self.frames) < 2 * _DEEPEST:
                self.frames.append(_Frame(kind, element))
        elif tag == "li" and above.kind == "list":
            self.frames.append(_Frame("item", element))
        elif tag in {"dt", "dd"}:
            self.open_definition(tag)
        elif tag == "tr" and above.kind == "table":
            self.frames.append(_Frame("row", element))
        elif tag in {"td", "th"} and above.kind == "row":
            # The last cell decides: the first one may name its row, or be an empty corner.
            above.has_head = tag == "th"
            self.frames.append(_Frame("cell", element))

    def open_definition(self, tag: str) -> None:
        above = self.frames[-1]
        if above.kind == "item" and above.element is not None and above.element.tag == "dl" and tag == "dt":
            self.close_frame()
            above = self.frames[-1]
        if above.kind == "list" and above.element is not None and above.element.tag == "dl":
            self.frames.append(_Frame("item", above.element))

    def close_frame(self) -> None:
        self.flush()
        closed, above = self.frames.pop(), self.frames[-1]
        element = closed.element
        if closed.kind == "item" and closed.blocks:
            first, *rest = closed.blocks
            if isinstance(first, Paragraph):
                above.items.append((first.inline, rest))
            else:
                above.items.append((Inline("", ""), closed.blocks))
        elif closed.kind == "cell":
            above.cells.append(inline_text.cell(closed.blocks))
        elif closed.kind == "row" and any(cell.text for cell in closed.cells):
            if not above.rows and element is not None and (group := element.getparent()) is not None:
                above.has_head = closed.has_head or group.tag == "thead"
            above.rows.append(tuple(closed.cells))
        elif closed.kind == "table" and closed.rows:
            self.add(Table(tuple(closed.rows), closed.has_head))
        elif closed.kind == "quotation" and closed.blocks:
            self.add(Quotation(tuple(closed.blocks)))
        elif closed.kind == "list" and element is not None:
            for block in closed.blocks:  # text directly in the list
                self.add(block)
            if closed.items:
                ordered = element.tag == "ol"
                instructs = not ordered and are_instructions([inline.text for inline, _ in closed.items])
                items = tuple(Item(inline, tuple(blocks)) for inline, blocks in closed.items)
                self.add(ItemList(ordered, items, _start(element), instructs))

    def preformatted(self, element: etree._Element, left_out: Container[etree._Element]) -> None:
        self.flush()
        if self.heading and self.pieces:
            self.close_heading()
        text = clean(_preformatted(element, left_out)).strip("\n")
        if text.strip():
            self.add(Preformatted(text))

    def flush(self) -> None:
        """Ends the paragraph that the pieces make up."""
        if self.heading:  # a block within a heading
            self.text(" ")
            return
        inline, self.pieces = inline_text.inline(self.pieces), []
        if inline.text:
            self.add(Paragraph(inline))

    def add(self, block: Block) -> None:
        self.anchor = ""
        frame = next(frame for frame in reversed(self.frames) if frame.kind not in {"table", "row"})
        (frame.items[-1][1] if frame.items else frame.blocks).append(block)  # between two items: of the one before

    # Headings

    def open_heading(self, tag: str) -> None:
        if self.heading and tag == "summary":
            return
        if self.heading and any(text.strip() for text, _ in self.pieces):  # the one before was left open
            self.close_heading()
        self.flush()
        if tag != "summary":
            self.level = int(tag[1])
        self.heading = self.level if tag != "summary" else min(self.level + 1, 6)

    def close_heading(self) -> None:
        level, self.heading = self.heading, 0
        inline, self.pieces = inline_text.inline(self.pieces), []
        text, anchor = inline.text.replace("\n", " "), self.anchor
        if len(text) > _LONGEST_HEADING:
            self.add(Paragraph(inline))
        elif not text:
            return
        elif len(self.frames) > 1:
            self.add(Paragraph(Inline(text, f"<strong>{html.escape(text, quote=False)}</strong>")))
        else:
            self.add(Heading(level, text, anchor, 0))

    def keep_anchor(self, anchor: str, tag: str) -> None:
        # Within a heading an <a name> is what an author put there; an id is often a number that a program gave.
        if not self.heading or tag == "a" or not self.anchor or _HEADING.fullmatch(tag):
            self.anchor = anchor

    # Inline

    def format(self, name: str, change: int) -> None:
        self.formats[name] = self.formats.get(name, 0) + change

    def image(self, element: etree._Element) -> None:
        parent = element.getparent()
        alt = element.get("alt", "")
        is_icon = ("icon" in element.get("class", "") and _NAMELESS.search(alt)) or (
            parent is not None and "icon" in parent.get("class", "")
        )
        if not is_icon and element.get("role") not in {"presentation", "none"}:
            for part in (" ", alt, " "):
                self.text(part)

    def is_permalink(self, element: etree._Element) -> bool:
        is_mark = element.text and len(element) == 0 and _PERMALINK.fullmatch(element.text)
        return bool(is_mark and (self.heading or element.get("href", "").startswith("#")))


def _preformatted(element: etree._Element, left_out: Container[etree._Element]) -> str:
    """The text as it stands, a line an inner block."""
    parts: list[str] = []
    walker = etree.iterwalk(element, events=("start", "end"))
    for event, inner in walker:
        text = "\n" if inner.tag == "br" else inner.text
        if event == "end":
            text = inner.tail if inner is not element else ""
            if inner.tag in _LINES_OF_CODE:
                parts += [] if parts and parts[-1].endswith("\n") else ["\n"]
                text = (text or "").removeprefix("\n")
        elif inner.tag in _LEFT_OUT or inner in left_out:
            walker.skip_subtree()
            text = ""
        parts += [text] if text else []
    return "".join(parts)


def _start(element: etree._Element) -> int:
    start = element.get("start", "1")
    return int(start) if start.isascii() and start.isdigit() and len(start) < 7 else 1
