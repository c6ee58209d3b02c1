"""What a word is: Unicode form and the cutting of text into words, the same for articles and queries."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

# Dropped wherever they stand: soft hyphen, zero-width and direction marks, byte-order mark, variation selectors,
# control characters other than tab and line ends, lone surrogates.
_INVISIBLE = re.compile(
    "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufe00-\ufe0f\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]"
)
_STRESS = "\u0301"  # «за́мок»; dropped where it is not part of a letter (é)

_WORD = re.compile(
    r"""
    [a-z](?:\+\+|\#)(?![^\W_])                                # C++, C#
  | [^\W_]+(?:
        [_-]+[^\W_]+                                          # chat_not_found, Wi-Fi, сим-карта
      | (?<=\d)\.\d+                                          # 5.7.1
      | (?<=[0-9a-z])[.+@](?=[0-9a-z])[^\W_]+                 # express.ms, CTRL+R, v1.2
      | ['’ʼ][^\W\d_]+                                        # об'єкт
    )*
    """,
    re.VERBOSE | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a text: its search form and where it stands."""

    text: str  # lower case, compatibility forms folded («Ｗi-Fi» -> "wi-fi"); ё is kept, see lemmas.py
    start: int  # offsets in code points into the text it was cut from
    stop: int


def clean(text: str) -> str:
    """The text in composed form (NFC) without invisible characters; line ends become "\\n".

    Never fails: control characters, direction marks and lone surrogates are dropped, whatever else stands.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    composed = unicodedata.normalize("NFC", _INVISIBLE.sub("", text))
    # Composed again: what a stress mark stood between may belong together.
    return unicodedata.normalize("NFC", composed.replace(_STRESS, ""))


def words(text: str) -> Iterator[Word]:
    """The words of a cleaned text in order; error codes, versions, product names and mixed tokens stay whole.

    Offsets point into `text` as given, so call `clean` first where it may hold invisible characters.
    """
    for match in _WORD.finditer(text):
        yield Word(_searched(match.group()), match.start(), match.end())


def word_texts(text: str) -> list[str]:
    """The texts of the words of a cleaned text in order, where nobody asks where they stand."""
    return [_searched(found) for found in _WORD.findall(text)]


def _searched(word: str) -> str:
    return unicodedata.normalize("NFKC", word).lower()
