"""What an evaluation found, as nouns: numbers of systems over sets of queries, and where they come from; JSON."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

FORMAT = 1  # of the JSON file

Number = Annotated[float, Field(allow_inf_nan=False)]
Milliseconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Answerability = tuple[Annotated[float, Field(ge=0, le=1)], bool, bool]  # relevance, judged answerable, answered


class ResultsError(Exception):
    """Results are not of the form, or their file is not; the message gives place, found, expected, what to do."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """What the numbers were made from and with: enough to make them again."""

    commit: str  # "+changes" at its end where the working tree had any; "unknown" outside git
    created: str  # ISO 8601 with a time zone
    corpus_digest: str
    model: str
    model_fingerprint: str
    settings: dict[str, Any]  # of the ranking and of the command; whatever JSON can hold
    sets: dict[str, str]  # name of a set -> SHA-256 of its queries and judgments
    versions: dict[str, str]  # package -> version
    machine: str  # processor and number of cores

    def __post_init__(self) -> None:
        if datetime.fromisoformat(self.created).tzinfo is None:
            raise ValueError(f'created is "{self.created}"; expected a time with its zone, such as ...+00:00')


@dataclass(frozen=True, slots=True)
class SystemResult:
    """What one system reached on one set. A measure that was not taken is left out, never 0."""

    system: str
    measures: dict[str, Number]  # "nDCG@10" -> mean over the queries; the first is the one that plots show
    by_kind: dict[str, dict[str, Number]]  # kind -> the same, over the queries of that kind
    by_topic: dict[str, dict[str, Number]]
    per_query: dict[str, dict[str, Number]]  # query_id -> measure -> value
    milliseconds: dict[str, Milliseconds]  # query_id -> time taken


@dataclass(frozen=True, slots=True)
class SetResult:
    """The systems over one set of queries; the last of them is the one in question."""

    name: str
    queries: int  # that have an answer, and were measured
    unanswerable: int
    systems: tuple[SystemResult, ...]
    texts: dict[str, str]  # query_id -> as typed
    answerability: tuple[Answerability, ...] = ()  # of the last system; empty where it was not measured
    kinds: dict[str, str] = field(default_factory=dict)  # query_id -> kind
    topics: dict[str, str] = field(default_factory=dict)  # query_id -> topic

    def __post_init__(self) -> None:
        _require_unique("system", [system.system for system in self.systems])

    def counted(self, labels: dict[str, str]) -> Counter[str]:
        """How many measured queries have each of the labels (`kinds` or `topics`); empty where there are none."""
        measured = {query_id for system in self.systems for query_id in system.per_query}
        return Counter(label for query_id, label in labels.items() if query_id in measured)


@dataclass(frozen=True, slots=True)
class Results:
    """All that one command of the evaluation found."""

    provenance: Provenance
    sets: tuple[SetResult, ...]

    def __post_init__(self) -> None:
        names = [each.name for each in self.sets]
        _require_unique("set", names)
        if missing := [name for name in names if name not in self.provenance.sets]:
            raise ValueError(f'no digest of the set "{missing[0]}"; expected one for each set in provenance.sets')


def _require_unique(noun: str, names: Iterable[str]) -> None:
    if twice := [name for name, number in Counter(names).items() if number > 1]:
        raise ValueError(f'two results for the {noun} "{twice[0]}"; expected one for each name')


_ADAPTER = TypeAdapter(Results)


def to_json(results: Results) -> str:
    """The results as JSON that `read_json` reads back; the same results give the same text.

    Raises ResultsError where a value is not of the form: a mean that is NaN, a time below 0.
    """
    text = json.dumps({"format": FORMAT} | asdict(results), ensure_ascii=False, indent=1) + "\n"
    _parse(text, "results")
    return text


def read_json(path: Path) -> Results:
    """The results in the file. Raises ResultsError where it cannot be read or is not of the form."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ResultsError(f"{path}: cannot be read ({error}); expected a report's JSON; check the name") from error
    return _parse(text, str(path))


def _parse(text: str, place: str) -> Results:
    mend = "make it again: python -m evaluation run"
    try:
        content = json.loads(text)
        found = content.pop("format")
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise ResultsError(f"{place}: {error!r}; expected a report's JSON with its format; {mend}") from error
    if found != FORMAT:
        raise ResultsError(f"{place}: format {found!r}, this version reads {FORMAT}; {mend}")
    try:
        return _ADAPTER.validate_json(json.dumps(content), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        value = json.dumps(first["input"], ensure_ascii=False, default=str)
        raise ResultsError(f"{place}: {where} is {value:.60}; expected: {first['msg']}; {mend}") from error
