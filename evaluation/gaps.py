"""What the help lacks: from what people asked and how they voted, or from the log of another search box."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from evaluation.judgments import JudgmentError
from indexer.words import clean
from server.journal import Contents, LoggedQuery, Vote

NO_ARTICLE, RANKED_LOW, UNHELPFUL = "no article", "ranked low", "found but voted unhelpful"

UNKEPT = "(text not kept)"  # of queries whose texts the operator does not keep: votes on them still count

LOW = 4  # a section that solves stands too low from this place on


@dataclass(frozen=True, slots=True)
class Asking:
    """A query that shows something to lack."""

    text: str
    times: int  # asked
    relevance: float  # of the best section found, in [0, 1]
    sections: tuple[tuple[str, str], ...]  # section_id, and why it is named: a vote, its place, or ""


def folded(text: str) -> str:
    """The text in lower case without invisible characters, its white space joined: equal for what is one text."""
    return " ".join(clean(text).lower().split())


def read_log(text: str, place: str) -> list[tuple[str, int]]:
    """The queries of another search box and how often each was asked, in the order of the file.

    One query a line, or CSV whose first line names the columns query and count, between commas, semicolons or tabs.
    Raises JudgmentError, which begins with `place`, where a row has no query or its count is not a whole number from 1.
    """
    head, _, rest = text.partition("\n")
    for delimiter in ",;\t":
        columns = [column.strip(' "\r').lower() for column in head.split(delimiter)]
        if {"query", "count"} <= set(columns):
            return _rows(rest, columns, delimiter, place)
    return [(line.strip(), 1) for line in text.split("\n") if line.strip()]


def _rows(text: str, columns: Sequence[str], delimiter: str, place: str) -> list[tuple[str, int]]:
    found = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            if any(row):
                named = dict(zip(columns, map(str.strip, row), strict=False))
                query, count = named.get("query", ""), named.get("count", "")
                if len(row) != len(columns) or not (query and count.isdecimal() and int(count)):
                    raise ValueError(str(row)[:200])
                found.append((query, int(count)))
    except (csv.Error, ValueError) as error:
        raise JudgmentError(
            f"{place}:{reader.line_num + 1}: {error}; expected {len(columns)} columns, with a query and a whole number "
            "from 1; mend the row, a query that holds the sign between columns by quotes around it"
        ) from error
    return found


def found_in(contents: Contents) -> dict[str, list[Asking]]:
    """What the journals show to lack, by kind.

    NO_ARTICLE: nothing was found, the last time that the text was asked too, and nothing that was shown solved it.
    RANKED_LOW: the first section voted solved stood at place LOW or lower; one beyond those logged, after them.
    UNHELPFUL: shown sections were voted down and none solved; no fewer askings of the text went so
    than were solved.
    """
    votes: dict[str, list[Vote]] = {}
    for vote in contents.feedback:
        votes.setdefault(vote.query_id, []).append(vote)
    texts: dict[str, list[_Judged]] = {}
    for query in contents.queries:
        # Without its text, a query says nothing of what another asked.
        texts.setdefault(folded(query.query) or f"\0{query.query_id}", []).append(
            _judged(query, votes.get(query.query_id, ()))
        )
    found: dict[str, list[Asking]] = {NO_ARTICLE: [], RANKED_LOW: [], UNHELPFUL: []}
    for asked in texts.values():
        nothing = [each for each in asked if each.found_nothing and not each.solved]
        if asked[-1] in nothing and asked[-1].query.query:
            found[NO_ARTICLE] += (_asking(each, [(shown, "") for shown in each.query.sections[:1]]) for each in nothing)
        solved = [each for each in asked if each.solved]
        for each in solved:
            place, section_id = min(each.solved)
            if place >= LOW:
                found[RANKED_LOW].append(_asking(each, [(section_id, f"place {place}")]))
        unhelpful = [each for each in asked if each.voted_down and not each.solved and not each.found_nothing]
        if len(unhelpful) >= len(solved):
            found[UNHELPFUL] += (_asking(each, each.voted_down) for each in unhelpful)
    return found


@dataclass(frozen=True, slots=True)
class _Judged:
    """A query with what its votes say."""

    query: LoggedQuery
    solved: tuple[tuple[int, str], ...]  # place (from 1) and id of each section that solved it
    voted_down: tuple[tuple[str, str], ...]  # id of a section that was shown, outcome

    @property
    def found_nothing(self) -> bool:
        return not self.query.answerable or not self.query.sections


def _judged(query: LoggedQuery, votes: Iterable[Vote]) -> _Judged:
    places = {section_id: place for place, section_id in enumerate(query.sections, start=1)}
    solved, voted_down = [], []
    for vote in votes:
        if vote.outcome == "solved":
            solved.append((places.get(vote.section_id, len(places) + 1), vote.section_id))
        elif vote.section_id in places:
            voted_down.append((vote.section_id, str(vote.outcome)))
    return _Judged(query, tuple(solved), tuple(voted_down))


def _asking(judged: _Judged, sections: Iterable[tuple[str, str]]) -> Asking:
    return Asking(judged.query.query or UNKEPT, 1, judged.query.relevance, tuple(sections))
