"""From the bytes of somebody else's file to text, whatever encoding it was written in."""

import codecs
import re
from dataclasses import dataclass

import chardet

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(rb"""<(?:meta|\?xml)\b[^>]{0,200}?\b(?:charset|encoding)\s*=\s*["']?\s*([\w.:-]{2,40})""", re.I)
# Editors write these by default whatever the text is in, and Russian cannot be written in them; a declaration that can
# be read as ASCII is not in UTF-16; the last are Python's own and in no file.
_MEANINGLESS = (
    *("ascii", "iso8859-1", "cp1252", "latin-1"),
    *("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"),
    *("idna", "punycode", "raw_unicode_escape", "unicode_escape"),
)
_MARKUP = re.compile(rb"[\t\n\r -~]{16,}")  # tells nothing of the encoding and may fill the sample
_SAMPLE = 100_000  # bytes shown to the detector
# They share all small letters but «я»; chardet takes lone carriage returns for a sign of the second.
_ALIKE = ("Windows-1251", "MacCyrillic")
_RUSSIAN = re.compile("[а-яё]|(?<![а-яё])[А-ЯЁ]")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f]")


@dataclass(frozen=True, slots=True)
class Decoded:
    """The text of a file, and how it was read."""

    text: str
    encoding: str
    unreadable: int = 0  # places replaced by U+FFFD


def decode(content: bytes) -> Decoded | None:
    """The text, or None where the bytes are no text in any encoding.

    In this order: a byte-order mark; UTF-8, which no other Russian encoding looks like by chance, with a few bytes
    broken as well; what an HTML file declares; what chardet detects.
    """
    guesses = (guess(content) for guess in (_marked, _utf8, _declared, _detected))
    return next((decoded for decoded in guesses if decoded and _is_text(decoded)), None)


def _marked(content: bytes) -> Decoded | None:
    return next((_decoded(content, encoding) for mark, encoding in _MARKS if content.startswith(mark)), None)


def _utf8(content: bytes) -> Decoded | None:
    decoded = _decoded(content, "utf-8")
    letters = len(decoded.text) - len(decoded.text.encode("ascii", errors="ignore"))
    return decoded if decoded.unreadable * 5 <= letters else None  # others have a valid pair of bytes here and there


def _declared(content: bytes) -> Decoded | None:
    match = _DECLARED.search(content, 0, 4096)
    try:
        encoding = codecs.lookup(match[1].decode()).name if match else ""
        if not encoding or encoding in _MEANINGLESS:
            return None
        return Decoded(content.decode(encoding), encoding)
    except (LookupError, ValueError):
        return None  # an unknown name, no text encoding, or one that does not fit


def _detected(content: bytes) -> Decoded | None:
    sample = _MARKUP.sub(b" ", content)[:_SAMPLE]
    encoding = chardet.detect(sample)["encoding"]
    if encoding in _ALIKE:
        encoding = max(_ALIKE, key=lambda name: len(_RUSSIAN.findall(sample.decode(name, errors="replace"))))
    try:
        return _decoded(content, encoding) if encoding else None
    except (LookupError, ValueError):
        return None


def _decoded(content: bytes, encoding: str) -> Decoded:
    try:
        return Decoded(content.decode(encoding), encoding.lower())
    except UnicodeDecodeError:
        text = content.decode(encoding, errors="replace")
        return Decoded(text, encoding.lower(), text.count("\ufffd"))


def _is_text(decoded: Decoded) -> bool:
    """False for what is in good part control characters or unreadable: a program, an image, an archive."""
    length = len(decoded.text)
    return len(_CONTROLS.findall(decoded.text)) * 100 <= length and decoded.unreadable * 10 <= length
