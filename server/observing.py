"""What can be seen of a running server: a line in the log for each request, metrics, times in the reply.

Never what was asked: the route stands for the path, and no value of a request goes further than its id.
"""

import logging
import re
import time
import uuid
from collections.abc import Callable

from flask import Flask, Response, before_render_template, g, request, template_rendered

from server import VERSION, tracing
from server.errors import QueryError
from server.metrics import Metrics
from server.origin import is_local

_SANE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NO_ROUTE = "unmatched"
_TIMED = ("/v1/search", "/v1/answer")  # routes that tell their times

_log = logging.getLogger("server.requests")


class Observer:
    """Watches the requests of one application."""

    def __init__(
        self, app: Flask, generation: Callable[[], str], *, may_read: Callable[[], bool] = lambda: False
    ) -> None:
        """Call it before others add functions around requests.

        `may_read`: whether the request may read the metrics; one from this machine may anyway.
        """
        self._generation = generation
        self._may_read = may_read
        self.metrics = Metrics()
        app.before_request(self._begin)
        app.after_request(self._end)
        app.teardown_request(self._leave)
        before_render_template.connect(_render_begins, app)
        template_rendered.connect(_render_ends, app)

    def exposition(self) -> Response:
        """The metrics as text. Raises QueryError for a request from elsewhere that may not read them."""
        if not (self._may_read() or is_local(request)):
            raise QueryError(403, "forbidden", "Показатели доступны только с самого сервера.")
        body, media_type = self.metrics.text(self._generation(), VERSION)
        return Response(body, content_type=media_type, headers={"Cache-Control": "no-store"})

    def _begin(self) -> None:
        given = request.headers.get("X-Request-Id", "")
        tracing.begin(given if _SANE.fullmatch(given) else uuid.uuid4().hex)
        g.in_flight = True
        self.metrics.started()

    def _end(self, response: Response) -> Response:
        if (trace := tracing.current()) is None:
            return response
        seconds = time.perf_counter() - trace.started
        route = request.url_rule.rule if request.url_rule else _NO_ROUTE
        outcome = _outcome(response.status_code, trace)
        self.metrics.answered(route, "answered" if outcome == "cached" else outcome, trace, seconds)
        response.headers["X-Request-Id"] = trace.request_id
        if route in _TIMED:
            times = [*trace.stages.items(), ("whole", seconds)]
            response.headers["Server-Timing"] = ", ".join(f"{name};dur={taken * 1000:.2f}" for name, taken in times)
        if _log.isEnabledFor(logging.INFO):
            _log.info("request", extra={"request": self._told(response, route, outcome, seconds)})
        return response

    def _told(self, response: Response, route: str, outcome: str, seconds: float) -> dict[str, object]:
        return {
            "method": request.method,
            "route": route,
            "status": response.status_code,
            "bytes": 0 if request.method == "HEAD" else response.calculate_content_length() or response.content_length,
            "ms": round(seconds * 1000, 2),
            "outcome": outcome,
            "generation": self._generation(),
        }

    def _leave(self, error: BaseException | None) -> None:
        if g.pop("in_flight", False):
            self.metrics.left()
            tracing.end()


def _outcome(status: int, trace: tracing.Trace) -> str:
    if status < 400:
        return trace.outcome
    return "error" if status >= 500 and status != 503 else "refused"


# A template is part of rendering, and those who render one need not say so.
def _render_begins(sender: Flask, **_: object) -> None:
    g.rendering = time.perf_counter()


def _render_ends(sender: Flask, **_: object) -> None:
    trace, began = tracing.current(), g.pop("rendering", None)
    if trace and began is not None:
        trace.stages["render"] = trace.stages.get("render", 0.0) + time.perf_counter() - began
