"""The JSON routes. Each reads the request, calls one function and renders."""

import time
from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, current_app, redirect, request

from indexer.artifact import Manifest
from indexer.sections import Section
from server import VERSION, dialogue, feedback, openapi, schema, searching, tracing
from server.addresses import article_url
from server.answering import Answerer
from server.errors import QueryError
from server.exchange import posted, posted_body, read_json, reply, sent
from server.live import live, serving
from server.observing import Observer
from server.searching import searcher

api = Blueprint("api", __name__)

_LISTS = {"platform", "audience", "topic"}  # filters of GET /v1/search, each may be given several times


def answerer() -> Answerer:
    """The answerer of the request."""
    return serving().answerer


@api.post("/v1/search")
def search_post() -> Response:
    """Ranked sections for a query of any length."""
    body = posted_body()
    return _search(body, lambda: schema.read_search_request(read_json(body), typed=True))


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
    return sent(searching.reply_body((request.method, asked_for), read))


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
    wanted = schema.read_answer_request(posted())
    chosen = dialogue.Chosen(platform=wanted.platform is not None, audience=wanted.audience is not None)
    query = dialogue.resolved(wanted.query, wanted.context, searcher(), chosen)
    found = answerer().answer(query, platform=wanted.platform, audience=wanted.audience, tried=frozenset(wanted.tried))
    told = {each.name: getattr(found, each.name) for each in fields(found) if each.name != "result"}
    with tracing.stage("render"):
        return reply(searching.headed(schema.AnswerReply, wanted.query, found.result, started, **told))


@api.get("/v1/suggest")
def suggest() -> Response:
    """What to offer for what was typed so far."""
    typed = schema.read_suggested(request.args.get("q", ""))
    return reply({"suggestions": serving().suggester.suggest(typed)})


@api.post("/v1/feedback")
def vote() -> Response:
    """Keeps a vote on a section."""
    wanted = schema.read_feedback(posted())
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
