"""The log: one line an event, JSON or text; what gunicorn says of requests loses what was asked."""

import json
import logging
import sys

import pytest

from server import logs


@pytest.fixture
def said(capsys):
    """Configures the log and gives what it wrote to stderr, line by line; puts the log back afterwards."""
    root, server = logging.getLogger(), logging.getLogger("server")
    before = (root.handlers[:], root.level, server.level)

    def configured(kind):
        logs.configure(kind)
        return lambda: capsys.readouterr().err.splitlines()

    yield configured
    root.handlers[:], root.level = before[0], before[1]
    server.setLevel(before[2])
    logging.captureWarnings(False)


def test_event_is_one_line_of_json(said):
    lines = said("json")
    logging.getLogger("server.feedback").warning("a query\nwas not %s", "remembered")
    (line,) = map(json.loads, lines())
    assert line.pop("time")
    assert line == {"level": "warning", "logger": "server.feedback", "message": "a query was not remembered"}


def test_event_is_one_line_of_text(said):
    lines = said("text")
    logging.getLogger("server.feedback").warning("a query\nwas not %s", "remembered")
    (line,) = lines()
    assert line.endswith("WARNING server.feedback: a query was not remembered")


def test_request_is_one_line_of_text(said):
    lines = said("text")
    told = {"method": "GET", "route": "/", "status": 200, "bytes": 5, "ms": 1.5, "outcome": "answered"}
    logging.getLogger("server.requests").info("request", extra={"request": {**told, "request_id": "one"}})
    assert lines()[0].endswith("INFO GET / 200 5 bytes 1.5 ms answered one")


@pytest.mark.parametrize("kind", logs.FORMATS)
def test_exception_is_told_without_its_message(said, kind):
    lines = said(kind)
    try:
        raise KeyError("мой секретный вопрос")
    except KeyError:
        logging.getLogger("server.app").exception("failed")
    (line,) = lines()
    assert "KeyError" in line
    assert "test_logs.py" in line
    assert "секретный" not in line


def test_gunicorn_tells_nothing_of_what_was_asked(said):
    lines = said("json")
    logger = logging.getLogger("gunicorn.error")
    logger.warning("Invalid request from ip=10.0.0.7: Invalid HTTP Version: 'sekretnyj HTTP/1.1'")
    logger.error("Error handling request %s %s", "GET", "/?q=sekretnyj")
    logger.error("Worker (pid:%s) exited with code %s.", 17, 3)
    found = [json.loads(line)["message"] for line in lines()]
    assert found == ["a malformed request was refused", "Error handling request", "Worker (pid:17) exited with code 3."]


@pytest.mark.parametrize(("terminal", "expected"), [(True, "text"), (False, "json")])
def test_text_is_for_terminals(monkeypatch, terminal, expected):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    assert logs.default_format() == expected


def test_information_of_libraries_stays_out(said):
    lines = said("json")
    logging.getLogger("faiss.loader").info("Loading faiss.")
    logging.getLogger("server").info("Serving")
    assert [json.loads(line)["message"] for line in lines()] == ["Serving"]
