"""Rate limits: who is counted, what is not, and what a caller is told."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from helpers import HashEncoder

from evaluation.benching.servers import free_port
from server.__main__ import parser_of
from server.access import Rules
from server.app import create_app
from server.keys import KeyFile
from server.live import Live

SEARCH = "/v1/search?q=фото"
REDIS = shutil.which("redis-server")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture(scope="module")
def loaded(built_index: Path, encoder: HashEncoder) -> Live:
    return Live(built_index, encoder)


@pytest.fixture
def limited(built_index: Path, encoder: HashEncoder, folder: Path, loaded: Live, monkeypatch: pytest.MonkeyPatch):
    """Makes a client of a server with these rules, over an index that is loaded once."""
    monkeypatch.setattr("server.app.Live", lambda *args, **rest: loaded)

    def make(**rules) -> FlaskClient:
        return create_app(built_index, encoder, folder, rules=Rules(**rules)).test_client()

    return make


def by(address: str) -> dict[str, str]:
    return {"REMOTE_ADDR": address}


def codes(client: FlaskClient, times: int, path: str = SEARCH, **sent) -> list[int]:
    return [client.get(path, **sent).status_code for _ in range(times)]


def test_without_a_limit_nothing_is_counted(limited):
    response = limited().get(SEARCH)
    assert not [name for name in response.headers.keys() if name.startswith("RateLimit")]  # noqa: SIM118 -- pairs


def test_every_reply_says_how_much_is_left(limited):
    client = limited(rate_limit="3 per minute")
    left = [client.get(SEARCH).headers["RateLimit-Remaining"] for _ in range(3)]
    assert left == ["2", "1", "0"]
    headers = client.get("/v1/articles").headers  # of all routes together
    assert headers["RateLimit-Limit"] == "3"
    assert 1 <= int(headers["RateLimit-Reset"]) <= 61


def test_of_several_limits_the_one_nearest_to_its_end_is_told(limited):
    client = limited(rate_limit="10 per minute;2 per hour")
    headers = client.get(SEARCH).headers
    assert (headers["RateLimit-Limit"], headers["RateLimit-Remaining"]) == ("2", "1")
    assert 3000 < int(headers["RateLimit-Reset"]) <= 3601
    assert codes(client, 2) == [200, 429]


def test_beyond_it_the_reply_is_an_error_of_the_contract_that_says_when_to_come_back(limited):
    client = limited(rate_limit="1 per minute")
    assert client.get(SEARCH).status_code == 200
    response = client.get(SEARCH)
    assert response.status_code == 429
    assert response.json["error"]["code"] == "rate_limited"
    assert "Слишком много запросов" in response.json["error"]["message"]
    assert 1 <= int(response.headers["Retry-After"]) <= 61
    assert response.headers["RateLimit-Remaining"] == "0"
    page = client.get("/?q=фото")
    assert page.status_code == 429
    assert "<h1>Слишком много запросов" in page.text


def test_health_metrics_static_files_and_preflights_are_not_counted(limited):
    client = limited(rate_limit="1 per minute")
    assert client.get(SEARCH).status_code == 200
    for path in ("/healthz", "/livez", "/readyz", "/version", "/metrics", "/openapi.json", "/static/style.css"):
        with client.get(path) as response:
            assert response.status_code == 200, path
            assert "RateLimit-Limit" not in response.headers
    assert client.options("/v1/search").status_code == 200
    assert client.get("/admin/index").status_code == 200  # whoever runs it is never locked out of it
    assert client.get("/admin/index", environ_base=by("192.0.2.7")).status_code == 401
    assert client.get("/admin/index", environ_base=by("192.0.2.7")).status_code == 429


def test_each_address_is_counted_for_itself(limited):
    client = limited(rate_limit="1 per minute")
    assert codes(client, 2, environ_base=by("192.0.2.1")) == [200, 429]
    assert codes(client, 2, environ_base=by("192.0.2.2")) == [200, 429]


def test_an_ipv6_customer_is_counted_once_whatever_address_of_their_network_they_take(limited):
    client = limited(rate_limit="1 per minute")
    found = [client.get(SEARCH, environ_base=by(f"2001:db8::{end}")).status_code for end in ("1", "2", "ffff:1")]
    assert found == [200, 429, 429]
    assert client.get(SEARCH, environ_base=by("2001:db8:0:1::1")).status_code == 200
    assert client.get(SEARCH, environ_base=by("::ffff:192.0.2.1")).status_code == 200
    assert client.get(SEARCH, environ_base=by("192.0.2.1")).status_code == 429


def test_a_key_is_counted_for_itself_wherever_it_is_used_and_may_have_more(limited, folder: Path):
    client = limited(rate_limit="1 per minute", rate_limit_keys="3 per minute")
    headers = {"X-API-Key": KeyFile(folder).add("bot", ["search"]).secret}
    assert codes(client, 2) == [200, 429]
    found = [client.get(SEARCH, headers=headers, environ_base=by(f"192.0.2.{each}")).status_code for each in range(4)]
    assert found == [200, 200, 200, 429]


def test_keys_that_are_none_are_counted_for_the_address(limited):
    client = limited(rate_limit="3 per minute")
    found = [client.get(SEARCH, headers={"X-API-Key": f"spravka_{each}"}).status_code for each in range(5)]
    assert found == [401, 401, 401, 429, 429]
    assert client.post("/sign-in", data={"key": "spravka_1"}).status_code == 429


@pytest.mark.parametrize(
    ("proxies", "forwarded", "same"),
    [
        (0, ("198.51.100.1", "198.51.100.2"), True),  # anybody can say so
        (1, ("198.51.100.1", "198.51.100.2"), False),
        (1, ("198.51.100.1, 203.0.113.9", "198.51.100.2, 203.0.113.9"), True),  # the last was said by the proxy
        (2, ("198.51.100.1, 203.0.113.9", "198.51.100.2, 203.0.113.9"), False),
    ],
)
def test_the_address_behind_proxies_is_the_one_that_a_trusted_proxy_tells(limited, proxies, forwarded, same):
    client = limited(rate_limit="1 per minute", trusted_proxies=proxies)
    found = [client.get(SEARCH, headers={"X-Forwarded-For": each}).status_code for each in forwarded]
    assert found == ([200, 429] if same else [200, 200])


def test_a_storage_that_is_away_costs_the_common_count_and_not_the_answers(limited, monkeypatch):
    from limits.storage import MemoryStorage

    client = limited(rate_limit="2 per minute")

    def away(*_: object, **__: object) -> bool:
        raise ConnectionError("nobody there")

    storage = next(
        each.__self__.storage
        for each in client.application.before_request_funcs[None]
        if hasattr(getattr(each, "__self__", None), "storage")
    )
    assert isinstance(storage, MemoryStorage)
    monkeypatch.setattr(storage, "acquire_entry", away)
    monkeypatch.setattr(storage, "check", lambda: False)
    assert codes(client, 3) == [200, 200, 429]


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--rate-limit", "often", 'is no rate; expected such as "100 per minute"'),
        ("--rate-limit", "0 per minute", "is no rate"),
        ("--rate-limit", "", "is no rate"),
        ("--rate-limit-storage", "file:///tmp", "expected memory:// or redis://HOST:PORT, found the scheme 'file'"),
        ("--rate-limit-storage", "redis://:secret@host", "pip install redis"),
        ("--trusted-proxies", "-1", "expected 0 to 10"),
        ("--trusted-proxies", "many", "expected 0 to 10"),
        ("--require-key", "everything", "invalid choice"),
    ],
)
def test_bad_values_are_refused_with_what_was_expected(option, value, message, capsys, monkeypatch):
    monkeypatch.setattr("server.access_options.find_spec", lambda name: None)
    parser, _ = parser_of([])
    with pytest.raises(SystemExit):
        parser.parse_args([f"{option}={value}"])
    told = capsys.readouterr().err
    assert message in told
    assert "secret" not in told


class Redis:
    """A Redis of this machine, on a port that stays."""

    def __init__(self, folder: Path) -> None:
        self._port, self._folder = free_port(), folder
        self.address = f"redis://:word@127.0.0.1:{self._port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = f"--bind 127.0.0.1 --port {self._port} --requirepass word --save".split()
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen([str(REDIS), *options, ""], cwd=self._folder, stdout=log, stderr=log)
        until = time.monotonic() + 30
        while time.monotonic() < until:
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", self._port)) == 0:
                    return
            time.sleep(0.05)
        raise TimeoutError((self._folder / "redis.log").read_text())

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    server = Redis(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.mark.skipif(REDIS is None, reason="needs redis-server (Debian: apt-get install redis-server)")
def test_a_redis_counts_for_all_servers_and_while_it_is_away_each_counts_by_itself(limited, redis: Redis):
    one, other = (limited(rate_limit="3 per hour", rate_limit_storage=redis.address) for _ in range(2))
    assert codes(one, 2) + codes(other, 2) + codes(one, 1) == [200, 200, 200, 429, 429]
    redis.stop()
    assert codes(one, 4) == codes(other, 4) == [200, 200, 200, 429]
