"""Reads a BEIR folder: `corpus.jsonl`, one {"_id", "title", "text"} a line; an article of one section each."""

import html
import json
from pathlib import Path

from indexer.articles import Article, Finding, Inline, Paragraph, Progress, Reading
from indexer.words import clean


def find_files(folder: Path) -> list[Path]:
    """The one file that is read."""
    return [folder / "corpus.jsonl"]


def read_folder(folder: Path, progress: Progress) -> Reading:
    """The articles of the folder's `corpus.jsonl`; queries and judgments beside it are ignored."""
    progress(0, 1)
    articles, findings = read_file(*find_files(folder))
    progress(1, 1)
    return Reading(articles, findings, {"BEIR": 1})


def read_file(path: Path) -> tuple[list[Article], list[Finding]]:
    """The articles of one `corpus.jsonl` and what is wrong with its lines."""
    articles: list[Article] = []
    findings: list[Finding] = []
    seen: set[str] = set()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return [], [Finding(str(path), f"cannot be read ({error}); expected UTF-8 text; convert or replace the file")]
    # Not splitlines(): U+2028 and the like may stand inside a JSON string.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        place = f"{path}:{number}"
        try:
            record = json.loads(line)
            identity, title, body = record["_id"], record.get("title") or "", record["text"]
            if not all(isinstance(value, str) for value in (identity, title, body)):
                raise TypeError("a value is not a string")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            findings.append(
                Finding(
                    place, f'is no record ({error!r}); expected {{"_id", "title", "text"}} as strings; mend the line'
                )
            )
            continue
        if identity in seen or not identity:
            findings.append(Finding(place, f'"_id" is {identity!r} again or empty; expected one of its own; rename it'))
            continue
        seen.add(identity)
        inline = clean(body).strip()
        paragraphs = tuple(
            Paragraph(Inline(part.strip(), html.escape(part.strip()))) for part in inline.split("\n") if part.strip()
        )
        articles.append(Article(identity, clean(title).strip(), paragraphs, place))
    return articles, findings
