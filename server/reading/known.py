"""Texts of errors that the help explains, found in what was typed or pasted."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from indexer.knowledge import KnownErrors
from indexer.lemmas import Lemmatizer
from indexer.sections import Section
from indexer.words import clean, word_texts
from server.reading.masks import mask

# Lemmas without function words and numbers that a text needs to be known in other word forms, too: of two,
# «пользователь не найден» is «пользователь не нашёл» as well.
_FEWEST = 3

_QUOTED = re.compile(r"«([^«»]{8,300})»")
_HIDDEN = re.compile(r"‹[^›]{1,10}›")
_NAMES_ERROR = re.compile(
    r"(?i)(?<!\w)(?:не|нет|error|failed|denied|blocked|refused|invalid|too|problem\w*|not?|сбой\w*|ошибк\w*|"
    r"неполадк\w*|запрещ\w+|отказано|недостаточно|превыш\w+|истёк\w*|истек\w*)(?!\w)|\w(?:Error|Exception)\b"
)


@dataclass(frozen=True, slots=True)
class _Known:
    form: tuple[str, ...]  # the text's words, or its lemmas without function words and numbers
    section: str
    distinctive: bool


def quoted_errors(sections: Sequence[Section]) -> list[tuple[str, str]]:
    """(text, section_id) of the messages that one section alone quotes in «».

    Names of buttons and of other sections stand in quotes too; a message tells that something is wrong.
    """
    titles = {heading for section in sections for heading in section.headings}
    found: dict[str, set[str]] = {}
    for section in sections:
        for match in _QUOTED.finditer(section.text):
            text = " ".join(match[1].split())
            if _NAMES_ERROR.search(text) and text not in titles:
                found.setdefault(text, set()).add(section.section_id)
    return sorted((text, min(ids)) for text, ids in found.items() if len(ids) == 1)


class KnownTexts:
    """The error texts of errors.toml, and those that sections quote."""

    def __init__(self, errors: KnownErrors, quoted: Iterable[tuple[str, str]], lemmatizer: Lemmatizer) -> None:
        """`quoted` as quoted_errors gives them; errors.toml decides where it has the same text."""
        self._lemmatizer = lemmatizer
        self._exact: dict[str, list[_Known]] = {}  # by their first word
        self._loose: dict[str, list[_Known]] = {}  # by their first lemma
        listed = {tuple(self._lemmas(error.text)) for error in errors.error}
        for error in errors.error:
            self._add(self._exact, _Known(tuple(word_texts(clean(error.text))), error.section, error.distinctive))
            self._add_loose(error.text, error.section, error.distinctive)
        for text, section in quoted:
            if tuple(self._lemmas(text)) not in listed:
                self._add_loose(text, section, True)

    def held(self, text: str) -> list[tuple[str, bool]]:
        """Each section whose error text stands in this one, and whether that alone decides for it.

        A text that means many things («Отказано в доступе») decides only where it is all that was typed.
        """
        found: dict[str, bool] = {}
        for known_texts, form in ((self._exact, word_texts(clean(text))), (self._loose, self._lemmas(text))):
            for known in _found(form, known_texts):
                decides = known.distinctive or known.form == tuple(form)
                found[known.section] = decides or found.get(known.section, False)
        return list(found.items())

    def _add_loose(self, text: str, section: str, distinctive: bool) -> None:
        if len(lemmas := self._lemmas(text)) >= _FEWEST:
            self._add(self._loose, _Known(tuple(lemmas), section, distinctive))

    @staticmethod
    def _add(texts: dict[str, list[_Known]], known: _Known) -> None:
        if known.form:
            texts.setdefault(known.form[0], []).append(known)

    def _lemmas(self, text: str) -> list[str]:
        """What stays the same from one occurrence to the next: no ids, no numbers, no word forms, no function words."""
        lemmas = self._lemmatizer.content_lemmas(_HIDDEN.sub(" ", mask(text)))
        return [lemma for lemma in lemmas if not any(map(str.isdigit, lemma))]


def _found(text: Sequence[str], texts: dict[str, list[_Known]]) -> Iterator[_Known]:
    for place, word in enumerate(text):
        for known in texts.get(word, ()):
            if tuple(text[place : place + len(known.form)]) == known.form:
                yield known
