"""The query log: off unless asked for, masked before anything is written, gone after its days and when told to."""

import logging
from datetime import UTC, datetime, timedelta

import pytest

from evaluation.gaps import NO_ARTICLE, found_in
from server import journal, retention
from server.__main__ import main
from server.app import create_app
from server.journal import Journal, UnknownQueryError, read_journals

SECRETS = ("916", "qwerty77", "anna", "Смирнова")
QUERY = "меня зовут Анна Смирнова, +7 916 123-45-67, anna@example.ru, пароль: qwerty77, не приходят уведомления"
MASKED = "меня зовут [имя скрыто], [телефон скрыт], [почта скрыта], пароль: [пароль скрыт], не приходят уведомления"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def client(built_index, encoder, folder):
    return create_app(built_index, encoder, folder, query_log_days=30).test_client()


def on_disk(folder):
    return b"".join(path.read_bytes() for path in folder.iterdir()).decode("utf-8", "replace")


def aged(monkeypatch, days):
    """The journal writes as if it were so many days ago."""
    then = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="milliseconds")
    monkeypatch.setattr(journal, "_now", lambda: then)


def test_without_the_switch_no_text_is_kept(built_index, encoder, folder):
    create_app(built_index, encoder, folder).test_client().post("/v1/search", json={"query": QUERY})
    (kept,) = read_journals([folder]).queries
    assert (kept.query, kept.hidden) == ("", ())
    assert "уведомления" not in on_disk(folder)


def test_query_is_masked_before_anything_is_written_and_what_was_hidden_is_counted(client, folder, caplog):
    with caplog.at_level(logging.DEBUG):
        reply = client.post("/v1/search", json={"query": QUERY}).json
    (kept,) = read_journals([folder]).queries
    assert (kept.query_id, kept.query) == (reply["query_id"], MASKED)
    assert kept.hidden == (("имя", 1), ("пароль", 1), ("почта", 1), ("телефон", 1))
    assert kept.sections == tuple(hit["section_id"] for hit in reply["hits"] or reply["near_misses"])
    assert [secret for secret in SECRETS if secret in on_disk(folder) + caplog.text] == []


def test_pages_answers_and_kept_replies_are_in_the_log_too(client, folder):
    client.get("/", query_string={"q": "не приходят уведомления"})
    client.post("/v1/answer", json={"query": "не приходят уведомления"})
    for _ in range(2):
        client.get("/v1/search", query_string={"q": "не приходят уведомления"})
    assert [query.query for query in read_journals([folder]).queries] == ["не приходят уведомления"] * 4


def test_what_is_older_than_its_days_goes_at_the_start(built_index, encoder, folder, client, monkeypatch):
    aged(monkeypatch, 31)
    client.post("/v1/search", json={"query": "старый вопрос про уведомления"})
    aged(monkeypatch, 29)
    client.post("/v1/search", json={"query": "недавний вопрос про уведомления"})
    create_app(built_index, encoder, folder, query_log_days=30)
    assert [query.query for query in read_journals([folder]).queries] == ["недавний вопрос про уведомления"]
    assert "старый" not in on_disk(folder)


def test_switching_the_log_off_does_not_keep_its_texts_for_ever(built_index, encoder, folder, client, monkeypatch):
    for days in (31, 29):
        aged(monkeypatch, days)
        client.post("/v1/search", json={"query": f"вопрос {days}"})
    create_app(built_index, encoder, folder)
    assert [query.query for query in read_journals([folder]).queries] == ["вопрос 29"]


def test_what_is_older_than_its_days_goes_as_new_ones_are_written(client, folder, monkeypatch):
    monkeypatch.setattr(retention, "_SWEEP", 0.0)
    aged(monkeypatch, 31)
    client.post("/v1/search", json={"query": "старый вопрос"})
    aged(monkeypatch, 0)
    client.post("/v1/search", json={"query": "новый вопрос"})
    assert [query.query for query in read_journals([folder]).queries] == ["новый вопрос"]


def test_the_votes_on_what_is_too_old_stay_without_a_text(client, folder):
    reply = client.post("/v1/search", json={"query": "не приходят уведомления +79161234567"}).json
    section_id = (reply["hits"] or reply["near_misses"])[0]["section_id"]
    vote = {"query_id": reply["query_id"], "section_id": section_id, "outcome": "outdated"}
    assert client.post("/v1/feedback", json=vote).status_code == 201
    opened = Journal(folder)
    assert opened.drop_texts(timedelta(0)) == 1
    opened.close()
    contents = read_journals([folder])
    assert [(query.query, query.hidden) for query in contents.queries] == [("", ())]
    assert [each.outcome for each in contents.feedback] == ["outdated"]


def test_a_forgotten_query_leaves_nothing_behind(client, folder, capsys):
    first, second = (client.post("/v1/search", json={"query": text}).json for text in ("забытый вопрос", "другой"))
    section_id = (first["hits"] or first["near_misses"])[0]["section_id"]
    vote = {"query_id": first["query_id"], "section_id": section_id, "outcome": "outdated", "comment": "замечание"}
    assert client.post("/v1/feedback", json=vote).status_code == 201
    assert main(["forget", first["query_id"], "--data", str(folder)]) == 0
    assert "is forgotten" in capsys.readouterr().out
    contents = read_journals([folder])
    assert [query.query_id for query in contents.queries] == [second["query_id"]]
    assert contents.feedback == ()
    for trace in ("забытый", "замечание", first["query_id"]):
        assert trace not in on_disk(folder)


def test_forgetting_what_is_not_there_says_so(client, folder, tmp_path, capsys):
    client.post("/v1/search", json={"query": "вопрос"})
    assert main(["forget", "нет-такого", "--data", str(folder)]) == 1
    assert "expected one that was asked here" in capsys.readouterr().err
    assert main(["forget", "a", "--data", str(tmp_path / "none")]) == 1
    assert "name the folder of its --data" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
    with pytest.raises(UnknownQueryError):
        Journal(folder).forget("нет-такого")


def test_a_journal_begun_before_there_was_a_log_is_gone_on_with(folder):
    opened = Journal(folder)
    opened.add_query("q1", "вопрос", answerable=True, relevance=0.5, sections=[])
    opened._connection().execute("DROP TABLE hidden")
    opened.close()
    assert read_journals([folder]).queries[0].hidden == ()
    opened = Journal(folder)
    opened.add_query("q2", "[имя скрыто]", answerable=True, relevance=0.5, sections=[], hidden={"имя": 1})
    assert [query.hidden for query in read_journals([folder]).queries] == [(), (("имя", 1),)]
    opened.close()


def test_gaps_reads_the_log(client, folder):
    client.post("/v1/search", json={"query": "не приходят уведомления"})
    client.post("/v1/search", json={"query": "😀 ?!"})
    found = found_in(read_journals([folder]))
    assert [asking.text for asking in found[NO_ARTICLE]] == ["😀 ?!"]


def test_the_log_needs_a_folder_and_whole_days(built_index, capsys):
    assert main(["--index", str(built_index), "--query-log"]) == 2
    assert "add --data FOLDER" in capsys.readouterr().err
    for days in ("0", "-1", "many", "1.5"):
        with pytest.raises(SystemExit):
            main(["--index", str(built_index), f"--query-log-days={days}"])
        assert "expected a whole number from 1 to 3650" in capsys.readouterr().err
