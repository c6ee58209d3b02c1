"""What people said goes after its days, at the start and while the server runs, and when told to; who may read it."""

import os
import threading
from datetime import UTC, datetime, timedelta

import pytest

from server import journal, retention
from server.__main__ import _serve_parser, main
from server.app import create_app
from server.journal import Journal, JournalError, read_journals
from server.retention import FEEDBACK_DAYS, Retention
from server.settings import Settings

SECRET = "у меня телефон +7 916 123-45-67"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def opened(folder):
    opened = Journal(folder)
    yield opened
    opened.close()


def aged(monkeypatch, days):
    """The journal writes as if it were so many days ago."""
    then = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="milliseconds")
    monkeypatch.setattr(journal, "_now", lambda: then)


def fill(opened, monkeypatch, days, name):
    """A vote with a comment and a judgment of that age, both of this name."""
    aged(monkeypatch, days)
    opened.add_query(name, "", answerable=True, relevance=0.5, sections=["a#top"])
    opened.add_feedback(name, "a#top", "outdated", f"замечание {name}")
    opened.add_judgment(f"письмо {name}", "a#top", 2)


def on_disk(folder):
    return b"".join(path.read_bytes() for path in folder.iterdir()).decode("utf-8", "replace")


def kept(folder):
    """The names of what is left: of votes, of judgments, of queries."""
    contents = read_journals([folder])
    return (
        [vote.comment.removeprefix("замечание ") for vote in contents.feedback],
        [each.query.removeprefix("письмо ") for each in contents.judgments],
        [query.query_id for query in contents.queries],
    )


def test_votes_comments_and_judgments_go_at_the_start_after_their_days(
    built_index, encoder, folder, opened, monkeypatch
):
    for days in (31, 29):
        fill(opened, monkeypatch, days, f"из {days}")
    opened.close()
    create_app(built_index, encoder, folder, feedback_days=30)
    assert kept(folder) == (["из 29"], ["из 29"], ["из 29"])
    assert "из 31" not in on_disk(folder)


def test_without_another_number_they_are_kept_for_a_year(built_index, encoder, folder, opened, monkeypatch):
    assert FEEDBACK_DAYS == 365
    for days in (366, 364):
        fill(opened, monkeypatch, days, f"из {days}")
    create_app(built_index, encoder, folder)
    assert kept(folder) == (["из 364"], ["из 364"], ["из 364"])


def test_they_go_while_queries_come_too(built_index, encoder, folder, opened, monkeypatch):
    client = create_app(built_index, encoder, folder, feedback_days=30).test_client()
    fill(opened, monkeypatch, 31, "старый")
    monkeypatch.undo()
    monkeypatch.setattr(retention, "_SWEEP", 0.0)
    client.post("/v1/search", json={"query": "фото"})
    votes, judged, queries = kept(folder)
    assert (votes, judged, len(queries)) == ([], [], 1)
    assert "старый" not in queries


def test_a_server_that_nobody_asks_deletes_what_is_too_old(folder, opened, monkeypatch):
    running = Retention(opened, feedback_days=30)
    fill(opened, monkeypatch, 31, "старый")
    swept = threading.Event()
    clean = opened.clean
    monkeypatch.setattr(opened, "clean", lambda: (clean(), swept.set()))
    monkeypatch.setattr(retention, "_SWEEP", 0.0)
    monkeypatch.setattr(retention, "_IDLE", 0.01)
    running.watch()
    assert swept.wait(10)
    assert kept(folder) == ([], [], [])


def test_a_look_that_fails_is_told_and_the_next_one_follows(opened, monkeypatch, caplog):
    running = Retention(opened)
    failed, again = threading.Event(), threading.Event()

    def fail(older):
        if failed.is_set():
            again.set()
        failed.set()
        raise JournalError("the disk is full")

    monkeypatch.setattr(opened, "drop_feedback", fail)
    monkeypatch.setattr(retention, "_SWEEP", 0.0)
    monkeypatch.setattr(retention, "_IDLE", 0.01)
    running.watch()
    assert again.wait(10)
    assert "was not deleted, the next look follows: the disk is full" in caplog.text


def test_each_process_of_a_server_looks_by_itself(built_index, encoder, folder, monkeypatch):
    """What gunicorn calls in a new worker; threads do not survive a fork."""
    from server.__main__ import _started

    looked = []
    monkeypatch.setattr(Retention, "watch", lambda self: looked.append(self))
    for data in (folder, None):
        app = create_app(built_index, encoder, data)
        monkeypatch.setattr(app.extensions["live"], "watch", lambda: None)
        _started(type("Worker", (), {"wsgi": app}))
    assert len(looked) == 1


def test_the_number_of_days_is_an_option_of_the_server(capsys):
    def days(*arguments):
        settings = Settings(_serve_parser)
        return settings.read(settings.parser.parse_args(list(arguments)), {}).options.feedback_days

    assert days() == FEEDBACK_DAYS
    assert days("--feedback-days", "14") == 14
    for wrong in ("0", "-1", "много", "1.5", "4000"):
        with pytest.raises(SystemExit):
            days(f"--feedback-days={wrong}")
        assert "expected a whole number from 1 to 3650" in capsys.readouterr().err


def test_comments_and_judged_texts_are_masked_before_they_are_written(built_index, encoder, folder):
    client = create_app(built_index, encoder, folder).test_client()
    reply = client.post("/v1/search", json={"query": "фото"}).json
    section_id = reply["hits"][0]["section_id"]
    vote = {"query_id": reply["query_id"], "section_id": section_id, "outcome": "outdated", "comment": SECRET}
    assert client.post("/v1/feedback", json=vote).status_code == 201
    assert client.post("/feedback", data=vote).status_code == 303
    assert client.post("/agent/judgments", data={"text": SECRET, "fits": section_id, "quietly": "1"}).status_code == 204
    assert "у меня телефон" in on_disk(folder)
    assert "916" not in on_disk(folder)


def test_forgetting_a_query_takes_what_agents_judged_of_its_text_along(folder, opened, capsys):
    for name in ("первый", "второй"):
        opened.add_query(name, f"вопрос {name}", answerable=True, relevance=0.5, sections=[], hidden={"имя": 1})
        opened.add_feedback(name, "a#top", "outdated", f"замечание {name}")
        opened.add_judgment(f"вопрос {name}", "a#top", 2)
    assert main(["forget", "первый", "--data", str(folder)]) == 0
    assert kept(folder) == (["второй"], ["вопрос второй"], ["второй"])
    assert "первый" not in on_disk(folder)


def test_a_query_without_a_text_takes_no_judgment_along(folder, opened):
    opened.add_query("q1", "", answerable=True, relevance=0.5, sections=[])
    opened.add_judgment("", "a#top", 2)
    opened.forget("q1")
    assert len(read_journals([folder]).judgments) == 1


def test_what_was_asked_and_judged_is_forgotten_by_its_text_as_it_was_typed(folder, opened, capsys):
    opened.add_query("q1", "звоните [телефон скрыт]", answerable=True, relevance=0.5, sections=[])
    opened.add_feedback("q1", "a#top", "outdated", "замечание")
    opened.add_judgment("Звоните  [телефон скрыт]", "a#top", 0)
    opened.add_judgment("другое письмо", "a#top", 0)
    opened.add_query("q2", "", answerable=True, relevance=0.5, sections=[])
    assert main(["forget", "--text", "звоните +7 916 123-45-67", "--data", str(folder)]) == 0
    assert capsys.readouterr().out.endswith("journal.sqlite: that text is forgotten\n")
    assert kept(folder) == ([], ["другое письмо"], ["q2"])
    assert "воните" not in on_disk(folder)
    assert main(["forget", "--text", "звоните +7 916 123-45-67", "--data", str(folder)]) == 1
    printed = capsys.readouterr().err
    assert "expected one that was asked or judged here" in printed
    assert "звоните" not in printed


def test_forgetting_needs_a_query_id_or_a_text(folder, capsys):
    for wrong in ([], ["q1", "--text", "вопрос"]):
        with pytest.raises(SystemExit):
            main(["forget", *wrong, "--data", str(folder)])
    assert not folder.exists()


@pytest.fixture
def permissive():
    """A system that would let everybody read and write."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_nobody_but_the_server_may_read_what_it_writes(permissive, folder, opened):
    """The write-ahead log and its index take the rights of the journal."""
    opened.add_query("q1", "вопрос", answerable=True, relevance=0.5, sections=[])
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in [folder, *folder.iterdir()]}
    assert modes == {
        "data": "0o700",
        "journal.sqlite": "0o600",
        "journal.sqlite-wal": "0o600",
        "journal.sqlite-shm": "0o600",
    }


def test_rights_that_the_operator_gave_stay(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir(mode=0o750)
    folder.chmod(0o750)
    Journal(folder).close()
    (folder / journal.FILE).chmod(0o640)
    opened = Journal(folder)
    opened.add_query("q1", "вопрос", answerable=True, relevance=0.5, sections=[])
    assert {oct(path.stat().st_mode & 0o777) for path in folder.iterdir()} == {"0o640"}
    assert oct(folder.stat().st_mode & 0o777) == "0o750"
    opened.close()
