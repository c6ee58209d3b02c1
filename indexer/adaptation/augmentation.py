"""Anchors as visitors would type them: other words for the same thing, hurried hands."""

from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

from indexer.knowledge import Synonyms
from indexer.lemmas import Lemmatizer
from indexer.words import Word, words

Item = TypeVar("Item")

# How often, of all anchors, each change is tried; several can meet. Chosen with the settings, see docs/design.md.
SYNONYM, KEYWORDS, LOWER, UNPUNCTUATED, TYPO = 0.4, 0.2, 0.6, 0.5, 0.2

LONGEST = 12  # words of an anchor, as of a long query; more would cost time and is rare
_LONG_ENOUGH = 4  # letters of a word that may get a typo

_ROWS = ("йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю")
_LETTERS = frozenset("".join(_ROWS)) | {"ё"}
_QUESTION_WORDS = frozenset({"как", "где", "когда", "почему", "зачем", "куда", "откуда", "ли", "можно", "какой"})


class Augmentation:
    """Changes anchors by chance: the same generator gives the same changes."""

    def __init__(self, synonyms: Synonyms, lemmatizer: Lemmatizer) -> None:
        self._lemmatizer = lemmatizer
        # The lemmas of words that articles use -> the words that visitors type for them.
        self._others: dict[tuple[str, ...], tuple[str, ...]] = {}
        for group in synonyms.two_way:
            for word in group.words:
                self._add(word, [other for other in group.words if other != word])
        for way in synonyms.one_way:
            for word in way.to:
                self._add(word, way.from_)
        self._longest = max(map(len, self._others), default=0)

    def __call__(self, anchor: str, random: Random, *, exact: bool = False) -> str:
        """The anchor as it might be typed, at most twelve words of it in a row.

        `exact` ones (error texts, which are pasted) keep their words and letters.
        """
        anchor = _cut(anchor, random)
        changes: list[tuple[float, Callable[[str, Random], str]]] = [(LOWER, _lower), (UNPUNCTUATED, unpunctuated)]
        if not exact:
            changes = [(SYNONYM, self.with_synonym), (KEYWORDS, self.keywords), *changes, (TYPO, with_typo)]
        for share, change in changes:
            if random.random() < share:
                anchor = change(anchor, random) or anchor
        return anchor

    def with_synonym(self, text: str, random: Random) -> str:
        """The text with one word (or phrase) that has synonyms put in other words; as it was where none has."""
        found = list(words(text))
        lemmas = [self._lemmatizer.lemma(word.text) for word in found]
        places = [
            (start, stop, others)
            for start in range(len(found))
            for stop in range(start + 1, min(start + self._longest, len(found)) + 1)
            if (others := self._others.get(tuple(lemmas[start:stop])))
        ]
        if not places:
            return text
        start, stop, others = _pick(random, places)
        return text[: found[start].start] + _pick(random, others) + text[found[stop - 1].stop :]

    def keywords(self, text: str, random: Random) -> str:
        """The words of the text without those that say nothing of the subject, as typed into a search box."""
        return " ".join(text[word.start : word.stop] for word in words(text) if not self._is_empty(word))

    def _is_empty(self, word: Word) -> bool:
        return self._lemmatizer.is_function_word(word.text) or self._lemmatizer.lemma(word.text) in _QUESTION_WORDS

    def _add(self, word: str, others: Sequence[str]) -> None:
        key = tuple(self._lemmatizer.lemma(part.text) for part in words(word))
        self._others[key] = (*self._others.get(key, ()), *others)


def _cut(text: str, random: Random) -> str:
    found = list(words(text))
    if len(found) <= LONGEST:
        return text
    first = int(random.random() * (len(found) - LONGEST + 1))
    return text[found[first].start : found[first + LONGEST - 1].stop]


def _lower(text: str, random: Random) -> str:
    return text.lower()


def unpunctuated(text: str, random: Random) -> str:
    """The words alone, with what stands inside them («5.7.1», «Wi-Fi»)."""
    return " ".join(text[word.start : word.stop] for word in words(text))


def with_typo(text: str, random: Random) -> str:
    """The text with one letter of a Russian word dropped, doubled, swapped with the next or struck beside its key."""
    long = [word for word in words(text) if len(word.text) >= _LONG_ENOUGH and not set(word.text) - _LETTERS]
    if not long:
        return text
    word = _pick(random, long)
    place = word.start + int(random.random() * (word.stop - word.start - 1))
    letter, following = text[place], text[place + 1]
    typo = _pick(random, ["", letter * 2, following + letter, _beside(letter, random)])
    return text[:place] + typo + text[place + (2 if typo == following + letter else 1) :]


def _beside(letter: str, random: Random) -> str:
    row = next((row for row in _ROWS if letter.lower() in row), letter.lower())
    key = row.index(letter.lower()) + (1 if random.random() < 0.5 else -1)
    return row[key] if 0 <= key < len(row) else row[1 if key < 0 else -2] if len(row) > 1 else letter


def _pick(random: Random, items: Sequence[Item]) -> Item:
    return items[int(random.random() * len(items))]
