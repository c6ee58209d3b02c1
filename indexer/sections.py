"""Splits an article at its headings into sections: what is indexed, ranked and shown."""

import hashlib
import html
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from indexer.articles import (
    TOP,
    Article,
    Block,
    Heading,
    Inline,
    Item,
    ItemList,
    Paragraph,
    Preformatted,
    Quotation,
    Table,
)
from indexer.words import words

_LONGEST_SLUG = 80  # characters


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction of a section, in the words of the help."""

    text: str
    substeps: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()  # empty: those of the section
    audiences: tuple[str, ...] = ()  # empty: those of the section
    danger: tuple[str, ...] = ()  # deletes_data, signs_out, needs_admin

    @property
    def step_id(self) -> str:
        """What the step is called by as long as its text stays: 12 hexadecimal digits."""
        return hashlib.sha256("\n".join((self.text, *self.substeps)).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Section:
    """One headed part of an article: what is indexed and ranked (the field's *passage*)."""

    section_id: str  # "sign-in#sms-code": the article's id, then the heading's anchor
    article_id: str
    anchor: str
    level: int  # 1 for the text before the first sub-heading, 2 for a sub-question, 3 for a part of one
    headings: tuple[str, ...]  # from the article's title down to this section's own
    text: str  # plain, with its steps, a line a paragraph or item
    html: str  # the same for the article page, made by us
    steps: tuple[Step, ...]  # empty where the section gives no instructions
    platforms: tuple[str, ...]  # empty: all
    audiences: tuple[str, ...]  # empty: all
    keywords: tuple[str, ...]
    related: tuple[str, ...]
    aliases: tuple[str, ...]  # earlier section ids
    internal: bool = False  # marked so, itself or what it stands under; a deployment may hide it


def with_parts(section: Section, of_article: Sequence[Section]) -> Iterator[Section]:
    """The section and, where it is a question without steps of its own, its parts for one platform or audience.

    `of_article` are the sections of its article in reading order.
    """
    yield section
    if section.level != 2 or section.steps:
        return
    following = of_article[of_article.index(section) + 1 :]
    yield from takewhile(lambda part: part.level > section.level, following)


def split_article(article: Article) -> tuple[Section, ...]:
    """The sections of an article in reading order; text before the first sub-heading is the section `top`.

    A `##` section's text leaves its `###` parts out; one that has nothing but parts lists their headings. A part
    without its own platforms or audiences has those of the section above it. A heading with nothing under it is no
    section; an article of a title alone is the section `top` without text. Repeated anchors are numbered: `anchor`,
    `anchor-2`.
    """
    sections: list[Section] = []
    taken: Counter[str] = Counter()
    path: list[Heading] = []
    opening = Heading(1, article.title, TOP, 0, article.platforms, article.audiences, article.related)
    parts = _parts(article.body, opening)
    for place, (heading, blocks) in enumerate(parts):
        path = [above for above in path if above.level < heading.level] + [heading]
        if not blocks and heading is not opening:
            blocks = _contents(heading, parts[place + 1 :])
        if not blocks and len(parts) > 1:
            continue
        anchor = _free_anchor(heading.anchor or _slug(heading.text), taken)
        titles = [above.text for above in path if above is not opening]
        sections.append(
            Section(
                section_id=f"{article.article_id}#{anchor}",
                article_id=article.article_id,
                anchor=anchor,
                level=heading.level,
                headings=tuple(title for title in [article.title, *titles] if title),
                text="\n".join(_plain(blocks)),
                html="".join(_html(blocks)),
                steps=tuple(_steps(blocks)),
                platforms=_inherited(path, article.platforms, "platforms"),
                audiences=_inherited(path, article.audiences, "audiences"),
                keywords=(*article.keywords, *heading.keywords),
                related=heading.related,
                aliases=tuple(
                    alias if "#" in alias.lstrip("#") else f"{article.article_id}#{alias.lstrip('#')}"
                    for alias in heading.aliases
                ),
                internal=article.internal or any(above.internal for above in path),
            )
        )
    return tuple(sections)


def _parts(body: Iterable[Block], opening: Heading) -> list[tuple[Heading, list[Block]]]:
    parts: list[tuple[Heading, list[Block]]] = [(opening, [])]
    for block in body:
        if isinstance(block, Heading):
            parts.append((block, []))
        else:
            parts[-1][1].append(block)
    return parts


def _contents(heading: Heading, following: Iterable[tuple[Heading, list[Block]]]) -> list[Block]:
    inside = takewhile(lambda part: part[0].level > heading.level, following)
    titles = [Inline(part.text, html.escape(part.text, quote=False)) for part, _ in inside]
    return [ItemList(ordered=False, items=tuple(map(Item, titles)))] if titles else []


def _inherited(path: list[Heading], otherwise: tuple[str, ...], name: str) -> tuple[str, ...]:
    values: Iterable[tuple[str, ...]] = (getattr(heading, name) for heading in reversed(path))
    return next((value for value in values if value), otherwise)


def _slug(text: str) -> str:
    """An anchor made of a heading's words, for those that bring none."""
    return "-".join(word.text for word in words(text))[:_LONGEST_SLUG].rstrip("-") or "section"


def _free_anchor(anchor: str, taken: Counter[str]) -> str:
    """The anchor, numbered where it is taken; `taken` counts how often each was asked for."""
    free = anchor
    while taken[free]:
        taken[anchor] += 1
        free = f"{anchor}-{taken[anchor]}"
    taken[free] += 1
    return free


def _steps(blocks: Iterable[Block]) -> Iterable[Step]:
    for block in blocks:
        if isinstance(block, Quotation):
            yield from _steps(block.blocks)
        elif isinstance(block, ItemList) and not block.is_steps:
            for item in block.items:
                yield from _steps(item.blocks)
        elif isinstance(block, ItemList):
            for item in block.items:
                lists = [inner for inner in item.blocks if isinstance(inner, ItemList)]
                others = [inner for inner in item.blocks if not isinstance(inner, ItemList)]
                text = " ".join(line for line in [item.inline.text, *_plain(others)] if line)
                substeps = tuple(" ".join(_plain_item(sub)) for inner in lists for sub in inner.items)
                if text or substeps:
                    yield Step(text, substeps, item.platforms, item.audiences, item.danger)


# Plain text: what is searched, embedded and quoted.


def _plain(blocks: Iterable[Block]) -> Iterable[str]:
    for block in blocks:
        match block:
            case Paragraph(inline):
                yield from [inline.text] if inline.text else []
            case Preformatted(text):
                yield text
            case Table(rows, _):
                yield from (" | ".join(cell.text for cell in row) for row in rows)
            case Quotation(inner):
                yield from _plain(inner)
            case ItemList(ordered, items, start):
                for number, item in enumerate(items, start):
                    first, *more = _plain_item(item)
                    yield (f"{number}. {first}" if ordered else f"• {first}").rstrip()
                    yield from more
            case Heading():
                yield block.text


def _plain_item(item: Item) -> list[str]:
    return [item.inline.text, *_plain(item.blocks)]


# HTML: what the article page shows.


def _html(blocks: Iterable[Block]) -> Iterable[str]:
    for block in blocks:
        match block:
            case Paragraph(inline):
                yield f"<p>{inline.html}</p>" if inline.html else ""
            case Preformatted(text):
                yield f"<pre>{html.escape(text, quote=False)}</pre>"
            case Table(rows, has_head):
                yield f'<div class="table"><table>{"".join(_html_rows(rows, has_head))}</table></div>'
            case Quotation(inner):
                yield f"<blockquote>{''.join(_html(inner))}</blockquote>"
            case ItemList(ordered, items, start):
                name = "ol" if ordered else "ul"
                first = f' start="{start}"' if ordered and start != 1 else ""
                yield f"<{name}{first}>{''.join(map(_html_item, items))}</{name}>"
            case Heading():
                yield f"<p>{html.escape(block.text)}</p>"


def _html_rows(rows: tuple[tuple[Inline, ...], ...], has_head: bool) -> Iterable[str]:
    for number, row in enumerate(rows):
        cell = 'th scope="col"' if has_head and number == 0 else "td"
        yield "<tr>" + "".join(f"<{cell}>{entry.html}</{cell[:2]}>" for entry in row) + "</tr>"


def _html_item(item: Item) -> str:
    data = {"platforms": item.platforms, "audiences": item.audiences, "danger": item.danger}
    attributes = "".join(f' data-{name}="{" ".join(values)}"' for name, values in data.items() if values)
    return f"<li{attributes}>{item.inline.html}{''.join(_html(item.blocks))}</li>"
