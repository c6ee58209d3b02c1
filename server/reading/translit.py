"""Russian in Latin letters: what the schemes that people mix have in common, and a plain reading for other words.

Every scheme writes some letters alike and others its own way (х: h, kh, x; й: y, j, i; щ: shch, sch, w, 6; ь: ' or
nothing). So a Russian word and each of its spellings are turned into one key, in which letters that some scheme writes
alike are one; words of the same key are told apart by their frequency. The schemes are those that the Russian
Wikipedia describes under «Транслит».
"""

import re

# Letters of the key are capitals: E is е, ё, э; I is и, й, ы, ж (j); U is у, ю; W is ш, щ; the others go by sound.
_RUSSIAN = dict(zip("абвгдзклмнопрстф", "ABVGDZKLMNOPRSTF", strict=True)) | dict(
    zip(
        "еёэжийыуюхцчшщъья",
        ("E", "E", "E", "I", "I", "I", "I", "U", "U", "H", "C", "Q", "W", "W", "", "", "Y"),
        strict=True,
    )
)
# Neighbours that some scheme writes as it writes one other letter: «отсутствует» otsutstvuet, «схема» shema.
_RUSSIAN_PAIRS = {
    "тс": "C",
    "сх": "W",
    "сч": "W",
    "шч": "W",
    "зх": "I",
    "кх": "H",
    "кс": "X",
    "йо": "E",
    "йа": "Y",
    "йу": "U",
}

_LATIN = dict(zip("abvgdzklmnoprstf", "ABVGDZKLMNOPRSTF", strict=True)) | {
    "shch": "W", "sch": "W", "sh": "W", "w": "W", "6": "W", "sx": "W", "skh": "W", "s4": "W",
    "zh": "I", "j": "I", "i": "I", "y": "I",
    "kh": "H", "h": "H", "x": "H",
    "tsh": "TW", "ts": "C", "tc": "C", "c": "C", "ch": "Q", "4": "Q",
    "yo": "E", "jo": "E", "e": "E",
    "yu": "U", "ju": "U", "u": "U", "ya": "Y", "ja": "Y",
    "q": "K", "ks": "X", "'": "", "’": "", "`": "",
}  # fmt: skip

# The plain reading: the commonest letter of each spelling.
_PLAIN = dict(zip("abvgdezijklmnoprstufhxcwqy", "абвгдезийклмнопрстуфххцвкй", strict=True)) | {
    "shch": "щ", "sch": "щ", "sh": "ш", "zh": "ж", "kh": "х", "ts": "ц", "tc": "ц", "ch": "ч", "4": "ч", "6": "ш",
    "yo": "ё", "jo": "ё", "yu": "ю", "ju": "ю", "ya": "я", "ja": "я", "'": "ь", "’": "ь", "`": "ь",
}  # fmt: skip


def _pattern(spellings: dict[str, str]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(spellings, key=len, reverse=True))))


_RUSSIAN_SPELLINGS = _RUSSIAN | _RUSSIAN_PAIRS
_OF_RUSSIAN, _OF_LATIN, _OF_PLAIN = map(_pattern, (_RUSSIAN_SPELLINGS, _LATIN, _PLAIN))
_CONSONANT_Y = re.compile("(?<=[бвгджзклмнпрстфхцчшщ])й")

WRITTEN = re.compile(r"[46'’`]*+[a-z][a-z46'’`]*+", re.IGNORECASE)  # what may be a word in Latin letters


def key_of_russian(word: str) -> str:
    """The key of a Russian word in lower case; one of `keys_of_latin` of each of its spellings."""
    return _OF_RUSSIAN.sub(lambda match: _RUSSIAN_SPELLINGS[match[0]], word)


def keys_of_latin(word: str) -> tuple[str, ...]:
    """The keys of a word of the form WRITTEN in lower case: as it stands, then with ia for я and iu for ю."""
    key = _OF_LATIN.sub(lambda match: _LATIN[match[0]], word)
    other = key.replace("IA", "Y").replace("IU", "U")
    return (key,) if other == key else (key, other)


def plainly(word: str) -> str:
    """A word of the form WRITTEN, in lower case, in Russian letters by its sounds alone: "hyperos" is «хйперос»."""
    return _CONSONANT_Y.sub("ы", _OF_PLAIN.sub(lambda match: _PLAIN[match[0]], word))
