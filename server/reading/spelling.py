"""Slips of the fingers in Russian words: letters wrong, words glued together or torn apart."""

import re
from functools import cache

from indexer.wordlist import folded
from server.reading.changes import Change
from server.reading.lexicon import Lexicon

_WORD = re.compile(r"(?<![\w@/\\.-])[а-яё]{3,40}(?![\w@/\\]|\.\w)", re.IGNORECASE)
_LATIN = re.compile(r"(?<![\w@/\\.-])[a-z]{5,20}(?![\w@/\\]|[.-]\w)", re.IGNORECASE)

_LEAST = 2.2  # what a correction has to reach: Zipf frequency of the word less the cost of its slips
_LEAST_SHORT = 4.0  # the same for a word of five letters or fewer: «прод», «стейт» are words that no list has
_GLUED, _GLUED_SHORT = 3.6, 4.8  # Zipf frequency of each of the words that a glued one falls into; of three letters
_OBVIOUS = 4.3  # what a correction has to reach for a word that may be a form of a known one
_SMALL_WORDS = frozenset(
    (
        *("а", "в", "и", "к", "о", "с", "у", "я", "во", "до", "за", "из", "ко", "на", "не", "ни", "но", "об", "он"),
        *("от", "по", "со", "то", "ты", "мы", "вы", "их"),
    )
)
# Beginnings of compounds that are words by themselves.
_PREFIXES = frozenset(
    ("авто", "аудио", "веб", "видео", "кино", "кофе", "мини", "нано", "пол", "радио", "супер", "теле", "фото", "экс")
)
_ENDINGS = frozenset(
    (
        *("", "а", "у", "ы", "и", "е", "о", "я", "ю", "ь", "ой", "ом", "ем", "ам", "ами", "ах", "ов", "ей", "ям"),
        *("ями", "ях", "ою", "ею"),
    )
)
_LAST_WORDS = frozenset(("бы", "же", "ли"))


def repair(text: str, lexicon: Lexicon) -> tuple[str, tuple[Change, ...]]:
    """The text with unknown words as they were probably meant; known words are never touched."""
    text, joined = _joined(text, lexicon)
    changes = []
    for match in reversed([*_WORD.finditer(text), *_LATIN.finditer(text)]):
        found = _meant(folded(match[0].lower()), lexicon)
        if found is not None:
            to, confidence = found
            changes.append(Change("typo", match[0], to, confidence))
            text = text[: match.start()] + to + text[match.end() :]
    return text, (*joined, *reversed(changes))


def _meant(word: str, lexicon: Lexicon) -> tuple[str, float] | None:
    """What an unknown word was meant for, and how sure that is; None where it is known or nothing is near."""
    if word.isascii():
        if lexicon.latin(word) or lexicon.of_latin(word):
            return None
    elif len(word) < 4 or lexicon.in_help(word) or lexicon.russian(word):
        return None
    rated = [(rating, meant) for rating, meant in lexicon.corrections(word) if len(word) > 5 or lexicon.in_help(meant)]
    if any(_is_form(word, meant) and lexicon.is_slang(meant) for _, meant in rated):
        return None
    if not word.isascii() and lexicon.is_form(word) and not (rated and rated[0][0] >= _OBVIOUS):
        return None
    if parts := _split(word, lexicon) if not word.isascii() else None:
        likely = min(map(lexicon.russian, parts)) - 0.5
        if not rated or likely > rated[0][0]:
            return " ".join(parts), 0.9
    if not rated or rated[0][0] < (_LEAST if len(word) > 5 else _LEAST_SHORT):
        return None
    best, meant = rated[0]
    rival = max((rating for rating, other in rated[1:] if not _same_stem(other, meant)), default=0.0)
    return meant, round(min(0.95, 0.7 + 0.2 * (best - rival)), 2)


def _is_form(word: str, other: str) -> bool:
    """Whether both are one stem of three letters or more with another Russian ending: «винду», «винда»."""
    stem = next(
        (at for at, pair in enumerate(zip(word, other, strict=False)) if pair[0] != pair[1]), min(len(word), len(other))
    )
    return stem > 2 and {word[stem:], other[stem:]} <= _ENDINGS


def _same_stem(one: str, other: str) -> bool:
    """Whether two words are forms of one, roughly: for how sure a correction is, no more is needed."""
    return one[: max(3, len(other) - 3)] == other[: max(3, len(other) - 3)]


def _split(word: str, lexicon: Lexicon) -> tuple[str, ...] | None:
    """The two or three known words that a glued one falls into, the commonest; None where it does not."""

    def good(part: str) -> bool:
        return len(part) > 2 and lexicon.russian(part) >= (_GLUED if len(part) > 3 else _GLUED_SHORT)

    @cache
    def cut(start: int, parts: int) -> tuple[str, ...] | None:
        if good(word[start:]) or word[start:] in _LAST_WORDS:
            return (word[start:],)
        found = []
        for stop in range(start + 1, len(word)) if parts > 1 else ():
            if word[start:stop] in _PREFIXES:
                continue
            if (good(word[start:stop]) or word[start:stop] in _SMALL_WORDS) and (rest := cut(stop, parts - 1)):
                found.append((word[start:stop], *rest))
        return max(found, key=lambda each: (-len(each), min(map(lexicon.russian, each))), default=None)

    found = cut(0, 3)
    return found if found and len(found) > 1 and any(len(part) > 3 for part in found) else None


def _joined(text: str, lexicon: Lexicon) -> tuple[str, tuple[Change, ...]]:
    """The text with words put together that a space tore apart: one half is no word, both together are one."""
    pieces = text.split(" ")
    changes = []
    place = 0
    while place + 1 < len(pieces):
        left, right = pieces[place], pieces[place + 1]
        if left.isalpha() and right.isalpha() and not (left + right).isascii():
            halves = [folded(left.lower()), folded(right.lower())]
            if not all(map(lexicon.russian, halves)) and lexicon.in_help("".join(halves)):
                changes.append(Change("typo", f"{left} {right}", left + right, 0.9))
                pieces[place : place + 2] = [left + right]
        place += 1
    return " ".join(pieces), tuple(changes)
