"""Reads an HTML page of a help site: what it says, without the navigation around it."""

import re
from collections.abc import Container
from dataclasses import dataclass

from lxml import etree

from indexer.articles import Article, Finding, Heading, LeftOut
from indexer.readers import html_tree, markup
from indexer.readers.compose import compose
from indexer.words import clean

_NO_TEXT_TAGS = frozenset({"footer", "script", "style", "template", "noscript", "dialog"})
_NO_TEXT_ROLES = frozenset({"alertdialog", "banner", "contentinfo", "dialog", "search"})
_FURNITURE_ROLES = frozenset({"menu", "menubar", "navigation", "toolbar"})
_FURNITURE_NAMES = frozenset(
    "contents cookie cookies footer masthead menu nav navbar navigation pager pagination "  # noqa: SIM905
    "share sidebar related relatedtopics see seealso sidenav toc toctree topbar treeview".split()
)
_CRUMBS = frozenset({"breadcrumb", "breadcrumbs", "crumbs"})
_NAMED = frozenset({"aside", "div", "section", "ul", "ol", "table", "td", "p", "span", "header", "form"})
_PARTS = frozenset({"main", "article", "section"})
_NAME = re.compile(r"[a-z]+")
_NO_TEXT_NAMES = re.compile(  # whole names, of what is no text of the article even where it holds no links
    r"(?<!\S)(?:(?:page|site|global)?[-_]?footer|(?:cookie|gdpr)s?[-_]*(?:banner|bar|consent|notice|popup|alert|message|modal)"
    r"|(?:cookie|cc)[-_]?(?:window|law|policy[-_]popup)|linenos?|linenodiv|gutter|material-(?:icons|symbols)[-\w]*)(?!\S)"
)
_MAIN_IDS = frozenset({"main-content", "maincontent", "content", "main", "article", "article-body", "page-content"})

_LINKS_ONLY = 0.9  # a page with this share of its text in links is a table of contents
_FEW_LINKS = 5


@dataclass(slots=True)
class _Size:
    """Characters of text in an element, and how many of them are in links."""

    text: int = 0
    linked: int = 0
    links: int = 0
    headings: int = 0

    @property
    def own(self) -> int:
        """Characters that are no links."""
        return self.text - self.linked


def read_page(text: str, article_id: str, source: str) -> tuple[Article | LeftOut, list[Finding]]:
    """The article of a page, or why it is none, with warnings.

    The main part is `<main>`, the element with that role, an `<article>` or one with an id such as `content` that holds
    most of the text, or else the whole page; navigation, headers, footers and side bars in it are left out, told by
    element, role, or a class or id that says so of something made of links. Folded and hidden parts are read.
    """
    root, whole = html_tree.parse(text)
    findings = [] if whole else [Finding(source, _TOO_DEEP, is_error=False)]
    if root is None:
        return LeftOut(source, "no text"), findings
    if root.find("body") is None and root.find(".//frameset") is not None:
        return LeftOut(source, "frame set, whose frames are read"), findings
    sizes = _sizes(root)
    main = _main(root, sizes)
    furniture = _furniture(main, sizes)
    size = _sizes(main, furniture)[main]
    if not size.text:
        return LeftOut(source, "no text"), findings
    if size.links >= _FEW_LINKS and size.linked >= size.text * _LINKS_ONLY:
        return LeftOut(source, "nothing but links"), findings
    blocks = markup.blocks(main, furniture)
    if not blocks:
        return LeftOut(source, "no text"), findings
    headings = [block for block in blocks if isinstance(block, Heading)]
    title = next((heading.text for heading in headings if heading.level == 1), "") or _title(root)
    if headings and headings[0].text == title:  # what stands above it belongs to the article, too
        blocks = tuple(block for block in blocks if block is not headings[0])
    article = compose(article_id, source, blocks, title=title, keywords=_keywords(root))
    if all(isinstance(block, Heading) for block in article.body):
        return LeftOut(source, "nothing but a title"), findings
    return article, findings


_TOO_DEEP = (
    "elements lie more than 2048 deep within one another; expected ordinary nesting; what lies deeper and after it was "
    "not read: close the elements that are open"
)


def _title(root: etree._Element) -> str:
    title = root.find("head/title")  # not that of a drawing
    return " ".join("".join(title.itertext()).split()) if title is not None else ""


def _keywords(root: etree._Element) -> tuple[str, ...]:
    named = (meta for meta in root.iter("meta") if "keywords" in {meta.get("name", "").lower(), meta.get("itemprop")})
    parts = (clean(part).strip() for meta in named for part in re.split("[,;]", meta.get("content", "")))
    return tuple(dict.fromkeys(part for part in parts if part))


def _sizes(root: etree._Element, left_out: Container[etree._Element] = ()) -> dict[etree._Element, _Size]:
    """How much each element holds, those left out apart; in one walk."""
    sizes: dict[etree._Element, _Size] = {root: _Size()}
    links = 0
    walker = etree.iterwalk(root, events=("start", "end"))
    for event, element in walker:
        if event == "start":
            size = sizes.setdefault(element, _Size())
            if element in left_out:
                walker.skip_subtree()
                continue
            links += element.tag == "a" and "href" in element.attrib
            if element.tag not in {"script", "style", "title"}:
                _count(size, element.text, links)
            continue
        size = sizes[element]
        if element.tag == "a" and "href" in element.attrib and element not in left_out:
            links -= 1
            size.links += 1
        size.headings += element.tag in {"h1", "h2", "h3"}
        parent = element.getparent()
        if parent is not None and element is not root:
            above = sizes[parent]
            above.text += size.text
            above.linked += size.linked
            above.links += size.links
            above.headings += size.headings
            _count(above, element.tail, links)
    return sizes


def _count(size: _Size, text: str | None, links: int) -> None:
    if text and (length := len(text.strip())):
        size.text += length
        size.linked += length if links else 0


def _main(root: etree._Element, sizes: dict[etree._Element, _Size]) -> etree._Element:
    groups: dict[str, list[etree._Element]] = {"main": [], "role": [], "article": [], "id": []}
    for element in root.iter(etree.Element):
        if element.tag == "main":
            groups["main"].append(element)
        if element.get("role") == "main":
            groups["role"].append(element)
        if element.tag == "article":
            groups["article"].append(element)
        if element.get("id", "").lower() in _MAIN_IDS:
            groups["id"].append(element)
    for name, found in groups.items():
        # Several articles are the cards of an overview; an empty main part is filled by a script.
        share = 5 if name in {"main", "role"} and len(found) == 1 else 2
        fitting = [element for element in found if sizes[element].own * share > sizes[root].own]
        if fitting:
            return fitting[-1]  # the innermost
    return root  # text may stand in the head of a page that was left open


def _furniture(main: etree._Element, sizes: dict[etree._Element, _Size]) -> set[etree._Element]:
    whole = main.tag == "html"
    most = sizes[main].own / 2
    return {
        element
        for element in main.iter(etree.Element)
        if element is not main and _is_furniture(element, sizes[element], whole, sizes[element].own > most)
    }


def _is_furniture(element: etree._Element, size: _Size, whole: bool, most: bool) -> bool:
    """`whole`: the page has no main part of its own. `most`: the element holds most of the text.

    What holds most is the page: a `<div class="with-sidebar">`, a `<nav>` that was left open.
    """
    tag, role, parent = element.tag, element.get("role"), element.getparent()
    names = f"{element.get('class', '')} {element.get('id', '')}".lower()
    if tag in _NO_TEXT_TAGS or role in _NO_TEXT_ROLES:
        return True
    if tag == "nav" or role in _FURNITURE_ROLES or _NO_TEXT_NAMES.search(names):
        return not (most and size.headings)
    if whole and parent is not None and parent.tag not in _PARTS:  # in an article it is a note, or the article's title
        if tag == "header" and not size.headings:
            return True
        if tag == "aside" and not most:
            return True
    if most or tag not in _NAMED:
        return False
    words = set(_NAME.findall(names))
    if words & _CRUMBS:  # the last of them is no link
        return True
    named = tag in {"aside", "header"} or role == "complementary" or bool(words & _FURNITURE_NAMES)
    return named and (size.linked * 2 > size.text or not size.text)
