"""What two words have in common: the lemma, by pymorphy3; the same for articles and queries."""

import re
from functools import lru_cache
from importlib.metadata import version

import pymorphy3

from indexer.words import clean, word_texts

_CYRILLIC = re.compile(r"[а-яё]+(?:-[а-яё]+)*")

# Parts of speech that say nothing about the subject: prepositions, conjunctions, particles, pronouns, interjections.
_FUNCTION_WORDS = frozenset({"PREP", "CONJ", "PRCL", "NPRO", "INTJ"})

# A query is asked for its lemmas by everybody who answers it.
_SHORT, _CACHED_TEXTS = 300, 256

_CACHED_WORDS = 100_000  # distinct word forms kept; a help of 2,300 articles has about 30,000


def versions() -> dict[str, str]:
    """Versions of the analyser and its dictionary, as the manifest records them: other ones give other lemmas."""
    return {name: version(name) for name in ("pymorphy3", "pymorphy3-dicts-ru")}


class Lemmatizer:
    """Lemmas of Russian text; anything that is not a Russian word is its own lemma."""

    def __init__(self) -> None:
        self._analyzer = pymorphy3.MorphAnalyzer()
        self._parse = lru_cache(maxsize=_CACHED_WORDS)(self._parse_uncached)
        self._lemmas = lru_cache(maxsize=_CACHED_TEXTS)(self._lemmas_uncached)

    def lemma(self, word: str) -> str:
        """The lemma of one lower-case word, ё folded to е; codes and mixed tokens come back as they are."""
        return self._parse(word)[0]

    def is_function_word(self, word: str) -> bool:
        """Whether the word is a preposition, conjunction, particle, pronoun or interjection: nothing to mark."""
        return self._parse(word)[1]

    def possible_lemmas(self, word: str) -> set[str]:
        """The lemmas of every parse of a lower-case word, ё folded to е; for an unknown word they are guesses."""
        return {parse.normal_form.replace("ё", "е") for parse in self._analyzer.parse(word)}

    def is_known(self, word: str) -> bool:
        """Whether the dictionary has the lower-case word; ё may be written е."""
        return bool(self._analyzer.word_is_known(word, strict=False))

    def lemmas(self, text: str) -> list[str]:
        """The lemmas of a text in order of its words; empty where it has none.

        A hyphenated word gives the whole and its parts: «push-уведомления» is found by «уведомление».
        """
        return list(self._lemmas(text) if len(text) <= _SHORT else self._lemmas_uncached(text))

    def _lemmas_uncached(self, text: str) -> tuple[str, ...]:
        return tuple(lemma for word in word_texts(clean(text)) for lemma in self.lemmas_of_word(word))

    def lemmas_of_word(self, word: str) -> list[str]:
        """The lemmas of one word as `words` gives it: its own, and of a hyphenated one those of its parts."""
        if "-" in word and _CYRILLIC.search(word):
            return [self.lemma(word), *(self.lemma(part) for part in word.split("-") if part)]
        return [self.lemma(word)]

    def content_lemmas(self, text: str) -> list[str]:
        """The lemmas of a text in order of its words, without function words; a hyphenated word gives the whole."""
        return [self.lemma(word) for word in word_texts(clean(text)) if not self.is_function_word(word)]

    def _parse_uncached(self, word: str) -> tuple[str, bool]:
        if not _CYRILLIC.fullmatch(word):
            return word.replace("ё", "е"), False
        # The parses are listed by part of speech first; the score is what the corpus says of the word.
        best = max(self._analyzer.parse(word), key=lambda parse: parse.score)
        # ё last, since pymorphy3 restores it: «еще» and «ещё» are one word to us.
        return best.normal_form.replace("ё", "е"), best.tag.POS in _FUNCTION_WORDS
