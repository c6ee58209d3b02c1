"""Who sent a request: a page of this site, since no other may act in a visitor's name; a program on this machine."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import Request

from server.errors import QueryError

# Whoever speaks through a proxy on this machine comes from the loopback address, too.
_THROUGH_PROXY = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via")


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


def is_local(request: Request) -> bool:
    """Whether a request comes from this machine, and not by a proxy on it from elsewhere."""
    if any(name in request.headers for name in _THROUGH_PROXY):
        return False
    try:
        found = ip_address(request.remote_addr or "")
    except ValueError:
        return False
    return (getattr(found, "ipv4_mapped", None) or found).is_loopback
