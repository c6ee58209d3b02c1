"""Which words there are, how common they are, and which of them a spelling may stand for."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from math import log10

from symspellpy import SymSpell, Verbosity

from indexer.lemmas import Lemmatizer
from indexer.wordlist import WordList, folded
from indexer.words import word_texts
from server.reading import translit
from server.reading.keyboard import NEIGHBOURS

_RUSSIAN = re.compile(r"[а-я]+")
_LETTERS = "абвгдежзийклмнопрстуфхцчшщъыьэюя"

# A word of the sections is at least so common, on the Zipf scale, since visitors come for what the help is about.
_IN_HELP = 4.0
_KNOWN = 1.5  # a word of the dictionary that is too rare for the list of common ones

_KEPT = 8192  # words of queries that are kept, about 0.2 kB each: every repair asks for the same


class Lexicon:
    """The words of a help, of its synonyms and of the language."""

    def __init__(self, found: WordList, slang: Iterable[str], lemmatizer: Lemmatizer) -> None:
        self._list = found
        self._lemmatizer = lemmatizer
        self.russian = lru_cache(maxsize=_KEPT)(self._russian)
        self.has_russian = lru_cache(maxsize=_KEPT)(self._has_russian)
        self._slang = {folded(word) for word in slang}
        self._close = SymSpell(max_dictionary_edit_distance=2, prefix_length=7)
        for word in found.corpus.keys() | self._slang:
            if _plain(word):
                self._close.create_dictionary_entry(word, found.corpus.get(word, 1))
        # The words of a key in one text, which takes half the memory of a list.
        self._by_key: dict[str, str] = {}
        for word in sorted(found.corpus.keys() | found.russian.keys() | self._slang):
            if _RUSSIAN.fullmatch(word):
                key = translit.key_of_russian(word)
                self._by_key[key] = f"{self._by_key[key]} {word}" if key in self._by_key else word

    def in_help(self, word: str) -> bool:
        """Whether the word, in lower case with ё as е, stands in the sections or among the synonyms."""
        return word in self._list.corpus or word in self._slang

    def is_slang(self, word: str) -> bool:
        """Whether the dictionary lacks a word of the help, so that its other forms are unknown too."""
        return self.in_help(word) and not self._lemmatizer.is_known(word)

    def _russian(self, word: str) -> float:
        """How common a Russian word is, on the Zipf scale; 0.0 where it is none."""
        if not _RUSSIAN.fullmatch(word):
            return 0.0
        return max(self._help(word), self._list.russian.get(word, 0.0)) or (
            _KNOWN if self._lemmatizer.is_known(word) else 0.0
        )

    def _has_russian(self, piece: str) -> bool:
        """Whether one of the words of a piece of text is Russian."""
        return any(map(self.russian, folded_words(piece)))

    def is_form(self, word: str) -> bool:
        """Whether a Russian word is a form of a known one, though not in the lists itself: «учётке», «телеграма»."""
        return any(
            lemma in self._list.russian or self.in_help(lemma) for lemma in self._lemmatizer.possible_lemmas(word)
        )

    def latin(self, word: str) -> float:
        """How common a word in Latin letters is, on the Zipf scale: an English one, or a name that the help uses."""
        return max(self._help(word), self._list.english.get(word, 0.0)) if word.isascii() else 0.0

    def _help(self, word: str) -> float:
        count = self._list.corpus.get(word, 0)
        return _IN_HELP + log10(1 + count) if count or word in self._slang else 0.0

    def of_latin(self, word: str) -> str | None:
        """The likeliest Russian word that is spelt so in Latin letters; None where there is none."""
        found = [each for key in translit.keys_of_latin(word) for each in self._by_key.get(key, "").split()]
        # Soft signs are left out too often to tell anything.
        plain = folded(translit.plainly(word)).replace("ь", "")
        return max(
            found, key=lambda each: (self.russian(each) + 2.0 * (each.replace("ь", "") == plain), each), default=None
        )

    def corrections(self, word: str) -> list[tuple[float, str]]:
        """Words that may have been meant by an unknown one, as (how likely, word), the likeliest first.

        Of the help's words those within two slips, of the other common ones those within one.
        """
        distance = 2 if len(word) > 5 else 1
        close = {
            found.term: found.distance
            for found in self._close.lookup(word, Verbosity.ALL, max_edit_distance=distance, include_unknown=False)
        }
        if _RUSSIAN.fullmatch(word):
            close |= {each: 1 for each in slips(word) if each in self._list.russian}
        rated = [
            (self._rated(word, meant, number), meant)
            for meant, number in close.items()
            # A preposition more or less finds nothing.
            if len(meant) > 2 and not self._lemmatizer.is_function_word(meant)
        ]
        return sorted(rated, reverse=True)

    def _rated(self, typed: str, meant: str, distance: int) -> float:
        common = max(self.russian(meant), self.latin(meant))
        return common - (_cost(typed, meant) if distance == 1 else 3.0)


@lru_cache(maxsize=_KEPT)
def folded_words(piece: str) -> tuple[str, ...]:
    """The words of a piece of text in lower case, ё as е; the parts of a hyphenated one each by itself."""
    return tuple(part for word in word_texts(piece) for part in folded(word).split("-") if part)


def _plain(word: str) -> bool:
    return word.isalpha() and len(word) > 2


def slips(word: str) -> Iterator[str]:
    """Every word one slip away: a letter too many, too few, another, or two swapped (Norvig, 2007)."""
    for place in range(len(word) + 1):
        head, tail = word[:place], word[place:]
        if tail:
            yield head + tail[1:]
            for letter in _LETTERS:
                yield head + letter + tail[1:]
        if len(tail) > 1:
            yield head + tail[1] + tail[0] + tail[2:]
        for letter in _LETTERS:
            yield head + letter + tail


def _cost(typed: str, meant: str) -> float:
    """What one slip costs on the Zipf scale: least where fingers slip by themselves, most for just another letter."""
    place = next((at for at, (one, other) in enumerate(zip(typed, meant, strict=False)) if one != other), None)
    if place is None:
        place = min(len(typed), len(meant))
    if len(typed) > len(meant):  # a letter too many
        return 0.7 if typed[place] in typed[max(0, place - 1) : place] else 1.2
    if len(typed) < len(meant):
        return 1.0
    if typed[place] in NEIGHBOURS.get(meant[place], ""):
        return 0.8
    swapped = typed[place : place + 2] == meant[place : place + 2][::-1]
    return 0.8 if swapped else 1.5
