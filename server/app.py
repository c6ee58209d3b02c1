"""The Flask application: opens the index, registers the routes, gives errors one shape."""

import threading
from collections.abc import Collection
from pathlib import Path

from flask import Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from indexer.query_encoder import QueryEncoder
from indexer.stores.store import Stores
from server import cors, deadline, limits, pages
from server.access import Access, Rules, may_read_metrics
from server.admin import admin
from server.agent import agent
from server.api import api
from server.batch import batch, size
from server.bounds import Bounds
from server.errors import HTTP_ERRORS, QueryError
from server.exchange import reply
from server.feedback import Feedback
from server.keys import KeyFile
from server.live import Live, serving
from server.observing import Observer
from server.retention import FEEDBACK_DAYS
from server.schema import MAXIMUM_BODY
from server.sessions import Sessions
from server.sign_in import sign_in
from server.vector_stores import vector_stores

_HEADERS = {
    # Everything comes from here: no inline script or style, no third party.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # the address of a page holds the query
    "Cross-Origin-Opener-Policy": "same-origin",  # a site that opens a page has no hold of its window
}

_RETRY_AFTER = 10  # seconds

_JSON_PATHS = ("/v1/", "/healthz", "/livez", "/readyz", "/version", "/metrics", "/openapi.json", "/admin/")


def create_app(
    index: Path,
    encoder: QueryEncoder | None = None,
    data: Path | None = None,
    *,
    origins: Collection[str] = (),
    query_log_days: int | None = None,
    feedback_days: int = FEEDBACK_DAYS,
    metrics_public: bool = False,
    rules: Rules | None = None,
    bounds: Bounds | None = None,
    stores: Stores | None = None,
) -> Flask:
    """The application over the current generation of an index, and over the next ones as they become current.

    Votes are kept for `feedback_days` in the folder `data`, if there is one, and with `query_log_days` masked queries
    for so long; pages of other `origins` may call the JSON routes. `/metrics` is for this machine alone unless
    `metrics_public`. `rules` tell what needs a key of the folder `data`, what is hidden without one, and how much
    anybody may ask; `bounds` how much is taken on at a time. Candidates come from `stores`, of the index's own files
    unless others are given.

    Raises ArtifactError, ModelError or JournalError where one of them cannot be used. `encoder` stands in for the
    model of the manifest.
    """
    rules = rules or Rules()
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = MAXIMUM_BODY
    app.config["MAX_FORM_MEMORY_SIZE"] = MAXIMUM_BODY
    # The first around each request: what the others do is seen too.
    app.extensions["observer"] = Observer(
        app, lambda: serving().generation, may_read=lambda: metrics_public or may_read_metrics()
    )
    app.extensions["bounds"] = bounds or Bounds()
    app.extensions["stopping"] = threading.Event()
    app.before_request(_in_time)
    app.teardown_request(lambda _: deadline.end())
    limits.limit(app, rules, size)
    app.extensions["access"] = Access(app, KeyFile(data) if data else None, Sessions(data) if data else None, rules)
    app.extensions["live"] = Live(index, encoder, hide_internal=rules.hide_internal, stores=stores)
    app.extensions["feedback"] = Feedback(data, query_log_days, feedback_days) if data else None
    app.register_blueprint(api)
    app.register_blueprint(batch)
    app.register_blueprint(vector_stores)
    app.register_blueprint(pages.pages)
    app.register_blueprint(agent)
    app.register_blueprint(admin)
    app.register_blueprint(sign_in)
    pages.prepare(app)
    app.register_error_handler(QueryError, _query_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _failure)
    app.after_request(_with_headers)
    cors.allow(app, origins)
    if rules.trusted_proxies:
        # Not the Host: a proxy passes that on itself, and who can set it could send a form as this site.
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=rules.trusted_proxies, x_proto=rules.trusted_proxies, x_host=0
        )
    return app


def _in_time() -> None:
    """Begins the time of a request; one that has waited all of it is not worked on."""
    deadline.begin(current_app.extensions["bounds"].request_seconds)
    deadline.check()


def _query_error(error: QueryError) -> Response:
    is_json = request.path.startswith(_JSON_PATHS)
    body = error.openai_body() if request.path.startswith(vector_stores.url_prefix or "") else error.body()
    response = reply(body, error.status) if is_json else pages.error_page(error)
    if error.status == 503:
        response.headers["Retry-After"] = str(_RETRY_AFTER)
    return response


def _http_error(error: HTTPException) -> Response:
    if error.response is not None or (error.code or 500) < 400:
        redirect = error.get_response()
        return Response(redirect.get_data(), redirect.status_code, redirect.headers.items())
    status = error.code or 500
    code, message = HTTP_ERRORS.get(status, ("error", "Запрос не выполнен."))
    response = _query_error(QueryError(status, code, message))
    if allowed := getattr(error, "valid_methods", None):
        response.headers["Allow"] = ", ".join(sorted(allowed))
    return response


def _failure(error: Exception) -> Response:
    # The query stays out of the log: only where it failed goes there, see server/logs.py.
    route = request.url_rule.rule if request.url_rule else "an unknown address"
    current_app.logger.error("%s while answering %s", type(error).__name__, route, exc_info=error)
    code, message = HTTP_ERRORS[500]
    return _query_error(QueryError(500, code, message))


def _with_headers(response: Response) -> Response:
    for name, value in _HEADERS.items():
        if name not in response.headers:
            response.headers.add(name, value)
    return response
