"""How a query was read: what kind it is and what was searched for."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from indexer.knowledge import KnownErrors
from indexer.words import clean, words

Kind = Literal["keywords", "question", "error"]

_QUESTION = re.compile(
    r"(?:а |и |но )?(?:как|что|чем|где|куда|откуда|когда|почему|отчего|зачем|кто|кому|чей|сколько|"
    r"какой|какая|какое|какие|можно ли|нужно ли|есть ли|надо ли|могу ли|подскажите)\b(?!-)",
    re.IGNORECASE,
)
_CODE = re.compile(r"\b(?:0x[0-9a-f]{4,}|[A-Za-z]+[0-9]*(?:_[A-Za-z0-9]+)+|[A-Z][a-z]+[A-Za-z]*(?:Error|Exception))\b")


@dataclass(frozen=True, slots=True)
class Change:
    """A change made to what was typed."""

    kind: Literal["layout", "translit", "typo", "synonym"]
    from_: str
    to: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Interpretation:
    """How a query was read."""

    kind: Kind
    read_as: str
    changes: tuple[Change, ...] = ()
    error: None = None
    platform: None = None
    audience: None = None
    explained_in: tuple[str, ...] = ()  # section_ids that explain an error text of the query


class Reader:
    """Reads queries against the error texts that the help knows."""

    def __init__(self, errors: KnownErrors) -> None:
        self._errors = [(found, error) for error in errors.error if (found := _words(error.text))]

    def read(self, query: str) -> Interpretation:
        """The query without invisible characters, its white space joined, and its kind."""
        text = " ".join(clean(query).split())
        typed = _words(text)
        held = [(found, error) for found, error in self._errors if _contains(typed, found)]
        if _CODE.search(text) or held:
            kind: Kind = "error"
        elif text.endswith("?") or _QUESTION.match(text):
            kind = "question"
        else:
            kind = "keywords"
        # A text that means many things («Отказано в доступе») decides only where it is all that was typed.
        named = tuple(error.section for found, error in held if error.distinctive or found == typed)
        return Interpretation(kind, text, explained_in=named)


def _words(text: str) -> list[str]:
    return [word.text for word in words(text)]


def _contains(text: Sequence[str], part: Sequence[str]) -> bool:
    return any(text[start : start + len(part)] == part for start in range(len(text) - len(part) + 1))
