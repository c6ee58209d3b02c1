"""Reads Markdown as other people write it: any front matter or none, HTML in between, includes of their own tools."""

import html
import re
from collections.abc import Callable
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, blockquote, table
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.footnote import footnote_plugin

from indexer.articles import Article, Finding, Heading, LeftOut
from indexer.readers import html_tree, markup
from indexer.readers.compose import compose
from indexer.readers.fields import read_fields

# What another tool would have put something in place of: DocFX, Liquid, Jinja, Hugo, kramdown, MkDocs, wikis.
_PLACEHOLDERS = tuple(
    re.compile(pattern)
    for pattern in (
        r"\[![A-Za-z-]{2,30} ?\[[^\]\n]{0,300}\]\([^)\n]{0,300}\)\]",  # [!INCLUDE [имя](файл)]
        r"\[![A-Za-z]{2,20}(?: [^\]\n]{0,100})?\]",  # [!NOTE], [!VIDEO https://…]
        r"\{%.{0,300}?%\}",
        r"\{\{.{0,300}?\}\}",
        r"\{[:#.][^{}\n]{0,200}\}",  # {: .warning }, {#anchor}
        r"\[\[_?[A-Z]{2,10}_?\]\]|\[TOC\]",
        r"--8<--.{0,300}",
    )
)
_ANCHOR = re.compile(r"\{(?=[#.:])[^{}#]{0,200}#(?P<id>[^{}\s]{1,200})[^{}]{0,200}\}\s*$")
_ANCHOR_BELOW = re.compile(r"\{:[^{}#]{0,200}#(?P<id>[^{}\s]{1,200})")  # kramdown's, in the next line
_TASK = re.compile(r"^\[[ xX]\]\s+")
# Lines that other tools take away: «:::note», «{% tab title="iOS" %}», «import Tabs from …», «!!! tip "Совет"».
_DIRECTIVE = re.compile(
    r":{3,}|@include\b|(?:import|export) .{0,300}(?: from ['\"]|= ?[{(\[])"
    r"|\{%(?:(?!%\}).){0,300}%\}[ \t]*$|\{\{[<%](?:(?!\}\}).){0,300}\}\}[ \t]*$"
    r"|(?P<indenting>(?:!!!|\?\?\?\+?) [a-z -]+(?:\".*\")?[ \t]*$|===[+!]? \".*\"[ \t]*$)"  # MkDocs
)
_TITLE = re.compile(r"\b(?:title|label|header|alt-text)=([\"'])(?P<title>.{1,500}?)\1")
_CAPTIONS = (
    _TITLE,
    re.compile(r":{3,} ?[a-zA-Z-]*[ \t]*\[?(?P<title>[^={}\[\]\"]*?)\]?:*\s*$"),
    re.compile(r"[!?=+]{3,4} .*?\"(?P<title>.*)\""),
)
_TAG = re.compile(r"</?(?P<name>[a-zA-Z][a-zA-Z0-9._-]{0,50})(?P<attributes>[^<>]*)>")
_CLOSING = re.compile(r"</([a-zA-Z][a-zA-Z0-9._-]{0,50})\s*>")
_HTML_TAGS = frozenset(
    "a abbr b big blockquote br caption center cite code col colgroup dd del details dfn div dl dt em figcaption "  # noqa: SIM905
    "figure font h1 h2 h3 h4 h5 h6 hr i img input ins kbd label li link mark meta nobr ol p picture pre q s samp "
    "section small source span strike strong sub summary sup table tbody td tfoot th thead tr tt u ul var wbr".split()
)

_DEEPEST = 100  # blocks within one another; a list counts twice, with its items
_DEEPEST_QUOTATION = 6  # quotations within one another; each searches all lines of a paragraph for its end
_DEEPEST_INLINE = 10  # links and images within one another; each further level costs every «[» as much again
_LONGEST = 100_000  # characters of a paragraph; a longer one holds data, and its markup is not worth the time
_MOST_TOKENS = 1_000_000  # of markdown-it, 3 a paragraph and 5 an item; half a minute's work, ten times our own help


def read_markdown(text: str, article_id: str, source: str) -> tuple[Article | LeftOut, list[Finding]]:
    """The article of a file, or why it is none, with warnings.

    The title is the front matter's or the first heading; anchors are `{#id}`, `<a name>` or an id. Includes,
    placeholders and attributes of other tools are left out, except in code.
    """
    fields, body = read_fields(text)
    cuts: set[str] = set()
    root, whole = html_tree.parse(_MARKDOWN.render(body, {_CUTS: cuts, _QUOTATIONS: 0}))
    if not whole:
        cuts.add(_TOO_DEEP)
    findings = [Finding(source, cut, is_error=False) for cut in sorted(cuts)]
    blocks = markup.blocks(root) if root is not None else ()
    if not blocks:
        return LeftOut(source, "no text"), findings
    article = compose(
        article_id,
        source,
        blocks,
        title=_without_placeholders(fields.title),
        updated=fields.updated,
        keywords=fields.keywords,
    )
    if all(isinstance(block, Heading) for block in article.body):
        return LeftOut(source, "nothing but a title"), findings
    return article, findings


# In markdown-it's environment:
_CUTS = "cuts"  # what was not read as it stands
_QUOTATIONS = "quotations"  # how many are open
_CLOSED = "closed"  # names of tags that have an end

_TOO_DEEP = (
    f"lists lie more than {_DEEPEST // 2} deep within one another, or quotations {_DEEPEST_QUOTATION}; expected "
    "ordinary nesting; what lies deeper was not read, or as plain text: indent it less"
)
_TOO_LONG = (
    f"a paragraph has more than {_LONGEST:,} characters; expected text; its emphasis, links and code were not told "
    "apart: divide it"
)
_TOO_MUCH = (
    f"more than {_MOST_TOKENS // 4:,} paragraphs, items and cells; expected one article; the rest was not read: divide "
    "the file"
)


def _without_placeholders(text: str) -> str:
    for pattern in _PLACEHOLDERS:
        text = pattern.sub("", text)
    return text


def _placeholder(state: StateInline, silent: bool) -> bool:
    """An inline rule that passes over what another tool would have replaced."""
    if state.src[state.pos] not in "[{-":
        return False
    for pattern in _PLACEHOLDERS:
        if match := pattern.match(state.src, state.pos, state.posMax):
            state.pos = match.end()
            return True
    return False


def _limit(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A block rule, before all others, that ends the reading of what is too much or too deep."""
    if state.level < _DEEPEST and len(state.tokens) < _MOST_TOKENS:
        return False
    state.env[_CUTS].add(_TOO_DEEP if state.level >= _DEEPEST else _TOO_MUCH)
    state.line = end
    return True


def _table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    return table(state, start, min(end, start + _MOST_TOKENS // 10), silent)  # the rest is a long paragraph


def _quotation(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    if state.env[_QUOTATIONS] == _DEEPEST_QUOTATION:
        if state.src.startswith(">", state.bMarks[start] + state.tShift[start]):
            state.env[_CUTS].add(_TOO_DEEP)
        return False
    state.env[_QUOTATIONS] += 1
    found = blockquote(state, start, end, silent)
    state.env[_QUOTATIONS] -= 1
    return found


def _directive(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A block rule for the lines of _DIRECTIVE: leaves their title as a paragraph."""
    line = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]]
    match = None if state.is_code_block(start) else _DIRECTIVE.match(line[:1000])
    if not match or silent:
        return bool(match)
    titles = (found["title"].strip() for pattern in _CAPTIONS if (found := pattern.search(line[:1000])))
    if title := next(titles, ""):
        state.push("paragraph_open", "p", 1)
        state.push("inline", "", 0).content = title
        state.push("paragraph_close", "p", -1)
    state.line = start + 1
    if match["indenting"]:
        _indented(state, start + 1, end)
    return True


def _indented(state: StateBlock, start: int, end: int) -> None:
    """The blocks of the lines that are four columns further in than this one."""
    stop, indent = start, state.blkIndent + 4
    while stop < end and (state.isEmpty(stop) or state.sCount[stop] >= indent):
        stop += 1
    outer, state.blkIndent = state.blkIndent, indent
    state.level += 1
    state.md.block.tokenize(state, start, stop)
    state.level -= 1
    state.blkIndent, state.line = outer, stop


def _prepare(state: StateCore) -> None:
    """Gives headings their ids, leaves out the boxes of tasks, and parts the paragraphs of a tight item."""
    tokens = state.tokens
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            below = _ANCHOR_BELOW.match(tokens[place + 4].content) if place + 4 < len(tokens) else None
            if match := _ANCHOR.search(tokens[place + 1].content[-400:]) or below:
                token.attrSet("id", match["id"])
        elif token.type == "paragraph_open":
            token.hidden = token.hidden and tokens[place - 1].type != "paragraph_close"
            if tokens[place - 1].type == "list_item_open":
                tokens[place + 1].content = _TASK.sub("", tokens[place + 1].content, count=1)


def _inline(state: StateCore) -> None:
    for token in state.tokens:
        if token.type == "inline" and len(token.content) > _LONGEST:
            state.env[_CUTS].add(_TOO_LONG)
            token.children = [Token("text", "", 0, content=token.content)]
        elif token.type == "inline":
            token.children = []
            _INLINE.inline.parse(token.content, _INLINE, state.env, token.children)


def _number_footnotes(state: StateCore) -> None:
    number = 0
    for token in state.tokens:
        if token.type == "footnote_open":
            number = token.meta["id"] + 1
        elif number and token.type == "inline" and token.children is not None:
            token.children.insert(0, Token("text", "", 0, content=f"[{number}] "))
            number = 0


def _find_closing_tags(state: StateCore) -> None:
    tokens = (token for block in state.tokens for token in [block, *(block.children or ())])
    found = (_CLOSING.findall(token.content) for token in tokens if token.type.startswith("html_"))
    state.env[_CLOSED] = {name.lower() for names in found for name in names}


def _html(self: Any, tokens: list[Token], place: int, options: Any, env: Any) -> str:  # noqa: ANN401
    content = tokens[place].content
    if tokens[place].type == "html_block" and "<pre" not in content:
        content = _without_placeholders(content)
    return _TAG.sub(lambda match: _tag(match, match["name"].lower() in env[_CLOSED]), content)


def _tag(match: re.Match[str], is_closed: bool) -> str:
    """HTML as it is; «<mailbox>» and the like are what a reader has to fill in, and stay as text."""
    tag, name, attributes = match[0], match["name"], match["attributes"]
    if tag.startswith("</") or name.lower() in _HTML_TAGS:
        return tag
    if not is_closed and "=" not in attributes and not attributes.endswith("/"):
        return tag.replace("<", "&lt;")
    title = _TITLE.search(attributes) if name[0].isupper() else None  # <TabItem label="iOS">
    # A <video> that is never closed would swallow what follows.
    return (f"<p>{html.escape(title['title'])}</p>" if title else "") + (tag if is_closed else "")


def _nothing(*_: object) -> str:
    return ""


def _image(self: Any, tokens: list[Token], place: int, options: Any, env: Any) -> str:  # noqa: ANN401
    return html.escape(self.renderInlineAsText(tokens[place].children, options, env))


def _footnote_mark(self: Any, tokens: list[Token], place: int, options: Any, env: Any) -> str:  # noqa: ANN401
    return f"[{tokens[place].meta['id'] + 1}]"


def _markdown(deepest: int) -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": True, "maxNesting": deepest}).enable(["table", "strikethrough"])
    markdown.use(deflist_plugin).use(footnote_plugin)
    markdown.inline.ruler.before("link", "placeholder", _placeholder)
    markdown.block.ruler.before("table", "limit", _limit)
    markdown.block.ruler.at("table", _table, {"alt": ["paragraph", "reference"]})
    markdown.block.ruler.at("blockquote", _quotation, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    markdown.block.ruler.before("paragraph", "directive", _directive, {"alt": ["paragraph", "list", "blockquote"]})
    markdown.core.ruler.before("inline", "prepare", _prepare)
    markdown.core.ruler.at("inline", _inline)
    markdown.core.ruler.push("number_footnotes", _number_footnotes)
    markdown.core.ruler.push("find_closing_tags", _find_closing_tags)
    rules: dict[str, Callable[..., str]] = {
        "html_inline": _html,
        "html_block": _html,
        "footnote_ref": _footnote_mark,
        "footnote_block_open": lambda *_: "<ul>",
        "footnote_block_close": lambda *_: "</ul>",
        # Without their addresses, which a thousand links may share:
        "image": _image,
        "link_open": _nothing,
        "link_close": _nothing,
    }
    for name, rule in rules.items():
        markdown.add_render_rule(name, rule)
    # Nobody follows these links, so any address is as good: «[диск](file:///c:/)», «![](data:…)».
    markdown.validateLink = lambda url: True  # type: ignore[method-assign]
    markdown.normalizeLink = lambda url: url  # type: ignore[method-assign]
    return markdown


_MARKDOWN = _markdown(_DEEPEST + 2)  # beyond _limit, which says so
_INLINE = _markdown(_DEEPEST_INLINE)
