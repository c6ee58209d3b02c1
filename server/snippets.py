"""The excerpt of a section that shows why it was found, with the query's words marked."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from razdel import sentenize

from indexer.lemmas import Lemmatizer
from indexer.words import words

LENGTH = 240  # code points of a snippet, about two lines and a half on a desktop screen

_ELLIPSIS = "…"
_KEPT = 256  # texts whose cut is kept, about 10 kB each: those found often are found again


@dataclass(frozen=True, slots=True)
class Snippet:
    """Plain text without line breaks, and what to mark in it."""

    text: str
    highlights: tuple[tuple[int, int], ...]  # [start, stop) in code points, in order, apart from each other


@dataclass(frozen=True, slots=True)
class _Cut:
    """A text as snippets need it, whatever the query."""

    units: tuple[tuple[int, int], ...]  # where its sentences and lines begin and end
    places: Mapping[str, Sequence[tuple[int, int]]]  # lemma -> where its words begin and end


class Snippets:
    """Makes snippets; a word is marked where its lemma is one of the query's."""

    def __init__(self, lemmatizer: Lemmatizer) -> None:
        self._lemmatizer = lemmatizer
        self._cut = lru_cache(maxsize=_KEPT)(self._cut_uncached)

    def query_lemmas(self, query: str) -> frozenset[str]:
        """The lemmas of a query that are worth marking: no prepositions, conjunctions, particles, pronouns."""
        found = set[str]()
        for word in words(query):
            if not self._lemmatizer.is_function_word(word.text):
                found.update(self._lemmatizer.lemmas(word.text))
        return frozenset(found)

    def snippet(self, text: str, query_lemmas: frozenset[str]) -> Snippet:
        """The part of `text`, about LENGTH code points long, that holds most of the query; else its beginning."""
        flat = text.replace("\n", " ")  # same length: offsets stay
        cut = self._cut(text)
        held: dict[tuple[int, int], set[str]] = {}
        for lemma in query_lemmas:
            for place in cut.places.get(lemma, ()):
                held.setdefault(place, set()).add(lemma)
        marks = [(start, stop, held[start, stop]) for start, stop in sorted(held)]
        start, stop = _best_part(text, cut.units, marks)
        before = f"{_ELLIPSIS} " if start > 0 else ""
        after = f" {_ELLIPSIS}" if stop < len(flat.rstrip()) else ""
        shift = len(before) - start
        highlights = tuple((a + shift, b + shift) for a, b, _ in marks if start <= a and b <= stop)
        return Snippet(before + flat[start:stop] + after, highlights)

    def _cut_uncached(self, text: str) -> _Cut:
        places: dict[str, list[tuple[int, int]]] = {}
        for word in words(text):
            for lemma in self._lemmatizer.lemmas_of_word(word.text):
                places.setdefault(lemma, []).append((word.start, word.stop))
        return _Cut(tuple(_units(text)), places)


def _best_part(
    text: str, units: Sequence[tuple[int, int]], marks: Sequence[tuple[int, int, set[str]]]
) -> tuple[int, int]:
    """Where the part of the text begins and ends that holds most of the marked lemmas."""
    if not units:
        return 0, min(len(text), LENGTH)
    best, most = units[0], -1
    for place, (start, _) in enumerate(units):
        stop = start
        for _, end in units[place:]:
            if end - start > LENGTH and stop > start:
                break
            stop = end
        held = {lemma for a, b, found in marks if start <= a and b <= stop for lemma in found}
        if len(held) > most:
            best, most = (start, stop), len(held)
    start, stop = best
    if stop - start > LENGTH:  # one long sentence: around its first mark, at word ends
        first = next((a for a, b, _ in marks if start <= a and b <= stop), start)
        start = max(start, min(first - LENGTH // 4, stop - LENGTH))
        if start > best[0]:
            start = text.find(" ", start, first) + 1 or start
        stop = min(stop, start + LENGTH)
        if stop < best[1]:
            space = text.rfind(" ", start + LENGTH // 2, stop)
            stop = space if space > 0 else stop
    return start, stop


def _units(text: str) -> Iterator[tuple[int, int]]:
    """Where sentences begin and end, lines being ends too."""
    offset = 0
    for line in text.split("\n"):
        for sentence in sentenize(line):
            if sentence.text.strip():
                yield offset + sentence.start, offset + sentence.stop
        offset += len(line) + 1
