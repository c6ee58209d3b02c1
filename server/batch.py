"""POST /v1/search/batch: many searches at once, each answered as it would be by itself.

Queries are not encoded together: the exported graph computes in 8 bits with one scale for all that it is given, so that
the vector of a query, and in the end its ranking, would depend on its neighbours. What a batch saves is the way there
and back, and that a second core computes beside the first.
"""

import contextvars
import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import orjson
from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import RequestEntityTooLarge

from indexer import cores
from server import deadline, schema, searching, tracing
from server.errors import HTTP_ERRORS, QueryError
from server.exchange import posted, sent
from server.live import serving
from server.observing import Observer

batch = Blueprint("batch", __name__)

_TOGETHER = min(2, cores.usable())  # searches at a time; other requests want processors, too
_ITEM = f"{schema.BATCH} item"  # the route that metrics count searches of batches under


@batch.post(schema.BATCH)
def search_batch() -> Response:
    """The replies to several searches, or errors, in their order."""
    queries = schema.read_batch(_posted()).queries
    return sent(b'{"results":[%b]}\n' % b",".join(_answered(queries)))


def size() -> int:
    """How many searches the request asks for, as rate limits count it; 1 for every other request."""
    if request.endpoint != "batch.search_batch":
        return 1
    try:
        return len(schema.read_batch(_posted()).queries)
    except QueryError:
        return 1  # it is refused in the end


def _posted() -> object:
    request.max_content_length = schema.MAXIMUM_BATCH_BODY
    try:
        return posted()
    except RequestEntityTooLarge as error:
        raise QueryError(413, "too_large", "Запрос слишком большой: не больше 2 МБ.") from error


@dataclass(frozen=True, slots=True)
class _Answered:
    """A search of a batch, answered."""

    body: bytes  # JSON
    outcome: str  # for the metrics
    trace: tracing.Trace
    seconds: float


def _answered(queries: Sequence[object]) -> list[bytes]:
    """The JSON of each reply."""
    serving()  # taken once, for all of them
    # Made anew for each batch: threads that wait for work would not survive a fork.
    with ThreadPoolExecutor(_TOGETHER, "batch") as pool:
        # The deadline, the application and who asks are those of the request; a trace is each search's own.
        answers = [pool.submit(contextvars.copy_context().run, _answer, query) for query in queries]
    return [_told(answer.result()) for answer in answers]


def _answer(query: object) -> _Answered:
    outer = tracing.current()
    trace = tracing.begin(outer.request_id if outer else "")
    try:
        body, outcome = _reply(query).rstrip(), str(trace.outcome)
    except QueryError as error:
        body, outcome = orjson.dumps(error.body()), "refused"
    except Exception as error:  # one search that fails takes no other with it
        current_app.logger.error("%s in a search of a batch", type(error).__name__, exc_info=error)
        body, outcome = orjson.dumps(QueryError(500, *HTTP_ERRORS[500]).body()), "error"
    return _Answered(body, outcome, trace, time.perf_counter() - trace.started)


def _reply(query: object) -> bytes:
    deadline.check()
    try:
        asked_for = json.dumps(query, sort_keys=True)
    except RecursionError as error:
        raise QueryError(400, "bad_json", "Слишком много вложенных значений.") from error
    return searching.reply_body((schema.BATCH, asked_for), lambda: schema.read_search_request(query, typed=True))


def _told(answered: _Answered) -> bytes:
    """The JSON of an answer; the metrics and the trace of the request are told of it."""
    observer: Observer = current_app.extensions["observer"]
    outcome = "answered" if answered.outcome == "cached" else answered.outcome
    observer.metrics.answered(_ITEM, outcome, answered.trace, answered.seconds)
    if outcome == "degraded":
        tracing.ended("degraded")
    return answered.body
