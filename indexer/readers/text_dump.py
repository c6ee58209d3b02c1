"""Reads a plain-text dump of a help page, its visible text as copied or as saved by a crawler; one Article a file.

A dump is a head with a navigation, then the parts it names. What it lost is put back by these rules:

1. and 2. Lines and lost line breaks: see dump_lines.py, which also says what looks like a title.
3. Navigation: in the head, two or more title-like items at least half of which stand again below as lines of their own,
   in this order; or three or more title-like lines that all do. Each name found opens its part; indentation gives the
   level. Titles and lists of titles before the navigation are the site's and left out; sentences stay.
4. Sub-headings, one level below their part: the last of the title-like lines right above text, unless the line before
   them breaks off, or they are several after a colon (a list without bullets).
5. Repeats. Of equal sentences of 40 characters or more the last in the file stays: a folded teaser comes before the
   text. Other paragraphs and whole lists go where the same stands below under the same heading or a deeper one of it.
   A line that introduces a list with a colon stays. Headings with nothing under them go.
6. The title is the last title-like line above the navigation that stands there more than once (as in a site's menu),
   otherwise the first title-like line there, or of the first three lines; otherwise the file's name.
"""

import html
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, groupby

from indexer.articles import Article, Block, Finding, Heading, Inline, Item, ItemList, LeftOut, Paragraph
from indexer.instructions import are_instructions
from indexer.readers.dump_lines import STOPS, TITLE_LENGTH, Line, read_lines

_HEAD = 10  # lines of running text that may stand before the navigation
_REPEAT_LENGTH = 40  # characters; what is shorter may well be meant to stand in several parts
_DEPTH = 8  # lists in lists; what is deeper stands in the deepest
_LEVEL = 5  # of a part at most, so that its sub-headings have 6, the last that HTML has
_NUMBER = re.compile(r"[\d.)]+\s+")


@dataclass(frozen=True, slots=True)
class _Navigation:
    start: int
    stop: int
    parts: dict[int, int]  # the line that opens a part -> the line that names it


def read_text(text: str, article_id: str, source: str) -> tuple[Article | LeftOut, list[Finding]]:
    """The article of a dump, decoded and cleaned, or why it is none, with warnings; none where there are no letters.

    The article has a section at least. `source` is the path, for messages.
    """
    if not any(map(str.isalpha, text)):
        return LeftOut(source, "no text"), []
    lines = read_lines(text)
    navigation = _navigation(lines)
    title = _title(lines, navigation)
    body = _body(_with_parts(lines, navigation), title) if navigation else []
    findings = _missing(lines, navigation, body, source) if navigation and body else []
    if not body:  # no navigation, or nothing below it
        title = _title(lines, None)
        body = _body(lines, title) or [_paragraph(line.text) for line in lines]
    name = title.text if title else article_id.rpartition("/")[2]
    return Article(article_id, name, tuple(body), source), findings


# Navigation and title


def _key(text: str) -> str:
    """What is compared: «1. Вход ещё раз:» and «вход еще  раз» are one."""
    folded = " ".join(text.casefold().replace("ё", "е").split())
    number = _NUMBER.match(folded)
    return folded[number.end() if number else 0 :].rstrip(" .,:;!?…")


def _navigation(lines: Sequence[Line]) -> _Navigation | None:
    """The run of titles in the head of which most stand again below; the first of equals."""
    places: dict[str, list[int]] = {}
    for place, line in enumerate(lines):
        if line.mark != "-" and len(line.text) <= TITLE_LENGTH:
            places.setdefault(_key(line.text), []).append(place)
    best: _Navigation | None = None
    start = texts = 0
    while start < len(lines) and texts <= _HEAD:
        found = (_listed if lines[start].mark else _plain)(lines, start, places)
        if len(found.parts) > (len(best.parts) if best else 0):
            best = found
        texts += not lines[start].mark and not lines[start].is_title
        start = max(found.stop, start + 1)
    return best


def _listed(lines: Sequence[Line], start: int, places: dict[str, list[int]]) -> _Navigation:
    stop = start
    while stop < len(lines) and lines[stop].mark and lines[stop].is_title:
        stop += 1
    parts: dict[int, int] = {}
    last = stop - 1
    for name in range(start, stop):
        if place := _next(places, lines[name], last):
            parts[place] = name
            last = place
    return _Navigation(start, stop, parts if len(parts) >= max(2, (stop - start) / 2) else {})


def _plain(lines: Sequence[Line], start: int, places: dict[str, list[int]]) -> _Navigation:
    stop = last = start
    parts: dict[int, int] = {}
    while stop not in parts and not lines[stop].mark and (place := _next(places, lines[stop], last)):
        parts[place] = stop
        last = place
        stop += 1
    # Three at least: two titles that stand again are a matter of chance.
    return _Navigation(start, stop, parts) if len(parts) >= 3 else _Navigation(start, start, {})


def _next(places: dict[str, list[int]], line: Line, last: int) -> int | None:
    """Where the line stands again after `last`; never 0."""
    found = places.get(_key(line.text), []) if line.is_title else []
    place = bisect_right(found, last)
    return found[place] if place < len(found) else None


def _title(lines: Sequence[Line], navigation: _Navigation | None) -> Line | None:
    head = lines[: navigation.start if navigation else 3]
    titles = [line for line in head if not line.mark and line.is_title]
    times = Counter(_key(line.text) for line in head if line.is_title)
    named = [line for line in titles if navigation and times[_key(line.text)] > 1]
    return named[-1] if named else titles[0] if titles else None


def _with_parts(lines: Sequence[Line], navigation: _Navigation) -> list[Line]:
    """The introduction, then the lines below the navigation; those that open a part with their level."""
    kept: list[Line] = []
    introduced = False
    for listed, group in groupby(lines[: navigation.start], key=lambda line: bool(line.mark)):
        run = list(group)
        others = [line for line in run if not line.is_title]
        kept += run if listed and (introduced or others) else others
        introduced = run[-1].text.endswith(":")
    levels: dict[int, int] = {}
    indents: list[int] = []
    for name in range(navigation.start, navigation.stop):
        while indents and indents[-1] >= lines[name].indent:
            indents.pop()
        indents.append(lines[name].indent)
        levels[name] = min(1 + len(indents), _LEVEL)
    for place in range(navigation.stop, len(lines)):
        line = lines[place]
        named = navigation.parts.get(place)
        kept.append(line if named is None else replace(line, mark="", level=levels[named]))
    return kept


def _missing(lines: Sequence[Line], navigation: _Navigation, body: Iterable[Block], source: str) -> list[Finding]:
    opened = {block.line for block in body if isinstance(block, Heading)}
    found = {name for place, name in navigation.parts.items() if lines[place].number in opened}
    missing = [lines[name].text for name in range(navigation.start, navigation.stop) if name not in found]
    names = ", ".join(f"«{name}»" for name in missing[:3]) + ", …" * (len(missing) > 3)
    message = (
        f"{len(missing)} of {navigation.stop - navigation.start} names in the contents open no text ({names}); "
        "expected each as a line above its text; correct that line or leave the name out"
    )
    return [Finding(f"{source}:{lines[navigation.start].number}", message, False)] if missing else []


# Blocks


def _body(lines: Iterable[Line], title: Line | None) -> list[Block]:
    kept = _without_repeated_sentences([line for line in lines if line is not title])
    blocks: list[Block] = []
    for listed, group in groupby(_with_sub_headings(kept), key=lambda line: bool(line.mark)):
        run = list(group)
        blocks += _lists(run) if listed else map(_heading_or_paragraph, run)
    return _unique(blocks)


def _without_repeated_sentences(lines: Sequence[Line]) -> list[Line]:
    seen: set[str] = set()
    kept: list[Line] = []
    for line in reversed(lines):
        key = ""
        if line.is_text and len(line.text) >= _REPEAT_LENGTH and not line.is_title:
            key = _key(line.text)
        introduces = kept and kept[-1].mark and line.text.endswith(":")
        if introduces or key not in seen:
            kept.append(line)
        if key:
            seen.add(key)
    return kept[::-1]


def _with_sub_headings(lines: Sequence[Line]) -> list[Line]:
    found = list(lines)
    level = 1
    start = 0
    while start < len(lines):
        level = lines[start].level or level
        stop = start
        while stop < len(lines) and _may_head(lines[stop]):
            stop += 1
        if start < stop < len(lines) and not lines[stop].level:
            before = lines[start - 1].text if start and lines[start - 1].is_text else "."
            whole = before.rstrip('»")').endswith(STOPS) or lines[stop - 1].apart
            if whole and not (before.endswith(":") and stop - start > 1):
                found[stop - 1] = replace(lines[stop - 1], level=level + 1)
        start = max(stop, start + 1)
    return found


def _may_head(line: Line) -> bool:
    return line.is_text and line.is_title and not line.text.endswith("!")


def _unique(blocks: Sequence[Block]) -> list[Block]:
    """The blocks without what stands again below under the same heading or a deeper one, and without empty headings."""
    own_levels = (block.level if isinstance(block, Heading) else 0 for block in blocks)
    levels = list(accumulate(own_levels, lambda above, own: own or above, initial=1))[1:]
    ends: dict[int, int] = {}  # level -> the next heading of it
    seen: dict[object, int] = {}
    kept: list[Block] = []
    for place in reversed(range(len(blocks))):
        block = blocks[place]
        below = kept[-1] if kept else None
        end = min((stop for level, stop in ends.items() if level <= levels[place]), default=len(blocks))
        key: object = block
        match block:
            case Heading(level, text):
                key, ends[level] = _key(text), place
                stays = below is not None and not (isinstance(below, Heading) and below.level <= level)
            case Paragraph(inline):
                key = _key(inline.text)
                introduces = inline.text.endswith(":") and isinstance(below, ItemList)
                stays = introduces or seen.get(key, end) >= end
            case ItemList(items=items):
                stays = len(items) == 1 or seen.get(key, end) >= end
            case _:
                stays = True
        if stays:
            kept.append(block)
        seen[key] = place
    return kept[::-1]


@dataclass(frozen=True, slots=True)
class _OpenList:
    indent: int
    ordered: bool
    start: int
    items: list[tuple[str, list[Block]]]


def _lists(run: Iterable[Line]) -> list[Block]:
    finished: list[Block] = []
    open_lists: list[_OpenList] = []  # from the outermost to the deepest

    def add(block: Block) -> None:
        (open_lists[-1].items[-1][1] if open_lists else finished).append(block)

    def close(depth: int) -> None:
        while len(open_lists) > depth:
            last = open_lists.pop()
            items = tuple(Item(_inline(text), tuple(blocks)) for text, blocks in last.items)
            instructs = not last.ordered and are_instructions([item.inline.text for item in items])
            add(ItemList(last.ordered, items, last.start, instructs))

    for line in run:
        if line.mark == "+":
            close(max(1, sum(each.indent < line.indent for each in open_lists)))
            add(_paragraph(line.text))
            continue
        ordered = line.mark != "-"
        # A bullet under a number belongs to it, even where the indentation is lost.
        under = not ordered and any(each.ordered and each.indent == line.indent for each in open_lists)
        indent = line.indent + under
        # Closes the deeper lists, and one as deep of the other kind.
        close(sum(each.indent < indent or (each.indent == indent and each.ordered == ordered) for each in open_lists))
        if not open_lists or (open_lists[-1].indent < indent and len(open_lists) < _DEPTH):
            open_lists.append(_OpenList(indent, ordered, int(line.mark) if ordered else 1, []))
        open_lists[-1].items.append((line.text, []))
    close(0)
    return finished


def _heading_or_paragraph(line: Line) -> Block:
    if line.level:
        return Heading(line.level, line.text.rstrip(" .:;,"), "", line.number)
    return _paragraph(line.text)


def _paragraph(text: str) -> Paragraph:
    return Paragraph(_inline(text))


def _inline(text: str) -> Inline:
    return Inline(text, html.escape(text, quote=False))
