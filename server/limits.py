"""Rate limits: so many requests in so long, of a key, and without one of an address (Flask-Limiter).

One count for all routes together, in which a batch is as many requests as it has searches, over a moving window, so
that nobody gets twice the limit around the full minute.
"""

import math
import time
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network

from flask import Flask, Response, request
from flask_limiter import Limiter

from server.access import OPEN, Rules, caller
from server.origin import is_local

HEADERS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")

_NETWORK = 64  # bits of an IPv6 address that tell one customer from another; the rest they choose themselves


def limit(app: Flask, rules: Rules, cost: Callable[[], int] = lambda: 1) -> None:
    """Counts requests by these rules; nothing where they have no limit. Before the check of keys, so that it counts.

    `cost` is for how many the current request counts.
    """
    if rules.rate_limit is None:
        return
    of_address, of_key = rules.rate_limit, rules.rate_limit_keys or rules.rate_limit
    limiter = Limiter(
        _who,
        app=app,
        application_limits=[lambda: of_key if caller().key else of_address],
        storage_uri=rules.rate_limit_storage,
        application_limits_cost=cost,
        strategy="moving-window",
        # Without its storage each process counts for itself: a server that lets nobody in would be the worse harm.
        in_memory_fallback_enabled=True,
    )
    limiter.request_filter(_is_free)

    def with_headers(response: Response) -> Response:
        if limits := limiter.current_limits:
            # Of several the one nearest to its end.
            found = min(limits, key=lambda each: (not each.breached, each.remaining))
            seconds = max(0, math.ceil(found.reset_at - time.time()))
            response.headers["RateLimit-Limit"] = str(found.limit.amount)
            response.headers["RateLimit-Remaining"] = str(max(0, found.remaining))
            response.headers["RateLimit-Reset"] = str(seconds)
            if response.status_code == 429:
                response.headers["Retry-After"] = str(max(1, seconds))
        return response

    app.after_request(with_headers)


def _is_free() -> bool:
    """What is not counted: whether the server lives, static files, preflights, and who runs it on its machine."""
    if request.endpoint in OPEN or request.method == "OPTIONS":
        return True
    return request.blueprint == "admin" and is_local(request)


def _who() -> str:
    """Whom a request is counted for."""
    if key := caller().key:
        return f"key:{key.key_id}"
    try:
        found = ip_address(request.remote_addr or "")
    except ValueError:
        return "address:unknown"
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is None:
            return f"address:{ip_network((found, _NETWORK), strict=False)}"
        found = found.ipv4_mapped
    return f"address:{found}"
