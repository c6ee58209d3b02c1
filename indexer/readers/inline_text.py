"""Runs of text with their formats, as they stand in markup, into one Inline."""

import html
import re
from collections.abc import Sequence
from itertools import groupby

from indexer.articles import Block, Inline, Paragraph, Preformatted

_SPACE = re.compile(r"[ \t\r\n\f\u00a0]+")
_LINES = re.compile(r" ?\n[ \n]*")
_SEAM = "\a"  # between two pieces of text
_GAP = re.compile(r"(?<![ \a])[ \a]*+(?<=\a)(?=[,.;:!?)»](?:\W|$))")  # where an icon stood: «значок , затем»

Pieces = Sequence[tuple[str, tuple[str, ...]]]  # text and its formats: strong, em, code, or permalink


def cell(lines: Sequence[Block]) -> Inline:
    """The paragraphs and code of a cell as one text; nothing else comes about in it."""
    inlines = [
        block.inline if isinstance(block, Paragraph) else Inline(block.text, f"<code>{_marked(block.text, ())}</code>")
        for block in lines
        if isinstance(block, Paragraph | Preformatted)
    ]
    return Inline(
        " ".join(inline.text.replace("\n", " ") for inline in inlines), "<br>".join(inline.html for inline in inlines)
    )


def inline(pieces: Pieces) -> Inline:
    """The pieces as one text, white space collapsed, line breaks (\\v) kept, permalinks left out."""
    plain: list[str] = []
    marked: list[str] = []
    last = "\n"
    for formats, group in groupby(pieces, key=lambda piece: piece[1]):
        if "permalink" in formats:
            continue
        text = _SPACE.sub(" ", _SEAM.join(text for text, _ in group))
        text = _SPACE.sub(" ", _GAP.sub("", text).replace(_SEAM, "")).replace("\v", "\n")
        text = _LINES.sub("\n", text)
        if last in " \n":
            text = text.lstrip(" \n" if last == "\n" else " ")
        if not text:
            continue
        last = text[-1]
        plain.append(text)
        marked.append(_marked(text, formats))
    return Inline(_LINES.sub("\n", "".join(plain)).strip(), "".join(marked).strip().removesuffix("<br>").strip())


def _marked(text: str, formats: tuple[str, ...]) -> str:
    escaped = html.escape(text, quote=False).replace("\n", "<br>")
    if not text.strip():
        return escaped
    for name in formats:
        escaped = f"<{name}>{escaped}</{name}>"
    return escaped
