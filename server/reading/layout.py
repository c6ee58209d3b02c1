"""Words typed in the wrong keyboard layout: «ytn ldjqyjuj» for «нет двойного», «мзт» for "vpn", «ghbдет»."""

import re

from server.reading.changes import Change
from server.reading.keyboard import in_russian_layout, in_us_layout
from server.reading.lexicon import Lexicon, folded_words

_LATIN = re.compile("[a-z]", re.IGNORECASE)
_RUSSIAN = re.compile("[а-яё]", re.IGNORECASE)
_COMMON = 3.0  # Zipf: once in a million words

_SURE, _LIKELY = 0.97, 0.85


def repair(text: str, lexicon: Lexicon) -> tuple[str, tuple[Change, ...]]:
    """The text with what was typed in the wrong layout as it was meant, word by word, spaces kept.

    Where most of a text is Russian only in the other layout, all of it is taken to be, but for Latin words that stay
    themselves («yfcnhjbnm VPN»).
    """
    pieces = text.split(" ")
    wholly = _LATIN.search(text) is not None and _mostly_russian(pieces, lexicon)
    changes = []
    for place, piece in enumerate(pieces):
        to = _meant(piece, lexicon, wholly)
        if to is not None and to != piece:
            changes.append(Change("layout", piece, to, _SURE if wholly else _LIKELY))
            pieces[place] = to
    return " ".join(pieces), tuple(changes)


def _meant(piece: str, lexicon: Lexicon, wholly: bool) -> str | None:
    """What the keys of one piece were meant for; None where it is left alone."""
    if wholly and not _is_code(piece):
        russian = in_russian_layout(piece)
        return None if _is_latin_word(piece, lexicon) and not _is_russian(russian, lexicon) else russian
    if _LATIN.search(piece):
        russian = in_russian_layout(piece)
        if _RUSSIAN.search(piece):  # half of a word: «ghbдет»
            return russian if _is_russian(russian, lexicon) and "-" not in piece else None
        if _is_code(piece) or _is_latin_word(piece, lexicon, _KNOWN_AT_ALL):
            return None
        return russian if _is_russian(russian, lexicon, in_help=len(piece) < 5) else None
    if lexicon.has_russian(piece) or not _RUSSIAN.search(piece):
        return None
    latin = in_us_layout(piece)
    is_word = latin.isalpha() and len(latin) > 2 and not any(map(lexicon.is_form, folded_words(piece)))
    return latin if is_word and _is_latin_word(latin, lexicon, _COMMON + 0.5) else None


_KNOWN_AT_ALL = 0.1


def _mostly_russian(pieces: list[str], lexicon: Lexicon) -> bool:
    """Whether more letters stand in words that are Russian in the other layout than in words that are some as typed."""
    as_typed = turned = letters = 0
    for piece in pieces:
        if not _LATIN.search(piece) or _is_code(piece):
            as_typed += len(piece) * bool(_RUSSIAN.search(piece))
            continue
        letters += len(piece)
        turned += len(piece) * _is_russian(in_russian_layout(piece), lexicon)
        as_typed += len(piece) * _is_latin_word(piece, lexicon)
    return turned > as_typed and turned >= 0.5 * letters


def _is_russian(text: str, lexicon: Lexicon, *, in_help: bool = False) -> bool:
    words = folded_words(text)
    good = lexicon.in_help if in_help else lexicon.russian
    return bool(words) and not _LATIN.search(text) and all(map(good, words))


def _is_latin_word(text: str, lexicon: Lexicon, common: float = _COMMON) -> bool:
    words = folded_words(text)
    return bool(words) and all(lexicon.latin(word) >= common for word in words)


def _is_code(piece: str) -> bool:
    """Whether it holds digits between letters or what no word has: addresses, versions, codes."""
    return any(letter.isdigit() or letter in "_@/\\" for letter in piece.strip("/?&"))
