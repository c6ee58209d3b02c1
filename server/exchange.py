"""JSON in and out: what was posted, and the response that is made of a reply."""

import json

import orjson
from flask import Response, request

from server.errors import QueryError


def reply(body: object, status: int = 200) -> Response:
    """A JSON response of what JSON knows and of dataclasses; Russian text stays readable."""
    return sent(orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE), status)


def sent(body: bytes, status: int = 200) -> Response:
    """A JSON response of what is JSON already."""
    return Response(body, status, mimetype="application/json")


def posted() -> object:
    """What was posted as JSON."""
    return read_json(posted_body())


def posted_body() -> bytes:
    """The JSON that was posted. Its Content-Type keeps other sites' forms out."""
    if not request.is_json:
        raise QueryError(415, "not_json", "Ожидается JSON: заголовок Content-Type: application/json.")
    return request.get_data()


def read_json(body: bytes) -> object:
    """The value that is written there as JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise QueryError(400, "bad_json", "Тело запроса — не JSON.") from error
