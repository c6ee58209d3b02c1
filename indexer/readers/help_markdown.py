"""Reads articles in our own form of Markdown, as corpus/README.md tells it, and finds what breaks the form."""

import posixpath
import re
from dataclasses import dataclass, field
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from indexer.articles import (
    TOP,
    Article,
    Block,
    Finding,
    Heading,
    Inline,
    Item,
    ItemList,
    LeftOut,
    Link,
    Paragraph,
    Preformatted,
    Progress,
    Quotation,
    Reading,
    Table,
    articles_root,
)
from indexer.readers import attributes, front_matter
from indexer.readers.folder import find_sources
from indexer.words import clean

IDENTIFIER = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")

_FRONT_MATTER = re.compile(r"---[ \t]*\n(?P<fields>.*?)^---[ \t]*(?:\n|$)", re.DOTALL | re.MULTILINE)
_HEADING_ID = re.compile(r"\s*\{#(?P<id>[^{}\s]*)\}\s*$")
_OPEN_ID = re.compile(r"\s*\{#[^{}]*$")
# What looks like attributes, but stands where they are not read: an open brace, or the middle of a text.
_STRAY = re.compile(r"\{\s*(?:platform|audience|danger|related|alias|keywords)\s*=")
_ATTRIBUTE_LINE = re.compile(r"\{(?P<inside>.*)\}\s*")
_EXTERNAL = re.compile(r"(?:https?://|mailto:|tel:)", re.IGNORECASE)


def find_files(folder: Path) -> list[Path]:
    """The article files below `articles/`, or below the folder itself where it has none; sorted."""
    return _find(folder)[0]


def _find(folder: Path) -> tuple[list[Path], list[LeftOut]]:
    sources, left_out = find_sources(articles_root(folder))
    paths = [source.path for source in sources if source.path.suffix == ".md" and source.path.name != "README.md"]
    return paths, left_out


def read_folder(folder: Path, progress: Progress) -> Reading:
    """Every article of the folder and what is wrong with their files."""
    paths, left_out = _find(folder)
    reading = Reading(read={"help": len(paths)}, left_out=left_out)
    for done, path in enumerate(paths):
        progress(done, len(paths))
        articles, findings = read_file(path, folder)
        reading.articles.extend(articles)
        reading.findings.extend(findings)
    progress(len(paths), len(paths))
    return reading


def read_file(path: Path, corpus: Path) -> tuple[list[Article], list[Finding]]:
    """The article of one file (none where it is unusable) and what is wrong with it."""
    article_id = path.relative_to(articles_root(corpus)).with_suffix("").as_posix()
    try:
        content = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        return [], [
            Finding(f"{path}:{line}", f"byte {error.start} is not UTF-8; expected UTF-8 text; save the file as UTF-8")
        ]
    except OSError as error:
        return [], [
            Finding(str(path), f"cannot be read ({error.strerror}); expected a readable file; check its rights")
        ]
    return _Reader(article_id, str(path)).read(clean(content))


@dataclass
class _Reader:
    """Reads one file; collects findings and links on the way."""

    article_id: str
    source: str
    findings: list[Finding] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    first_line: int = 1  # of the body within the file

    def read(self, content: str) -> tuple[list[Article], list[Finding]]:
        for part in self.article_id.split("/"):
            if not IDENTIFIER.fullmatch(part):
                self.found(1, f'file name "{part}"; expected small Latin letters, digits and hyphens; rename the file')
        matter = _FRONT_MATTER.match(content)
        if matter is None:
            self.found(1, 'no front matter; expected a block of fields between two "---" lines; add it at the top')
            return [], self.findings
        fields, mistakes = front_matter.parse(matter["fields"])
        for mistake in mistakes:
            self.found(mistake.line, mistake.message)
        self.first_line = content.count("\n", 0, matter.end()) + 1
        body = self.blocks(SyntaxTreeNode(_MARKDOWN.parse(content[matter.end() :])).children)
        self.check_form(body)
        if fields is None:
            return [], self.findings
        article = Article(
            article_id=self.article_id,
            title=fields.title,
            body=body,
            source=self.source,
            topic=fields.topic,
            order=fields.order,
            platforms=fields.platforms,
            audiences=fields.audiences,
            updated=fields.updated.isoformat(),
            keywords=fields.keywords,
            related=tuple(self.absolute(target) for target in fields.related),
            featured=fields.featured,
            aliases=fields.aliases,
            facts=fields.facts,
            internal=fields.internal,
            links=tuple(self.links),
        )
        return [article], self.findings

    def found(self, line: int, message: str, is_error: bool = True) -> None:
        self.findings.append(Finding(f"{self.source}:{line}", message, is_error))

    def absolute(self, target: str) -> str:
        """The target of a `related` entry with its article: "#id" is a section of this article."""
        return self.article_id + target if target.startswith("#") else target

    # Blocks

    def blocks(self, nodes: list[SyntaxTreeNode]) -> tuple[Block, ...]:
        blocks: list[Block] = []
        rest = list(nodes)
        while rest:
            node = rest.pop(0)
            if node.type == "heading":
                line, attribute_line = "", rest[0] if rest and rest[0].type == "paragraph" else None
                if attribute_line is not None:
                    line, _, text = attribute_line.children[0].content.partition("\n")
                    if line.startswith("{"):
                        rest.pop(0)
                        if text:
                            rest = _blocks_below(text, attribute_line) + rest
                    else:
                        line = ""
                blocks.append(self.heading(node, line))
            else:
                blocks.append(self.block(node))
        return tuple(blocks)

    def block(self, node: SyntaxTreeNode) -> Block:
        if node.type in {"bullet_list", "ordered_list"}:
            ordered, start = node.type == "ordered_list", int(node.attrs.get("start", 1))
            return ItemList(ordered, tuple(self.item(child) for child in node.children), start)
        if node.type == "blockquote":
            return Quotation(self.blocks(node.children))
        if node.type in {"fence", "code_block"}:
            return Preformatted(node.content.rstrip("\n"))
        if node.type == "table":
            rows = [row for part in node.children for row in part.children]
            return Table(
                tuple(tuple(self.inline(cell.children[0].content, node) for cell in row.children) for row in rows)
            )
        if node.type == "hr":
            return Paragraph(Inline("", ""))
        return Paragraph(self.inline(node.children[0].content, node))

    def heading(self, node: SyntaxTreeNode, attribute_line: str) -> Heading:
        line, level = self.line(node), int(node.tag[1])
        content = node.children[0].content
        identifier = _HEADING_ID.search(content)
        anchor = identifier["id"] if identifier else ""
        text = self.inline(_OPEN_ID.sub("", _HEADING_ID.sub("", content)), node).text
        if level not in {2, 3}:
            self.found(line, f"heading of level {level}; expected ## or ###; the title stands in the front matter")
        if _OPEN_ID.search(content):
            self.found(line, f'the id of heading "{text}" has no closing brace; expected {{#id}}; add the brace')
        elif not identifier:
            self.found(line, f'heading "{text}" has no id; expected "## Text {{#id}}"; add one that is never changed')
        elif not IDENTIFIER.fullmatch(anchor) or anchor == TOP:
            self.found(line, f'id "{anchor}"; expected small letters, digits, hyphens, and not "{TOP}"; choose another')
        values: dict[str, tuple[str, ...]] = {}
        if attribute_line:
            inside = _ATTRIBUTE_LINE.fullmatch(attribute_line)
            if inside is None:
                self.found(line + 1, f"attribute line {attribute_line!r}; expected {{name=value …}}; close the brace")
            else:
                values, mistakes = attributes.parse(inside["inside"], attributes.HEADING_KEYS)
                for mistake in mistakes:
                    self.found(line + 1, mistake)
        if level == 3 and not any(values.get(name) for name in ("platform", "audience", "internal")):
            self.found(
                line, "### part without platform or audience; expected {platform=…} or {audience=…} under it; add it"
            )
        return Heading(
            level=level,
            text=text,
            anchor=anchor,
            line=line,
            platforms=values.get("platform", ()),
            audiences=values.get("audience", ()),
            related=tuple(self.absolute(target) for target in values.get("related", ())),
            aliases=tuple(self.absolute(alias) for alias in values.get("alias", ())),
            keywords=values.get("keywords", ()),
            internal="internal" in values,
        )

    def item(self, node: SyntaxTreeNode) -> Item:
        children = list(node.children)
        values: dict[str, tuple[str, ...]] = {}
        inline = Inline("", "")
        if children and children[0].type == "paragraph":
            first = children.pop(0)
            content = first.children[0].content
            if trailing := attributes.TRAILING.search(content):
                content = content[: trailing.start()]
                values, mistakes = attributes.parse(trailing[1], attributes.STEP_KEYS)
                for mistake in mistakes:
                    self.found(self.line(first), mistake)
            inline = self.inline(content, first)
        return Item(
            inline,
            self.blocks(children),
            platforms=values.get("platform", ()),
            audiences=values.get("audience", ()),
            danger=values.get("danger", ()),
        )

    def line(self, node: SyntaxTreeNode) -> int:
        return self.first_line + (node.map[0] if node.map else 0)

    # Inline text

    def inline(self, content: str, node: SyntaxTreeNode) -> Inline:
        tokens = _MARKDOWN.parseInline(content)[0].children or []
        kept: list[Token] = []
        for token in tokens:
            if token.type == "text" and _STRAY.search(token.content):
                self.found(
                    self.line(node),
                    f"attributes within a text: {token.content[-60:]!r}; expected {{name=value}} directly under "
                    "a heading or at the end of a step's first line; close the brace or move them there",
                )
            if token.type == "image":
                kept.append(Token("text", "", 0, content=token.content))
                continue
            if token.type == "link_open":
                token.attrs["href"] = self.href(str(token.attrs.get("href", "")), self.line(node))
            kept.append(token)
        text = "".join(_TEXT_OF.get(token.type, token.content) for token in kept)
        return Inline(text.strip(), _MARKDOWN.renderer.render(kept, _MARKDOWN.options, {}).strip())

    def href(self, target: str, line: int) -> str:
        """The address of a link's target on the site; links to other places of the help are kept for checking."""
        if _EXTERNAL.match(target):
            return target
        path, _, anchor = target.partition("#")
        if path and not path.endswith(".md"):
            self.found(line, f'link to "{target}"; expected https://…, article.md#id or #id; correct the link')
            return "#"
        folder = posixpath.dirname(self.article_id)
        article_id = posixpath.normpath(posixpath.join(folder, path.removesuffix(".md"))) if path else self.article_id
        self.links.append(Link(f"{article_id}#{anchor}" if anchor else article_id, line))
        return f"/articles/{article_id}" + (f"#{anchor}" if anchor else "")

    # The form as a whole

    def check_form(self, body: tuple[Block, ...]) -> None:
        seen: dict[str, int] = {}
        for place, block in enumerate(body):
            if not isinstance(block, Heading):
                continue
            if block.anchor in seen and block.anchor:
                first = seen[block.anchor]
                self.found(
                    block.line, f'id "{block.anchor}" stands in line {first} too; expected each id once; rename one'
                )
            seen.setdefault(block.anchor, block.line)
            follower = body[place + 1] if place + 1 < len(body) else None
            has_part = isinstance(follower, Heading) and follower.level > block.level
            if follower is None or (isinstance(follower, Heading) and not has_part):
                self.found(
                    block.line, f'section "{block.text}" is empty; expected text under the heading; write or remove it'
                )
        if not body:
            self.found(self.first_line, "the article has no text; expected sections under ## headings; write them")


def _blocks_below(text: str, attribute_line: SyntaxTreeNode) -> list[SyntaxTreeNode]:
    """The blocks of the text that stands below an attribute line without a blank line between them."""
    tokens = _MARKDOWN.parse(text)
    first = attribute_line.map[0] + 1 if attribute_line.map else 0
    for token in tokens:
        token.map = [line + first for line in token.map] if token.map else None
    return SyntaxTreeNode(tokens).children


_TEXT_OF = {"softbreak": " ", "hardbreak": "\n"}

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
