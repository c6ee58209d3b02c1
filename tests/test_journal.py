"""The journal: what is written is read, by threads, processes and several folders; what is not one is refused."""

import os
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from server import journal
from server.journal import (
    FILE,
    OUTCOMES,
    AgentJudgment,
    Contents,
    Journal,
    JournalError,
    LoggedQuery,
    UnknownQueryError,
    Vote,
)
from server.journal import read_journals as read


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """Each entry comes a minute after the one before."""
    minutes = count()
    monkeypatch.setattr(
        journal, "_now", lambda: (datetime(2026, 11, 22, 10, tzinfo=UTC) + timedelta(minutes=next(minutes))).isoformat()
    )


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def opened(folder):
    opened = Journal(folder)
    yield opened
    opened.close()


def add(opened, query_id, query="как войти", *, answerable=True, relevance=0.5, sections=("sign-in#sms",)):
    opened.add_query(query_id, query, answerable=answerable, relevance=relevance, sections=sections)


def other_file(folder, *statements):
    folder.mkdir()
    with closing(sqlite3.connect(folder / FILE)) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()


def test_what_is_added_is_read_oldest_first(opened, folder):
    add(opened, "q2", "не приходит\nСМС", relevance=0.25, sections=("sign-in#sms", "ё#top"))
    add(opened, "q1", "пропуск", answerable=False, relevance=0.0, sections=())
    opened.add_feedback("q2", "ё#top", "outdated", "кнопка  называется иначе")
    assert read([folder]) == Contents(
        (
            LoggedQuery("q2", "2026-11-22T10:00:00+00:00", "не приходит\nСМС", True, 0.25, ("sign-in#sms", "ё#top")),
            LoggedQuery("q1", "2026-11-22T10:01:00+00:00", "пропуск", False, 0.0, ()),
        ),
        (Vote("q2", "ё#top", "outdated", "кнопка  называется иначе", "2026-11-22T10:02:00+00:00"),),
    )


def test_entries_are_stamped_with_the_time_in_utc(folder, monkeypatch):
    monkeypatch.undo()
    opened = Journal(folder)
    add(opened, "q1")
    opened.add_feedback("q1", "sign-in#sms", "solved")
    opened.close()
    contents = read([folder])
    for entry in (*contents.queries, *contents.feedback):
        created = datetime.fromisoformat(entry.created)
        assert created.utcoffset() == timedelta(0)
        assert abs(datetime.now(UTC) - created) < timedelta(minutes=1)


def test_tables_are_those_that_are_agreed_on(opened, folder):
    with closing(sqlite3.connect(folder / FILE)) as db:
        tables = {
            name: [row[1] for row in db.execute(f"PRAGMA table_info({name})")]
            for name in ("queries", "feedback", "judgments")
        }
        assert db.execute("PRAGMA user_version").fetchone() == (1,)
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert tables == {
        "queries": ["query_id", "created", "query", "answerable", "relevance", "sections"],
        "feedback": ["query_id", "section_id", "outcome", "comment", "created"],
        "judgments": ["query", "section_id", "grade", "created"],
    }


def test_reopened_journal_is_continued(opened, folder):
    add(opened, "q1")
    opened.close()
    add(opened, "q2")  # a closed one opens again
    again = Journal(folder)
    add(again, "q3")
    again.close()
    assert [query.query_id for query in read([folder]).queries] == ["q1", "q2", "q3"]


def test_later_vote_on_a_section_takes_the_place_of_the_earlier(opened, folder):
    add(opened, "q1")
    for outcome in ("not_related", "solved"):
        opened.add_feedback("q1", "a#top", outcome, f"comment {outcome}")
    opened.add_feedback("q1", "b#top", "outdated")
    assert [(vote.section_id, vote.outcome, vote.comment, vote.created[14:16]) for vote in read([folder]).feedback] == [
        ("a#top", "solved", "comment solved", "02"),
        ("b#top", "outdated", "", "03"),
    ]


def test_later_judgment_of_a_text_takes_the_place_of_the_earlier_also_across_folders(opened, folder, tmp_path):
    opened.add_judgment("код", "a#top", 0)
    opened.add_judgment("код", "a#top", 2)
    opened.add_judgment("код", "b#top", 0)
    other = Journal(tmp_path / "other")
    other.add_judgment("код", "b#top", 2)
    other.close()
    assert read([tmp_path / "other", folder]).judgments == (
        AgentJudgment("код", "a#top", 2, "2026-11-22T10:01:00+00:00"),
        AgentJudgment("код", "b#top", 2, "2026-11-22T10:03:00+00:00"),
    )


def test_another_grade_is_refused(opened, folder):
    with pytest.raises(ValueError, match="grade 1; expected one of 0, 2"):
        opened.add_judgment("код", "a#top", 1)
    assert read([folder]).judgments == ()


def test_journal_from_before_judgments_is_read_and_continued(opened, folder):
    add(opened, "q1")
    opened.close()
    with closing(sqlite3.connect(folder / FILE)) as db:
        db.execute("DROP TABLE judgments")
        db.commit()
    assert read([folder]).judgments == ()
    again = Journal(folder)
    again.add_judgment("код", "a#top", 2)
    again.close()
    contents = read([folder])
    assert (len(contents.queries), len(contents.judgments)) == (1, 1)


def test_vote_for_an_unknown_query_is_refused(opened, folder):
    add(opened, "q1")
    with pytest.raises(UnknownQueryError, match=r"query 'q2' is not in .*journal\.sqlite; expected one"):
        opened.add_feedback("q2", "a#top", "solved")
    assert read([folder]).feedback == ()


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_outcomes_are_kept(opened, folder, outcome):
    add(opened, "q1")
    opened.add_feedback("q1", "a#top", outcome)
    assert [vote.outcome for vote in read([folder]).feedback] == [outcome]


def test_another_outcome_and_a_query_id_that_was_used_are_refused(opened, folder):
    add(opened, "q1")
    with pytest.raises(ValueError, match="outcome 'great'; expected one of solved, not_related"):
        opened.add_feedback("q1", "a#top", "great")
    with pytest.raises(ValueError, match=r"query q1 is in .* already"):
        add(opened, "q1", "другой")
    assert [query.query for query in read([folder]).queries] == ["как войти"]
    assert read([folder]).feedback == ()


def test_any_text_is_kept(opened, folder):
    numbers = count()

    @example("\ud800 без пары")
    @given(st.text(st.characters(codec=None, exclude_categories=()), max_size=30))
    def check(text):
        query_id = f"{next(numbers):09}"
        opened.add_query(query_id, text, answerable=True, relevance=0.5, sections=[text])
        opened.add_feedback(query_id, "a#top", "solved", text)
        contents = read([folder])
        kept = "".join("?" if "\ud800" <= sign <= "\udfff" else sign for sign in text)
        query, vote = contents.queries[-1], contents.feedback[-1]
        assert (query.query_id, query.query, vote.comment) == (query_id, kept, kept)

    check()


def test_threads_share_a_journal(opened, folder):
    def work(name):
        for number in range(50):
            opened.add_query(f"{name}-{number}", "q", answerable=True, relevance=0.5, sections=[])
            opened.add_feedback(f"{name}-{number}", "a#top", "solved")

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    contents = read([folder])
    assert (len(contents.queries), len(contents.feedback)) == (400, 400)


WRITE_FIFTY = """
import sys
from pathlib import Path
from server.journal import Journal
opened = Journal(Path(sys.argv[1]))
for number in range(50):
    opened.add_query(f"{sys.argv[2]}-{number}", "q", answerable=True, relevance=0.5, sections=[])
"""


def test_processes_begin_and_write_one_journal_together(folder):
    processes = [subprocess.Popen([sys.executable, "-c", WRITE_FIFTY, folder, name]) for name in "abcd"]
    assert [process.wait() for process in processes] == [0, 0, 0, 0]
    assert len(read([folder]).queries) == 200


@pytest.mark.skipif(sys.platform == "win32", reason="no fork there")
def test_journal_opened_before_a_fork_is_used_on_both_sides(opened, folder):
    before = opened._connection()
    add(opened, "q1")
    child = os.fork()
    if not child:
        try:
            add(opened, "q2")
            os._exit(0 if opened._connection() is not before else 2)
        except BaseException:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    add(opened, "q3")
    assert opened._connection() is before
    assert {query.query_id for query in read([folder]).queries} == {"q1", "q2", "q3"}


def test_journal_is_read_while_it_is_written_and_stays_unchanged(opened, folder):
    add(opened, "q1")
    with closing(sqlite3.connect(folder / FILE, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        db.execute("DELETE FROM queries")
        assert len(read([folder]).queries) == 1
        db.execute("ROLLBACK")
    assert len(read([folder]).queries) == 1


def test_journal_that_another_process_keeps_locked_is_refused(opened, folder, monkeypatch):
    monkeypatch.setattr(journal, "_PATIENCE", 0.05)
    impatient = Journal(folder)
    with closing(sqlite3.connect(folder / FILE, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalError, match=r"journal\.sqlite: cannot be used \(database is locked\); expected"):
            add(impatient, "q1")
        db.execute("ROLLBACK")
    add(impatient, "q1")
    impatient.close()


def test_a_lock_that_is_let_go_is_waited_for(opened, folder):
    with closing(sqlite3.connect(folder / FILE, isolation_level=None, check_same_thread=False)) as db:
        db.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(0.2, lambda: db.execute("ROLLBACK"))
        timer.start()
        add(opened, "q1")
        timer.join()
    assert len(read([folder]).queries) == 1


def test_journal_that_another_process_begins_meanwhile_is_taken_as_it_is(folder):
    folder.mkdir()
    with closing(sqlite3.connect(folder / FILE, isolation_level=None, check_same_thread=False)) as db:

        def begin():
            for statement in (*journal._TABLES, "PRAGMA user_version = 1", "COMMIT"):
                db.execute(statement)

        db.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(0.2, begin)
        timer.start()
        second = Journal(folder)
        timer.join()
    add(second, "q1")
    second.close()


def test_threads_open_a_journal_once(opened, monkeypatch):
    opened.close()
    opening = journal._opened
    calls = []

    def slowly(path):
        calls.append(path)
        time.sleep(0.1)
        return opening(path)

    monkeypatch.setattr(journal, "_opened", slowly)
    threads = [threading.Thread(target=add, args=(opened, f"q{number}")) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1


def test_copy_taken_while_the_server_runs_is_read_as_it_is(opened, folder, tmp_path):
    add(opened, "q1")
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in (FILE, f"{FILE}-wal"):
        (copy / file).write_bytes((folder / file).read_bytes())
    before = (copy / FILE).read_bytes()
    for _ in range(2):
        assert len(read([copy]).queries) == 1
    assert (copy / FILE).read_bytes() == before


def test_several_folders_are_read_as_one(tmp_path):
    folders = [tmp_path / "a", tmp_path / "b"]
    first, second = map(Journal, folders)
    add(first, "q9", "первый")
    add(second, "q1", "второй")
    add(first, "q5", "третий")
    second.add_feedback("q1", "a#top", "solved")
    first.add_feedback("q9", "a#top", "outdated")
    first.close()
    second.close()
    contents = read(folders)
    assert [query.query for query in contents.queries] == ["первый", "второй", "третий"]
    assert [vote.query_id for vote in contents.feedback] == ["q1", "q9"]
    assert read(reversed(folders)) == contents
    assert read([]) == Contents((), ())


def test_copies_of_a_journal_count_once_with_the_later_vote(opened, folder, tmp_path):
    add(opened, "q1")
    opened.add_feedback("q1", "a#top", "not_related")
    opened.close()
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / FILE).write_bytes((folder / FILE).read_bytes())
    opened.add_feedback("q1", "a#top", "solved")
    for folders in ([folder, copy], [copy, folder]):
        contents = read(folders)
        assert len(contents.queries) == 1
        assert [vote.outcome for vote in contents.feedback] == ["solved"]


def test_folder_without_a_journal_is_named_and_none_is_begun(tmp_path):
    with pytest.raises(JournalError) as refused:
        read([tmp_path])
    assert str(refused.value) == (
        f"{tmp_path / FILE}: is not there; expected the journal of a server; name the folder of its --data"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("version", [0, 2])
def test_file_of_another_version_is_refused_and_left_alone(folder, version):
    other_file(folder, "CREATE TABLE queries (query_id)", f"PRAGMA user_version = {version}")
    before = (folder / FILE).read_bytes()
    for use in (lambda: Journal(folder), lambda: read([folder])):
        with pytest.raises(JournalError, match=rf"journal\.sqlite: version {version}; expected 1; use the program"):
            use()
    assert (folder / FILE).read_bytes() == before


def test_file_that_is_no_journal_is_refused(folder):
    folder.mkdir()
    (folder / FILE).write_text("это не база\n" * 100, encoding="utf-8")
    for use in (lambda: Journal(folder), lambda: read([folder])):
        with pytest.raises(JournalError, match=r"cannot be used \(file is not a database\); expected a sound journal"):
            use()


@pytest.mark.parametrize("sections", ["не JSON", "3"])
def test_damaged_row_is_refused(opened, folder, sections):
    add(opened, "q1")
    with closing(sqlite3.connect(folder / FILE)) as db:
        db.execute("UPDATE queries SET sections = ?", (sections,))
        db.commit()
    with pytest.raises(JournalError, match="cannot be used"):
        read([folder])


def test_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(JournalError, match=r"data.journal\.sqlite: cannot be used"):
        Journal(tmp_path / "file" / "data")


def test_folder_whose_name_means_something_in_an_address_is_used(tmp_path):
    folder = tmp_path / "данные? #1 100%"
    opened = Journal(folder)
    add(opened, "q1")
    opened.close()
    assert (folder / FILE).is_file()
    assert len(read([folder]).queries) == 1


def test_old_queries_without_text_and_vote_are_dropped(opened, folder, monkeypatch):
    monkeypatch.undo()
    for query_id, text in (("voted", ""), ("unvoted", ""), ("with text", "как войти")):
        add(opened, query_id, text)
    opened.add_feedback("voted", "a#top", "solved")
    add(opened, "new", "")
    with closing(sqlite3.connect(folder / FILE)) as db:
        db.execute("UPDATE queries SET created = '2020-01-01T10:00:00.000+00:00' WHERE query_id != 'new'")
        db.commit()
    assert opened.drop_unvoted(timedelta(days=1)) == 1
    assert {query.query_id for query in read([folder]).queries} == {"voted", "with text", "new"}
