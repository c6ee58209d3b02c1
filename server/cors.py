"""What other sites may read in their visitors' browsers (Fetch standard, CORS): scripts all, JSON those listed."""

import re
from collections.abc import Collection

from flask import Flask, Response, request

from server.limits import HEADERS as RATE_HEADERS

_ORIGIN = re.compile(r"https?://[^\s/?#@*]+")
_SENT = ("Content-Type", "Authorization", "X-API-Key")
_READ = ("Retry-After", "X-Request-Id", "Server-Timing", "WWW-Authenticate", *RATE_HEADERS)
_DAY = 86_400  # seconds that a browser may remember the answer to its preflight


def origin(text: str) -> str:
    """The text where it is an origin. Raises ValueError for anything else: a path, a wildcard, no scheme."""
    if not _ORIGIN.fullmatch(text):
        raise ValueError(f'"{text}" is no origin; expected scheme and host alone, such as https://help.example.ru')
    return text


def allow(app: Flask, origins: Collection[str]) -> None:
    """Lets pages of these origins read what the JSON routes answer, and pages of any origin load the element.

    The static files hold nothing private, and the element's modules come only with this header. So it can say on any
    site what is wrong.
    """
    allowed = frozenset(origins)

    def with_headers(response: Response) -> Response:
        if request.path.startswith("/static/"):
            response.headers["Access-Control-Allow-Origin"] = "*"
        if not (allowed and request.path.startswith("/v1/")):
            return response
        response.vary.add("Origin")  # a cache must not give one site's answer to another
        if (asking := request.headers.get("Origin")) in allowed:
            response.headers["Access-Control-Allow-Origin"] = asking
            if request.method == "OPTIONS":
                response.headers["Access-Control-Allow-Methods"] = "GET, POST"
                response.headers["Access-Control-Allow-Headers"] = ", ".join(_SENT)
                response.headers["Access-Control-Max-Age"] = str(_DAY)
            else:
                response.headers["Access-Control-Expose-Headers"] = ", ".join(_READ)
        return response

    app.after_request(with_headers)
