"""Signing in: a key is given once, a cookie without it comes back, and other sites get nothing by it."""

import re
import stat
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from helpers import HashEncoder
from itsdangerous import URLSafeTimedSerializer

from server import sessions
from server.access import Rules
from server.app import create_app
from server.keys import KeyFile, Made
from server.sessions import COOKIE, FILE, Sessions
from server.sign_in import back_within


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("signed") / "data"


@pytest.fixture(scope="module")
def app(built_index: Path, encoder: HashEncoder, folder: Path) -> Flask:
    closed = frozenset(("search", "feedback", "agent"))
    return create_app(built_index, encoder, folder, rules=Rules(closed=closed, trusted_proxies=1))


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(scope="module")
def made(folder: Path) -> Made:
    return KeyFile(folder).add("Отдел продаж", ["agent"])


def enter(client: FlaskClient, made: Made, back: str = "/", **headers: str):
    return client.post("/sign-in", data={"key": made.secret, "next": back}, headers=headers)


def test_a_browser_is_led_to_the_form_and_from_there_to_where_it_was_going(client: FlaskClient, made: Made):
    led = client.get("/articles/sign-in?platform=ios")
    assert (led.status_code, led.headers["Location"]) == (303, "/sign-in?next=%2Farticles%2Fsign-in%3Fplatform%3Dios")
    form = client.get(led.headers["Location"])
    assert form.status_code == 200
    back = re.search(r'name="next" value="([^"]*)"', form.text)[1]
    entered = enter(client, made, back)
    assert (entered.status_code, entered.headers["Location"]) == (303, "/articles/sign-in?platform=ios")
    for path in (entered.headers["Location"], "/", "/?q=фото", "/agent", "/v1/suggest?q=фото"):
        assert client.get(path).status_code == 200
    assert "Вы вошли" in client.get("/sign-in").text
    assert "Отдел продаж" in client.get("/sign-in").text


def test_the_cookie_is_for_this_site_alone_out_of_the_reach_of_scripts_and_holds_no_key(client, made: Made):
    cookie = enter(client, made).headers["Set-Cookie"]
    attributes = {part.strip() for part in cookie.split(";")[1:]}
    assert {"HttpOnly", "SameSite=Strict", "Path=/", f"Max-Age={sessions.LASTS}"} <= attributes
    assert "Secure" not in attributes
    assert made.secret.split("_", 2)[2] not in cookie
    behind = enter(client, made, **{"X-Forwarded-Proto": "https"}).headers["Set-Cookie"]
    assert "Secure" in behind


def test_who_signs_out_is_asked_again(client: FlaskClient, made: Made):
    enter(client, made)
    assert client.get("/").status_code == 200
    assert client.post("/sign-out").status_code == 303
    assert client.get("/").status_code == 303


def test_a_key_that_is_taken_back_ends_what_was_signed_with_it(client: FlaskClient, folder: Path):
    made = KeyFile(folder).add("short", ["search"])
    enter(client, made)
    assert client.get("/").status_code == 200
    KeyFile(folder).revoke(made.key.key_id)
    assert client.get("/").status_code == 303


def test_a_wrong_key_gives_no_cookie_and_is_said(client: FlaskClient):
    response = client.post("/sign-in", data={"key": "spravka_0", "next": "/agent"})
    assert response.status_code == 401
    assert "Set-Cookie" not in response.headers
    assert "Такого ключа нет" in response.text
    assert 'name="next" value="/agent"' in response.text
    assert "spravka_0" not in response.text


def _another_signature(token: str) -> str:
    """The token with another first character of its signature: the last one has bits that are not part of it."""
    signed, dot, signature = token.rpartition(".")
    return f"{signed}{dot}{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"


@pytest.mark.parametrize(
    "change",
    [
        _another_signature,
        lambda token: token.split(".")[0],
        lambda token: "",
        lambda token: URLSafeTimedSerializer(b"x" * 32, salt="spravka session").dumps("0" * 12),
    ],
)
def test_a_forged_cookie_is_none(client: FlaskClient, made: Made, change):
    enter(client, made)
    client.set_cookie(COOKIE, change(client.get_cookie(COOKIE).value))
    assert client.get("/").status_code == 303
    assert client.get("/v1/articles").status_code == 401


def test_a_cookie_of_yesterday_is_none(client: FlaskClient, made: Made, monkeypatch: pytest.MonkeyPatch):
    enter(client, made)
    monkeypatch.setattr(sessions, "LASTS", -1)
    assert client.get("/").status_code == 303


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://attacker.example"}], ids=str)
def test_another_site_sends_nothing_in_the_name_of_who_signed_in(client: FlaskClient, made: Made, headers):
    """Even if a browser did send the cookie along."""
    enter(client, made)
    vote = {"query_id": "0", "section_id": "profile#photo", "outcome": "solved"}
    posts = [("/v1/feedback", {"json": vote}), ("/v1/search", {"json": {"query": "фото"}}), ("/agent", {"data": {}})]
    for path, sent in posts:
        response = client.post(path, **sent, headers=headers)
        assert response.status_code == 403, path
        assert "Форма отправлена с другого сайта" in response.text
    assert client.post("/v1/search", json={"query": "фото"}).status_code == 200


def test_a_cookie_never_runs_the_server(client: FlaskClient, folder: Path):
    enter(client, KeyFile(folder).add("boss", ["admin"]))
    assert client.get("/agent").status_code == 200
    response = client.post("/admin/index/reload", environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert (response.status_code, response.json["error"]["code"]) == (403, "scope_missing")


def test_the_secret_is_made_once_and_its_owner_alone_reads_it(tmp_path: Path):
    token = Sessions(tmp_path).token("0" * 12)
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert Sessions(tmp_path).key_id(token) == "0" * 12
    assert Sessions(tmp_path).token("1" * 12)
    assert Sessions(tmp_path).key_id(token) == "0" * 12
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_without_a_folder_there_is_nothing_to_sign_in_to(built_index: Path, encoder: HashEncoder):
    client = create_app(built_index, encoder).test_client()
    assert client.get("/sign-in").status_code == 404
    assert client.post("/sign-in", data={"key": "spravka_0"}).status_code == 404


@pytest.mark.parametrize(
    ("address", "within"),
    [
        ("/articles/sign-in?platform=ios#phone", "/articles/sign-in?platform=ios#phone"),
        ("/?q=%D1%84", "/?q=%D1%84"),
        ("", "/"),
        ("https://attacker.example/", "/"),
        ("//attacker.example/", "/"),
        ("/\\attacker.example", "/"),
        ("\\\\attacker.example", "/"),
        ("/\t/attacker.example", "/"),
        ("/\n/attacker.example", "/"),
        ("javascript:alert(1)", "/"),
        ("articles/sign-in", "/"),
        ("//[", "/"),
        ("/sign-in?next=/", "/"),
    ],
)
def test_the_way_back_never_leads_to_another_site(address: str, within: str):
    assert back_within(address) == within
