"""Personal data in what a visitor typed, put out of sight before it goes into a letter."""

import re
from dataclasses import dataclass

from server.reading.masks import JWT, MAIL, PHONE

_CARD = re.compile(r"(?<![\d-])(?:\d[ -]?){12,18}\d(?![\d-])")
# What is hidden, in the order in which it is looked for; the part of a match in group "kept" stays.
_KINDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("почта", re.compile(MAIL)),
    ("токен", re.compile(JWT + r"|(?P<kept>(?i:\bbearer\s))[^\s\"',;]{8,500}")),
    (
        "пароль",
        re.compile(
            r"(?P<kept>(?i:\b(?:пароль|пин(?:-?код)?|password|passwd|pwd|secret|token|токен|api[_-]?key))\s?[:=]\s?[\"']?)"
            r"[^\s\"',;]{1,500}"
        ),
    ),
    ("телефон", re.compile(PHONE)),
    (
        "имя",
        re.compile(
            r"(?P<kept>(?i:\b(?:меня зовут|моё имя|мое имя|я —))\s+)(?:[А-ЯЁ][а-яё-]{1,30}(?:\s+|\b)){1,3}(?<!\s)"
        ),
    ),
)


_HIDDEN = {"почта": "скрыта", "токен": "скрыт", "пароль": "скрыт", "телефон": "скрыт", "имя": "скрыто"}


@dataclass(frozen=True, slots=True)
class Hidden:
    """A text without personal data."""

    text: str
    kinds: tuple[str, ...]  # what was hidden, each kind once: «телефон», «почта», «карта», «имя», «пароль», «токен»


def hide(text: str) -> Hidden:
    """The text with phones, e-mails, cards, names after «меня зовут», passwords and tokens as [телефон скрыт] etc.

    Error codes, versions and other numbers stay: without them nobody can help.
    """
    found: dict[str, None] = {}

    def card(match: re.Match[str]) -> str:
        digits = [int(each) for each in match[0] if each.isdigit()]
        if not _is_card(digits):
            return match[0]
        found["карта"] = None
        return "[карта скрыта]"

    text = _CARD.sub(card, text)
    for kind, pattern in _KINDS:

        def hidden(match: re.Match[str], kind: str = kind) -> str:
            found[kind] = None
            return f"{match.groupdict().get('kept') or ''}[{kind} {_HIDDEN[kind]}]"

        text = pattern.sub(hidden, text)
    return Hidden(text, tuple(found))


def _is_card(digits: list[int]) -> bool:
    """Whether the last digit checks the others (Luhn; ISO/IEC 7812-1); a row of one digit is none."""
    doubled = [each if place % 2 == 0 else sum(divmod(2 * each, 10)) for place, each in enumerate(reversed(digits))]
    return len(digits) >= 13 and len(set(digits)) > 1 and sum(doubled) % 10 == 0
