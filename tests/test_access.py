"""What the server promises to browsers and networks, on every route that it has: a new route is looked at by itself."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from helpers import HashEncoder
from werkzeug.routing import Rule

from server.app import create_app
from server.journal import read_journals

ELSEWHERE = "http://attacker.example"

# Not by a form's fields but by what a form cannot send: JSON with its Content-Type.
JSON = {
    "/v1/search": {"query": "фото"},
    "/v1/search/batch": {"queries": [{"query": "фото"}]},
    "/v1/vector_stores/default/search": {"query": "фото"},
    "/v1/answer": {"query": "фото"},
    "/v1/feedback": {"query_id": "0", "section_id": "profile#photo", "outcome": "solved"},
}
FORMS = {
    "/": {"q": "фото"},
    "/agent": {"text": "фото"},
    "/agent/judgments": {"text": "фото", "fits": "profile#photo"},
    "/feedback": {"query_id": "", "section_id": "profile#photo", "outcome": "solved", "comment": ""},
    "/sign-in": {"key": "spravka_000000000000_x", "next": "/"},
    "/sign-out": {},
}
SWITCHES = ("/admin/index/reload", "/admin/index/rollback")  # take nothing; tests/test_keys.py has who may
KEEPS = {"/agent/judgments", "/feedback", "/v1/feedback"}  # what changes the journal
CHANGING = {"POST", "PUT", "PATCH", "DELETE"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept") / "data"


@pytest.fixture(scope="module")
def app(built_index: Path, encoder: HashEncoder, folder: Path) -> Flask:
    return create_app(built_index, encoder, folder)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def address(rule: Rule) -> str:
    """An address of the route: a real article, a real file, the first choice elsewhere."""
    known = {"article_id": "sign-in", "filename": "style.css", "store_id": "default"}
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda name: known.get(name[1], "x"), rule.rule)


def routes(app: Flask, methods: set[str]) -> Iterator[tuple[str, str]]:
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) & methods):
            yield method, address(rule)


def kept(folder: Path) -> tuple[int, ...]:
    journal = read_journals([folder])
    return tuple(len(part) for part in (journal.feedback, journal.judgments))


def send(client: FlaskClient, path: str, **headers: str):
    if path in JSON:
        return client.post(path, json=JSON[path], headers=headers)
    return client.post(path, data=FORMS.get(path, {}), headers=headers)


# Headers


@pytest.mark.parametrize("path", ["/nothing", "/v1/nothing", "/articles/nothing", "/v1/search?q=", "/?q=фото"])
def test_errors_and_results_have_the_headers_too(client: FlaskClient, path: str):
    check_headers(client.get(path).headers)


def test_every_route_answers_with_the_headers_that_browsers_obey(app: Flask, client: FlaskClient):
    for method, path in routes(app, {"GET", "HEAD", "OPTIONS", *CHANGING}):
        with client.open(path, method=method) as response:
            check_headers(response.headers)


def check_headers(headers):
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
    assert policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "Set-Cookie" not in headers


def test_pages_have_no_script_or_style_of_their_own_within(client: FlaskClient):
    for path in ("/", "/?q=фото", "/articles/sign-in", "/agent", "/nothing"):
        page = client.get(path).text
        assert "<style" not in page
        assert re.search(r"<[^>]+\s(?:style|on\w+)=", page) is None
        assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", page))


# Changing something


def test_routes_that_change_something_are_known(app: Flask):
    """One that is new goes into the tables above, and is then tried below."""
    assert {path for _, path in routes(app, CHANGING)} == {*JSON, *FORMS, *SWITCHES}
    assert {method for method, _ in routes(app, CHANGING)} == {"POST"}


@pytest.mark.parametrize("path", sorted(KEEPS))
def test_each_keeps_what_the_site_itself_sends(client: FlaskClient, folder: Path, path: str):
    before = kept(folder)
    query_id = client.get("/v1/search?q=фото").json["query_id"]
    body = JSON.get(path, FORMS.get(path)) | {"query_id": query_id}
    sent = {"json": body} if path in JSON else {"data": body}
    assert client.post(path, **sent, headers={"Sec-Fetch-Site": "same-origin"}).status_code < 400
    assert kept(folder) != before


def test_nothing_is_changed_by_get(app: Flask, client: FlaskClient, folder: Path):
    client.get("/v1/search?q=фото")
    before = kept(folder)
    everything = {name: value for fields in (*JSON.values(), *FORMS.values()) for name, value in fields.items()}
    for method, path in routes(app, {"GET", "HEAD", "OPTIONS"}):
        with client.open(path, method=method, query_string=everything) as response:
            assert response.status_code < 500
    for path in KEEPS:
        assert client.get(path, query_string=everything).status_code == 405
    assert kept(folder) == before


FOREIGN = [
    {"Origin": ELSEWHERE},
    {"Origin": "null"},
    {"Origin": "http://localhost.attacker.example"},
    {"Origin": "http://localhost:81"},
    {"Sec-Fetch-Site": "cross-site", "Origin": ELSEWHERE},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://other.localhost"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Referer": f"{ELSEWHERE}/page"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
@pytest.mark.parametrize("path", sorted(KEEPS & FORMS.keys() | {"/sign-in", "/sign-out"}))
def test_a_form_that_keeps_something_is_refused_from_another_site(
    client: FlaskClient, folder: Path, path: str, headers: dict[str, str]
):
    before = kept(folder)
    response = send(client, path, **headers)
    assert response.status_code == 403
    assert "Форма отправлена с другого сайта" in response.text
    assert kept(folder) == before


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain", ""])
@pytest.mark.parametrize("path", JSON)
def test_what_a_form_can_send_is_no_json(client: FlaskClient, folder: Path, path: str, kind: str):
    body = '{"query_id": "0", "section_id": "profile#photo", "outcome": "solved"}'
    before = kept(folder)
    assert client.post(path, data=body, content_type=kind, headers={"Origin": ELSEWHERE}).status_code == 415
    assert kept(folder) == before


@pytest.mark.parametrize("path", JSON)
def test_a_browser_is_not_told_that_another_site_may_send_json(client: FlaskClient, path: str):
    asked = {"Origin": ELSEWHERE, "Access-Control-Request-Method": "POST"}
    response = client.options(path, headers=asked)
    assert not [name for name, _ in response.headers if name.startswith("Access-Control-")]


@pytest.mark.parametrize("referer", [f"{ELSEWHERE}//", "http://localhost//attacker.example/", "javascript:alert(1)"])
def test_a_vote_never_leads_to_another_site(client: FlaskClient, referer: str):
    response = send(client, "/feedback", **{"Referer": referer, "Sec-Fetch-Site": "same-origin"})
    assert response.status_code == 303
    assert re.match(r"/articles/", response.headers["Location"])


# Going out


def test_no_request_makes_the_server_go_out(app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch):
    """Addresses in queries, letters, votes and headers are text."""
    went = []

    def refuse(name):
        return lambda *args, **kwargs: went.append((name, args)) or (_ for _ in ()).throw(OSError("no way out"))

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse(name))
    monkeypatch.setattr(socket, "getaddrinfo", refuse("getaddrinfo"))
    hooks = "http://169.254.169.254/latest/meta-data file:///etc/passwd //attacker.example/x gopher://127.0.0.1:6379/_"
    headers = {"Host": "localhost", "Referer": f"{ELSEWHERE}/", "X-Forwarded-For": "attacker.example"}
    for method, path in routes(app, {"GET", "HEAD", "OPTIONS"}):
        with client.open(path, method=method, query_string={"q": hooks, "id": hooks, "url": hooks}, headers=headers):
            pass
    for path, fields in (JSON | FORMS).items():
        body = {name: hooks if name in ("query", "q", "text", "comment") else value for name, value in fields.items()}
        sent = {"json": body} if path in JSON else {"data": body}
        assert client.post(path, **sent, headers=headers | {"Sec-Fetch-Site": "same-origin"}).status_code < 500
    assert went == []
