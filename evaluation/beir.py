"""Sections and judged queries as a BEIR folder: `corpus.jsonl`, `queries.jsonl`, `qrels/<split>.tsv`."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from evaluation.exchange import read_text, require_free
from evaluation.judgments import JudgedSet, JudgmentError, Query
from evaluation.writing import write_files
from indexer.sections import Section

_HEAD = ("query-id", "corpus-id", "score")


def export_beir(
    sections: Sequence[Section], judged: JudgedSet, split: str, folder: Path, force: bool = False
) -> dict[str, int]:
    """Writes `corpus.jsonl`, `queries.jsonl` and `qrels/<split>.tsv`; gives how many are in each: lines, judgments.

    A document is a section, its title the headings from the article's down. What we know of a query stands twice: in
    BEIR's `metadata` and where `read_judged` looks for it. A second split of the same corpus can go into the folder.
    Raises JudgmentError where a judged section is not among them, or where a file says otherwise or is there already
    and `force` does not allow to replace it; nothing is written then.
    """
    documents = "".join(f"{_json(_document(section))}\n" for section in sections)
    qrels, corpus, queries = qrels_path(folder, split), folder / "corpus.jsonl", folder / "queries.jsonl"
    if missing := sorted(judged.judged_ids - {section.section_id for section in sections}):
        raise JudgmentError(
            f"{judged.name}: judged {missing[0]} is no section of the corpus; expected every judged id there; "
            "correct the judgment or name the right --corpus"
        )
    require_free(qrels, force)
    if corpus.exists() and read_text(corpus) != documents:
        require_free(corpus, force)
    joined, _ = joined_queries(queries, judged.queries, split, force)
    write_files({corpus: documents, queries: joined, qrels: qrels_table(judged.qrels)})
    counts = (len(sections), len(judged.queries), sum(map(len, judged.qrels.values())))
    return dict(zip(map(str, (corpus, queries, qrels)), counts, strict=True))


def _document(section: Section) -> dict[str, object]:
    metadata = {"article_id": section.article_id, "platforms": section.platforms, "audiences": section.audiences}
    title = " › ".join(section.headings)  # as the indexer's model reads it
    return {"_id": section.section_id, "title": title, "text": section.text, "metadata": metadata}


def joined_queries(path: Path, queries: Iterable[Query], split: str = "", force: bool = False) -> tuple[str, int]:
    """The text of a `queries.jsonl` with these queries at its end, and how many were added; its own lines stay.

    Raises JudgmentError where a query of the same id is there and says otherwise, unless `force` lets the new win.
    """
    there = read_text(path) if path.exists() else ""
    kept = {query.query_id: (query, line) for query, line in parse_queries(there, path)}
    if len(kept) < sum(bool(line.strip()) for line in there.split("\n")):
        raise JudgmentError(f"{path}: a query id stands there twice; expected it once; remove a line")
    added = 0
    for query in queries:
        old = kept[query.query_id][0] if query.query_id in kept else None
        if old and not force:
            _require_agreement(path, old, query)
        if not old or force:
            kept[query.query_id] = query, _json(_record(query, split))
            added += old is None
    return "".join(f"{line}\n" for _, line in kept.values()), added


def _require_agreement(path: Path, old: Query, new: Query) -> None:
    values = asdict(replace(new, text=one_text(new.text)))
    for name, value in asdict(old).items():
        if value != values[name] and "" not in (value, values[name]):  # an unknown kind or topic contradicts nothing
            raise JudgmentError(
                f"{path}: query {old.query_id} has {name} {value!r}, now {values[name]!r}; expected the same; "
                "give one of the two another id, or take another folder"
            )


def _record(query: Query, split: str) -> dict[str, object]:
    known = {"kind": query.kind, "topic": query.topic, "answerable": query.answerable}
    told = {name: value for name, value in (known | {"split": split}).items() if value not in ("", True)}
    return {"_id": query.query_id, "text": query.text, **told, "metadata": known}


def _json(record: Mapping[str, object]) -> str:
    return json.dumps(record, ensure_ascii=False)


def parse_queries(text: str, path: Path) -> list[tuple[Query, str]]:
    """The queries of a `queries.jsonl`, each with its line. Raises JudgmentError for a line of another form."""
    found = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                record: dict[str, Any] = json.loads(line)
                known = (record.get("metadata") or {}) | record
                query = Query(
                    query_id=str(record["_id"]),
                    text=one_text(record["text"]),
                    kind=known.get("kind", ""),
                    topic=known.get("topic", ""),
                    answerable=known.get("answerable", True),
                )
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise JudgmentError(f'{path}:{number}: {error!r}; expected {{"_id", "text"}}; mend the line') from error
            found.append((query, line))
    return found


def one_text(text: str) -> str:
    """A query's text with its lines parted as here and no white space around it, to be compared with others."""
    return text.replace("\r\n", "\n").strip()


def qrels_path(folder: Path, split: str) -> Path:
    """Where a split's judgments are. Raises JudgmentError for a name that no file can have there."""
    if split != Path(split).name or split.split() != [split]:
        raise JudgmentError(f"split {split!r} is no name of a file; expected one such as tuning; correct --split")
    return folder / "qrels" / f"{split}.tsv"


def qrels_table(qrels: Mapping[str, Mapping[str, int]]) -> str:
    """The judgments as BEIR has them: tab-separated, with its header. Raises JudgmentError for an id of two lines."""
    rows = [(query_id, judged, grade) for query_id, grades in qrels.items() for judged, grade in grades.items()]
    for name in {name for row in rows for name in row[:2]}:
        if not name or name.splitlines() != [name]:
            raise JudgmentError(f"id {name!r} is empty or has a line break; expected one line; rename it")
    out = io.StringIO()
    csv.writer(out, delimiter="\t", lineterminator="\n").writerows([_HEAD, *rows])
    return out.getvalue()
