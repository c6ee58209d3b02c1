"""What the search box offers while somebody types: known errors, featured questions, titles of sections.

Words alone decide, no vectors: an index of a few thousand words in memory, so that a letter costs next to nothing.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile
from math import ceil
from typing import Literal
from urllib.parse import urlencode

from indexer.artifact import Artifact
from indexer.lemmas import Lemmatizer
from indexer.sections import Section
from indexer.wordlist import folded
from indexer.words import clean, words
from server.addresses import article_url, section_url
from server.interpretation import Reader
from server.reading.keyboard import in_russian_layout, in_us_layout
from server.reading.lexicon import slips
from server.reading.translit import WRITTEN, plainly

Kind = Literal["error", "question", "section"]

MOST = 8  # suggestions at a time
_OF_A_KIND = 3  # errors, and questions, as long as there is something of another kind
_PREFIX_WORDS = 300  # words that the beginning of one is completed to; a single letter begins many
_SHORTEST_SLIP = 4  # letters; in shorter words a slip makes another word as often as not
# What another form of a word counts for, one with a slip, and one that stands beside the title; the word itself: 1.
_LEMMA, _SLIP, _BESIDE = 0.95, 0.6, 0.5
_PREFIX = 0.6  # what the beginning of a word counts for at least
_COVERED, _FEATURED, _FOR_ADMINS = 0.3, 0.05, -0.25  # what a title gets for all of it being asked for, and so on
_FIRST, _ROW = 0.2, 3  # for each of the first words typed that the title begins with, and of how many
_MOST_WORDS = 0.6  # share of the words that has to fit where not all do
_SYNONYMS = 3  # of a word, tried where the word itself finds nothing

Matches = dict[int, float]  # number of an entry -> how well a word fits it, in (0, 1]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A line under the search box and where it leads."""

    text: str
    kind: Kind
    url: str


@dataclass(frozen=True, slots=True)
class _Entry:
    """A suggestion as it is looked up."""

    suggestion: Suggestion
    words: tuple[frozenset[str], ...]  # the terms of each word of its text
    bonus: float


class _Terms:
    """Forms and lemmas with the numbers of the entries that hold them, looked up by their beginnings."""

    def __init__(self, holding: dict[str, set[int]]) -> None:
        self._holding = holding
        self._sorted = sorted(holding)
        self.beginnings = {term[:length] for term in holding for length in range(3, len(term) + 1)}

    def matching(self, word: str, lemma: str) -> Matches:
        """The entries with the word, what begins with it, or its lemma."""
        found = self.beginning_with(word)
        for number in self._holding.get(lemma, ()):
            found[number] = max(found.get(number, 0.0), _LEMMA)
        return found

    def beginning_with(self, word: str) -> Matches:
        """The entries with a word that begins with this one; the less is missing, the better it fits."""
        found: Matches = {}
        start = bisect_left(self._sorted, word)
        for term in islice(self._sorted, start, start + _PREFIX_WORDS):
            if not term.startswith(word):
                break
            quality = 1.0 if term == word else _PREFIX + (1 - _PREFIX) * len(word) / len(term)
            for number in self._holding[term]:
                found[number] = max(found.get(number, 0.0), quality)
        return found


class Suggester:
    """Suggestions out of one artifact."""

    def __init__(self, artifact: Artifact, lemmatizer: Lemmatizer, reader: Reader) -> None:
        self._lemmatizer = lemmatizer
        self._reader = reader
        self._entries: list[_Entry] = []
        titles: dict[str, set[int]] = {}  # a form or lemma -> the entries with it
        beside: dict[str, set[int]] = {}
        for suggestion, section, bonus in _suggestions(artifact):
            number = len(self._entries)
            terms = tuple(frozenset(self._terms_of(word)) for word in _words(suggestion.text))
            self._entries.append(_Entry(suggestion, terms, bonus))
            for term in frozenset().union(*terms):
                titles.setdefault(term, set()).add(number)
            for word in _words(" ".join((*section.keywords, *section.headings))):
                for term in self._terms_of(word):
                    beside.setdefault(term, set()).add(number)
        self._titles = _Terms(titles)
        self._beside = _Terms(beside)

    def suggest(self, typed: str) -> tuple[Suggestion, ...]:
        """At most MOST suggestions for what was typed so far: errors, then questions, then sections.

        The last word may be unfinished. What was typed is tried first, then as the other keyboard layout gives it, with
        a slip in a word, as the search would read it; then words of the article's title and the editor's keywords count
        too, and last some of the words may be left aside. Empty where nothing fits.
        """
        text = folded(" ".join(clean(typed).split()).lower())
        if not text:
            return ()
        for reading, with_slips in self._readings(text):
            if found := self._found(_words(reading), with_slips):
                return self._chosen(found)
        read_as = _words(folded(self._reader.read(text).read_as.lower()))
        found = self._found(read_as, beside=True) or self._found(read_as, all_words=False)
        return self._chosen(found)

    def _terms_of(self, word: str) -> set[str]:
        """What a word is found by: itself, its lemma, and the parts of a code or a hyphenated word."""
        parts = [part for part in word.replace("_", "-").split("-") if part]
        return {word, self._lemmatizer.lemma(word), *parts, *map(self._lemmatizer.lemma, parts)}

    def _readings(self, text: str) -> Iterator[tuple[str, bool]]:
        """What may have been meant, the likeliest first, each with whether words may hold a slip."""
        layouts = [text, *(other for other in (in_russian_layout(text), in_us_layout(text)) if other != text)]
        yield from ((layout, False) for layout in layouts)
        yield from ((layout, True) for layout in layouts)
        if any(map(WRITTEN.fullmatch, text.split())):
            sounds = " ".join(plainly(word) if WRITTEN.fullmatch(word) else word for word in text.split())
            yield from ((sounds, False), (sounds, True))
        read = self._reader.read(text)
        if read.read_as != text:
            yield read.read_as, False
        for expansion in read.expansions:
            for meant in expansion.meant[:_SYNONYMS]:
                yield self._with(folded(read.read_as), expansion.phrase, meant), True

    def _with(self, text: str, phrase: tuple[str, ...], meant: str) -> str:
        """The text with a phrase, given by its lemmas, exchanged; unchanged where it does not stand there."""
        found = _words(text)
        for place in range(len(found) - len(phrase) + 1):
            here = found[place : place + len(phrase)]
            # The dictionary lacks slang: «пуши» is a form of «пуш» to whoever reads queries only.
            if all(
                self._lemmatizer.lemma(word) == lemma or word.startswith(lemma)
                for word, lemma in zip(here, phrase, strict=True)
            ):
                return " ".join((*found[:place], folded(meant.lower()), *found[place + len(phrase) :]))
        return text

    def _found(
        self, typed: Sequence[str], with_slips: bool = False, beside: bool = False, all_words: bool = True
    ) -> Matches:
        """The entries that hold the words, with their scores; function words between others need not be there."""
        needed = [word for word in typed[:-1] if not self._lemmatizer.is_function_word(word)] + list(typed[-1:])
        if len(needed) > 1 and self._lemmatizer.is_function_word(needed[-1]):
            needed.pop()  # «не приходит на»: more will come
        if not needed or (not all_words and len(needed) < 3):
            return {}
        matches = [self._matching(word, with_slips, beside) for word in dict.fromkeys(needed)]
        fitting: dict[int, list[float]] = {}
        for each in matches:
            for number, quality in each.items():
                fitting.setdefault(number, []).append(quality)
        least = len(matches) if all_words else max(2, ceil(_MOST_WORDS * len(matches)))
        lone_letter = len(needed) == 1 and len(needed[0]) == 1
        return {
            number: self._score(number, typed, qualities, len(matches))
            for number, qualities in fitting.items()
            if len(qualities) >= least and not (lone_letter and not self._begins_with(number, needed[0]))
        }

    def _matching(self, word: str, with_slips: bool, beside: bool) -> Matches:
        """The entries with a word that is this one, a form of it, or begins with it; else, if asked, one slip away."""
        lemma = self._lemmatizer.lemma(word)
        found = self._titles.matching(word, lemma)
        if beside:
            for number, quality in self._beside.matching(word, lemma).items():
                found.setdefault(number, _BESIDE * quality)
        if found or not with_slips or len(word) < _SHORTEST_SLIP:
            return found
        for meant in slips(word):
            if meant in self._titles.beginnings:
                for number, quality in self._titles.beginning_with(meant).items():
                    found[number] = max(found.get(number, 0.0), _SLIP * quality)
        return found

    def _begins_with(self, number: int, word: str) -> bool:
        return any(term.startswith(word) for each in self._entries[number].words[:1] for term in each)

    def _score(self, number: int, typed: Sequence[str], qualities: Sequence[float], asked: int) -> float:
        entry = self._entries[number]
        score = sum(qualities) / asked + _COVERED * min(1.0, len(qualities) / max(1, len(entry.words))) + entry.bonus
        begins = zip(typed, entry.words, strict=False)
        in_a_row = sum(1 for _ in takewhile(lambda pair: any(term.startswith(pair[0]) for term in pair[1]), begins))
        return score + _FIRST * min(_ROW, in_a_row)

    def _chosen(self, found: Matches) -> tuple[Suggestion, ...]:
        """The best ones, of each kind some, in the order of the kinds."""
        ranked = sorted(found, key=lambda number: (-found[number], number))
        first: list[int] = []
        for kind in ("error", "question"):
            first += [number for number in ranked if self._entries[number].suggestion.kind == kind][:_OF_A_KIND]
        sections = [number for number in ranked if self._entries[number].suggestion.kind == "section"]
        first += sections[: MOST - len(first)]
        kept = [*first, *(number for number in ranked if number not in first)][:MOST]
        kinds: tuple[Kind, ...] = ("error", "question", "section")
        order = {number: place for place, number in enumerate(ranked)}
        return tuple(
            self._entries[number].suggestion
            for kind in kinds
            for number in sorted(kept, key=order.__getitem__)
            if self._entries[number].suggestion.kind == kind
        )


def _suggestions(artifact: Artifact) -> Iterator[tuple[Suggestion, Section, float]]:
    """All there is to suggest, each with its section and with what its score is raised by.

    Errors and questions lead to a search, whose page answers them; titles to their place in the article.
    """
    sections = {section.section_id: section for section in artifact.sections}
    featured = {f"{head.article_id}#{anchor}": None for head in artifact.articles for anchor in head.featured}
    for error in artifact.errors.error:
        if section := sections.get(error.section):
            yield Suggestion(error.text, "error", _search_url(error.text)), section, _bonus(section)
    for section_id in featured:
        if (section := sections.get(section_id)) and section.headings:
            text = section.headings[-1]
            yield Suggestion(text, "question", _search_url(text)), section, _bonus(section) + _FEATURED
    for section in artifact.sections:
        if section.section_id not in featured and section.headings:
            url = section_url(section) if section.level > 1 else article_url(section.article_id)
            yield Suggestion(section.headings[-1], "section", url), section, _bonus(section)


def _bonus(section: Section) -> float:
    return _FOR_ADMINS if section.audiences == ("admin",) else 0.0


def _search_url(text: str) -> str:
    return "/?" + urlencode({"q": text})


def _words(text: str) -> list[str]:
    return [folded(word.text) for word in words(text)]
