"""Turns the Russian part of XQuAD (google-deepmind/xquad, CC BY-SA 4.0) into two retrieval sets in BEIR's layout."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from razdel import sentenize

from evaluation.judgments import JudgmentError


def convert(source: Path, out: Path) -> dict[str, int]:
    """Writes `out/passages` and `out/sentences`; gives the number of documents of each.

    A document is a paragraph, or one sentence of it (cut by razdel); gold is the one in which the answer begins.
    Raises JudgmentError where the file is not of SQuAD's form.
    """
    try:
        data = json.loads(source.read_text(encoding="utf-8"))["data"]
        paragraphs = [
            (f"{number:02}-{place}", paragraph)
            for number, article in enumerate(data)
            for place, paragraph in enumerate(article["paragraphs"])
        ]
        passages = {name: paragraph["context"] for name, paragraph in paragraphs}
        questions = {qa["id"]: qa["question"] for _, paragraph in paragraphs for qa in paragraph["qas"]}
        answers = {qa["id"]: (name, qa["answers"][0]["answer_start"]) for name, p in paragraphs for qa in p["qas"]}
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise JudgmentError(f"{source}: {error!r}; expected xquad.ru.json of XQuAD; name that file") from error
    sentences: dict[str, str] = {}
    gold: dict[str, str] = {}
    cuts = {name: list(sentenize(text)) for name, text in passages.items()}
    for name, cut in cuts.items():
        sentences |= {f"{name}-{place}": sentence.text for place, sentence in enumerate(cut)}
    for question, (name, start) in answers.items():
        place = next((i for i, sentence in enumerate(cuts[name]) if start < sentence.stop), len(cuts[name]) - 1)
        gold[question] = f"{name}-{place}"
    _write(out / "passages", passages, questions, {question: name for question, (name, _) in answers.items()})
    _write(out / "sentences", sentences, questions, gold)
    return {"passages": len(passages), "sentences": len(sentences)}


def _write(folder: Path, documents: Mapping[str, str], queries: Mapping[str, str], gold: Mapping[str, str]) -> None:
    (folder / "qrels").mkdir(parents=True, exist_ok=True)
    _write_lines(
        folder / "corpus.jsonl", ({"_id": name, "title": "", "text": text} for name, text in documents.items())
    )
    _write_lines(folder / "queries.jsonl", ({"_id": name, "text": text} for name, text in queries.items()))
    rows = "".join(f"{question}\t{document}\t1\n" for question, document in gold.items())
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + rows, encoding="utf-8", newline="\n")


def _write_lines(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    lines = (json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    path.write_text("".join(lines), encoding="utf-8", newline="\n")
