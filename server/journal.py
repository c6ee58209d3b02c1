"""What people asked, how they voted, how agents judged: an SQLite file in the `--data` folder of a server's replica.

It holds nothing personal beyond the texts of queries and comments: whoever adds them masks those first.
"""

import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from pathlib import Path
from typing import Literal, get_args

FILE = "journal.sqlite"

Outcome = Literal["solved", "not_related", "related_but_no_answer", "outdated"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
GRADES = (0, 2)  # what an agent can say of a section: it does not fit, it fits

_VERSION = 1
_BEGIN = "move the file away: a new one is begun"
_PATIENCE = 5.0  # seconds to wait while another process writes

_TABLES = (
    """CREATE TABLE IF NOT EXISTS queries (
        query_id TEXT PRIMARY KEY NOT NULL, created TEXT NOT NULL, query TEXT NOT NULL,
        answerable INTEGER NOT NULL, relevance REAL NOT NULL, sections TEXT NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS feedback (
        query_id TEXT NOT NULL, section_id TEXT NOT NULL, outcome TEXT NOT NULL, comment TEXT NOT NULL,
        created TEXT NOT NULL, PRIMARY KEY (query_id, section_id)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS judgments (
        query TEXT NOT NULL, section_id TEXT NOT NULL, grade INTEGER NOT NULL, created TEXT NOT NULL,
        PRIMARY KEY (query, section_id)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS hidden (
        query_id TEXT NOT NULL, kind TEXT NOT NULL, times INTEGER NOT NULL, PRIMARY KEY (query_id, kind))
        WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS queries_by_age ON queries (created)",
)
_QUERY = "INSERT INTO queries VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
# One statement, so that no other process comes between the question and the vote.
_VOTE = """INSERT INTO feedback SELECT query_id, ?, ?, ?, ? FROM queries WHERE query_id = ?
    ON CONFLICT DO UPDATE SET outcome = excluded.outcome, comment = excluded.comment, created = excluded.created"""

_JUDGMENT = """INSERT INTO judgments VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET grade = excluded.grade, created = excluded.created"""
_HIDDEN = "INSERT INTO hidden VALUES (?, ?, ?)"
_DROP = """DELETE FROM queries
    WHERE query = '' AND created < ? AND query_id NOT IN (SELECT query_id FROM feedback)"""
_OLD = "SELECT query_id FROM queries WHERE query != '' AND created < ?"
# In this order: what nobody voted on goes whole, of the rest the text.
_EXPIRE = (
    f"DELETE FROM hidden WHERE query_id IN ({_OLD})",  # noqa: S608 # nosec B608 -- our own words
    f"DELETE FROM queries WHERE query_id IN ({_OLD}) AND query_id NOT IN (SELECT query_id FROM feedback)",  # noqa: S608 # nosec
    "UPDATE queries SET query = '' WHERE query != '' AND created < ?",
)
_FORGET_VOTES = "DELETE FROM feedback WHERE created < ?"
_FORGET_JUDGMENTS = "DELETE FROM judgments WHERE created < ?"
_FORGET_JUDGED = "DELETE FROM judgments WHERE query IN (SELECT query FROM queries WHERE query_id = ? AND query != '')"
_OF_QUERY = ("queries", "feedback", "hidden")  # the tables that hold what belongs to a query id


class JournalError(Exception):
    """A journal cannot be written or read; whoever runs the service can mend it."""


class UnknownQueryError(LookupError):
    """A vote names a query that this journal does not hold."""


@dataclass(frozen=True, slots=True)
class LoggedQuery:
    """A query that somebody asked, with what was shown for it."""

    query_id: str
    created: str  # ISO 8601, UTC
    query: str  # as typed, masked; empty where the operator keeps no texts
    answerable: bool
    relevance: float  # of the best section, in [0, 1]
    sections: tuple[str, ...]  # section_ids of the first ones shown, best first
    hidden: tuple[tuple[str, int], ...] = ()  # kind of personal data and how often it was masked, in order of kind


@dataclass(frozen=True, slots=True)
class Vote:
    """What somebody said of a section that was shown for a query."""

    query_id: str
    section_id: str
    outcome: Outcome
    comment: str  # masked; empty where there is none
    created: str  # ISO 8601, UTC


@dataclass(frozen=True, slots=True)
class AgentJudgment:
    """What a support agent said of a section that was found for a text."""

    query: str  # masked
    section_id: str
    grade: int  # 0: does not fit; 2: fits
    created: str  # ISO 8601, UTC


@dataclass(frozen=True, slots=True)
class Contents:
    """All that a journal holds, oldest first."""

    queries: tuple[LoggedQuery, ...]
    feedback: tuple[Vote, ...]
    judgments: tuple[AgentJudgment, ...] = ()


class Journal:
    """The journal in a folder, for adding to; folder and file are made where there are none.

    Threads may share it, and several processes may write to one folder. Each call raises JournalError where the file
    is of another version, damaged, unwritable, or locked by another process for longer than five seconds.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._lock = threading.Lock()
        # By process: a connection must neither be used nor closed across a fork (sqlite.org/howtocorrupt.html).
        self._connections: dict[int, sqlite3.Connection] = {}
        with _refusals(self.path):
            self._connection()

    def add_query(
        self,
        query_id: str,
        query: str,
        *,
        answerable: bool,
        relevance: float,
        sections: Sequence[str],
        hidden: Mapping[str, int] | None = None,
    ) -> None:
        """Adds a query; `sections` are the ids of the first ones shown, best first, `hidden` what was masked of it.

        Raises ValueError where there is one of this id already.
        """
        row = (query_id, _now(), _storable(query), answerable, float(relevance), json.dumps(list(sections)))
        with self._transaction() as db:
            added = db.execute(_QUERY, row).rowcount
            if added and hidden:
                db.executemany(_HIDDEN, [(query_id, kind, times) for kind, times in hidden.items()])
        if not added:
            raise ValueError(f"query {query_id} is in {self.path} already; expected a new id for each query")

    def add_feedback(self, query_id: str, section_id: str, outcome: Outcome, comment: str = "") -> None:
        """Adds a vote; a later one of the same query on the same section takes its place.

        Raises UnknownQueryError where no such query was added, ValueError where the outcome is none of OUTCOMES.
        """
        if outcome not in OUTCOMES:
            raise ValueError(f"outcome {outcome!r}; expected one of {', '.join(OUTCOMES)}")
        row = (_storable(section_id), outcome, _storable(comment), _now(), _storable(query_id))
        if not self._add(_VOTE, row):
            raise UnknownQueryError(f"query {query_id!r} is not in {self.path}; expected one that was asked here")

    def add_judgment(self, query: str, section_id: str, grade: int) -> None:
        """Adds an agent's judgment; a later one of the same text on the same section takes its place.

        Raises ValueError where the grade is none of GRADES.
        """
        if grade not in GRADES:
            raise ValueError(f"grade {grade!r}; expected one of {', '.join(map(str, GRADES))}")
        self._add(_JUDGMENT, (_storable(query), _storable(section_id), grade, _now()))

    def drop_unvoted(self, older: timedelta) -> int:
        """Drops the queries without text that nobody voted on, of that age and more; gives their number."""
        return self._add(_DROP, (_moment(datetime.now(UTC) - older),))

    def drop_texts(self, older: timedelta) -> int:
        """Drops the texts of queries of that age and more; gives their number. Votes on them stay, without a text."""
        before = _moment(datetime.now(UTC) - older)
        with self._transaction() as db:
            db.execute(_EXPIRE[0], (before,))
            return sum(db.execute(statement, (before,)).rowcount for statement in _EXPIRE[1:])

    def drop_feedback(self, older: timedelta) -> int:
        """Drops votes with their comments and agents' judgments of that age and more; gives their number."""
        before = _moment(datetime.now(UTC) - older)
        with self._transaction() as db:
            return sum(db.execute(statement, (before,)).rowcount for statement in (_FORGET_VOTES, _FORGET_JUDGMENTS))

    def forget(self, query_id: str) -> None:
        """Deletes a query with its votes and the judgments on its text, also from the file's write-ahead log.

        Raises UnknownQueryError where no such query was added.
        """
        wanted = (_storable(query_id),)
        with self._transaction() as db:
            db.execute(_FORGET_JUDGED, wanted)
            if not _forget(db, [wanted]):
                raise UnknownQueryError(f"query {query_id!r} is not in {self.path}; expected one that was asked here")
        self.clean()

    def forget_text(self, text: str) -> None:
        """Deletes the queries of this text with their votes, and the judgments on it, whatever their case and spacing.

        Raises UnknownQueryError where there is none of them.
        """
        wanted = _folded(_storable(text))
        with self._transaction() as db:
            texts = db.execute("SELECT query_id, query FROM queries WHERE query != ''").fetchall()
            gone = _forget(db, [(query_id,) for query_id, query in texts if _folded(query) == wanted])
            judged = db.execute("SELECT DISTINCT query FROM judgments").fetchall()
            for each in judged:
                if _folded(each[0]) == wanted:
                    gone += db.execute("DELETE FROM judgments WHERE query = ?", each).rowcount
            if not gone:
                raise UnknownQueryError(f"that text is not in {self.path}; expected one that was asked or judged here")
        self.clean()

    def clean(self) -> None:
        """Takes out of the write-ahead log what was deleted; a reader of this moment may delay it to the next call."""
        with self._lock, _refusals(self.path):
            self._connection().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """Closes the file; the next call opens it again."""
        with self._lock:
            if db := self._connections.pop(os.getpid(), None):
                db.close()

    def _add(self, statement: str, row: Sequence[object]) -> int:
        """The number of rows that the statement, a transaction of its own, adds or changes."""
        with self._lock, _refusals(self.path):
            return self._connection().execute(statement, row).rowcount

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All that is done in the block is written together or not at all."""
        with self._lock, _refusals(self.path):
            db = self._connection()
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                db.execute("ROLLBACK")
                raise

    def _connection(self) -> sqlite3.Connection:
        if (process := os.getpid()) not in self._connections:
            self._connections[process] = _opened(self.path)
        return self._connections[process]


def read_journals(folders: Iterable[Path]) -> Contents:
    """What the journals of these folders hold together; changes nothing in them.

    What copies of a journal have in common counts once, of two votes or judgments on one section the later. Raises
    JournalError where a folder has no journal, or one that cannot be read.
    """
    queries: dict[str, LoggedQuery] = {}
    votes: dict[tuple[str, str], Vote] = {}
    judgments: dict[tuple[str, str], AgentJudgment] = {}
    for folder in folders:
        contents = _read(folder / FILE)
        queries |= {query.query_id: query for query in contents.queries}
        for vote in contents.feedback:
            key = (vote.query_id, vote.section_id)
            votes[key] = max(votes.get(key, vote), vote, key=lambda each: each.created)
        for judgment in contents.judgments:
            key = (judgment.query, judgment.section_id)
            judgments[key] = max(judgments.get(key, judgment), judgment, key=lambda each: each.created)
    age = attrgetter("created", "query_id")
    return Contents(
        tuple(sorted(queries.values(), key=age)),
        tuple(sorted(votes.values(), key=age)),
        tuple(sorted(judgments.values(), key=attrgetter("created", "query", "section_id"))),
    )


def _read(path: Path) -> Contents:
    if not path.is_file():
        raise JournalError(f"{path}: is not there; expected the journal of a server; name the folder of its --data")
    with _refusals(path), closing(_connected(f"{path.absolute().as_uri()}?mode=ro")) as db:
        db.execute("BEGIN")  # all tables as they are at one moment
        _require_version(db, path)
        queries = db.execute("SELECT * FROM queries").fetchall()
        votes = db.execute("SELECT * FROM feedback").fetchall()
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_schema")}  # older journals have fewer
        judgments = db.execute("SELECT * FROM judgments").fetchall() if "judgments" in tables else []
        hidden: dict[str, list[tuple[str, int]]] = {}
        for query_id, kind, times in db.execute("SELECT * FROM hidden ORDER BY kind") if "hidden" in tables else ():
            hidden.setdefault(query_id, []).append((kind, times))
        return Contents(
            tuple(
                LoggedQuery(
                    query_id,
                    created,
                    query,
                    bool(answerable),
                    relevance,
                    tuple(json.loads(sections)),
                    tuple(hidden.get(query_id, ())),
                )
                for query_id, created, query, answerable, relevance, sections in queries
            ),
            tuple(Vote(*row) for row in votes),
            tuple(AgentJudgment(*row) for row in judgments),
        )


def _opened(path: Path) -> sqlite3.Connection:
    """A connection to the journal, which is made where there is none."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):  # SQLite gives its other files the rights of this one
        path.touch(mode=0o600, exist_ok=False)
    db = _connected(path.absolute().as_uri())
    try:
        db.execute("BEGIN IMMEDIATE")
        if not db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            db.execute(f"PRAGMA user_version = {_VERSION}")
        _require_version(db, path)
        for statement in _TABLES:  # one that was begun before there were agents' judgments gets their table
            db.execute(statement)
        db.execute("COMMIT")
        db.execute("PRAGMA journal_mode = WAL")  # readers and the writer do not wait for each other
        db.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten, not only let go
        db.execute("PRAGMA synchronous = NORMAL")  # no wait for the disk; a power failure may cost the last rows
    except BaseException:
        db.close()
        raise
    return db


def _connected(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(uri, uri=True, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)


def _require_version(db: sqlite3.Connection, path: Path) -> None:
    if (found := db.execute("PRAGMA user_version").fetchone()[0]) != _VERSION:
        raise JournalError(f"{path}: version {found}; expected {_VERSION}; use the program that wrote it, or {_BEGIN}")


@contextmanager
def _refusals(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError, ValueError, TypeError) as error:
        raise JournalError(
            f"{path}: cannot be used ({error}); expected a sound journal in a writable folder, locked by no other "
            f"program; check the rights, or {_BEGIN}"
        ) from error


def _forget(db: sqlite3.Connection, query_ids: Sequence[tuple[str]]) -> int:
    """Deletes what belongs to these query ids; gives the number of rows."""
    return sum(
        max(0, db.executemany(f"DELETE FROM {table} WHERE query_id = ?", query_ids).rowcount)  # noqa: S608 # nosec B608
        for table in _OF_QUERY
    )


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _storable(text: str) -> str:
    """The text with lone surrogates, which UTF-8 has no bytes for, replaced."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _now() -> str:
    return _moment(datetime.now(UTC))


def _moment(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds")
