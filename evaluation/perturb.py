"""Perturbed copies of queries, as keyboards, chats, hurried hands and logs make them; the gold stays the same.

A kind asks one thing of a system, so a copy differs from its query in that alone. Latin words, codes and numbers stay
where a typist would leave them: a code is pasted, and a word that is Latin already has no other spelling.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import TypeVar

from evaluation.judgments import JudgedSet, Query
from server.reading.keyboard import NEIGHBOURS, in_russian_layout, in_us_layout

Item = TypeVar("Item")

# A stretch in Latin letters and digits, with the punctuation inside it («10:41», «ERR_A», «/system/wss», «[OK]»).
_LATIN = re.compile(r"(?:(?<![а-яё])[/\\.\[{<#*_-]+)?[a-z0-9](?:[^\sа-яё]*[a-z0-9\]}>])?", re.IGNORECASE)
_WORD = re.compile(r"(?<!\w)[а-яё]{4,}(?!\w)", re.IGNORECASE)  # long enough for a typo; no part of a code
_GAP = re.compile(r"(?<=[а-яё]) (?=[а-яё])", re.IGNORECASE)

# Three ways to write Russian in Latin letters, each consistent, as translit is described in the Russian Wikipedia
# («Транслит»): the newer English way (й y, ц ts, ю yu), the older Polish and German one (й j, ц c, ю ju), and letters
# by their look (ч 4, ш w or 6) as in chats and SMS, where what can be guessed is left out (ь, ё e, ю u).
_SHARED = dict(zip("абвгдезиклмнопрстуфыэ", "abvgdeziklmnoprstufye", strict=True))
_PHONETIC = _SHARED | dict(
    zip("ёжйхцчшщъьюя", ("yo", "zh", "y", "h", "ts", "ch", "sh", "shch", "", "", "yu", "ya"), strict=True)
)
_SHORT = _SHARED | dict(
    zip("ёжйхцчшщъьюя", ("jo", "zh", "j", "x", "c", "ch", "sh", "sch", "'", "'", "ju", "ja"), strict=True)
)
_DIGITS = _SHARED | dict(zip("ёжйхцчъьюя", ("e", "j", "i", "h", "c", "4", "", "", "u", "ya"), strict=True))

# What stands around an error where it is copied from: Java, JavaScript, Python, .NET, Android, nginx, a dialog.
_LOGS = (
    """2026-{day} {time}.{ms} WARN [worker-{c}] host={host} requestId={id}
{text}
\tat ru.example.client.Session.call(Session.java:{a})
\tat ru.example.client.Session.retry(Session.java:{b})
\tat java.base/java.lang.Thread.run(Thread.java:840)""",
    """[2026-{day}T{time}.{ms}Z] request {guid}
{text}
    at send (https://{host}/static/app.{id}.js:{c}:{b})
    at async run (https://{host}/static/app.{id}.js:{a}:{c})""",
    """2026-{day} {time},{ms} {host} app[{pid}] trace={id}
Traceback (most recent call last):
  File "/srv/app/session.py", line {a}, in call
  File "/srv/app/transport.py", line {b}, in send
{text}""",
    """{text}
   at Example.Client.Session.Send(Request request) in Session.cs:line {a}
   at Example.Client.Session.<RunAsync>d__{c}.MoveNext()
Correlation ID: {guid}
Timestamp: 2026-{day}T{time}Z""",
    """{day} {time}.{ms}  {pid}  {pid} D ExampleNet: call={id} took={b}ms
{day} {time}.{ms}  {pid}  {pid} E ExampleClient: {text}
{day} {time}.{ms}  {pid}  {pid} D ExampleNet: closed host={host}""",
    """2026/{day} {time} [error] {pid}#{c}: *{b} {text}, client: {ip}, server: {host}, upstream: /{id}/{a}""",
    """{text}
Идентификатор запроса: {guid}
Метка времени: 2026-{day}T{time}.{ms}Z
Узел: {host}""",
)


def perturb(queries: Sequence[Query], kind: str, seed: int = 20261122) -> tuple[Query, ...]:
    """The queries changed by one of KINDS, in their order, with their ids; without those that it cannot change.

    A copy depends on the seed, the kind and its own query alone, not on the queries beside it. Raises ValueError for
    another kind.
    """
    if kind not in _CHANGES:
        raise ValueError(f"perturb: kind is {kind!r}; expected one of {', '.join(KINDS)}; name one of them")
    change = _CHANGES[kind]
    # A text as seed goes through SHA-512, so it means the same everywhere; nothing here is a secret.
    changed = (
        replace(query, text=change(query, Random(f"{seed}:{kind}:{query.query_id}")))  # noqa: S311
        for query in queries
    )
    return tuple(copy for query, copy in zip(queries, changed, strict=True) if copy.text != query.text)


def with_copies(judged: JudgedSet) -> JudgedSet:
    """The answerable queries, and of each a perturbed copy with the same gold and an id of its own, the kinds in turn.

    A query that its kind cannot change takes the next kind.
    """
    copies: list[Query] = []
    qrels = dict(judged.qrels)
    for place, query in enumerate(judged.answerable):
        turn = KINDS[place % len(KINDS) :] + KINDS
        copy, kind = next((copy, kind) for kind in turn for copy in perturb([query], kind))
        copies.append(replace(copy, query_id=f"{query.query_id}, {kind}"))
        qrels[copies[-1].query_id] = judged.qrels[query.query_id]
    return replace(judged, name=f"{judged.name} with copies", queries=(*judged.answerable, *copies), qrels=qrels)


def _layout(query: Query, rng: Random) -> str:
    """The keys that were meant, in the layout that most of the query was not meant for; it is never switched.

    So Latin words of a Russian query come out right, as do Russian words of a Latin one. Codes and numbers are pasted.
    """
    if _is_pasted(query):
        return query.text
    russian = _russian_letters(query.text)
    latin = sum(len(match[0]) for match in _LATIN.finditer(query.text) if not _is_code(match[0]))
    if russian and russian >= latin:
        return _outside_codes(query.text, in_us_layout)
    if latin:
        return _outside_codes(query.text, in_russian_layout)
    return query.text


def _capitals(query: Query, rng: Random) -> str:
    return query.text if _is_pasted(query) else _outside_codes(query.text, str.upper)


def _is_pasted(query: Query) -> bool:
    """Whether it is an error text with more Latin letters than Russian ones: a log, which nobody types."""
    latin = len(re.findall("[a-z]", query.text, re.IGNORECASE))
    return query.kind == "error" and latin > _russian_letters(query.text)


def _russian_letters(text: str) -> int:
    return len(re.findall("[а-яё]", text, re.IGNORECASE))


def _is_code(stretch: str) -> bool:
    """Whether a Latin stretch begins with a digit or holds more than letters, digits, hyphens and apostrophes."""
    return stretch[0].isdigit() or not stretch.replace("-", "").replace("'", "").isalnum()


def _outside_codes(text: str, change: Callable[[str], str]) -> str:
    """The text changed everywhere but in its codes and numbers."""
    pieces = []
    done = 0
    for match in _LATIN.finditer(text):
        if _is_code(match[0]):
            pieces += [change(text[done : match.start()]), match[0]]
            done = match.end()
    return "".join(pieces) + change(text[done:])


def _translit(scheme: dict[str, str]) -> Callable[[Query, Random], str]:
    return lambda query, rng: _in_latin(query.text, scheme)


def _translit_digits(query: Query, rng: Random) -> str:
    sh = _pick(rng, "w6")  # one person writes it one way
    return _in_latin(query.text, _DIGITS | {"ш": sh, "щ": sh})


def _in_latin(text: str, scheme: dict[str, str]) -> str:
    def spelt(match: re.Match[str]) -> str:
        word = match[0]
        if len(word) > 1 and word.isupper():
            return "".join(scheme[letter] for letter in word.lower()).upper()  # «ЩИТ» is "SHCHIT", «Щит» "Shchit"
        return "".join(scheme[letter] if letter in scheme else scheme[letter.lower()].capitalize() for letter in word)

    return re.sub("[а-яё]+", spelt, text, flags=re.IGNORECASE)


def slips(kind: str, word: str) -> list[str]:
    """Every way to mistype a word once: a letter dropped, two swapped, a neighbouring key, a letter doubled.

    Any letter may be the one, the first too; capitals keep their places («Код»: «Окд», «Ккод»). Empty where there is
    no way: two equal letters have no swap, ё no neighbour.
    """
    places = range(len(word))
    if kind == "typo-drop":
        return [word[:i] + word[i + 1 :] for i in places]
    if kind == "typo-doubled":
        return [word[: i + 1] + _cased(word[i], word[i + 1 : i + 2] or word[i]) + word[i + 1 :] for i in places]
    if kind == "typo-swap":
        return [
            word[:i] + _cased(word[i + 1], word[i]) + _cased(word[i], word[i + 1]) + word[i + 2 :]
            for i in places[:-1]
            if word[i].lower() != word[i + 1].lower()
        ]
    return [
        word[:i] + _cased(key, word[i]) + word[i + 1 :] for i in places for key in NEIGHBOURS.get(word[i].lower(), "")
    ]


def _cased(letter: str, like: str) -> str:
    return letter.upper() if like.isupper() else letter.lower()


def _typos(kind: str) -> Callable[[Query, Random], str]:
    def change(query: Query, rng: Random) -> str:
        """One typo for six letters, one to three in all, in words of their own."""
        words = [match for match in _WORD.finditer(query.text) if slips(kind, match[0])]
        number = max(1, min(3, sum(len(match[0]) for match in words) // 6))
        text = query.text
        # From the end, so that the places before stay where they are.
        for match in sorted(_sample(rng, words, number), key=re.Match.start, reverse=True):
            text = text[: match.start()] + _pick(rng, slips(kind, match[0])) + text[match.end() :]
        return text

    return change


def _no_space(query: Query, rng: Random) -> str:
    """One of three spaces between Russian words is gone, one to three in all."""
    gaps = list(_GAP.finditer(query.text))
    gone = {match.start() for match in _sample(rng, gaps, max(1, min(3, len(gaps) // 3)))}
    return "".join(letter for place, letter in enumerate(query.text) if place not in gone)


def _no_yo(query: Query, rng: Random) -> str:
    return query.text.replace("ё", "е").replace("Ё", "Е")


def _error_noise(query: Query, rng: Random) -> str:
    """The text as it stands, inside a log of random moments, numbers and hosts; other kinds of query stay clean."""
    if query.kind != "error":
        return query.text

    def number(low: int, high: int) -> int:
        return low + int(rng.random() * (high - low))

    def hexadecimal(digits: int) -> str:
        return "".join(_pick(rng, "0123456789abcdef") for _ in range(digits))

    before, _, after = _pick(rng, _LOGS).partition("{text}")
    fields = {
        "day": f"{number(1, 13):02}-{number(1, 29):02}",
        "time": f"{number(0, 24):02}:{number(0, 60):02}:{number(0, 60):02}",
        "ms": f"{number(0, 1000):03}",
        "guid": f"{hexadecimal(8)}-{hexadecimal(4)}-4{hexadecimal(3)}-a{hexadecimal(3)}-{hexadecimal(12)}",  # RFC 9562
        "id": hexadecimal(16),
        "host": f"node{number(1, 40):02}.example.ru",
        "ip": f"192.0.2.{number(1, 255)}",  # for documents (RFC 5737), nobody's
        "pid": number(1000, 32768),
        "a": number(10, 200),
        "b": number(200, 900),
        "c": number(10, 90),
    }
    return before.format(**fields) + query.text + after.format(**fields)


def _pick(rng: Random, items: Sequence[Item]) -> Item:
    # Of the generator, only random() is promised to give the same numbers in every Python.
    return items[int(rng.random() * len(items))]


def _sample(rng: Random, items: Sequence[Item], number: int) -> list[Item]:
    left = list(items)
    return [left.pop(int(rng.random() * len(left))) for _ in range(min(number, len(left)))]


_CHANGES: dict[str, Callable[[Query, Random], str]] = {
    "layout": _layout,
    "translit-phonetic": _translit(_PHONETIC),
    "translit-short": _translit(_SHORT),
    "translit-digits": _translit_digits,
    "typo-drop": _typos("typo-drop"),
    "typo-swap": _typos("typo-swap"),
    "typo-neighbour": _typos("typo-neighbour"),
    "typo-doubled": _typos("typo-doubled"),
    "no-yo": _no_yo,
    "no-space": _no_space,
    "capitals": _capitals,
    "error-noise": _error_noise,
}
KINDS = tuple(_CHANGES)
