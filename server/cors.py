"""Which other sites may call the JSON routes from their visitors' browsers (Fetch standard, CORS)."""

import re
from collections.abc import Collection

from flask import Flask, Response, request

_ORIGIN = re.compile(r"https?://[^\s/?#@*]+")
_DAY = 86_400  # seconds that a browser may remember the answer to its preflight


def origin(text: str) -> str:
    """The text where it is an origin. Raises ValueError for anything else: a path, a wildcard, no scheme."""
    if not _ORIGIN.fullmatch(text):
        raise ValueError(f'"{text}" is no origin; expected scheme and host alone, such as https://help.example.ru')
    return text


def allow(app: Flask, origins: Collection[str]) -> None:
    """Lets pages of these origins read what the JSON routes answer; without origins nothing is added."""
    allowed = frozenset(origins)

    def with_headers(response: Response) -> Response:
        if not request.path.startswith("/v1/"):
            return response
        response.vary.add("Origin")  # a cache must not give one site's answer to another
        if (asking := request.headers.get("Origin")) in allowed:
            response.headers["Access-Control-Allow-Origin"] = asking
            if request.method == "OPTIONS":
                response.headers["Access-Control-Allow-Methods"] = "GET, POST"
                response.headers["Access-Control-Allow-Headers"] = "Content-Type"
                response.headers["Access-Control-Max-Age"] = str(_DAY)
            else:
                response.headers["Access-Control-Expose-Headers"] = "Retry-After"
        return response

    if allowed:
        app.after_request(with_headers)
