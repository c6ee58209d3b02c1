"""Russian typed in Latin letters, back in Russian ones; English words, names and codes stay."""

import re

from server.reading.changes import Change
from server.reading.lexicon import Lexicon
from server.reading.translit import WRITTEN, plainly

# A word between spaces, with punctuation around it but none inside: no part of an address or a file's name.
_WORD = re.compile(r"(?<![^\s(«\"])" + WRITTEN.pattern + r"(?=[)».,!?:;\"]*(?:\s|$))", re.IGNORECASE)
_RUSSIAN = re.compile("[а-яё]", re.IGNORECASE)
_COMMON = 3.0  # Zipf: once in a million words
_SURE, _LIKELY = 0.95, 0.8


def repair(text: str, lexicon: Lexicon) -> tuple[str, tuple[Change, ...]]:
    """The text with transliterated words in Russian letters.

    A text without Russian letters, most of whose words are Russian and not English, is taken to be Russian as a whole:
    "ne", "do" and "on" too. In a mixed text only what is no English word and no name of the help is turned.
    """
    words = list(_WORD.finditer(text))
    if not words:
        return text, ()
    wholly = not _RUSSIAN.search(text) and _mostly_russian([match[0] for match in words], lexicon)
    changes = []
    for match in reversed(words):  # from the end, so that the places before stay where they are
        to = _meant(match[0], lexicon, wholly)
        if to is not None:
            changes.append(Change("translit", match[0], to, _SURE if wholly else _LIKELY))
            text = text[: match.start()] + to + text[match.end() :]
    return text, tuple(reversed(changes))


def _meant(typed: str, lexicon: Lexicon, wholly: bool) -> str | None:
    word = typed.lower()
    russian = lexicon.of_latin(word)
    if wholly:
        if lexicon.in_help(word) and lexicon.latin(word) > (lexicon.russian(russian) if russian else 0.0):
            return None
        if russian is None and lexicon.latin(word) >= _COMMON:
            return None
        return russian or plainly(word)
    if russian is None or lexicon.latin(word) or len(word) < 4 or typed.isupper():
        return None
    return russian if lexicon.russian(russian) >= _COMMON else None


def _mostly_russian(typed: list[str], lexicon: Lexicon) -> bool:
    russian = english = 0
    for word in map(str.lower, typed):
        found = lexicon.of_latin(word)
        as_russian = lexicon.russian(found) if found else 0.0
        as_latin = lexicon.latin(word)
        russian += len(word) * (as_russian > max(as_latin, 2.0))
        english += len(word) * (as_latin >= max(as_russian, 2.0))
    return russian > english and russian >= 0.4 * sum(map(len, typed))
