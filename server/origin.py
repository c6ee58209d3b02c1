"""Whether a form was sent from a page of this site: no other site may act in a visitor's name."""

from urllib.parse import urlsplit

from flask import Request

from server.errors import QueryError


def require_same_site(request: Request) -> None:
    """Raises QueryError where a browser says that another site sent this.

    Every browser of today says so in Sec-Fetch-Site; older ones name the sender in Origin, the oldest in Referer alone.
    A program that is no browser says none of them, and has no visitor to be tricked. (The rule of CrossOriginProtection
    of Go's net/http, and Referer.)
    """
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin") or request.headers.get("Referer")
    if site is not None:
        same = site in ("same-origin", "none")
    else:
        same = origin is None or urlsplit(origin).netloc == request.host
    if not same:
        raise QueryError(403, "other_site", "Форма отправлена с другого сайта. Откройте страницу справки и повторите.")
