"""The local page on which an evaluator grades pooled sections: a form a query, complete without JavaScript."""

import hmac
import secrets
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from flask import Blueprint, Flask, Response, current_app, redirect, render_template, request, send_from_directory
from flask import url_for as address_of
from werkzeug.exceptions import HTTPException, NotFound, SecurityError
from werkzeug.serving import WSGIRequestHandler, make_server

import server
from evaluation.judging.form import NO_REASON, Card, cards, filled, judgments
from evaluation.judging.state import State, next_open, states
from evaluation.judging.store import Contents, Store
from evaluation.judgments import JudgmentError, Query
from indexer.sections import Section
from server.pages import AUDIENCE_NAMES, PLATFORM_NAMES, counted

LOOPBACK = "127.0.0.1"
_HOSTS = [LOOPBACK, "localhost"]  # another name means that a foreign page made its own name lead here
_LARGEST_FORM = 1024 * 1024  # bytes: a hundred sections with their steps stay far below

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",  # «назад» in the browser shows what is saved, not what was
}

_KINDS = {
    "keywords": "ключевые слова",
    "question": "вопрос",
    "complaint": "жалоба",
    "error": "текст ошибки",
    "staff": "от сотрудника",
    "chatbot": "как чат-боту",
}
_EXPIRED = (
    "Не сохранено: программу перезапускали, и страница устарела. Введённое осталось на месте\u00a0— проверьте его "
    "и сохраните ещё раз."
)
_UNAVAILABLE = (
    "Не сохранено: файл с оценками занят или недоступен. Введённое осталось на месте\u00a0— сохраните ещё раз."
)
_MESSAGES = {
    404: "Такой страницы или запроса нет.",
    405: "Этот адрес открывают только из формы.",
    413: "Слишком большая форма.",
    500: "Внутренняя ошибка. Подробности\u00a0— в окне, где запущена программа.",
    503: "Файл с оценками занят или недоступен. Подробности\u00a0— в окне, где запущена программа.",
}

_pages = Blueprint("judging", __name__)


class _Task:
    """What the views need: all of it is fixed when the application is made."""

    def __init__(
        self,
        queries: Sequence[Query],
        pools: Mapping[str, Sequence[str]],
        sections: Mapping[str, Section],
        store: Store,
    ) -> None:
        self.queries = {query.query_id: query for query in queries}
        self.ids = list(self.queries)
        self.pools = {query_id: tuple(pools.get(query_id, ())) for query_id in self.ids}
        self.sections = sections
        self.store = store
        self.token = secrets.token_urlsafe()  # only our own pages know it, so only our own forms can bring it back

    def states(self, contents: Contents) -> dict[str, State]:
        return states(self.pools, contents)

    def cards(self, query_id: str, contents: Contents) -> list[Card]:
        return cards(query_id, self.pools[query_id], self.sections, contents)


def create_judge_app(
    queries: Sequence[Query],
    pools: Mapping[str, Sequence[str]],
    sections: Mapping[str, Section],
    store: Store,
) -> Flask:
    """The application; it answers only where it is called by a name of this machine's loopback interface.

    `pools` goes by query_id (a query that it lacks has nothing to judge), `sections` by section_id. Raises
    JudgmentError where a pooled section is not among the sections.
    """
    task = _Task(queries, pools, sections, store)
    for query_id, pool in task.pools.items():
        if missing := [section_id for section_id in pool if section_id not in sections]:
            raise JudgmentError(
                f"pool of {query_id}: {missing[0]} is not in the help; expected sections of this corpus; "
                "make pools and sections from the same one"
            )
    app = Flask(__name__)
    app.url_map.merge_slashes = False  # an unknown address is a page, not a redirect
    app.config.update(TRUSTED_HOSTS=_HOSTS, MAX_CONTENT_LENGTH=_LARGEST_FORM, MAX_FORM_MEMORY_SIZE=_LARGEST_FORM)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters["counted"] = counted
    app.jinja_env.globals.update(kinds=_KINDS, platform_names=PLATFORM_NAMES, audience_names=AUDIENCE_NAMES)
    app.extensions["judging"] = task
    app.register_blueprint(_pages)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(JudgmentError, _store_error)
    app.after_request(_with_headers)
    return app


@_pages.get("/")
def resume() -> Response:
    """Leads to the first query that is not judged to its end, or to the list where none is left."""
    task = _task()
    return _go(next_open(task.states(task.store.contents())))


@_pages.get("/queries")
def overview() -> str:
    """All queries with how far each is judged."""
    task = _task()
    return render_template("overview.html", queries=task.queries, states=task.states(task.store.contents()))


@_pages.get("/queries/<path:query_id>")
def query(query_id: str) -> str:
    """A query with its pooled sections."""
    task = _task()
    if query_id not in task.queries:
        raise NotFound
    contents = task.store.contents()
    return _form(query_id, task.cards(query_id, contents), contents)


@_pages.post("/queries/<path:query_id>")
def save(query_id: str) -> str | Response | tuple[str, int]:
    """Saves the form and goes on: to the next open query, or to where its button says.

    Saves nothing, and shows the form with what was typed, where a reason or a grade is missing (422), the token is
    not ours (403) or the store fails (503).
    """
    task = _task()
    if query_id not in task.queries:
        raise NotFound
    contents = Contents({}, {})
    try:
        contents = task.store.contents()
        shown = filled(task.cards(query_id, contents), request.form)
        if not hmac.compare_digest(request.form.get("token", "").encode(), task.token.encode()):
            return _form(query_id, shown, contents, _EXPIRED), 403
        if wrong := sum(1 for card in shown if card.problem):
            notice = f"Не сохранено: нужно поправить {counted(wrong, 'раздел', 'раздела', 'разделов')}."
            return _form(query_id, shown, contents, notice), 422
        task.store.save(query_id, *judgments(shown))
        after = task.states(task.store.contents())
    except JudgmentError as error:
        current_app.logger.error("%s", error)
        shown = filled(task.cards(query_id, contents), request.form)
        return _form(query_id, shown, contents, _UNAVAILABLE), 503
    place = task.ids.index(query_id)
    match request.form.get("go"):
        case "back":
            return _go(task.ids[max(place - 1, 0)])
        case "on":
            return _go(task.ids[min(place + 1, len(task.ids) - 1)])
        case "list":
            return _go(None)
    return _go(next_open(after, after_query=query_id))


@_pages.get("/look/<name>")
def look(name: str) -> Response:
    """The style of the site's own pages: the help looks here as it does there."""
    return send_from_directory(Path(server.__file__).with_name("static"), name)


def serve(app: Flask, port: int) -> None:
    """Answers on the loopback interface until Ctrl+C; prints the address to stderr. Port 0 takes any free one.

    Raises JudgmentError where the port is taken.
    """
    with socket.socket() as listening:  # bound here: werkzeug ends the process where it cannot
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((LOOPBACK, port))
        except (OSError, OverflowError) as error:
            raise JudgmentError(
                f"{LOOPBACK}:{port}: cannot be listened on ({error}); expected a free port; name another"
            ) from error
        listening.listen()
        host, bound = listening.getsockname()
        running = make_server(host, bound, app, threaded=True, request_handler=_Quiet, fd=listening.fileno())
        print(f"Judge on http://{host}:{bound} (Ctrl+C ends; what is saved stays)", file=sys.stderr, flush=True)
        try:
            running.serve_forever()
        except KeyboardInterrupt:
            print("\nEnded.", file=sys.stderr)
        finally:
            running.server_close()


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """One evaluator's every click is of no interest."""


def _task() -> _Task:
    return cast(_Task, current_app.extensions["judging"])


def _go(query_id: str | None) -> Response:
    """To a query, or to the list where there is none to go to."""
    address = address_of("judging.query", query_id=query_id) if query_id is not None else address_of("judging.overview")
    return cast(Response, redirect(address, 303))


def _form(query_id: str, shown: Sequence[Card], contents: Contents, notice: str = "") -> str:
    task = _task()
    return render_template(
        "query.html",
        query=task.queries[query_id],
        place=task.ids.index(query_id) + 1,
        states=task.states(contents),
        cards=shown,
        notice=notice,
        token=task.token,
        no_reason=NO_REASON,
    )


def _http_error(error: HTTPException) -> Response:
    code = error.code or 500
    if isinstance(error, SecurityError):  # no page: its addresses would be those of the wrong name
        return Response(f"Откройте http://{LOOPBACK} с портом этой программы.", code, mimetype="text/plain")
    message = _MESSAGES.get(code, "Запрос не удалось прочитать.")
    response = Response(render_template("error.html", message=message), code)
    if allowed := getattr(error, "valid_methods", None):
        response.headers["Allow"] = ", ".join(sorted(allowed))
    return response


def _store_error(error: JudgmentError) -> Response:
    current_app.logger.error("%s", error)
    return Response(render_template("error.html", message=_MESSAGES[503]), 503)


def _with_headers(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers[name] = value
    return response
