"""What evaluators decided, in one SQLite file: grades with their reasons, and the steps marked as nuggets."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from evaluation.judgments import JudgedSet, JudgmentError, Nugget

_APPLICATION = 0x4A554447  # "JUDG": tells our file from any other SQLite file
_VERSION = 1
_PATIENCE = 5.0  # seconds to wait while another program writes

_TABLES = (
    """CREATE TABLE judgments (
        query_id TEXT NOT NULL, section_id TEXT NOT NULL, grade INTEGER NOT NULL CHECK (grade IN (0, 1, 2)),
        reason TEXT NOT NULL, judged_at TEXT NOT NULL, PRIMARY KEY (query_id, section_id)) WITHOUT ROWID""",
    """CREATE TABLE nuggets (
        query_id TEXT NOT NULL, section_id TEXT NOT NULL, step TEXT NOT NULL,
        vital INTEGER NOT NULL CHECK (vital IN (0, 1)), place INTEGER NOT NULL,
        PRIMARY KEY (query_id, section_id, step)) WITHOUT ROWID""",
)

# A grade that stays as it was keeps the time at which it was given.
_JUDGE = """INSERT INTO judgments VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE
    SET grade = excluded.grade, reason = excluded.reason, judged_at = excluded.judged_at
    WHERE grade <> excluded.grade OR reason <> excluded.reason"""
_NUGGET = "INSERT OR IGNORE INTO nuggets VALUES (?, ?, ?, ?, ?)"

_MEANING = {  # SQLite's result code -> found; expected; what to do
    sqlite3.SQLITE_BUSY: "another program is writing to it; expected it free; close that program and repeat",
    sqlite3.SQLITE_NOTADB: "not an SQLite file; expected one made by `judge`; name another file",
    sqlite3.SQLITE_CORRUPT: "damaged; expected a sound SQLite file; put a copy in its place, or begin a new file "
    "and import the qrels that were exported last",
}


@dataclass(frozen=True, slots=True)
class Judgment:
    """How well a section answers a query. Raises ValueError where the grade is not 0, 1 or 2."""

    section_id: str
    grade: int  # 0 does not help, 1 helps in part, 2 answers
    reason: str = ""  # one line
    judged_at: str = ""  # ISO 8601, UTC; empty: imported, or not saved yet

    def __post_init__(self) -> None:
        if self.grade not in (0, 1, 2):
            raise ValueError(f"{self.section_id}: grade {self.grade}; expected 0, 1 or 2")


@dataclass(frozen=True, slots=True)
class Contents:
    """All that a store holds, in the order of query and section ids, nuggets in the order of their section's steps."""

    judgments: Mapping[str, Mapping[str, Judgment]]  # query_id -> section_id -> its judgment
    nuggets: Mapping[str, tuple[Nugget, ...]]  # query_id -> those of all its sections


def one_line(text: str) -> str:
    """The text without line breaks, of which Unicode has eleven: it has to fit a row of a table."""
    return " ".join(text.splitlines()).strip()


class Store:
    """The file of judgments; it is made where there is none.

    Every call opens the file anew, so that the threads of a server may share a store. Each raises JudgmentError where
    the file is another program's, of another version, damaged, locked for longer than five seconds, or unwritable.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._opened("IMMEDIATE") as db:
            application, version, tables = (
                db.execute(question).fetchone()[0]
                for question in (
                    "PRAGMA application_id",
                    "PRAGMA user_version",
                    "SELECT count(*) FROM sqlite_schema",
                )
            )
            if (application, version, tables) == (0, 0, 0):
                for statement in (
                    *_TABLES,
                    f"PRAGMA application_id = {_APPLICATION}",
                    f"PRAGMA user_version = {_VERSION}",
                ):
                    db.execute(statement)
            elif application != _APPLICATION:
                raise JudgmentError(
                    f"{path}: another program's SQLite file; expected one made by `judge`; name another"
                )
            elif version != _VERSION:
                raise JudgmentError(
                    f"{path}: version {version}; expected {_VERSION}; open it with the program that wrote it, "
                    "export the qrels, and import them into a new file"
                )
            elif db.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                raise JudgmentError(f"{path}: {_MEANING[sqlite3.SQLITE_CORRUPT]}")

    def contents(self) -> Contents:
        """Everything that is in the file at this moment."""
        judgments: dict[str, dict[str, Judgment]] = {}
        nuggets: dict[str, list[Nugget]] = {}
        with self._opened("DEFERRED") as db:
            for query_id, *row in db.execute("SELECT * FROM judgments ORDER BY query_id, section_id"):
                judgments.setdefault(query_id, {})[row[0]] = Judgment(*row)
            rows = db.execute("SELECT * FROM nuggets ORDER BY query_id, section_id, place, step")
            for query_id, section_id, step, vital, _ in rows:
                nuggets.setdefault(query_id, []).append(Nugget(section_id, step, bool(vital)))
        return Contents(judgments, {query_id: tuple(steps) for query_id, steps in nuggets.items()})

    def save(self, query_id: str, judgments: Iterable[Judgment], nuggets: Iterable[Nugget] = ()) -> None:
        """Puts these judgments in place of earlier ones of the same sections, all of them or none.

        The nuggets of the judged sections are replaced too, by `nuggets` in their order; those of others stay. Saving
        the same once more changes nothing, the time of judging included.
        """
        now = datetime.now(UTC).isoformat(timespec="seconds")
        judged = list(judgments)
        with self._opened("IMMEDIATE") as db:
            for each in judged:
                db.execute(_JUDGE, (query_id, each.section_id, each.grade, one_line(each.reason), now))
                db.execute("DELETE FROM nuggets WHERE query_id = ? AND section_id = ?", (query_id, each.section_id))
            ours = {each.section_id for each in judged}
            _add(db, query_id, (nugget for nugget in nuggets if nugget.section_id in ours))

    def import_judged(self, judged: JudgedSet, reasons: Mapping[str, Mapping[str, str]]) -> int:
        """The number of judgments taken over; those of pairs that are judged here already stay out.

        `reasons` goes by query_id and section_id and may lack any. What an evaluator changed in the meantime wins, so
        the same files may be imported at each start. Raises JudgmentError where a grade is not 0, 1 or 2; then nothing
        is taken over.
        """
        taken = 0
        with self._opened("IMMEDIATE") as db:
            known = set(db.execute("SELECT query_id, section_id FROM judgments"))
            for query_id, grades in judged.qrels.items():
                for section_id, grade in grades.items():
                    if grade not in (0, 1, 2):
                        raise JudgmentError(
                            f"{judged.name}: {query_id} {section_id}: score {grade}; expected 0, 1 or 2; mend the qrels"
                        )
                    reason = one_line(reasons.get(query_id, {}).get(section_id, ""))
                    if (query_id, section_id) not in known:
                        db.execute(_JUDGE, (query_id, section_id, grade, reason, ""))
                        taken += 1
            for query_id, nuggets in judged.nuggets.items():
                _add(db, query_id, (nugget for nugget in nuggets if (query_id, nugget.section_id) not in known))
        return taken

    @contextmanager
    def _opened(self, transaction: str) -> Iterator[sqlite3.Connection]:
        """A connection in a transaction that is kept if the block ends well, and undone if it does not."""
        try:
            with closing(sqlite3.connect(self.path, timeout=_PATIENCE, isolation_level=None)) as db:
                db.execute(f"BEGIN {transaction}")
                yield db
                db.execute("COMMIT")
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # extended codes say more than is needed
            otherwise = f"cannot be used ({error}); expected an SQLite file to read and write; check folder and rights"
            raise JudgmentError(f"{self.path}: {_MEANING.get(code, otherwise)}") from error


def _add(db: sqlite3.Connection, query_id: str, nuggets: Iterable[Nugget]) -> None:
    for place, nugget in enumerate(nuggets):
        db.execute(_NUGGET, (query_id, nugget.section_id, one_line(nugget.step), nugget.vital, place))
