"""The tables of a report, from its numbers: what is shown, in which order, and what is best."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evaluation import measures
from evaluation.results import Answerability, SetResult, SystemResult

WORST = 15  # queries shown
PERCENTILES = (50, 95, 99)

_NONE = "–"
_LESS_IS_BETTER = re.compile(r"\bms$|ECE|Brier|false|refus", re.IGNORECASE)
_NO_BETTER = re.compile(r"^Judged")  # tells how far to trust the others

Values = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Cell:
    """A number as it is shown."""

    text: str
    best: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells under their heads; the first column names the row."""

    title: str
    corner: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


@dataclass(frozen=True, slots=True)
class WorstQuery:
    """A query that the last system did badly on, beside the best that another did."""

    query_id: str
    text: str
    kind: str
    value: str
    best_other: str


def measures_of(systems: Sequence[SystemResult]) -> list[str]:
    """The measures that any of the systems has, in the order of the first."""
    return list(dict.fromkeys(name for system in systems for name in system.measures))


def by_system(systems: Sequence[SystemResult]) -> Table:
    """A row a system, a column a measure; the best of each column is marked."""
    names = measures_of(systems)
    columns = [_cells(name, [system.measures.get(name) for system in systems]) for name in names]
    rows = tuple((system.system, tuple(column[at] for column in columns)) for at, system in enumerate(systems))
    heads = tuple(f"{name} ↓" if _LESS_IS_BETTER.search(name) else name for name in names)
    return Table("Measures", "system", heads, rows)


def grouped(
    noun: str, measure: str, systems: Sequence[SystemResult], groups: Mapping[str, Values], counts: Mapping[str, int]
) -> Table | None:
    """A row a kind (or topic), a column a system, the best of each row marked; None where nothing is known by it.

    `groups` is by name of the system. The number of queries stands in the first column, where there are any counts.
    """
    names = list(dict.fromkeys(name for system in systems for name in groups[system.system]))
    rows = []
    for name in names:
        cells = _cells(measure, [groups[system.system].get(name, {}).get(measure) for system in systems])
        rows.append((name, ((Cell(str(counts.get(name, 0))),) if counts else ()) + cells))
    columns = (("queries",) if counts else ()) + tuple(system.system for system in systems)
    return Table(measure, noun, columns, tuple(rows)) if rows else None


def overview(sets: Sequence[SetResult]) -> Table:
    """A row a set, a column a system of any: the first measure of all, the best of each row marked."""
    systems = [system for found in sets for system in found.systems]
    measure = next(iter(measures_of(systems)), "")
    names = list(dict.fromkeys(system.system for system in systems))
    rows = []
    for found in sets:
        values = {system.system: system.measures.get(measure) for system in found.systems}
        rows.append((found.name, (Cell(str(found.queries)), *_cells(measure, [values.get(name) for name in names]))))
    return Table(measure, "set", ("queries", *names), tuple(rows))


def latency(systems: Sequence[SystemResult]) -> Table | None:
    """Percentiles of the time a query takes, interpolated linearly; None where no time was taken."""
    timed = [system for system in systems if system.milliseconds]
    found = [np.percentile(list(system.milliseconds.values()), PERCENTILES) for system in timed]
    columns = [_cells("ms", [float(row[at]) for row in found]) for at in range(len(PERCENTILES))]
    rows = tuple(
        (system.system, (Cell(str(len(system.milliseconds))), *(column[at] for column in columns)))
        for at, system in enumerate(timed)
    )
    return Table("Milliseconds", "system", ("queries", *(f"p{p}" for p in PERCENTILES)), rows) if rows else None


def answerability_figures(rows: Sequence[Answerability]) -> dict[str, float]:
    """How well queries with an answer are told from others; empty without queries of both sorts."""
    found = measures.abstention([measures.Decision(*row) for row in rows])
    error = measures.calibration_error(
        measures.reliability([relevance for relevance, *_ in rows], [answerable for _, answerable, _ in rows])
    )
    if found.auroc is None or found.balanced_accuracy is None or error is None:
        return {}
    return {
        "AUROC": found.auroc,
        "balanced accuracy": found.balanced_accuracy,
        "false refusals": found.false_refusals,
        "false answers": found.false_answers,
        "ECE": error,
    }


def answerability(system: str, rows: Sequence[Answerability]) -> Table | None:
    """The figures of one system as a table; None without queries of both sorts."""
    found = answerability_figures(rows)
    shown = tuple(Cell(str(value) if isinstance(value, int) else f"{value:.4f}") for value in found.values())
    heads = tuple(f"{name} ↓" if _LESS_IS_BETTER.search(name) else name for name in found)
    return Table("Answers withheld", "system", heads, ((system, shown),)) if found else None


def worst(found: SetResult, measure: str) -> tuple[WorstQuery, ...]:
    """The queries with the lowest values of the last system, below 1, at most WORST; empty without values.

    Of equally bad ones those come first that another system did better on, then in the order of their ids.
    """
    if not found.systems:
        return ()
    *others, last = found.systems
    rows: list[tuple[float, float, str, str]] = []  # value, the best other's, its name, query_id
    for query_id, values in last.per_query.items():
        if measure in values and values[measure] < 1:
            reached = {o.system: o.per_query[query_id].get(measure, -1.0) for o in others if query_id in o.per_query}
            best = max(reached, key=reached.__getitem__, default="")
            rows.append((values[measure], reached.get(best, -1.0), best, query_id))
    rows.sort(key=lambda row: (row[0], -row[1], row[3]))
    return tuple(
        WorstQuery(
            query_id,
            found.texts.get(query_id, ""),
            found.kinds.get(query_id, ""),
            _shown(measure, value),
            f"{_shown(measure, best)} {name}" if best >= 0 else _NONE,
        )
        for value, best, name, query_id in rows[:WORST]
    )


def _cells(measure: str, values: Sequence[float | None]) -> tuple[Cell, ...]:
    """The values as shown, the best marked (all that look equal to it), unless none is better than another."""
    texts = [_NONE if value is None else _shown(measure, value) for value in values]
    known = [float(text) for text in texts if text != _NONE]
    if _NO_BETTER.search(measure) or len(set(known)) < 2:
        return tuple(Cell(text) for text in texts)
    best = min(known) if _LESS_IS_BETTER.search(measure) else max(known)
    return tuple(Cell(text, text != _NONE and float(text) == best) for text in texts)


def _shown(measure: str, value: float) -> str:
    return f"{value:.1f}" if measure.endswith("ms") else f"{value:.4f}"
