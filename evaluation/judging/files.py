"""The judgments of a store as tables: qrels, reasons and nuggets, tab-separated, in the form `read_judged` reads."""

import csv
import io
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from evaluation.judging.store import Contents
from evaluation.judgments import JudgmentError
from evaluation.writing import write_files

_QRELS = ("query-id", "corpus-id", "score")
_REASONS = ("query-id", "corpus-id", "reason")
_NUGGETS = ("query-id", "corpus-id", "vital|okay", "step")


def export(
    contents: Contents, qrels: Path, reasons: Path, nuggets: Path, queries: Collection[str] | None = None
) -> int:
    """Writes the three tables; gives the number of judgments in them. `queries` narrows them to a split's query ids.

    Rows are sorted by query and section, nuggets within a section by the order of its steps; a reason that was not
    given has no row. A table replaces its earlier version in one step, and none is replaced before all are written.
    """

    def wanted(query_id: str) -> bool:
        return queries is None or query_id in queries

    judged = [
        (query_id, judgment)
        for query_id, judgments in contents.judgments.items()
        for judgment in judgments.values()
        if wanted(query_id)
    ]
    tables: dict[Path, list[Sequence[str]]] = {
        qrels: [_QRELS, *((query_id, each.section_id, str(each.grade)) for query_id, each in judged)],
        reasons: [_REASONS, *((query_id, each.section_id, each.reason) for query_id, each in judged if each.reason)],
        nuggets: [
            _NUGGETS,
            *(
                (query_id, nugget.section_id, "vital" if nugget.vital else "okay", nugget.step)
                for query_id, steps in contents.nuggets.items()
                for nugget in steps
                if wanted(query_id)
            ),
        ],
    }
    write_files({path: _table(rows) for path, rows in tables.items()})
    return len(judged)


def read_reasons(path: Path) -> dict[str, dict[str, str]]:
    """The reasons of a table that `export` wrote, by query_id and section_id.

    Raises JudgmentError where the file cannot be read or a row is not of the form.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise JudgmentError(f"{path}: cannot be read ({error}); expected UTF-8 text; check the folder") from error
    found: dict[str, dict[str, str]] = {}
    for number, row in enumerate(csv.reader(lines, delimiter="\t"), start=1):
        if number == 1 and row[:1] == ["query-id"]:
            continue
        if len(row) != 3:
            raise JudgmentError(f"{path}:{number}: {row}; expected query-id, corpus-id, reason; mend the line")
        found.setdefault(row[0], {})[row[1]] = row[2]
    return found


def _table(rows: Iterable[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter="\t", lineterminator="\n").writerows(rows)
    return out.getvalue()
