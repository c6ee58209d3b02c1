"""What changes from one occurrence of an error to the next, and what nobody else should read, put out of sight."""

import re

# Where somebody can be reached, and what lets a program in; server/personal.py hides them in letters.
MAIL = r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"
PHONE = r"(?<![\w+])(?:\+\d{1,3}|8)[ (-]{0,2}\d{3}[ )-]{0,2}\d{3}[ -]?\d{2}[ -]?\d{2}(?!\w)"
JWT = r"\beyJ[\w-]{10,2000}\.[\w-]{5,4000}(?:\.[\w-]{0,2000})?"  # JSON Web Token, RFC 7519

# One alternative a kind, the more special first. No alternative repeats something that itself repeats, so that time
# grows with the length of the text alone.
_KINDS: tuple[tuple[str, str], ...] = (
    ("ссылка", r"\b(?:https?|wss?|ftp)://[^\s\"'<>«»]{1,2000}"),
    ("почта", MAIL),
    ("guid", r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b"),
    ("токен", JWT),
    (
        "токен",
        r"(?i:\b(?:bearer|token|токен|api[_-]?key|secret|password|passwd|pwd|пароль|парол[ьяем]{1,2}))"
        r"\s?[:=]\s?[\"']?[^\s\"',;]{1,500}|(?i:\bbearer\s)[^\s\"',;]{8,500}",
    ),
    (
        "время",
        r"\b\d{4}[-/.]\d{2}[-/.]\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?(?:[.,]\d{1,9})?)?(?:Z\b|[+-]\d{2}:?\d{2}\b)?"
        r"|\b\d{1,2}[./]\d{2}[./](?:\d{4}|\d{2})\b(?:,? \d{1,2}:\d{2}(?::\d{2})?)?"
        r"|\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) {1,2}\d{1,2} \d{2}:\d{2}:\d{2}\b"
        r"|\b\d{2}-\d{2} \d{2}:\d{2}:\d{2}(?:\.\d{1,6})?|\b\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?\b",
    ),
    (
        "ip",
        r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5})?(?![\w.])|(?<![\w:])(?:[0-9a-fA-F]{1,4}:){4,7}[0-9a-fA-F]{1,4}\b",
    ),
    ("телефон", PHONE),
    ("путь", r"\b[A-Za-z]:\\[^\s\"'<>|]{1,500}|(?<![\w/.])/(?:[\w.@-]{1,100}/){1,20}[\w.@-]{0,100}"),
    ("узел", r"\b(?:[a-z0-9-]{1,63}\.){1,5}(?:ru|com|net|org|example|local|internal|lan|io|ms|рф)\b(?::\d{2,5})?"),
    ("hex", r"\b(?=[0-9a-f]{0,31}\d)(?=[0-9a-f]{0,31}[a-f])[0-9a-f]{12,64}\b"),
    ("токен", r"(?<![\w/+=-])(?=[\w/+=-]{0,100}\d)[A-Za-z0-9/+=_-]{40,2000}"),
    ("число", r"(?<![\w.-])\d{4,}(?![\w-]|\.\d)"),
)
_ANY = re.compile("|".join(f"(?P<k{number}>{pattern})" for number, (_, pattern) in enumerate(_KINDS)))

# What no alternative does without: most queries have none of it, and looking for that takes a tenth of the time.
_MAY_HOLD = re.compile(r"[\d@:=/\\]|[a-z-]\.|[a-fA-F]{8}-|eyJ|(?i:bearer)")


def mask(text: str) -> str:
    """The text with times, ids, addresses, phones, paths, tokens and long numbers as ‹time› and the like.

    Codes, versions and product names stay: they are what an error is known by.
    """
    if not _MAY_HOLD.search(text):
        return text
    return _ANY.sub(lambda match: f"‹{_KINDS[int((match.lastgroup or 'k0')[1:])][0]}›", text)
