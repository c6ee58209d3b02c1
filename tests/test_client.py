"""The Python client, against the server itself and against one that fails as told."""

import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from serving import served

from server.access import Rules
from server.app import create_app
from server.client import SupportSearch, SupportSearchError
from server.journal import read_journals
from server.keys import KeyFile

ROOT = Path(__file__).parents[1]
QUERY = "не приходят уведомления"
FINE = (200, {}, b'{"suggestions": []}')


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("client") / "data"


@pytest.fixture(scope="module")
def key(folder):
    return KeyFile(folder).add("client", ["search", "feedback"]).secret


@pytest.fixture(scope="module")
def site(built_index, encoder, folder, key):
    with served(create_app(built_index, encoder, folder, rules=Rules(closed=frozenset(["search"])))) as address:
        yield address


@pytest.fixture
def client(site, key):
    return SupportSearch(site, key)


@contextmanager
def scripted(*replies):
    """The address of a server that gives these replies (status, headers, body) in turn, and the requests it had.

    "silent" says nothing, "cut" ends the connection before a word.
    """
    left, seen = list(replies), []
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append((self.command, self.path, dict(self.headers)))
            reply = left.pop(0)
            if reply == "silent":
                ended.wait(20)
            elif reply != "cut":
                status, headers, body = reply
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        ended.set()
        server.shutdown()
        thread.join()
        server.server_close()


def asked_again(*replies, **settings):
    """The pauses that a client made until its call ended, what it raised, and how often the server was asked."""
    pauses, raised = [], None
    with scripted(*replies) as (address, seen):
        try:
            SupportSearch(address, sleep=pauses.append, **settings).suggest("чат")
        except SupportSearchError as error:
            raised = error
    return pauses, raised, len(seen)


# Against the server


def test_search_gives_hits_with_what_the_contract_names(client):
    reply = client.search(QUERY, limit=2, per_article=1, filters={"platform": ["android"]})
    assert reply["answerable"]
    assert 1 <= len(reply["hits"]) <= 2
    assert reply["hits"][0]["section_id"].startswith("notifications#")


def test_answer_gives_steps_and_leaves_out_as_next_what_was_tried(client):
    first = client.answer(QUERY, platform="android", audience="user")
    step = first["next_step"]
    after = client.answer(QUERY, platform="android", audience="user", tried=[step["step_id"]])
    assert [each["tried"] for each in after["steps"] if each["step_id"] == step["step_id"]] == [True]
    assert after["next_step"] is None or after["next_step"]["step_id"] != step["step_id"]
    assert after["escalation"]["routes"]


def test_suggestions_sections_and_articles_are_read(client):
    assert client.suggest("уведом")
    section = client.section(client.search(QUERY)["hits"][0]["section_id"])
    article = client.article(section["article_id"])
    assert section["section_id"] in [each["section_id"] for each in article["sections"]]


def test_vote_is_kept(client, folder):
    reply = client.search(QUERY)
    client.feedback(reply["query_id"], reply["hits"][0]["section_id"], "solved", "спасибо")
    assert ("solved", "спасибо") in [(vote.outcome, vote.comment) for vote in read_journals([folder]).feedback]


def test_refusal_has_code_message_field_and_status(client):
    with pytest.raises(SupportSearchError) as caught:
        client.search("чат", limit=51)
    error = caught.value
    assert (error.code, error.field, error.status) == ("invalid_value", "limit", 422)
    assert error.message == "Недопустимое значение поля «limit»."
    assert "limit" in str(error)


def test_article_that_is_not_there_is_an_error_in_words(client):
    with pytest.raises(SupportSearchError, match="Такой статьи нет") as caught:
        client.article("нет/такой")
    assert caught.value.status == 404


@pytest.mark.parametrize(("wrong", "code"), [(None, "key_required"), ("spravka_0_0", "key_invalid")])
def test_missing_or_wrong_key_is_not_tried_again(site, wrong, code):
    pauses = []
    with pytest.raises(SupportSearchError) as caught:
        SupportSearch(site, wrong, sleep=pauses.append).search("чат")
    assert (caught.value.code, caught.value.status, pauses) == (code, 401, [])


def test_real_rate_limit_is_waited_for(built_index, encoder):
    pauses = []

    def sleep(seconds):
        pauses.append(seconds)
        time.sleep(min(seconds, 3))

    with served(create_app(built_index, encoder, rules=Rules(rate_limit="1 per second"))) as address:
        client = SupportSearch(address, sleep=sleep)
        for _ in range(2):
            client.suggest("чат")
    assert len(pauses) == 1
    assert 1 <= pauses[0] <= 2.5


# Against one that fails


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_later_is_tried_again_after_growing_random_pauses(status):
    pauses, raised, asked = asked_again(*[(status, {}, b"<html>")] * 3, FINE)
    assert (raised, asked, len(pauses)) == (None, 4, 3)
    assert all(0 <= pause <= longest for pause, longest in zip(pauses, (0.25, 0.5, 1.0), strict=True))


def test_retry_after_in_seconds_is_kept_to_and_spread():
    pauses, raised, _ = asked_again((503, {"Retry-After": "4"}, b"{}"), FINE)
    assert raised is None
    assert 4 <= pauses[0] <= 5


def test_retry_after_as_a_date_is_kept_to():
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 8))
    pauses, raised, _ = asked_again((429, {"Retry-After": date}, b"{}"), FINE)
    assert raised is None
    assert 5 <= pauses[0] <= 10


def test_longer_pause_than_allowed_is_raised_at_once():
    pauses, raised, asked = asked_again((503, {"Retry-After": "60"}, b"{}"), FINE, longest_pause=20)
    assert (pauses, raised.status, raised.retry_after, asked) == ([], 503, 60, 1)


def test_tries_end():
    pauses, raised, asked = asked_again(*[(503, {}, b"")] * 5, retries=2)
    assert (len(pauses), raised.code, asked) == (2, "http_503", 3)


def test_connection_that_breaks_is_tried_again():
    pauses, raised, asked = asked_again("cut", FINE)
    assert (len(pauses), raised, asked) == (1, None, 2)


def test_silence_ends_with_the_time_out():
    _, raised, asked = asked_again("silent", timeout=0.2, retries=0)
    assert (raised.code, raised.status, asked) == ("timeout", None, 1)


def test_server_that_is_not_there_is_unreachable():
    with scripted() as (address, _):
        pass
    with pytest.raises(SupportSearchError) as caught:
        SupportSearch(address, retries=0).search("чат")
    assert (caught.value.code, caught.value.status) == ("unreachable", None)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"\xff"])
def test_reply_of_something_else_is_an_error_in_words(body):
    pauses, raised, asked = asked_again((200, {}, body))
    assert (pauses, raised.code, asked) == ([], "bad_reply", 1)


def test_refusal_of_the_request_is_not_tried_again():
    told = '{"error": {"code": "query_empty", "message": "Введите запрос.", "field": "query"}}'.encode()
    pauses, raised, asked = asked_again((422, {}, told))
    assert (pauses, raised.code, raised.field, asked) == ([], "query_empty", "query", 1)


def test_key_does_not_follow_to_another_server():
    with scripted(FINE) as (elsewhere, seen), scripted((302, {"Location": f"{elsewhere}/"}, b"")) as (address, _):
        client = SupportSearch(address, "spravka_1_2", retries=0)
        with pytest.raises(SupportSearchError, match="302"):
            client.suggest("чат")
    assert seen == []


def test_renamed_section_is_followed_with_the_key():
    found = b'{"section_id": "new#a"}'
    with scripted((301, {"Location": "/v1/sections?id=new%23a"}, b""), (200, {}, found)) as (address, seen):
        assert SupportSearch(address, "spravka_1_2").section("old#a")["section_id"] == "new#a"
    assert [path for _, path, _ in seen] == ["/v1/sections?id=old%23a", "/v1/sections?id=new%23a"]
    assert [headers["Authorization"] for _, _, headers in seen] == ["Bearer spravka_1_2"] * 2


def test_batch_gives_replies_and_failures_in_their_order():
    body = (
        b'{"results": [{"query": "a", "hits": []}, {"error": {"code": "query_empty", "message": "", "field": null}}]}'
    )
    with scripted((200, {}, body)) as (address, seen):
        first, second = SupportSearch(address).batch([{"query": "a", "limit": 1}, {"query": " "}])
    assert (first["query"], second["error"]["code"], seen[0][1]) == ("a", "query_empty", "/v1/search/batch")


@pytest.mark.parametrize("url", ["help.example.ru", "file:///etc/passwd", "http://", ""])
def test_url_that_is_none_is_refused(url):
    with pytest.raises(ValueError, match="expected the root of a server"):
        SupportSearch(url)


def test_client_imports_nothing_but_the_standard_library():
    told = "import sys; before = set(sys.modules); import client; print(*sorted(set(sys.modules) - before))"
    folder = ROOT / "server"
    done = subprocess.run([sys.executable, "-c", told], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert {name.split(".")[0] for name in done.stdout.split()} - {"client"} <= sys.stdlib_module_names


def test_package_tells_type_checkers_that_it_has_types():
    assert (ROOT / "server" / "py.typed").is_file()
    assert 'server = ["py.typed"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
