"""From the blocks of somebody else's page to an article: its title, and levels below it."""

import re
from dataclasses import replace
from pathlib import PurePosixPath

from indexer.articles import Article, Block, Heading
from indexer.words import clean

_UNFIT = re.compile(r"[\s#]+")
_WORDS = re.compile(r"[^\W_]+")
_LONGEST_ANCHOR = 200  # characters


def compose(
    article_id: str,
    source: str,
    body: tuple[Block, ...],
    *,
    title: str = "",
    updated: str = "",
    keywords: tuple[str, ...] = (),
) -> Article:
    """The article of these blocks; `title` is what the file says apart from its text, "" where it says nothing.

    Without one the first heading is the title, or the file's name. A heading that says what the title says, and opens
    the article or is the only one of level 1, is not said twice: its text is the article's `top`.
    """
    headings = [block for block in body if isinstance(block, Heading)]
    first = headings[0] if headings else None
    title = clean(title).strip() or (first.text if first else "") or PurePosixPath(article_id).name
    if first is not None and _same(first.text, title):
        is_only = [heading for heading in headings if heading.level == 1] == [first]
        if body[0] is first or is_only:
            body = tuple(block for block in body if block is not first)
    return Article(
        article_id=article_id,
        title=title,
        body=_below_title(body),
        source=source,
        updated=updated,
        keywords=tuple(filter(None, (clean(keyword).strip() for keyword in keywords))),
    )


def _same(one: str, other: str) -> bool:
    return _WORDS.findall(one.casefold()) == _WORDS.findall(other.casefold())


def _below_title(body: tuple[Block, ...]) -> tuple[Block, ...]:
    """The blocks with headings from level 2 on and anchors that fit into an address."""
    lift = 1 if any(isinstance(block, Heading) and block.level == 1 for block in body) else 0
    return tuple(
        replace(block, level=block.level + lift, anchor=_UNFIT.sub("-", clean(block.anchor).strip())[:_LONGEST_ANCHOR])
        if isinstance(block, Heading)
        else block
        for block in body
    )
