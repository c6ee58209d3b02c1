"""Other people's judgments: TREC qrels, BEIR's TSV, CSV tables such as Quepid's; told apart by their first line."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from evaluation.beir import one_text, parse_queries
from evaluation.exchange import trec_fields
from evaluation.judgments import JudgmentError, Query
from indexer.readers.decoding import decode

# The usual names of a column, in small letters with "-" for "_" and spaces.
_NAMES = {
    "query id": ("query-id", "queryid", "qid"),
    "query": ("query", "query-text"),  # its text, where another column has the id
    "document": ("docid", "doc-id", "docno", "doc", "document", "document-id", "corpus-id", "section-id", "article-id"),
    "grade": ("rating", "grade", "relevance", "rel", "score", "judgment", "judgement", "label"),
}
_IN_QUERIES = {"id": "query id", "-id": "query id", "text": "query"}  # in a table of queries these are plain, too
_DELIMITERS = {"\t": "tab", ",": "comma", ";": "semicolon"}
_GRADE = re.compile(r"([+-]?\d+)(?:[.,]0+)?")  # Quepid's are 3.0, and 3,0 in a Russian Excel


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table of judgments."""

    place: str  # file:line, for messages
    query_id: str  # "" where the table has texts only
    query: str  # its text, or its id where `query_id` is empty and such an id is known; "" where there is none
    document: str
    grade: int | None  # None: not judged


@dataclass(frozen=True, slots=True)
class Source:
    """A file of judgments as it stands."""

    form: str  # what it was taken for, as in "table, semicolon, windows-1251"
    rows: tuple[Row, ...]


def read_source(path: Path) -> Source:
    """The judgments of a file in one of the forms.

    TREC: four fields a line, `qid iter docid rel`, told by a whole number as the fourth of the first line; grades may
    be negative. Else a table, tab, comma or semicolon between cells, whose header has a column for query (id or text),
    document and grade by any of the usual names. Cells may be quoted and then have line breaks. Empty rows do not
    count. A row without a grade is not judged: Quepid writes the text alone of a query that nobody rated.
    Raises JudgmentError where the form is none of these, or a row is not of it.
    """
    text, encoding = _decoded(path)
    first = next((line for line in text.split("\n") if line.strip()), "")
    if len(fields := trec_fields(first)) == 4 and _GRADE.fullmatch(fields[3]):
        form, rows = "TREC qrels", _trec_rows(text, path)
    else:
        delimiter, columns = _columns(text, path)
        form, rows = f"table, {_DELIMITERS[delimiter]}", _table_rows(text, delimiter, columns, path)
    return Source(form if encoding.startswith("utf-8") else f"{form}, {encoding}", tuple(rows))


def read_queries(path: Path) -> dict[str, Query]:
    """Queries by their ids, from BEIR's `queries.jsonl` or a table of id and text, with or without a header.

    Raises JudgmentError where a line is not of the form or a query has two texts.
    """
    text, _ = _decoded(path)
    found: dict[str, Query] = {}
    for place, query in _queries(text, path):
        if found.setdefault(query.query_id, query).text != query.text:
            raise JudgmentError(f"{place}: query {query.query_id} has another text before; expected one; remove a line")
    return found


def _queries(text: str, path: Path) -> Iterator[tuple[str, Query]]:
    if text.lstrip().startswith("{"):
        yield from ((str(path), query) for query, _ in parse_queries(text, path))
        return
    first = text.lstrip().split("\n")[0]
    delimiter = min(_DELIMITERS, key=lambda each: first.find(each) % (len(first) + 1))  # the one that comes first
    rows = list(_cells(text, delimiter, path))
    names = [_IN_QUERIES.get(_spelt(cell)) or _name(cell) for cell in rows[0][1]] if rows else []
    if "query id" not in names:
        names = ["query id", "query"]
    elif "query" in names:
        rows = rows[1:]
    else:
        raise JudgmentError(f"{path}: columns {', '.join(rows[0][1])}; expected query_id and query; add the texts")
    for place, cells in rows:
        row = _as_wide(cells, len(names), delimiter, place)
        query_id, query = row[names.index("query id")], one_text(row[names.index("query")])
        if not (query_id and query):
            raise JudgmentError(f"{place}: {cells}; expected a query's id and its text; mend the line")
        yield place, Query(query_id, query)


def _decoded(path: Path) -> tuple[str, str]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise JudgmentError(f"{path}: cannot be read ({error}); expected a file of text; check the name") from error
    decoded = decode(content) if content else None
    if decoded is None or decoded.unreadable:
        raise JudgmentError(f"{path}: is empty or no readable text; expected text; save it anew as UTF-8")
    return decoded.text.removeprefix("\ufeff"), decoded.encoding


def _trec_rows(text: str, path: Path) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), start=1):
        fields = trec_fields(line)
        if fields and len(fields) != 4:
            raise JudgmentError(
                f"{path}:{number}: {len(fields)} fields; expected four: qid iter docid rel; mend the line"
            )
        if fields:
            place = f"{path}:{number}"
            yield Row(place, fields[0], "", fields[2], _grade(fields[3], place))


def _columns(text: str, path: Path) -> tuple[str, dict[str, int]]:
    """The delimiter, and which cell of a row is what."""
    found: dict[str, list[str]] = {}
    for delimiter in _DELIMITERS:
        cells = next(_cells(text, delimiter, path, strict=False), ("", []))[1]
        found[delimiter] = [_name(cell) for cell in cells]
    delimiter = max(found, key=lambda each: len(set(found[each]) - {""}))
    names = found[delimiter]
    if not set(names) - {""}:
        raise JudgmentError(
            f"{path}: its first line is neither TREC's (qid iter docid rel) nor a known header; expected columns "
            "such as query_id, docid, rating; add a header"
        )
    for name in _NAMES:
        if names.count(name) > 1:
            raise JudgmentError(f"{path}: {names.count(name)} columns for the {name}; expected one; remove the others")
    missing = [name for name in ("document", "grade") if name not in names]
    if not {"query id", "query"} & set(names):
        missing.insert(0, "query")
    if missing:
        raise JudgmentError(
            f"{path}: no column for the {missing[0]}; expected one of {', '.join(_NAMES[missing[0]])}; name it so"
        )
    return delimiter, {name: names.index(name) for name in _NAMES if name in names}


def _spelt(cell: str) -> str:
    return re.sub(r"[_\s]+", "-", cell.lower())


def _name(cell: str) -> str:
    return next((name for name, spellings in _NAMES.items() if _spelt(cell) in spellings), "")


def _cells(text: str, delimiter: str, path: Path, strict: bool = True) -> Iterator[tuple[str, list[str]]]:
    """The rows that are not empty, each with its place: where it begins."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=strict)
    begins = 1
    try:
        for row in rows:
            cells = [cell.strip() for cell in row]
            if any(cells):
                yield f"{path}:{begins}", cells
            begins = rows.line_num + 1
    except csv.Error as error:
        raise JudgmentError(
            f"{path}:{begins}: {error}; expected quotes in pairs, doubled within a cell; mend the line"
        ) from error


def _table_rows(text: str, delimiter: str, columns: dict[str, int], path: Path) -> Iterator[Row]:
    rows = _cells(text, delimiter, path)
    _, header = next(rows)
    for place, cells in rows:
        row = _as_wide(cells, len(header), delimiter, place)
        value = {name: row[column] for name, column in columns.items()}
        grade = _grade(value["grade"], place) if value["grade"] else None
        if grade is not None and grade < 0:
            raise JudgmentError(f"{place}: grade {grade}; expected 0 or more (TREC qrels alone may have less); mend it")
        yield Row(place, value.get("query id", ""), one_text(value.get("query", "")), value["document"], grade)


def _as_wide(cells: list[str], width: int, delimiter: str, place: str) -> list[str]:
    if any(cells[width:]):
        raise JudgmentError(
            f"{place}: {len(cells)} cells in {width} columns; expected as many; quote a cell that has a "
            f"{_DELIMITERS[delimiter]} in it"
        )
    return cells + [""] * (width - len(cells))


def _grade(text: str, place: str) -> int:
    match = _GRADE.fullmatch(text)
    if not match:
        raise JudgmentError(f"{place}: grade {text!r}; expected a whole number such as 0, 1 or 2; mend it")
    return int(match[1])
