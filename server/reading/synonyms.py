"""Words that visitors use for what the articles call otherwise: `corpus/synonyms.toml` by lemmas, phrases too."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from indexer.knowledge import Synonyms
from indexer.lemmas import Lemmatizer
from indexer.words import word_texts

Lemmas = tuple[str, ...]

_OWN = 0.1  # share of sections with a word from which on it is the help's own; of 0.015, 0.04, 0.1 and 1 the best

_RUSSIAN = re.compile("[а-я]{3,}")


@dataclass(frozen=True, slots=True)
class Expansion:
    """A word or phrase of a query and what finds the same."""

    phrase: Lemmas  # as it stands in the query
    typed: str  # as the editor wrote it
    meant: tuple[str, ...]  # other words, as the editor wrote them


class Thesaurus:
    """The synonyms of a help, looked up by lemmas.

    A word that the help itself uses all over needs no others: they would only blur it.
    """

    def __init__(self, synonyms: Synonyms, lemmatizer: Lemmatizer, share: Callable[[Lemmas], float]) -> None:
        """`share` tells in which share of the help's sections all of some lemmas stand."""
        self._lemmatizer = lemmatizer
        self._known: dict[Lemmas, list[Expansion]] = {}
        for group in synonyms.two_way:
            for word in group.words:
                self._add(word, tuple(other for other in group.words if other != word))
        for one_way in synonyms.one_way:
            for word in one_way.from_:
                self._add(word, one_way.to)
        self._known = {phrase: found for phrase, found in self._known.items() if share(phrase) < _OWN}
        self._longest = max(map(len, self._known), default=0)
        self._lemmas = frozenset(lemma for phrase in self._known for lemma in phrase)
        unknown = [lemma for lemma in self._lemmas if _RUSSIAN.fullmatch(lemma) and not lemmatizer.is_known(lemma)]
        self._forms = {form: lemma for lemma in unknown for form in _forms(lemma)}

    def _add(self, word: str, meant: tuple[str, ...]) -> None:
        phrase = tuple(map(self._lemmatizer.lemma, word_texts(word.lower())))
        self._known.setdefault(phrase, []).append(Expansion(phrase, word, meant))

    def _lemma(self, word: str) -> str:
        """The lemma of a word; of slang that no dictionary has, that which synonyms name: «пуши» is of «пуш»."""
        lemma = self._lemmatizer.lemma(word)
        return lemma if lemma in self._lemmas else self._forms.get(word, lemma)

    def found_in(self, text: str) -> list[Expansion]:
        """What a query holds, from left to right, the longest phrase first where several begin."""
        lemmas = list(map(self._lemma, word_texts(text)))
        found: list[Expansion] = []
        place = 0
        while place < len(lemmas):
            for length in range(min(self._longest, len(lemmas) - place), 0, -1):
                if known := self._known.get(tuple(lemmas[place : place + length])):
                    found += known
                    place += length - 1
                    break
            place += 1
        return found


def _forms(noun: str) -> list[str]:
    """The cases of a noun that no dictionary has, by its last letter."""
    if noun[-1] in "ая":
        return [noun[:-1] + ending for ending in ("ы", "и", "е", "у", "ю", "ой", "ей", "", "ам", "ами", "ах")]
    return [noun + ending for ending in ("а", "у", "ом", "е", "ы", "и", "ов", "ей", "ам", "ами", "ах")]


def words_of(synonyms: Synonyms) -> list[str]:
    """All that the editor wrote, both sides."""
    return [
        *(word for group in synonyms.two_way for word in group.words),
        *(word for group in synonyms.one_way for word in (*group.from_, *group.to)),
    ]
