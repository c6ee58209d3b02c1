"""Training pairs that the articles give by themselves: what somebody might ask, and the section that answers it."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal, TypeVar

from razdel import sentenize

from indexer.build import heading_path
from indexer.knowledge import KnownErrors
from indexer.sections import Section
from indexer.words import clean, words

Kind = Literal["title", "heading", "sentence", "step", "error", "keyword"]

Item = TypeVar("Item")

_FEWEST_WORDS = 3  # a shorter sentence or step («Нажмите ОК.») stands in many sections
_MARK = re.compile(r"(?:\d+\.|•)\s*")  # of a list's item, in a section's plain text


@dataclass(frozen=True, slots=True)
class Pair:
    """What might be asked, and the section that answers it."""

    anchor: str
    section_id: str
    kind: Kind
    part: str = ""  # of the section's text, that the anchor was made of: what is left answers it
    bare: bool = False  # without the headings, where the anchor was made of them


def pairs_of(sections: Sequence[Section], errors: KnownErrors) -> tuple[Pair, ...]:
    """Every pair that the sections give, in their order, each once.

    - title, heading: the words above a section, with its whole passage and with its text alone; a heading that several
      sections bear («Решение») is asked with its article's title before it;
    - sentence, step: with the rest of the section (the inverse cloze task: Lee, Chang and Toutanova, 2019);
    - error: a known error text with its section;
    - keyword: an editor's keyword with the section that has it; one that all of an article have, with its first.
    """
    texts_of: dict[str, list[str]] = {}
    for error in errors.error:
        texts_of.setdefault(error.section, []).append(error.text)
    shared = Counter(_key(section.headings[-1]) for section in sections if section.headings)
    holders = _keyword_holders(sections)
    found: dict[Pair, None] = {}
    for section in sections:
        keywords = [word for word in section.keywords if holders[word] == section.section_id]
        pairs = _pairs_of(section, texts_of.get(section.section_id, ()), keywords, shared)
        found |= {pair: None for pair in pairs if any(True for _ in words(pair.anchor))}
    return tuple(found)


def passage(section: Section, pairs: Iterable[Pair] = ()) -> str:
    """The section as the model reads it (see `indexer.build.passages`), without what these pairs' anchors were made of.

    At least half of the text stays: where the parts are more than that, the last of them are left in.
    """
    pairs = list(pairs)
    text = section.text
    for part in dict.fromkeys(pair.part for pair in pairs if pair.part):
        if 2 * (len(text) - len(part)) >= len(section.text):
            text = text.replace(part, "", 1)
    if text != section.text:  # no gap, empty line or number is left where the part was
        lines = (" ".join(line.split()) for line in text.split("\n"))
        text = "\n".join(line for line in lines if line and not _MARK.fullmatch(line))
    path = "" if text and any(pair.bare for pair in pairs) else heading_path(section)
    return "\n".join(each for each in (path, text) if each)


def limited(pairs: Sequence[Pair], most: int, random: Random, together: int = 1) -> tuple[Pair, ...]:
    """At most `most` of the pairs, in their order: drawn section by section, so that long ones do not crowd out others.

    Each section's titles, headings, errors and keywords come before its sentences and steps. Of a corpus with more
    sections than `most` can give `together` pairs each, which share a passage in training, only so many are drawn.
    """
    if len(pairs) <= most:
        return tuple(pairs)
    places: dict[str, list[int]] = {}
    for place in shuffled(range(len(pairs)), random):
        places.setdefault(pairs[place].section_id, []).append(place)
    queues = [sorted(queue, key=lambda place: bool(pairs[place].part)) for queue in places.values()]
    queues = queues[: max(1, most // together)]
    kept = [queue[turn] for turn in range(max(map(len, queues))) for queue in queues if turn < len(queue)]
    return tuple(pairs[place] for place in sorted(kept[:most]))


def shuffled(items: Iterable[Item], random: Random) -> list[Item]:
    """The items in an order that depends on the generator's state alone, the same in every Python."""
    # Of the generator, only random() is promised to give the same numbers in every Python.
    return [item for _, item in sorted(((random.random(), item) for item in items), key=lambda pair: pair[0])]


def digest(pairs: Iterable[Pair]) -> str:
    """SHA-256 of the pairs, hexadecimal."""
    return hashlib.sha256("\n".join(map(repr, pairs)).encode()).hexdigest()


def _pairs_of(
    section: Section, errors: Iterable[str], keywords: Iterable[str], shared: Mapping[str, int]
) -> Iterator[Pair]:
    def pair(kind: Kind, anchor: str, part: str = "", bare: bool = False) -> Pair:
        return Pair(" ".join(clean(anchor).split()), section.section_id, kind, part, bare)

    above = section.headings[-1] if section.headings else ""
    if len(section.headings) > 1 and shared[_key(above)] > 1:
        above = f"{section.headings[0]}: {above}"
    kind: Kind = "title" if len(section.headings) < 2 else "heading"
    yield pair(kind, above)
    if section.text:
        yield pair(kind, above, bare=True)
    for kind, part in _parts(section):
        yield pair(kind, part, part)
    for text in errors:
        yield pair("error", text)
    for text in keywords:
        yield pair("keyword", text)


def _parts(section: Section) -> Iterator[tuple[Kind, str]]:
    """Each sentence and step of a section that is long enough, verbatim."""
    steps = {_key(step.text) for step in section.steps}
    for line in section.text.split("\n"):
        content = line[mark.end() :] if (mark := _MARK.match(line)) else line
        is_step = _key(content) in steps
        for part in [content.strip()] if is_step else [each.text for each in sentenize(content)]:
            if sum(1 for _ in words(part)) >= _FEWEST_WORDS and len(part) < len(section.text):
                yield "step" if is_step else "sentence", part


def _keyword_holders(sections: Iterable[Section]) -> dict[str, str]:
    """Keyword -> the section it asks for: its only one, else the first of its only article; "" where it names several.

    An article's keywords stand with each of its sections.
    """
    held: dict[str, list[Section]] = {}
    for section in sections:
        for word in section.keywords:
            held.setdefault(word, []).append(section)
    return {
        word: having[0].section_id if len({section.article_id for section in having}) == 1 else ""
        for word, having in held.items()
    }


def _key(text: str) -> str:
    return " ".join(word.text for word in words(clean(text)))
