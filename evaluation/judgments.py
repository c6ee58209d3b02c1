"""Judged queries: a folder in BEIR's layout, with `queries.jsonl` and `qrels/<split>.tsv`."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class JudgmentError(Exception):
    """A file of judged queries does not say what it should; the message gives place, found, expected, what to do."""


@dataclass(frozen=True, slots=True)
class Query:
    """A query as somebody typed it."""

    query_id: str
    text: str


@dataclass(frozen=True, slots=True)
class JudgedSet:
    """Queries with the sections (or articles) judged for them."""

    name: str
    queries: tuple[Query, ...]  # those with at least one judgment
    qrels: dict[str, dict[str, int]]  # query_id -> {section_id or article_id: relevance 0 to 2}

    @property
    def by_section(self) -> bool:
        """Whether sections are judged ("article#anchor"), not whole articles."""
        return any("#" in judged for judged_ids in self.qrels.values() for judged in judged_ids)

    def missing_from(self, known: set[str]) -> list[str]:
        """Judged ids that are not among the known ones, sorted."""
        return sorted({judged for judged_ids in self.qrels.values() for judged in judged_ids} - known)


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
    texts = _read_queries(folder / "queries.jsonl")
    if unknown := sorted(qrels.keys() - texts.keys()):
        raise JudgmentError(
            f"{path}: query {unknown[0]} is not in queries.jsonl; expected it there; add it or remove the row"
        )
    queries = tuple(Query(query_id, texts[query_id]) for query_id in texts if query_id in qrels)
    return JudgedSet(f"{folder.name}, {split}", queries, qrels)


def _read_queries(path: Path) -> dict[str, str]:
    texts: dict[str, str] = {}
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if line.strip():
            try:
                record: Any = json.loads(line)
                if not isinstance(record["text"], str):
                    raise TypeError("text is not a string")
                texts[str(record["_id"])] = record["text"]
            except (ValueError, KeyError, TypeError) as error:
                raise JudgmentError(f'{path}:{number}: {error!r}; expected {{"_id", "text"}}; mend the line') from error
    return texts


def _read_qrels(path: Path) -> dict[str, dict[str, int]]:
    qrels: dict[str, dict[str, int]] = {}
    rows = csv.reader(_text(path).splitlines(), delimiter="\t")
    for number, row in enumerate(rows, start=1):
        if number == 1 and row[:1] == ["query-id"]:
            continue
        try:
            query_id, judged, relevance = row
            qrels.setdefault(query_id, {})[judged] = int(relevance)
        except ValueError as error:
            raise JudgmentError(
                f"{path}:{number}: {row}; expected query-id, corpus-id, score; mend the line"
            ) from error
    return qrels


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise JudgmentError(f"{path}: cannot be read ({error}); expected UTF-8 text; check the folder") from error
