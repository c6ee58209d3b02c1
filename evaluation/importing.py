"""Takes other people's judgments into a BEIR folder, beside what is there."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from evaluation.beir import joined_queries, parse_queries, qrels_path, qrels_table
from evaluation.exchange import read_text
from evaluation.foreign_judgments import Row, read_queries, read_source
from evaluation.judgments import JudgmentError, Query
from evaluation.writing import write_files


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of an import."""

    form: str  # what the source was taken for
    qrels: Path
    judgments: int
    queries: int  # that have a judgment
    grades: Mapping[int, int]  # grade -> how many judgments, as written
    negative: Mapping[int, int]  # grade below 0 -> how many judgments, each written as 0
    ungraded: int  # rows without a grade, left out
    repeated: int  # rows that say the same again
    added: int  # queries that queries.jsonl did not have
    without_text: int  # judged queries whose text nobody gave: all or none


def import_judgments(source: Path, folder: Path, split: str, queries: Path | None = None) -> Imported:
    """Writes `qrels/<split>.tsv` and adds the judged queries to `queries.jsonl`; gives what was written.

    A table that has texts in place of ids is given ids: that of a known query of the same text, else one made from the
    text, the same each time. Grades below 0, in TREC's web tracks the mark of spam (-2), become 0: judged, and of no
    use. Where no text of any query is known, judgments alone are written.
    Raises JudgmentError, and writes nothing, where the source is not of a form (see `read_source`), says two things of
    a pair, a text or another value contradicts what is known, a query alone lacks its text, or the split is there.
    """
    qrels_file, queries_file = qrels_path(folder, split), folder / "queries.jsonl"
    _require_absent(qrels_file)
    there = {
        query.query_id: query
        for query, _ in (parse_queries(read_text(queries_file), queries_file) if queries_file.exists() else ())
    }
    given = read_queries(queries) if queries else {}
    found = read_source(source)
    rows = _with_ids(found.rows, [*there.values(), *given.values()])
    qrels, raw, repeated = _judged(rows)
    if not qrels:
        raise JudgmentError(f"{source}: no judgments in it; expected rows with a grade; judge some queries")
    known = _texts(rows, given)
    for query in [*there.values(), *known.values()]:
        if query.query_id in qrels and not query.answerable:
            raise JudgmentError(
                f"{source}: query {query.query_id} is judged, and known to have no answer; expected one of the two; "
                "remove its judgments, or answerable from its line"
            )
    wanted = [known[query_id] for query_id in qrels if query_id in known]
    joined, added = joined_queries(queries_file, wanted)
    missing = sorted(qrels.keys() - known.keys() - there.keys())
    if missing and (known or there):
        raise JudgmentError(
            f"{source}: query {missing[0]} ({len(missing)} in all) has no text in it, in {queries_file}"
            f"{f' or in {queries}' if queries else ''}; expected that of every judged query; name a file with --queries"
        )
    write_files(({} if missing else {queries_file: joined}) | {qrels_file: qrels_table(qrels)})
    return Imported(
        form=found.form,
        qrels=qrels_file,
        judgments=sum(map(len, qrels.values())),
        queries=len(qrels),
        grades=dict(sorted(Counter(grade for grades in qrels.values() for grade in grades.values()).items())),
        negative=dict(sorted(Counter(grade for grade in raw if grade < 0).items())),
        ungraded=sum(row.grade is None for row in rows),
        repeated=repeated,
        added=added,
        without_text=len(missing),
    )


def _require_absent(path: Path) -> None:
    if path.exists():
        raise JudgmentError(f"{path}: is there already; expected a new split; name another with --split")


def _with_ids(rows: Sequence[Row], known: Iterable[Query]) -> list[Row]:
    """The rows, each with a query id where it has a query."""
    ids_of: dict[str, set[str]] = {}  # text -> ids
    for query in known:
        ids_of.setdefault(query.text, set()).add(query.query_id)
    named = set().union(*ids_of.values()) - ids_of.keys()
    by_id = any(row.query in named for row in rows if not row.query_id)  # the column `query` has ids
    made = []
    for row in rows:
        if row.query_id or not row.query:
            made.append(row)
        elif by_id:
            made.append(replace(row, query_id=row.query, query=""))
        else:
            made_id = f"q-{hashlib.sha256(row.query.encode()).hexdigest()[:12]}"
            ids = sorted(ids_of.get(row.query, {made_id}))
            if len(ids) > 1:
                raise JudgmentError(
                    f"{row.place}: the text of queries {' and '.join(ids)}; expected that of one; add a column query_id"
                )
            made.append(replace(row, query_id=ids[0]))
    return made


def _judged(rows: Iterable[Row]) -> tuple[dict[str, dict[str, int]], list[int], int]:
    """The judgments, their grades as they stood, and the number of rows that say the same again."""
    first: dict[tuple[str, str], Row] = {}
    qrels: dict[str, dict[str, int]] = {}
    repeated = 0
    for row in rows:
        if row.grade is None:
            continue
        if not row.query_id or not row.document:
            raise JudgmentError(
                f"{row.place}: a grade without {'document' if row.query_id else 'query'}; expected all three; mend it"
            )
        before = first.setdefault((row.query_id, row.document), row)
        if before.grade != row.grade:
            raise JudgmentError(
                f"{row.place}: {row.document} has grade {row.grade} for query {row.query_id}, {before.grade} at "
                f"{before.place}; expected one; keep the right one"
            )
        repeated += before is not row
        qrels.setdefault(row.query_id, {})[row.document] = max(0, row.grade)
    return qrels, [row.grade for row in first.values() if row.grade is not None], repeated


def _texts(rows: Iterable[Row], given: Mapping[str, Query]) -> dict[str, Query]:
    """The queries whose text the rows or the file of queries give."""
    known = dict(given)
    for row in rows:
        if row.query and known.setdefault(row.query_id, Query(row.query_id, row.query)).text != row.query:
            raise JudgmentError(
                f"{row.place}: query {row.query_id} is {row.query!r}, elsewhere {known[row.query_id].text!r}; expected "
                "one text; give one of the two another id"
            )
    return known
