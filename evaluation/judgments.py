"""Judged queries: a folder in BEIR's layout, with `queries.jsonl` and `qrels/<split>.tsv`."""

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class JudgmentError(Exception):
    """A file of judged queries does not say what it should; the message gives place, found, expected, what to do."""


@dataclass(frozen=True, slots=True)
class Query:
    """A query as somebody typed it."""

    query_id: str
    text: str
    kind: str = ""  # keywords, question, complaint, error, staff, chatbot
    topic: str = ""  # of the first of its best sections
    answerable: bool = True


@dataclass(frozen=True, slots=True)
class Nugget:
    """A step that an answer to a troubleshooting query should name."""

    section_id: str
    step: str  # as the help words it
    vital: bool  # else it is okay: good to have (after TREC 2003 QA)


@dataclass(frozen=True, slots=True)
class JudgedSet:
    """Queries with the sections (or articles) judged for them."""

    name: str
    queries: tuple[Query, ...]  # those with at least one judgment, then those without an answer
    qrels: dict[str, dict[str, int]]  # query_id -> {section_id or article_id: relevance 0 to 2}
    nuggets: dict[str, tuple[Nugget, ...]] = field(default_factory=dict)

    @property
    def answerable(self) -> tuple[Query, ...]:
        """The queries that rankings are measured on."""
        return tuple(query for query in self.queries if query.answerable)

    @property
    def judged_ids(self) -> frozenset[str]:
        """The ids of the sections (or articles) that have a judgment for any query."""
        return frozenset(judged for grades in self.qrels.values() for judged in grades)


def read_judged(folder: Path, split: str | None = None) -> JudgedSet:
    """The judged queries of a BEIR folder; `split` names the file of qrels, which may be left out where there is one.

    Raises JudgmentError where a file is missing or a line is not of the form.
    """
    files = sorted((folder / "qrels").glob("*.tsv"))
    if split is None and len(files) == 1:
        split = files[0].stem
    path = folder / "qrels" / f"{split}.tsv"
    if split is None or path not in files:
        have = ", ".join(file.stem for file in files) or "none"
        raise JudgmentError(f"{folder / 'qrels'}: has {have}; expected qrels/<split>.tsv; name a split with --split")
    qrels = _read_qrels(path)
    if not qrels:
        raise JudgmentError(f"{path}: no judgments in it; expected query-id, corpus-id, score; judge some queries")
    found = _read_queries(folder / "queries.jsonl")
    if unknown := sorted(qrels.keys() - found.keys()):
        raise JudgmentError(
            f"{path}: query {unknown[0]} is not in queries.jsonl; expected it there; add it or remove the row"
        )
    queries = [query for query, _ in found.values() if query.query_id in qrels]
    queries += [query for query, of in found.values() if not query.answerable and of == split]
    nuggets = folder / "nuggets" / f"{split}.tsv"
    return JudgedSet(
        f"{folder.name}, {split}", tuple(queries), qrels, _read_nuggets(nuggets) if nuggets.exists() else {}
    )


def digest(judged: JudgedSet) -> str:
    """SHA-256 of a set's queries with their judgments and nuggets, whatever their order and the set's name."""
    rows = [repr((query.query_id, query.text, query.answerable)) for query in judged.queries]
    rows += [repr((query_id, *row)) for query_id, grades in judged.qrels.items() for row in grades.items()]
    rows += [repr((query_id, nugget)) for query_id, steps in judged.nuggets.items() for nugget in steps]
    return hashlib.sha256("\n".join(sorted(rows)).encode()).hexdigest()


def _read_queries(path: Path) -> dict[str, tuple[Query, str]]:
    """The queries by id, each with its split ("" where the file names none)."""
    found: dict[str, tuple[Query, str]] = {}
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if line.strip():
            try:
                record: Any = json.loads(line)
                if not isinstance(record["text"], str):
                    raise TypeError("text is not a string")
                query = Query(
                    query_id=str(record["_id"]),
                    text=record["text"],
                    kind=record.get("kind", ""),
                    topic=record.get("topic", ""),
                    answerable=record.get("answerable", True),
                )
                if query.query_id in found:
                    raise ValueError(f"query {query.query_id} stands above already")
                found[query.query_id] = query, record.get("split", "")
            except (ValueError, KeyError, TypeError) as error:
                raise JudgmentError(f'{path}:{number}: {error!r}; expected {{"_id", "text"}}; mend the line') from error
    return found


def _read_nuggets(path: Path) -> dict[str, tuple[Nugget, ...]]:
    found: dict[str, list[Nugget]] = {}
    for number, row in enumerate(_rows(path), start=1):
        if number == 1 and row[:1] == ["query-id"]:
            continue
        if len(row) != 4 or row[2] not in {"vital", "okay"}:
            raise JudgmentError(
                f"{path}:{number}: {row}; expected query-id, corpus-id, vital or okay, step; mend the line"
            )
        query_id, section_id, kind, step = row
        found.setdefault(query_id, []).append(Nugget(section_id, step, kind == "vital"))
    return {query_id: tuple(steps) for query_id, steps in found.items()}


def _read_qrels(path: Path) -> dict[str, dict[str, int]]:
    qrels: dict[str, dict[str, int]] = {}
    for number, row in enumerate(_rows(path), start=1):
        if number == 1 and row[:1] == ["query-id"]:
            continue
        try:
            query_id, judged, relevance = row
            if judged in qrels.get(query_id, {}):
                raise ValueError("judged above already")
            qrels.setdefault(query_id, {})[judged] = int(relevance)
        except ValueError as error:
            raise JudgmentError(
                f"{path}:{number}: {row}: {error}; expected query-id, corpus-id, score, once a pair; mend the line"
            ) from error
    return qrels


def _rows(path: Path) -> Iterator[list[str]]:
    yield from csv.reader(io.StringIO(_text(path), newline=""), delimiter="\t")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise JudgmentError(f"{path}: cannot be read ({error}); expected UTF-8 text; check the folder") from error
