"""`gaps`: what the help lacks, from the journals of a server and the query log of another search box."""

import argparse
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np

from evaluation import systems
from evaluation.agents import export_judgments
from evaluation.commands.opening import command
from evaluation.gaps import NO_ARTICLE, Asking, folded, found_in, read_log
from evaluation.grouping import Case, Group, cases_of, grouped
from evaluation.judgments import JudgmentError
from indexer.terminal import Terminal
from indexer.words import clean
from server.journal import FILE, Contents, read_journals
from server.search import Searcher

_LEAST = "least relevant"
_NOTE = (
    "relevance is not calibrated for this corpus, so nothing tells which of these queries the help answers: "
    "the groups come by mean relevance, least first"
)
_SHOWN = 5  # sections of a group that are printed
_WIDTH = 100  # characters of a query that are printed


@dataclass(frozen=True, slots=True)
class _Found:
    """The groups of one kind."""

    kind: str
    askings: int
    texts: int
    groups: list[Group]


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command with its options."""
    text = "what the help lacks: queries without an article, answers ranked low or voted unhelpful, grouped by meaning"
    sub = command(commands, "gaps", _gaps, text)
    sub.add_argument("data", type=Path, nargs="*", help=f"folder of a server's --data, which holds {FILE}")
    sub.add_argument("--queries", type=Path, help="log of another search box: a query a line, or CSV with query,count")
    sub.add_argument("--corpus", type=Path, default=Path("corpus"), help="folder of articles (default: corpus)")
    sub.add_argument("--minimum", type=int, default=1, help="askings that a group needs (default: 1)")
    sub.add_argument("--limit", type=int, default=20, help="groups of a kind that are printed (default: 20)")
    text = "write what agents judged on the page /agent as queries.jsonl and qrels/agents.tsv, and nothing else"
    sub.add_argument("--judged", type=Path, metavar="FOLDER", help=text)
    sub.add_argument("--json", action="store_true", help="all groups, as JSON")


def _gaps(options: argparse.Namespace) -> int:
    if not (options.data or options.queries):
        raise JudgmentError(
            f"no journal is named; expected DATA/{FILE}, where DATA is the folder of a server's --data; name DATA, "
            "or the log of another search box with --queries FILE"
        )
    contents = read_journals(options.data)
    if options.judged:
        for path, number in export_judgments(contents.judgments, options.judged).items():
            print(f"{path}: {number}")
        return 0
    log = _log(options.queries) if options.queries else Counter[str]()
    opened = cache(lambda: _searcher(options.corpus))  # a journal that shows no gap needs none
    askings = found_in(contents) if options.data else {}
    if options.queries:
        calibrated, searched = _search(opened(), log)
        askings.setdefault(NO_ARTICLE if calibrated else _LEAST, []).extend(searched)
    found = [_group(kind, cases_of(each), opened, options.minimum) for kind, each in askings.items()]
    if options.json:
        print(json.dumps({"journals": _size(contents), "kinds": [asdict(each) for each in found]}, ensure_ascii=False))
        return 0
    if options.data:
        print(", ".join(f"{noun} {count}" for noun, count in _size(contents).items()) + "\n")
    print("\n\n".join(_as_text(each, opened, options.limit) for each in found))
    return 0


def _searcher(corpus: Path) -> Searcher:
    """The searcher over a corpus, which encodes a query once."""
    found = systems.open_searcher(corpus, Terminal())
    return Searcher(found.artifact, systems.Remembering(found.encoder), found.ranking)


def _log(path: Path) -> Counter[str]:
    """How often each query of the log was asked."""
    try:
        asked: Counter[str] = Counter()
        for text, times in read_log(path.read_text(encoding="utf-8-sig"), str(path)):
            asked[text] += times
        return asked
    except (OSError, UnicodeDecodeError) as error:
        raise JudgmentError(f"{path}: cannot be read ({error}); expected UTF-8 text; save it as such") from error


def _search(searcher: Searcher, log: Counter[str]) -> tuple[bool, list[Asking]]:
    """Whether relevance is calibrated, and the queries: if so those without an answer, else all of them."""
    progress = Terminal().progress("Search", "query")
    results = []
    for done, (text, times) in enumerate(log.items(), start=1):
        results.append((text, times, searcher.search(text, limit=1)))
        progress(done, len(log))
    calibrated = any(result.calibrated for _, _, result in results)
    return calibrated, [
        Asking(text, times, result.relevance, tuple((hit.section_id, "") for hit in result.hits))
        for text, times, result in results
        if not (calibrated and result.answerable)
    ]


def _group(kind: str, cases: list[Case], opened: Callable[[], Searcher], minimum: int) -> _Found:
    groups = []
    if cases:
        progress = Terminal().progress("Group", "query")
        vectors = []
        for done, case in enumerate(cases, start=1):
            vectors.append(opened().encoder.encode_query(folded(case.text)))
            progress(done, len(cases))
        groups = [group for group in grouped(cases, np.stack(vectors)) if group.askings >= minimum]
    if kind == _LEAST:
        groups.sort(key=lambda group: group.relevance)
    return _Found(kind, sum(group.askings for group in groups), sum(group.texts for group in groups), groups)


def _size(contents: Contents) -> dict[str, int]:
    return {"queries": len(contents.queries), "votes": len(contents.feedback)}


def _as_text(found: _Found, opened: Callable[[], Searcher], limit: int) -> str:
    head = f"{found.kind}: askings {found.askings}, texts {found.texts}, groups {len(found.groups)}"
    lines = [head] + [_NOTE] * (found.kind == _LEAST)
    for group in found.groups[:limit]:
        relevance = f"  (relevance {group.relevance:.2f})" if found.kind == _LEAST else ""
        lines.append(f"{group.askings:6}  {_one_line(group.name)}{relevance}")
        lines += [f"        {_one_line(text)}" for text in group.examples]
        if more := group.texts - 1 - len(group.examples):
            lines.append(f"        and {more} more texts")
        for named in group.sections[:_SHOWN]:
            why = f", {named.why}: {named.times}" if named.why else ""
            lines.append(f"        -> {_heading(named.section_id, opened())}{why}")
    if len(found.groups) > limit:
        lines.append(f"and {len(found.groups) - limit} more groups: --limit, --json")
    return "\n".join(lines)


def _heading(section_id: str, searcher: Searcher) -> str:
    """The section's id with its headings, if the help still has it."""
    if section := searcher.sections.get(section_id):
        return f"{section_id} ({' › '.join(section.headings)})"
    return f"{section_id} (no longer in the help)"


def _one_line(text: str) -> str:
    """The text on one line, without what would move a terminal's cursor, cut where it is long."""
    line = " ".join(clean(text).split())
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…"
