"""Personal data and secrets in what a visitor typed, put out of sight before it goes into a letter or on a disk."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from server import checksums
from server.reading.masks import JWT, MAIL

# Patterns repeat nothing that itself repeats without a bound, and neighbours that repeat share few characters: time
# grows with the length of the text alone.
_DASH = r"[\s()–‑-]{0,3}"
_QUOTED = r"\"[^\"\n]{1,200}\"|«[^»\n]{1,200}»|'[^'\n]{1,200}'"
# «пароль: не подходит» tells no password.
_SAID = (
    r"(?!(?i:не|нет|был[ао]?|или|и|invalid|expired|null|none|required|неверн\w{1,4}|неправильн\w{1,4})(?![^\s,.!?;)])"
    r"|[*•]{2,}(?!\S)|\[\w{5,6} скрыт\])"
)
_SECRET = rf"\s{{0,2}}[:=]\s{{0,2}}{_SAID}(?i:bearer\s)?"
_NUMBERED = r"\s{0,3}(?:(?:№|\bN\b|#|\bномер\w{0,2}|\bno\b\.?)[\s:]{0,3})"

# What follows «меня зовут» and is no name.
_NO_NAME = (
    r"(?!(?i:а|в|во|все|всегда|вы|для|до|если|еще|ещё|за|и|из|или|иногда|как|когда|к|ко|коллеги|мы|на|не|но|о|об|он|она|"
    r"они|от|по|под|при|просто|с|со|сюда|там|только|туда|тут|ты|у|уже|часто|что|чтобы|я)\b)"
)
_CAPITAL = r"[A-ZА-ЯЁ][A-Za-zА-ЯЁа-яё-]{1,30}"
_OF_FAMILY = (
    r"[а-яё-]{1,25}(?:ов|ова|ев|ева|ёв|ёва|ин|ина|ын|ына|ский|ская|цкий|цкая|енко|чук|юк|ян|дзе|швили|ич|вна|чна|оглы)"
)


def _digits(text: str) -> str:
    return "".join(each for each in text if each.isdigit())


def _is_inn(text: str) -> bool:
    number = _digits(text)
    # Ten digits that begin so are as often seconds since 1970, which logs are full of.
    return checksums.is_inn(number) and not (len(number) == 10 and number[:2] in ("15", "16", "17", "18"))


_GUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
# Where letters turn to digits, digits to letters and small letters to capitals.
_TURN = re.compile(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[A-Z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])")


def _is_random(text: str) -> bool:
    """Whether letters and digits alternate as they do by chance: in a key, but not in ids that people made."""
    return not _GUID.fullmatch(text) and len(_TURN.findall(text)) >= 0.3 * len(text)


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of personal data; the part of a match in group "kept" stays."""

    name: str
    pattern: re.Pattern[str]
    accepts: Callable[[str], bool] = lambda text: True  # what the rest of a match has to be besides


def _kind(name: str, pattern: str, accepts: Callable[[str], bool] | None = None) -> _Kind:
    return _Kind(name, re.compile(pattern), accepts) if accepts else _Kind(name, re.compile(pattern))


# In the order in which they are looked for: what others would find a part of comes first.
_KINDS = (
    _kind("пароль", r"(?P<kept>://[^\s/@:]{1,64}:)[^\s/@]{1,100}(?=@)"),
    _kind(
        "пароль",
        r"(?P<kept>(?i:\bпарол[ьяеюм]{1,2}|\bпин(?:-?код\w{0,2})?|\b(?:password|passwd|passphrase|pwd))[\"']?"
        rf"{_SECRET})(?:{_QUOTED}|[^\s\"',;]{{1,500}})",
    ),
    _kind("пароль", r"(?P<kept>(?i:\bмой пароль|\bmy password(?: is)?)\s)(?=\S{0,60}\d)(?=\S{0,60}[A-Za-z])\S{6,60}"),
    _kind(
        "токен",
        r"(?P<kept>(?i:\b(?:(?:access|refresh|id|auth|session|csrf|bot)[_-])?(?:token|secret)|\bтокен\w{0,2}|"
        rf"\b(?:client[_-])?secret|\bapi[_-]?key|\bкод доступа)[\"']?{_SECRET})(?:{_QUOTED}|[^\s\"',;&]{{1,500}})",
    ),
    _kind("токен", JWT + r"|(?P<kept>(?i:\bbearer\s))[^\s\"',;]{8,500}"),
    _kind("почта", MAIL),
    _kind("ИНН", r"(?P<kept>(?i:\bинн)[\s:№—-]{0,4})(?:\d{12}|\d{10})(?!\d)"),
    _kind("СНИЛС", rf"(?P<kept>(?i:\bснилс)[\s:№—-]{{0,4}})\d{{3}}(?:{_DASH}\d{{3}}){{2}}{_DASH}\d{{2}}(?!\d)"),
    _kind(
        "паспорт",
        r"(?P<kept>(?i:\bпаспорт\w{0,3}|\bсери[яию])[^\d\n]{0,30})"
        r"(?:\d{2}\s?\d{2}[^\d\n]{0,15}\d{6}|\d{2}[^\d\n]{0,15}\d{7})(?!\d)",
    ),
    _kind(
        "паспорт", r"(?<![\w.:/-])\d{2}\s?\d{2}\s(?:№\s?|номер\s)?\d{6}(?![\w:/-])|(?<![\w.])\d{2} \d{2} №\s?\d{6}\b"
    ),
    _kind(
        "договор",
        rf"(?P<kept>(?i:\b(?:договор|контракт)\w{{0,4}}|\bлицев\w{{2,3}} сч[её]т\w{{0,2}}){_NUMBERED})"
        r"(?=[^\s\d]{0,20}\d)\w(?:[\w/.-]{0,38}\w)?",
    ),
    _kind(
        "договор",
        r"(?P<kept>(?i:\b(?:договор|контракт)\w{0,4}|\bлицев\w{2,3} сч[её]т\w{0,2})\s{0,2}:?\s{1,2})"
        r"(?=[^\s\d]{0,5}\d)(?!\d{1,2}\.\d{2}\.\d{2})\w(?:[\w/-]{3,38}\w)",
    ),
    _kind(
        "СНИЛС",
        r"(?<![\w.-])\d{3}[- ]?\d{3}[- ]?\d{3}[- ]?\d{2}(?![\w-])",
        lambda text: checksums.is_snils(_digits(text)),
    ),
    _kind(
        "телефон",
        r"(?<![\w+])\+\d(?:[\s()–‑-]{0,2}\d){9,14}(?!\w)"
        rf"|(?<![\w+.:/-])[78]{_DASH}\d{{3}}{_DASH}\d{{3}}{_DASH}\d{{2}}{_DASH}\d{{2}}(?![\w-])"
        r"|(?<![\w.:/-])(?:\(\d{3}\)\s?|\d{3}[ -])\d{3}[ –‑-]\d{2}[ –‑-]\d{2}(?![\w-])"
        r"|(?<![\w.:/-])9\d{9}(?![\w.:-])",
    ),
    _kind("ИНН", r"(?<![\w.:/-])(?:\d{12}|\d{10})(?![\w:/-]|\.\d)", _is_inn),
    _kind(
        "имя",
        r"(?P<kept>(?i:\bменя зовут|\bзовут меня|\bmy name is)[\s:—-]{1,3})"
        rf"{_NO_NAME}[A-Za-zА-ЯЁа-яё][A-Za-zА-ЯЁа-яё-]{{1,30}}(?:\s(?:{_CAPITAL}|{_OF_FAMILY})\b){{0,2}}",
    ),
    _kind(
        "имя", rf"(?P<kept>(?i:\bмо[её] имя|\bя —|\bс уважением,?)[\s:—-]{{1,3}}){_CAPITAL}(?:\s{_CAPITAL}\b){{0,2}}"
    ),
    _kind("токен", r"(?<![\w/+=-])(?=[0-9a-fA-F]{0,31}\d)[0-9a-fA-F]{32,128}(?![\w-])"),
    _kind("токен", r"(?<![\w/+=.-])[A-Za-z0-9_+=-]{20,2000}(?:/[A-Za-z0-9_+=-]{8,1000}){0,20}", _is_random),
)

_RUNS = re.compile(r"(?<![\d.-])(?:\d[ -]?){12,24}\d(?![\d-])")
_GROUPS = ((4, 6, 5), (4, 4, 4, 4, 3), (6, 13))  # how cards of other than 16 digits are written

_HIDDEN = {"почта": "скрыта", "карта": "скрыта", "имя": "скрыто"}  # the others «скрыт»


@dataclass(frozen=True, slots=True)
class Hidden:
    """A text without personal data."""

    text: str
    counts: Mapping[str, int]  # kind -> how often it was hidden: «телефон», «почта», «карта», «имя», «пароль», …

    @property
    def kinds(self) -> tuple[str, ...]:
        """What was hidden, each kind once."""
        return tuple(self.counts)


def hide(text: str) -> Hidden:
    """The text with personal data and secrets as [телефон скрыт] etc.

    Those are phones, e-mails, cards, ИНН, СНИЛС, passports, numbers of contracts, names after «меня зовут», passwords,
    tokens and long random strings. Error codes, versions, dates, addresses of machines and other numbers stay: without
    them nobody can help.
    """
    counts: Counter[str] = Counter()

    def shown(kind: str) -> str:
        counts[kind] += 1
        return f"[{kind} {_HIDDEN.get(kind, 'скрыт')}]"

    text = _RUNS.sub(lambda match: _without_card(match[0], shown), text)
    for kind in _KINDS:

        def hidden(match: re.Match[str], kind: _Kind = kind) -> str:
            kept = match.groupdict().get("kept") or ""
            return kept + shown(kind.name) if kind.accepts(match[0][len(kept) :]) else match[0]

        text = kind.pattern.sub(hidden, text)
    return Hidden(text, dict(counts))


def _without_card(text: str, shown: Callable[[str], str]) -> str:
    """Digits, spaces and dashes without the card among them, beside which an expiry or a code may stand."""
    for start, stop in _stretches(text):
        if checksums.is_card(_digits(text[start:stop])):
            return text[:start] + shown("карта") + text[stop:]
    return text


def _stretches(text: str) -> Iterator[tuple[int, int]]:
    """Where numbers of 13 to 19 digits stand that are grouped like a card, the longest first."""
    runs = [match.span() for match in re.finditer(r"\d+", text)]
    for first, (start, _) in enumerate(runs):
        for last in range(len(runs) - 1, first - 1, -1):
            groups = tuple(stop - begin for begin, stop in runs[first : last + 1])
            if sum(groups) == 16 or groups in _GROUPS or (len(groups) == 1 and 13 <= groups[0] <= 19):
                yield start, runs[last][1]
