"""Texts of hits that together cost at most so many tokens, and the handle by which the rest is asked for.

Nobody keeps anything between two pages: the handle says where the last one ended, and the same search, done again over
the same generation, goes on from there.
"""

import base64
import binascii
import hashlib
import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import replace

import orjson
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from server.errors import QueryError
from server.fitting import Count, sentence_ends, unit_ends
from server.found import Hit
from server.schema import SearchRequest
from server.search import Searcher


@checked_dataclass(frozen=True, slots=True, config=ConfigDict(strict=True))
class Place:
    """Where the next page begins."""

    generation: str
    asked: str  # digest of the request
    number: int = 0  # of the text, from 0 in the order of pages
    offset: int = 0  # in code points of that text
    degraded: bool = False  # the pages before were found by words alone

    def handle(self) -> str:
        """The place as callers keep it: letters, digits, "-" and "_"."""
        told = [self.generation, self.asked, self.number, self.offset, self.degraded]
        return base64.urlsafe_b64encode(orjson.dumps(told)).rstrip(b"=").decode()


_PARTS = TypeAdapter(tuple[str, str, int, int, bool], config=ConfigDict(strict=False))


def begins(wanted: SearchRequest, searcher: Searcher) -> Place:
    """Where the page that is asked for begins.

    Raises QueryError for a handle of another request or another generation, and for what is none.
    """
    # Who may see internal sections and who may not have different rankings over one generation.
    told = wanted.model_dump_json(exclude={"max_tokens", "next", "explain"}) + str(len(searcher.artifact.sections))
    start = Place(searcher.artifact.generation, hashlib.sha256(told.encode()).hexdigest()[:16])
    if wanted.next is None:
        return start
    place = _read(wanted.next)
    if place.generation != start.generation:
        message = "Справка с тех пор обновилась, продолжения больше нет. Повторите запрос без поля «next»."
        raise QueryError(422, "next_expired", message, "next")
    if place.asked != start.asked:
        message = "Поле «next» — из ответа на другой запрос. Повторите запрос, с которым оно пришло."
        raise QueryError(422, "invalid_value", message, "next")
    return place


def _read(handle: str) -> Place:
    try:
        content = base64.b64decode(handle + "=" * (-len(handle) % 4), altchars=b"-_", validate=True)
        place = Place(*_PARTS.validate_json(content))
    except (binascii.Error, ValueError, ValidationError) as error:
        raise _no_handle() from error
    if place.number < 0 or place.offset < 0:
        raise _no_handle()
    return place


def _no_handle() -> QueryError:
    return QueryError(422, "invalid_value", "Недопустимое значение поля «next»: берите его из ответа.", "next")


def page(
    hits: Sequence[Hit], start: Place, tokens: int, searcher: Searcher, count: Count
) -> tuple[list[Hit], Place | None]:
    """The hits whose texts cost at most `tokens` together, from a place on, and the place after them.

    The best section of every article comes first, then the others. `rank` is that of the ranking; the text of the last
    hit may go on in the first one of the next page. None after the last page.

    Raises QueryError for a place that the texts do not have.
    """
    ordered = _best_first(hits)
    if start.number and (start.number >= len(ordered) or start.offset >= len(ordered[start.number].text)):
        raise _no_handle()
    found: list[Hit] = []
    left, number, offset = tokens, start.number, start.offset
    while number < len(ordered):
        hit = ordered[number]
        rest = hit.text[offset:]
        if (cost := count(rest)) > left:
            stop = offset + _fitting(rest, _units_after(hit, offset, searcher), left, count, is_first=not found)
            if stop > offset:
                found.append(replace(hit, text=hit.text[offset:stop].rstrip()))
            return found, replace(start, number=number, offset=_behind_space(hit.text, stop))
        found.append(replace(hit, text=rest))
        left, number, offset = left - cost, number + 1, 0
    return found, None


def _best_first(hits: Sequence[Hit]) -> list[Hit]:
    seen: set[str] = set()
    best: list[Hit] = []
    others: list[Hit] = []
    for hit in hits:
        (others if hit.article_id in seen else best).append(hit)
        seen.add(hit.article_id)
    return best + others


def _units_after(hit: Hit, offset: int, searcher: Searcher) -> list[int]:
    """Where the units of the rest of a hit's text end, counted from the offset."""
    section = searcher.sections[hit.section_id]
    return [stop - offset for stop in unit_ends(hit.text, section) if stop > offset]


def _fitting(rest: str, ends: Sequence[int], tokens: int, count: Count, *, is_first: bool) -> int:
    """How much of a text fits, in code points, up to the end of a unit; 0 where none does.

    The first unit of a page may cost more than a whole page may. It is then cut at sentences, else at words, else
    anywhere: nothing else could ever be said.
    """

    def longest(stops: Sequence[int]) -> int:
        fits = bisect_left(stops, True, key=lambda stop: count(rest[:stop]) > tokens)
        return stops[fits - 1] if fits else 0

    if (stop := longest(ends)) or not is_first:
        return stop
    unit = rest[: ends[0]]
    for finer in (sentence_ends, _word_ends, lambda text: range(1, len(text) + 1)):
        if stop := longest(list(finer(unit))):
            return stop
    return len(unit)  # a single character that costs more than a page does not exist


def _behind_space(text: str, offset: int) -> int:
    while offset < len(text) and text[offset].isspace():
        offset += 1
    return offset


def _word_ends(text: str) -> Iterable[int]:
    return (word.end() for word in re.finditer(r"\S+", text))
