"""Engines that answer queries over HTTP: how each is asked, and a client that keeps its connection."""

import http.client
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from evaluation.systems import SystemFailure

TIMEOUT = 30.0  # seconds without a byte until a request counts as failed


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How an engine is asked and what its reply says of itself; all that differs from engine to engine."""

    url: str  # of the search, which takes JSON by POST
    body: Callable[[str], object]  # a query -> what is sent
    took_ms: Callable[[Any], float]  # a reply -> the engine's own time; KeyError, TypeError, ValueError for another


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of one request."""

    milliseconds: float  # from before it was sent until its body was read
    took_ms: float = math.nan  # by the engine's own clock; NaN where it failed
    failure: str = ""  # its status ("503"), "broken connection", "timeout", "no search reply"; "" where it was answered


def search_endpoint(url: str, mode: str) -> Endpoint:
    """POST /v1/search of our own server, with all defaults but the mode."""

    def took_ms(reply: Any) -> float:  # noqa: ANN401 -- any JSON
        _ = reply["hits"]
        return float(reply["took_ms"])

    return Endpoint(f"{url.rstrip('/')}/v1/search", lambda query: {"query": query, "mode": mode}, took_ms)


def server_version(url: str) -> dict[str, str]:
    """The version, generation and model that GET /version of our own server names.

    Raises SystemFailure where nobody answers, or somebody else.
    """
    address = f"{url.rstrip('/')}/version"
    connection, path = _connection(address)
    try:
        connection.request("GET", path)
        reply = json.loads(connection.getresponse().read())
        return {name: str(reply[name]) for name in ("version", "generation", "model")}
    except (OSError, http.client.HTTPException) as error:
        raise SystemFailure(
            f"{address}: no answer ({error!r}); expected a running server; start it or correct --url"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise SystemFailure(
            f"{address}: another answer ({error!r}); expected JSON with version, generation, model; correct --url"
        ) from error
    finally:
        connection.close()


class Client:
    """One caller of an engine. Its connection is kept from query to query, and made anew where the engine ends it."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._connection, self._path = _connection(endpoint.url)

    def ask(self, query: str) -> Reply:
        """The reply to a query, or what went wrong; its body is read as JSON after the clock was stopped."""
        body = json.dumps(self._endpoint.body(query)).encode()
        started = time.perf_counter()
        try:
            self._connection.request("POST", self._path, body, {"Content-Type": "application/json"})
            response = self._connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            failure = "timeout" if isinstance(error, TimeoutError) else "broken connection"
            return Reply(_since(started), failure=failure)
        milliseconds = _since(started)
        if response.status != 200:
            return Reply(milliseconds, failure=str(response.status))
        try:
            return Reply(milliseconds, self._endpoint.took_ms(json.loads(content)))
        except (ValueError, KeyError, TypeError):
            return Reply(milliseconds, failure="no search reply")

    def close(self) -> None:
        """Ends the connection."""
        self._connection.close()


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000


def _connection(url: str) -> tuple[http.client.HTTPConnection, str]:
    """A connection to the host of an address, not yet made, and the path there."""
    kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
    try:
        parts = urlsplit(url)
        if url.isascii() and url.isprintable() and " " not in url and parts.hostname:
            return kinds[parts.scheme](parts.hostname, parts.port, timeout=TIMEOUT), parts.path
    except (KeyError, ValueError):
        pass
    raise SystemFailure(f"{url}: no address of a server; expected http://host:port; correct --url")
