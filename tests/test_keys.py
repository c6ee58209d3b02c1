"""API keys: how they are made, kept and taken back, and which routes want which."""

import json
import logging
import re
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from helpers import HashEncoder

from server.__main__ import main
from server.access import OPEN, Rules, scope_of
from server.app import create_app
from server.keys import FILE, SCOPES, KeyFile, KeysError, Scope
from server.keys_command import expiry

FAR = {"REMOTE_ADDR": "192.0.2.7"}  # another machine
SEARCH = "/v1/search?q=фото"
VOTE = {"query_id": "0", "section_id": "profile#photo", "outcome": "solved"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def keys(folder: Path) -> KeyFile:
    return KeyFile(folder)


@pytest.fixture(scope="module")
def closed_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("closed") / "data"


@pytest.fixture(scope="module")
def closed(built_index: Path, encoder: HashEncoder, closed_folder: Path) -> Flask:
    """One that is closed altogether."""
    return create_app(built_index, encoder, closed_folder, rules=Rules(closed=frozenset(SCOPES)))


@pytest.fixture(scope="module")
def opened(built_index: Path, encoder: HashEncoder, closed_folder: Path) -> FlaskClient:
    """One that closes nothing; its keys are those of the closed one."""
    return create_app(built_index, encoder, closed_folder).test_client()


@pytest.fixture(scope="module")
def held(closed_folder: Path) -> dict[str, dict[str, str]]:
    """For each scope the header with a key that has it alone, and with one that is over."""
    file = KeyFile(closed_folder)
    made = {scope: file.add(scope, [scope]).secret for scope in SCOPES}
    made["expired"] = KeyFile(closed_folder, lambda: datetime(2020, 1, 2, tzinfo=UTC)).add(
        "old", ["search"], datetime(2020, 1, 3, tzinfo=UTC)
    ).secret  # fmt: skip
    return {name: {"Authorization": f"Bearer {secret}"} for name, secret in made.items()}


@pytest.fixture
def client(closed: Flask) -> FlaskClient:
    return closed.test_client()


def code_of(response) -> tuple[int, str]:
    return response.status_code, response.json["error"]["code"]


# The file


def test_a_key_is_kept_as_a_hash_that_its_owner_alone_reads(keys: KeyFile, folder: Path):
    made = keys.add("bot", ["search"])
    assert re.fullmatch(r"spravka_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", made.secret)
    kept = (folder / FILE).read_text()
    assert made.secret.split("_", 2)[2] not in kept
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600
    assert keys.checked(made.secret) == made.key


def test_no_two_keys_are_alike(keys: KeyFile):
    assert (
        len({keys.add("bot", ["search"]).secret for _ in range(20)}) == len({key.key_id for key in keys.read()}) == 20
    )


@pytest.mark.parametrize("change", [str.upper, lambda sent: sent[:-1], lambda sent: f"{sent[:-2]}__", lambda sent: ""])
def test_another_text_than_the_key_is_none(keys: KeyFile, change):
    assert keys.checked(change(keys.add("bot", ["search"]).secret)) == "key_invalid"


def test_the_secret_of_one_key_does_not_go_with_the_id_of_another(keys: KeyFile):
    one, other = keys.add("one", ["search"]), keys.add("other", ["admin"])
    mixed = f"spravka_{other.key.key_id}_{one.secret.split('_', 2)[2]}"
    assert keys.checked(mixed) == "key_invalid"


def test_a_key_ends_when_its_time_is_over(folder: Path):
    at = datetime(2026, 11, 28, tzinfo=UTC)
    made = KeyFile(folder, lambda: at).add("bot", ["search"], at + timedelta(days=1))
    assert KeyFile(folder, lambda: at + timedelta(hours=23)).checked(made.secret) == made.key
    assert KeyFile(folder, lambda: at + timedelta(days=1)).checked(made.secret) == "key_expired"
    assert KeyFile(folder, lambda: at + timedelta(days=1)).by_id(made.key.key_id) is None


def test_keys_added_and_revoked_elsewhere_are_noticed(keys: KeyFile, folder: Path):
    first = keys.add("first", ["search"])
    assert keys.checked(first.secret) == first.key
    second = KeyFile(folder).add("second", ["search"])
    assert keys.checked(second.secret) == second.key
    KeyFile(folder).revoke(first.key.key_id)
    assert keys.checked(first.secret) == "key_invalid"
    (folder / FILE).unlink()
    assert keys.checked(second.secret) == "key_invalid"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 2, "keys": []}', '{"version": 1, "keys": [{}]}'])
def test_a_damaged_file_lets_nobody_in_and_is_not_written_over(keys: KeyFile, folder: Path, content: str):
    made = keys.add("bot", ["search"])
    (folder / FILE).write_text(content)
    assert keys.checked(made.secret) == "key_invalid"
    with pytest.raises(KeysError, match=r"keys\.json: unreadable .*; expected the keys .*; mend its rights"):
        keys.add("bot", ["search"])
    assert (folder / FILE).read_text() == content


# The command


def test_the_key_is_printed_once_and_alone_on_stdout(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["keys", "add", "чат-бот", "--scope", "search", "--scope", "feedback", "--data", str(folder)]) == 0
    printed = capsys.readouterr()
    key = KeyFile(folder).checked(printed.out.strip())
    assert (key.name, key.scopes) == ("чат-бот", ("search", "feedback"))
    assert printed.out.strip() not in printed.err
    assert main(["keys", "list", "--data", str(folder), "--json"]) == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert listed == {name: value for name, value in key.model_dump(mode="json").items() if name != "digest"}


def test_a_key_is_revoked_by_its_id(folder: Path, keys: KeyFile, capsys: pytest.CaptureFixture[str]):
    made = keys.add("bot", ["search"])
    assert main(["keys", "revoke", made.key.key_id, "--data", str(folder)]) == 0
    assert "is revoked" in capsys.readouterr().out
    assert keys.checked(made.secret) == "key_invalid"
    assert main(["keys", "revoke", made.key.key_id, "--data", str(folder)]) == 1
    assert f"no key {made.key.key_id}; expected the id of one" in capsys.readouterr().err


def test_a_whole_key_given_in_place_of_its_id_is_not_repeated(folder: Path, keys: KeyFile, capsys):
    made = keys.add("bot", ["search"])
    assert main(["keys", "revoke", made.secret, "--data", str(folder)]) == 1
    assert made.secret.split("_", 2)[2] not in "".join(capsys.readouterr())


@pytest.mark.parametrize("text", ["0", "-1", "soon", "2020-01-01", "2027-13-01", "99999999999"])
def test_only_a_time_to_come_is_an_end(text: str):
    with pytest.raises(Exception, match="expected a number of days such as 90, or a date such as 2027-01-31"):
        expiry(text)


def test_a_date_counts_to_its_end():
    assert expiry("2127-01-31") == datetime(2127, 2, 1, tzinfo=UTC)
    assert timedelta(days=89) < expiry("90") - datetime.now(UTC) <= timedelta(days=90)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--require-key", "search"], "--require-key: no folder of keys; add --data FOLDER"),
        (["--rate-limit-keys", "5 per minute"], "--rate-limit-keys: no limit for others; add --rate-limit RATE"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: list[str], message: str, capsys):
    assert main(options) == 2
    assert message in capsys.readouterr().err


# What needs which key


def endpoints(app: Flask) -> Iterator[tuple[str, str, str]]:
    known = {"article_id": "sign-in", "filename": "style.css", "store_id": "default"}
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:\w+:)?(\w+)>", lambda name: known[name[1]], rule.rule)
        for method in sorted((rule.methods or set()) - {"OPTIONS"}):
            yield rule.endpoint, method, path


def test_a_closed_server_answers_nobody_without_a_key_but_whether_it_lives(closed: Flask, client: FlaskClient):
    for endpoint, method, path in endpoints(closed):
        with client.open(path, method=method) as response:
            if endpoint in OPEN or endpoint.startswith("sign_in."):
                assert response.status_code != 401 or endpoint == "sign_in.enter", path
            elif endpoint.startswith(("pages.", "agent.")):
                assert response.status_code == 303, path
                assert response.headers["Location"].startswith("/sign-in?next=%2F")
            else:
                assert response.status_code == 401, path
                assert response.headers["WWW-Authenticate"] == 'Bearer realm="spravka"'
                assert method == "HEAD" or response.json["error"]["code"] == "key_required"


@pytest.mark.parametrize("scope", SCOPES)
def test_a_key_opens_the_routes_of_its_scope_and_no_others(closed: Flask, client: FlaskClient, held, scope: Scope):
    implied = {"agent": {"search", "feedback"}, "admin": {"search", "feedback", "agent"}}.get(scope, set())
    for endpoint, method, path in endpoints(closed):
        if (needed := scope_of(endpoint)) is None or path.endswith(("/reload", "/rollback")):
            continue
        with client.open(path, method=method, headers=held[scope]) as response:
            refused = response.status_code == 403
            assert refused == (needed not in {scope, *implied}), (endpoint, needed)
            if refused and method != "HEAD" and path.startswith(("/v1", "/admin")):
                assert response.json["error"]["code"] == "scope_missing"


def test_what_is_open_and_what_is_closed_is_chosen_by_scope(built_index, encoder, closed_folder, held):
    client = create_app(built_index, encoder, closed_folder, rules=Rules(closed=frozenset({"search"}))).test_client()
    assert client.get(SEARCH).status_code == 401
    assert client.get("/agent").status_code == 200
    assert client.post("/v1/feedback", json=VOTE).status_code == 404  # taken, and the query is not known
    assert client.get(SEARCH, headers=held["search"]).status_code == 200


def test_either_header_carries_the_key(client: FlaskClient, held):
    secret = held["search"]["Authorization"].removeprefix("Bearer ")
    assert client.get(SEARCH, headers={"X-API-Key": secret}).status_code == 200
    assert client.get(SEARCH, headers={"Authorization": f"bearer {secret}"}).status_code == 200
    assert client.get(SEARCH, headers={"Authorization": f"Basic {secret}"}).status_code == 401


@pytest.mark.parametrize("path", [SEARCH, "/", "/articles/sign-in", "/v1/articles", "/admin/index"])
def test_a_key_that_is_none_is_refused_even_where_none_is_needed(opened: FlaskClient, held, path: str):
    invalid = {"X-API-Key": "spravka_000000000000_" + "x" * 43}
    for headers, code in ((invalid, "key_invalid"), (held["expired"], "key_expired")):
        response = opened.get(path, headers=headers)
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"] == 'Bearer realm="spravka", error="invalid_token"'
        if path.startswith(("/v1", "/admin")):
            assert response.json["error"]["code"] == code
            assert re.search("[а-я]", response.json["error"]["message"])


def test_whoever_runs_the_server_needs_a_key_from_elsewhere_and_none_on_the_machine(opened: FlaskClient, held):
    assert opened.get("/admin/index").status_code == 200
    assert code_of(opened.get("/admin/index", environ_base=FAR)) == (401, "key_required")
    assert code_of(opened.get("/admin/index", headers={"X-Forwarded-For": "127.0.0.1"})) == (401, "key_required")
    assert code_of(opened.get("/admin/index", headers=held["agent"])) == (403, "scope_missing")
    assert opened.get("/admin/index", environ_base=FAR, headers=held["admin"]).status_code == 200
    foreign = held["admin"] | {"Sec-Fetch-Site": "cross-site"}
    assert code_of(opened.post("/admin/index/reload", headers=foreign)) == (403, "other_site")


def test_the_machine_itself_needs_a_key_where_a_deployment_says_so(client: FlaskClient, held):
    assert code_of(client.post("/admin/index/reload")) == (401, "key_required")
    assert client.post("/admin/index/reload", headers=held["admin"]).status_code == 200


def test_metrics_can_be_read_from_elsewhere_with_a_key(client: FlaskClient, held):
    assert client.get("/metrics", environ_base=FAR).status_code == 403
    assert client.get("/metrics", environ_base=FAR, headers=held["search"]).status_code == 403
    assert client.get("/metrics", environ_base=FAR, headers=held["admin"]).status_code == 200


def test_a_running_server_notices_new_and_revoked_keys(client: FlaskClient, closed_folder: Path):
    made = KeyFile(closed_folder).add("short", ["search"])
    headers = {"X-API-Key": made.secret}
    assert client.get(SEARCH, headers=headers).status_code == 200
    KeyFile(closed_folder).revoke(made.key.key_id)
    assert code_of(client.get(SEARCH, headers=headers)) == (401, "key_invalid")


def test_a_preflight_needs_no_key(client: FlaskClient):
    assert client.options("/v1/search").status_code == 200


def test_shared_caches_are_told_that_replies_of_a_closed_server_are_one_callers(client: FlaskClient, held):
    headers = client.get(SEARCH, headers=held["search"]).headers
    assert "private" in headers["Cache-Control"]
    assert {"Authorization", "X-API-Key", "Cookie"} <= set(headers["Vary"].split(", "))


def test_no_key_gets_into_a_log_a_reply_or_the_metrics(
    client: FlaskClient, held, closed_folder: Path, caplog: pytest.LogCaptureFixture
):
    made = KeyFile(closed_folder).add("watched", ["search"])
    wrong = made.secret[:-3] + "xyz"
    with caplog.at_level(logging.DEBUG):
        told = [
            client.get(SEARCH, headers={"X-API-Key": made.secret}),
            client.get(SEARCH, headers={"X-API-Key": wrong}),
            client.get("/admin/index", headers={"Authorization": f"Bearer {made.secret}"}),
            client.post("/sign-in", data={"key": wrong, "next": "/"}),
            client.post("/sign-in", data={"key": made.secret, "next": "/"}),
            client.get("/metrics"),
        ]
    assert [reply.status_code for reply in told] == [200, 401, 403, 401, 303, 200]
    records = [str(vars(record)) for record in caplog.records]
    assert any("'route': '/v1/search'" in record for record in records)
    everything = records + [reply.text + str(reply.headers) for reply in told]
    for secret in (made.secret, wrong):
        assert not any(secret.split("_", 2)[2][:20] in text for text in everything)


# The index


def test_the_generations_are_listed_and_the_one_before_comes_back(
    tmp_path: Path, encoder: HashEncoder, corpus_folder: Path, held, closed_folder: Path
):
    from helpers import build_index

    index = tmp_path / "index"
    build_index(corpus_folder, index, encoder=encoder)
    build_index(corpus_folder, index, encoder=encoder, force=True)
    client = create_app(index, encoder, closed_folder).test_client()
    listed = client.get("/admin/index").json
    assert [each["state"] for each in listed["generations"]] == ["previous", "current"]
    assert listed["serving"] == listed["generations"][1]["generation"]
    assert all(each["sections"] > 10 for each in listed["generations"])
    assert code_of(client.post("/admin/index/rollback", environ_base=FAR)) == (401, "key_required")
    back = client.post("/admin/index/rollback", environ_base=FAR, headers=held["admin"])
    before, after = listed["generations"][1]["generation"], listed["generations"][0]["generation"]
    assert back.json == {"before": before, "after": after, "changed": True}
    assert client.get("/readyz").json["generation"] == after


def test_a_rollback_without_anything_to_go_back_to_is_refused(index_copy: Path, encoder: HashEncoder):
    client = create_app(index_copy, encoder).test_client()
    response = client.post("/admin/index/rollback")
    assert code_of(response) == (409, "rollback_refused")
    assert str(index_copy) not in response.text
