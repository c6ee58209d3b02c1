"""The JSON routes. Each reads the request, calls one function and renders."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from typing import Any, TypeVar
from urllib.parse import urlencode

import orjson
from flask import Blueprint, Response, current_app, redirect, request

from indexer.artifact import Manifest
from indexer.sections import Section
from server import VERSION, feedback, openapi, schema, tracing
from server.answering import Answerer
from server.caching import Reply
from server.errors import QueryError
from server.explaining import Explainer, Explanation
from server.interpretation import AS_TYPED
from server.live import live, serving
from server.observing import Observer
from server.search import Filters, Searcher, article_url
from server.search import Result as SearchResult

api = Blueprint("api", __name__)

_Reply = TypeVar("_Reply", bound=schema.ReplyHead)

_LISTS = {"platform", "audience", "topic"}  # filters of GET /v1/search, each may be given several times


def searcher() -> Searcher:
    """The searcher of the request."""
    return serving().searcher


def answerer() -> Answerer:
    """The answerer of the request."""
    return serving().answerer


def asked(result: SearchResult) -> str:
    """A new query id; with feedback on, the journal knows it from now on, without the query's text."""
    return feedback.remembered(current_app.extensions["feedback"], result)


def reply(body: object, status: int = 200) -> Response:
    """A JSON response of what JSON knows and of dataclasses; Russian text stays readable."""
    return _sent(orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE), status)


def _sent(body: bytes, status: int = 200) -> Response:
    return Response(body, status, mimetype="application/json")


@api.post("/v1/search")
def search_post() -> Response:
    """Ranked sections for a query of any length."""
    body = _body()
    return _search(body, lambda: schema.read_search_request(_json(body), typed=True))


def _body() -> bytes:
    """The JSON that was posted. Its Content-Type keeps other sites' forms out."""
    if not request.is_json:
        raise QueryError(415, "not_json", "Ожидается JSON: заголовок Content-Type: application/json.")
    return request.get_data()


def _posted() -> object:
    """What was posted as JSON."""
    return _json(_body())


def _json(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise QueryError(400, "bad_json", "Тело запроса — не JSON.") from error


@api.get("/v1/search")
def search_get() -> Response:
    """Ranked sections for a short query."""
    return _search(request.query_string, lambda: schema.read_search_request(_of_address(), typed=False))


def _of_address() -> dict[str, Any]:
    values: dict[str, Any] = {"filters": {}}
    for name, given in request.args.lists():
        if name in _LISTS:
            values["filters"][name] = given
        else:
            values["query" if name == "q" else name] = given if name == "context" else given[-1]
    return values


def _search(asked_for: bytes, read: Callable[[], schema.SearchRequest]) -> Response:
    """The reply to a search, as `asked_for` in the request; `read` gives the checked request."""
    started = time.perf_counter()
    replies = serving().replies
    key = (searcher().artifact.generation, request.method, asked_for)
    if known := replies.get(key):
        tracing.ended("cached")
        return _sent(known.body(asked(known.result), _milliseconds(started)))
    wanted = read()
    filters = Filters(tuple(wanted.filters.platform), tuple(wanted.filters.audience), tuple(wanted.filters.topic))
    _check_topics(filters)
    result = searcher().search(
        wanted.query,
        limit=wanted.limit,
        filters=filters,
        mode=wanted.mode,
        per_article=wanted.per_article,
        without=AS_TYPED if wanted.as_typed else (),
    )
    hits = list(result.hits)
    shown = result.answerable or not wanted.abstain
    explanations = _explained(result, wanted) if wanted.explain else None
    with tracing.stage("render"):
        found = _headed(
            schema.SearchReply,
            wanted.query,
            result,
            started,
            hits=hits if shown else [],
            near_misses=[] if shown else hits,
            explanations=explanations,
        )
        response = reply(found)
    if not result.degraded:  # the next one may find more
        replies.keep(key, Reply.of(response.get_data(), replace(result, candidates=None)))
    return response


def _milliseconds(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 2)


def _explained(result: SearchResult, wanted: schema.SearchRequest) -> list[Explanation]:
    return Explainer(searcher()).explain(result, wanted.mode, for_anybody=not wanted.filters.audience)


def _check_topics(filters: Filters) -> None:
    if not filters.topic:
        return
    known = {head.topic for head in searcher().artifact.articles}
    known |= {topic.id for topic in searcher().artifact.topics.topic}
    if any(topic not in known for topic in filters.topic):
        raise QueryError(422, "invalid_value", "Недопустимое значение поля «filters.topic».", "filters.topic")


def _headed(kind: Callable[..., _Reply], query: str, result: SearchResult, started: float, **rest: object) -> _Reply:
    """The reply to a query: its head, made from what the search found since `started`, and the rest as given."""
    read = result.interpretation
    artifact = searcher().artifact
    return kind(
        query_id=asked(result),
        query=query,
        answerable=result.answerable,
        relevance=result.relevance,
        calibrated=result.calibrated,
        degraded="semantic_unavailable" if result.degraded else None,
        interpretation=schema.InterpretationOut(
            kind=read.kind,
            read_as=read.read_as,
            changes=[
                {"kind": change.kind, "from": change.from_, "to": change.to, "confidence": change.confidence}
                for change in read.changes
            ],
            error=schema.ErrorTextOut(list(read.error.codes), read.error.message, read.error.skeleton)
            if read.error
            else None,
            platform=read.platform,
            audience=read.audience,
        ),
        took_ms=_milliseconds(started),
        index=schema.IndexOut(artifact.generation, artifact.manifest.inputs.model),
        **rest,
    )


@api.get("/v1/sections")
def section() -> Response:
    """A section by its id; 301 to its present id where it was renamed."""
    wanted = request.args.get("id", "")
    if moved := searcher().moved_sections.get(wanted):
        return _moved("/v1/sections?" + urlencode({"id": moved}))
    found = searcher().sections.get(wanted)
    if found is None:
        raise QueryError(404, "section_not_found", "Такого раздела нет.", "id")
    hit = asdict(searcher().describe(found))
    return reply({name.name: hit[name.name] for name in fields(schema.SectionReply)})


@api.get("/v1/articles")
def articles() -> Response:
    """All articles, in the order of their ids."""
    return reply(
        {
            "articles": [
                schema.ArticleOut(head.article_id, head.title, head.topic, article_url(head.article_id), head.updated)
                for head in searcher().artifact.articles
            ]
        }
    )


@api.get("/v1/articles/<path:article_id>")
def article(article_id: str) -> Response:
    """An article with its sections; 301 to its present id where it was renamed."""
    if moved := searcher().moved_articles.get(article_id):
        return _moved("/v1" + article_url(moved))
    head = searcher().articles.get(article_id)
    if head is None:
        raise QueryError(404, "article_not_found", "Такой статьи нет.", "article_id")
    return reply(
        {
            "article_id": head.article_id,
            "title": head.title,
            "topic": head.topic,
            "url": article_url(head.article_id),
            "updated": head.updated,
            "related": list(head.related),
            "sections": [_section(section) for section in searcher().sections_of(article_id)],
        }
    )


def _section(section: Section) -> dict[str, object]:
    values = asdict(section)
    return {name.name: values[name.name] for name in fields(schema.ArticleSectionOut)}


def _moved(location: str) -> Response:
    response: Response = redirect(location, 301)  # type: ignore[assignment]
    return response


@api.post("/v1/answer")
def answer() -> Response:
    """Steps for a problem, or the sentence that answers a question, and where to turn next."""
    started = time.perf_counter()
    wanted = schema.read_answer_request(_posted())
    found = answerer().answer(
        wanted.query, platform=wanted.platform, audience=wanted.audience, tried=frozenset(wanted.tried)
    )
    told = {each.name: getattr(found, each.name) for each in fields(found) if each.name != "result"}
    with tracing.stage("render"):
        return reply(_headed(schema.AnswerReply, wanted.query, found.result, started, **told))


@api.get("/v1/suggest")
def suggest() -> Response:
    """What to offer for what was typed so far."""
    typed = schema.read_suggested(request.args.get("q", ""))
    return reply({"suggestions": serving().suggester.suggest(typed)})


@api.post("/v1/feedback")
def vote() -> Response:
    """Keeps a vote on a section."""
    wanted = schema.read_feedback(_posted())
    section_id = feedback.keep(current_app.extensions["feedback"], searcher(), wanted)
    return reply(schema.FeedbackReply(wanted.query_id, section_id, wanted.outcome), 201)


@api.get("/healthz")
@api.get("/livez")
def health() -> Response:
    """The process lives."""
    return reply({"status": "ok"})


@api.get("/readyz")
def ready() -> Response:
    """Searches can be answered: an index was loaded and verified. One that was refused since is told, with why.

    Without the semantic half they still can. A server that stops says that it is not ready.
    """
    refused, guard = live().refused, searcher().guard
    stops = current_app.extensions["stopping"].is_set()
    return reply(
        schema.ReadyReply(
            not stops,
            serving().generation,
            {"index": True, "encoder": guard is None or guard.works},
            schema.RefusedOut(refused.generation, refused.reason) if refused else None,
        ),
        503 if stops else 200,
    )


@api.get("/version")
def version() -> Response:
    """What is running."""
    artifact = searcher().artifact
    return reply(
        {
            "version": VERSION,
            "generation": artifact.generation,
            "model": artifact.manifest.inputs.model,
            "encoder": _encoder(artifact.manifest),
        }
    )


def _encoder(manifest: Manifest) -> str:
    """What encodes queries; of a model that could not be exported, why."""
    about = manifest.query_side
    return f"{about['kind']}: {about['reason']}" if "reason" in about else str(about["kind"])


@api.get("/metrics")
def metrics() -> Response:
    """Numbers for Prometheus, for this machine alone unless the operator opened them."""
    observer: Observer = current_app.extensions["observer"]
    return observer.exposition()


@api.get("/openapi.json")
def document() -> Response:
    """The contract as OpenAPI."""
    return reply(openapi.document())
