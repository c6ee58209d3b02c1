"""Text in a number of tokens: cut between steps and sentences, never within one."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from razdel import sentenize

from indexer.sections import Section, Step
from server.search import Searcher

Count = Callable[[str], int]  # how many tokens a text has

_NUMBERED = re.compile(r"\d+\. ")
_MARK = re.compile(r"(?:•|\d+\.) ")  # before an item


@dataclass(frozen=True, slots=True)
class Fitted:
    """As much of a text as fits."""

    text: str
    stop: int  # the piece to go on with: as many as there are where all of them fit
    tokens: int


def counter(searcher: Searcher) -> Count:
    """What counts tokens as the searcher's model does."""
    return lambda text: searcher.encoder.count_tokens([text])[0]


def pieces(section: Section) -> list[str]:
    """The steps, each with its sub-steps, and the other sentences of a section.

    Joined they give its text: each begins with the line break or the space before it.
    """
    return [section.text[start:stop] for start, stop in pairwise([0, *unit_ends(section.text, section)])]


def unit_ends(text: str, section: Section) -> list[int]:
    """Where a section's steps and the sentences between them end, in code points; the last one ends the text."""
    ends = []
    for start, stop, is_step in _blocks(text, section.steps):
        ends += [stop] if is_step else [start + end for end in sentence_ends(text[start:stop])]
    return ends


@dataclass(slots=True)
class _Block:
    start: int
    stop: int
    is_step: bool


def _blocks(text: str, steps: Sequence[Step]) -> Iterator[tuple[int, int, bool]]:
    """The steps of a text, each with all its lines, and every other line: where it starts, stops, whether it is one."""
    wholes = [" ".join((step.text, *step.substeps)) for step in steps]
    block: _Block | None = None
    whole, following = "", 0  # the step of the block, the number of the one after it
    for start, line in _lines(text):
        body = _MARK.sub("", line.strip(), count=1)
        if block and block.is_step and body in whole:
            block.stop = start + len(line)
            continue
        if block:
            yield block.start, block.stop, block.is_step
        found = _step_beginning(body, wholes, following) if _NUMBERED.match(line) else None
        block = _Block(start, start + len(line), found is not None)
        if found is not None:
            whole, following = wholes[found], found + 1
    if block:
        yield block.start, block.stop, block.is_step


def _step_beginning(body: str, wholes: Sequence[str], following: int) -> int | None:
    """The number of the step, of those that follow, that begins with a line."""
    return next((number for number in range(following, len(wholes)) if wholes[number].startswith(body)), None)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that have something in them, and where each starts."""
    start = 0
    for line in text.split("\n"):
        if line.strip():
            yield start, line
        start += len(line) + 1


def sentence_ends(text: str) -> Iterator[int]:
    """Where sentences end, before white space alone: what follows without any costs other tokens by itself."""
    for sentence in sentenize(text):
        if sentence.stop == len(text) or text[sentence.stop].isspace():
            yield sentence.stop


def fit(text: Sequence[str], room: int, count: Count, start: int = 0) -> Fitted:
    """The pieces from `start` on that have at most `room` tokens together.

    What only announces the next piece (a line that ends in a colon) is left to it, unless nothing else fits.
    """
    stop, used = start, [0]
    while stop < len(text) and used[-1] + (tokens := count(text[stop])) <= room:
        used.append(used[-1] + tokens)
        stop += 1
    while start + 1 < stop < len(text) and text[stop - 1].endswith(":"):
        stop -= 1
    return Fitted("".join(text[start:stop]).strip("\n "), stop, used[stop - start])
