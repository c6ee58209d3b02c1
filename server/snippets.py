"""The excerpt of a section that shows why it was found, with the query's words marked."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from razdel import sentenize

from indexer.lemmas import Lemmatizer
from indexer.words import word_texts, words

LENGTH = 240  # code points of a snippet, about two lines and a half on a desktop screen

_ELLIPSIS = "…"
_KEPT = 256  # texts whose cut is kept, about 10 kB each: those found often are found again
_KEPT_WORDS = 4096  # words of queries whose lemmas are kept, about 0.3 kB each


@dataclass(frozen=True, slots=True)
class Snippet:
    """Plain text without line breaks, and what to mark in it."""

    text: str
    highlights: tuple[tuple[int, int], ...]  # [start, stop) in code points, in order, apart from each other


@dataclass(frozen=True, slots=True)
class _Cut:
    """A text as snippets need it, whatever the query."""

    flat: str  # without line breaks, which takes as many code points: offsets stay
    end: int  # of what is there to be read
    parts: tuple[tuple[int, int], ...]  # where a snippet may begin, at sentences and lines, and would end
    places: Mapping[str, Sequence[tuple[int, int]]]  # lemma -> where its words begin and end


class Snippets:
    """Makes snippets; a word is marked where its lemma is one of the query's."""

    def __init__(self, lemmatizer: Lemmatizer) -> None:
        self._lemmatizer = lemmatizer
        self._cut = lru_cache(maxsize=_KEPT)(self._cut_uncached)
        self._marked = lru_cache(maxsize=_KEPT_WORDS)(self._marked_uncached)

    def query_lemmas(self, query: str) -> frozenset[str]:
        """The lemmas of a query that are worth marking: no prepositions, conjunctions, particles, pronouns."""
        return frozenset(lemma for word in word_texts(query) for lemma in self._marked(word))

    def _marked_uncached(self, word: str) -> tuple[str, ...]:
        return () if self._lemmatizer.is_function_word(word) else tuple(self._lemmatizer.lemmas(word))

    def snippet(self, text: str, query_lemmas: frozenset[str]) -> Snippet:
        """The part of `text`, about LENGTH code points long, that holds most of the query; else its beginning."""
        cut = self._cut(text)
        held: dict[tuple[int, int], int] = {}  # where a word to be marked stands -> its lemmas, a bit each
        for number, lemma in enumerate(query_lemmas):
            for place in cut.places.get(lemma, ()):
                held[place] = held.get(place, 0) | 1 << number
        marks = sorted(held.items())
        start, stop = _best_part(cut, marks)
        before = f"{_ELLIPSIS} " if start > 0 else ""
        after = f" {_ELLIPSIS}" if stop < cut.end else ""
        shift = len(before) - start
        highlights = tuple((a + shift, b + shift) for (a, b), _ in marks if start <= a and b <= stop)
        return Snippet(before + cut.flat[start:stop] + after, highlights)

    def _cut_uncached(self, text: str) -> _Cut:
        places: dict[str, list[tuple[int, int]]] = {}
        for word in words(text):
            for lemma in self._lemmatizer.lemmas_of_word(word.text):
                places.setdefault(lemma, []).append((word.start, word.stop))
        flat = text.replace("\n", " ")
        return _Cut(flat, len(flat.rstrip()), tuple(_parts(text)), places)


def _best_part(cut: _Cut, marks: Sequence[tuple[tuple[int, int], int]]) -> tuple[int, int]:
    """Where the part of a text begins and ends that holds most of the marked lemmas, the first of several."""
    all_lemmas = 0
    for _, lemmas in marks:
        all_lemmas |= lemmas
    best, most = cut.parts[0], 0
    for part in cut.parts:
        if most == all_lemmas.bit_count():
            break
        start, stop = part
        held = 0
        for (a, b), lemmas in marks:
            if start <= a and b <= stop:
                held |= lemmas
        if held.bit_count() > most:
            best, most = part, held.bit_count()
    start, stop = best
    if stop - start > LENGTH:  # one long sentence: around its first mark, at word ends
        first = next((a for (a, b), _ in marks if start <= a and b <= stop), start)
        start = max(start, min(first - LENGTH // 4, stop - LENGTH))
        if start > best[0]:
            start = cut.flat.find(" ", start, first) + 1 or start
        stop = min(stop, start + LENGTH)
        if stop < best[1]:
            space = cut.flat.rfind(" ", start + LENGTH // 2, stop)
            stop = space if space > 0 else stop
    return start, stop


def _parts(text: str) -> Iterator[tuple[int, int]]:
    """From where each sentence and line of a text begins to where LENGTH ends, at an end; at least one of them."""
    units = list(_units(text)) or [(0, min(len(text), LENGTH))]
    for place, (start, stop) in enumerate(units):
        for _, end in units[place + 1 :]:
            if end - start > LENGTH:
                break
            stop = end
        yield start, stop


def _units(text: str) -> Iterator[tuple[int, int]]:
    """Where sentences begin and end, lines being ends too."""
    offset = 0
    for line in text.split("\n"):
        for sentence in sentenize(line):
            if sentence.text.strip():
                yield offset + sentence.start, offset + sentence.stop
        offset += len(line) + 1
