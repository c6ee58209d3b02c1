"""The lines of a plain-text dump, with the breaks between them that the extractor lost.

1. Lines. A bullet or a number («1.», «1)», «1.2.») with a space opens an item; deeper indentation nests it, and so does
   a bullet right under a number. A line that begins in lower case («eXpress» does not) or with closing punctuation
   continues the line before it; so does a row after a full one, in a file with blank lines whose longest row looks like
   a width. Other lines are blocks; one set deeper than the item above belongs to it. A lone bullet is dropped.
2. Lost line breaks. A sentence end glued to a capital Cyrillic letter ends a line («…готово.Время…»); «:- » and «;- »
   open an item, and within a list «. - » does; what is glued to an item, or stands before such a bullet, is the item's.

Title-like: at most 80 characters and 10 words, beginning with a capital, a digit, a quotation mark or an emoji, without
a full stop or the like within or at the end («!» and «?» may end it; «!» not a sub-heading).
"""

import re
import sys
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace

TITLE_LENGTH, _TITLE_WORDS = 80, 10
_WIDTHS = range(60, 121)  # of the longest row of a file whose paragraphs are wrapped

_SPACES = re.compile(r"[^\S\u00a0]+")
_RULE = re.compile(r"[-=_*~—–]{3,}")  # a drawn line
_MARK = re.compile(r"(?:[-*–—·]|(?:\d{1,3}\.){0,3}(\d{1,3})[.)])(?:\s+|$)|[•◦▪]\s*")
_CLOSING = frozenset(",.;:!?)»…%")
STOPS = (".", "!", "?", ":", ";", "…")
_INNER_STOP = re.compile(r"[.;…]\s")
_LOST_ITEM = re.compile(r"[:;](?=[-*•–—·◦▪]\s)")
_LOST_ITEM_IN_LIST = re.compile(r"(?<=[.;!?]) (?=[-*•·◦▪]\s)")
_LOST_BREAK = re.compile(
    r"""[.!?…:;](?=«?[А-ЯЁ])
    (?: (?<=[a-zа-яё]{3}.) | (?<=[»)].) )                       # not «г.Москва», «А.С.Пушкин», «5.Время»
    (?<!\b(?:обл|тел|пер|гор|пос|зам|зав|рис|стр|доб|доц)\.)(?<!\b(?:корп|проф|акад|табл)\.)
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a dump, or what of it belongs together."""

    number: int
    indent: int
    mark: str  # "" of text, "-" of an item, the number of a numbered one, "+" of what belongs to the item before
    apart: bool  # stands after a blank line
    text: str
    level: int = 0  # of a heading

    @property
    def is_title(self) -> bool:
        """Whether it looks like a title."""
        text = self.text
        return (
            len(text) <= TITLE_LENGTH
            and text[-1] not in ".:;,…"
            and len(text.split()) <= _TITLE_WORDS
            and not _goes_on(text)
            and (text[0].isalnum() or text[0] in '«„“"' or unicodedata.category(text[0]) == "So")
            and not _INNER_STOP.search(text)
            and any(map(str.isalpha, text))
        )

    @property
    def is_text(self) -> bool:
        """Whether it is neither an item nor a heading."""
        return not self.mark and not self.level


def read_lines(text: str) -> list[Line]:
    """The lines of a dump that say something, in order."""
    return _with_lost_breaks(_lines(text))


def _lines(text: str) -> list[Line]:
    rows = text.split("\n")
    width = max(len(row.rstrip()) for row in rows) if "" in map(str.strip, text.strip().split("\n")) else 0
    places: list[tuple[int, int, str, bool]] = []  # the fields of Line before its text
    pieces: list[list[str]] = []
    apart, room = True, sys.maxsize  # room: what the row before has left up to the width
    for number, row in enumerate(rows, start=1):
        content = _SPACES.sub(" ", row).strip()
        if not content or _RULE.fullmatch(content):
            apart = True
            continue
        indent = len(row[: len(row) - len(row.lstrip())].expandtabs(4))
        mark = _MARK.match(content)
        if mark:
            content = content[mark.end() :]
            indent += 2 * mark[0].count(".", 0, mark.start(1)) if mark[1] else 0  # 1.2. stands in 1.
        lone_number = bool(places) and places[-1][2].isdigit() and not pieces[-1]  # its text is the next row
        full = width in _WIDTHS and len(content.partition(" ")[0]) >= room
        if places and not mark and not apart and (_goes_on(content) or full or lone_number):
            pieces[-1].append(content if content[0] in _CLOSING else f" {content}")
        else:
            places.append((number, indent, (mark[1] or "-") if mark else "", apart))
            pieces.append([content] if content else [])
        apart = False
        room = width - len(row.rstrip()) if content and content[-1] not in STOPS else sys.maxsize
    return [Line(*place, "".join(parts).strip()) for place, parts in zip(places, pieces, strict=True) if parts]


def _with_lost_breaks(lines: Iterable[Line]) -> list[Line]:
    found: list[Line] = []
    item: Line | None = None  # the one that a line without a mark may belong to
    for line in lines:
        if item and not line.mark and line.indent <= item.indent:
            # «- Раз;», «Пояснение. - Два;»: what stands between two items belongs to the first.
            item = item if not line.apart and _LOST_ITEM_IN_LIST.search(line.text) else None
        text = _LOST_ITEM.sub(r"\g<0>\n", line.text)
        if line.mark or item:
            text = _LOST_ITEM_IN_LIST.sub("\n", text)
        opening = replace(line, mark="+") if item and not line.mark else line
        for count, row in enumerate(text.split("\n")):
            mark = _MARK.match(row) if count else None
            if mark:
                nested = item is not None and found[-1].text.endswith(":")
                opening = replace(line, indent=(item or line).indent + nested, mark="-", apart=False)
            first, *rest = _LOST_BREAK.sub(r"\g<0>\n", row[mark.end() :] if mark else row).split("\n")
            found.append(replace(opening, text=first.strip()))
            item = found[-1] if opening.mark not in ("", "+") else item
            # What is glued to an item belongs to it, however deep the item stands.
            note = replace(line, indent=sys.maxsize, mark="+") if item else line
            found += [replace(note, apart=False, text=part.strip()) for part in rest]
    return [line for line in found if line.text]


def _goes_on(text: str) -> bool:
    return text[0] in _CLOSING or (text[0].islower() and not text[1:2].isupper())
