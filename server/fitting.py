"""Text in a number of tokens: cut between steps and sentences, never within one."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from razdel import sentenize
from tokenizers import Tokenizer

from indexer.artifact import Artifact
from indexer.query_encoder import TOKENIZER
from indexer.sections import Section

Count = Callable[[str], int]  # how many tokens a text has

_MARK = re.compile(r"(?:•|\d+\.) ")  # before an item
_CHARACTERS = 2  # of a token, at the least: a section of our help has 2.9 or more with multilingual-e5-small


@dataclass(frozen=True, slots=True)
class Fitted:
    """As much of a text as fits."""

    text: str
    stop: int  # the piece to go on with: as many as there are where all of them fit
    tokens: int


def token_count(artifact: Artifact) -> Count:
    """What counts tokens as the artifact's tokenizer does; an index without one gets an estimate that is too high."""
    if artifact.query_side is None:
        return lambda text: -(-len(text) // _CHARACTERS)
    tokenizer: Any = Tokenizer.from_file(str(artifact.query_side / TOKENIZER))
    tokenizer.no_truncation()
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


def pieces(section: Section) -> list[str]:
    """The steps, each with its sub-steps, and the other sentences of a section.

    Joined they give its text: each begins with the line break or the space before it.
    """
    found: list[str] = []
    steps, step = iter(section.steps), ""
    following = next(steps, None)
    for number, line in enumerate(section.text.split("\n") if section.text else []):
        body, lead = _MARK.sub("", line, count=1), "\n" if number else ""
        if following and _MARK.match(line) and following.text.startswith(body):
            found.append(lead + line)
            step, following = " ".join((following.text, *following.substeps)), next(steps, None)
        elif step and body in step:
            found[-1] += lead + line
        else:
            step = ""
            found += _sentences(lead, line)
    return found


def _sentences(lead: str, line: str) -> list[str]:
    """The sentences of a line, the first of them after `lead`."""
    starts = [sentence.start for sentence in sentenize(line)] or [0]
    bounds = zip([0, *starts[1:]], [*starts[1:], len(line)], strict=True)
    first, *more = [line[start:stop] for start, stop in bounds]
    found = [lead + first]
    for sentence in more:  # a space that divides two goes with the second
        kept = found[-1].rstrip(" ")
        found.append(found[-1][len(kept) :] + sentence)
        found[-2] = kept
    return found


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
