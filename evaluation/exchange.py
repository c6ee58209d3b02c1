"""Rankings as TREC runs, the form that other tools read and write; how such files are opened and written."""

import ctypes
import math
import re
from pathlib import Path

from evaluation.judgments import JudgmentError
from evaluation.runs import Run
from evaluation.writing import write_files

_FIELD = re.compile(r"[^ \t\n\v\f\r]+")


def trec_fields(line: str) -> list[str]:
    """The fields of a line as trec_eval cuts it, at ASCII's white space: a no-break space is part of an id."""
    return _FIELD.findall(line)


def write_run(found: Run, path: Path, force: bool = False) -> int:
    """The number of lines written to a new TREC run: `query-id Q0 docid rank score tag`.

    Ranks count from 1; scores are whole numbers that fall by 1, so that no reader meets a tie. The tag is the system's
    name with "_" for white space. A query with an empty ranking has no line: the form cannot say it.
    Raises JudgmentError where an id is empty or has white space, a document is ranked twice, or the file is there and
    `force` does not allow to replace it.
    """
    require_free(path, force)
    tag = "_".join(found.system.split()) or "run"
    rows = []
    for query_id, ids in found.rankings.items():
        if len(set(ids)) < len(ids):
            raise JudgmentError(f"{path}: query {query_id} has a document twice; expected it once; mend the system")
        for place, each in enumerate(ids):
            for name in (query_id, each):
                if name.lstrip("\ufeff").split() != [name]:  # it would be taken for the file's byte-order mark
                    raise JudgmentError(
                        f"{path}: id {name!r} is empty or has white space; a TREC run parts its fields by it; rename it"
                    )
            rows.append(f"{query_id} Q0 {each} {place + 1} {len(ids) - place} {tag}\n")
    write_files({path: "".join(rows)})
    return len(rows)


def read_run(path: Path) -> Run:
    """The run in a TREC file, `system` being its tag ("" for an empty file).

    Ordered as trec_eval does: by score, the highest first, ties by docid, the last of the alphabet (of UTF-8 bytes)
    first; scores are single precision to it, and the column of ranks counts for nothing.
    Raises JudgmentError where a line is not of the form, names a document again for its query, or has another tag.
    """
    scores: dict[str, dict[str, float]] = {}
    tag = ""
    for number, line in enumerate(read_text(path, "utf-8-sig").split("\n"), start=1):
        fields = trec_fields(line)
        if not fields:
            continue
        place = f"{path}:{number}"
        if len(fields) != 6:
            raise JudgmentError(
                f"{place}: {len(fields)} fields; expected six, query-id Q0 docid rank score tag, without white space "
                "in any; mend the line"
            )
        query_id, _, docid, _, score, its_tag = fields
        tag = tag or its_tag
        if its_tag != tag:
            raise JudgmentError(f"{place}: tag {its_tag} after {tag}; expected one run a file; take the file apart")
        if docid in scores.setdefault(query_id, {}):
            raise JudgmentError(
                f"{place}: {docid} again for query {query_id}; expected a document once a query; remove a line"
            )
        scores[query_id][docid] = _score(score, place)
    # Code points sort as their UTF-8 bytes do.
    rankings = {
        query_id: sorted(found, key=lambda docid: (found[docid], docid), reverse=True)
        for query_id, found in scores.items()
    }
    return Run(tag, rankings)


def _score(text: str, place: str) -> float:
    try:
        score = float(text)
    except ValueError:
        score = math.nan
    if math.isnan(score):
        raise JudgmentError(f"{place}: score {text!r}; expected a number such as 12.5; mend the line")
    return ctypes.c_float(score).value


def require_free(path: Path, force: bool = False) -> None:
    """Raises JudgmentError where the file is there, unless `force` allows to replace it."""
    if path.exists() and not force:
        raise JudgmentError(f"{path}: is there already; expected a new file; name another, or replace it with --force")


def read_text(path: Path, encoding: str = "utf-8") -> str:
    """The text of a file. Raises JudgmentError where it cannot be read or is in another encoding."""
    try:
        return path.read_text(encoding=encoding)
    except (OSError, UnicodeDecodeError) as error:
        raise JudgmentError(f"{path}: cannot be read ({error}); expected UTF-8 text; check the file") from error
