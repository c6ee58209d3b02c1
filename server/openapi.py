"""/openapi.json, made from the request and reply types of server/schema.py."""

from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

from server import VERSION, schema, vector_stores
from server.keys import Scope


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of the contract."""

    method: str
    path: str
    summary: str
    reply: type
    parameters: tuple[dict[str, Any], ...] = ()
    body: type | None = None
    errors: tuple[int, ...] = ()
    moves: bool = False  # answers 301 for ids that were renamed
    status: int = 200  # of the reply
    media_type: str = "application/json"  # of the reply; errors are JSON
    scope: Scope | None = "search"  # of the keys that open it where it is closed; None: it never is
    error: type = schema.ErrorReply


def _query(name: str, values: dict[str, Any], required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": required, "schema": values}


def _search_parameters() -> tuple[dict[str, Any], ...]:
    properties = schema.SearchRequest.model_json_schema()["properties"]
    filters = schema.FiltersIn.model_json_schema()["properties"]
    names = [name for name in properties if name not in {"query", "filters"}]
    return (
        _query("q", properties["query"], required=True),
        *(_query(name, filters[name]) for name in filters),
        *(_query(name, _without_null(properties[name])) for name in names),
    )


def _without_null(values: dict[str, Any]) -> dict[str, Any]:
    """The schema for an address, which leaves out what is null."""
    if "anyOf" not in values:
        return values
    (other,) = (each for each in values["anyOf"] if each != {"type": "null"})
    kept: dict[str, Any] = {name: told for name, told in values.items() if name not in ("anyOf", "default")}
    kept.update(other)
    return kept


_STORE = {"name": "store_id", "in": "path", "required": True, "schema": {"type": "string"}}


ROUTES = (
    Route(
        "post", "/v1/search", "Ranked sections for a query", schema.SearchReply,
        body=schema.SearchRequest, errors=(400, 413, 415, 422, 503),
    ),
    Route(
        "get", "/v1/search", "The same for short queries", schema.SearchReply,
        parameters=_search_parameters(), errors=(422, 503),
    ),
    Route(
        "post", schema.BATCH, "Several searches, each answered or refused by itself; a body of at most 2 MB",
        schema.BatchReply, body=schema.BatchRequest, errors=(400, 413, 415, 422, 503),
    ),
    Route(
        "get", "/v1/vector_stores", "The help as OpenAI's interface lists it",
        vector_stores.StoresReply, error=vector_stores.OpenAIErrorReply,
    ),
    Route(
        "get", "/v1/vector_stores/{store_id}", "What the store `default` holds",
        vector_stores.Store, parameters=(_STORE,), errors=(404,), error=vector_stores.OpenAIErrorReply,
    ),
    Route(
        "post", "/v1/vector_stores/{store_id}/search", "The search as OpenAI's interface has it",
        vector_stores.StoreSearchReply, parameters=(_STORE,), body=vector_stores.StoreSearchRequest,
        errors=(400, 404, 413, 415, 422, 503), error=vector_stores.OpenAIErrorReply,
    ),
    Route(
        "get", "/v1/sections", "A section by its id", schema.SectionReply,
        parameters=(_query("id", {"type": "string"}, required=True),), errors=(404,), moves=True,
    ),
    Route("get", "/v1/articles", "All articles", schema.ArticlesReply),
    Route(
        "get", "/v1/articles/{article_id}", "An article with its sections", schema.ArticleReply,
        parameters=({"name": "article_id", "in": "path", "required": True, "schema": {"type": "string"}},),
        errors=(404,), moves=True,
    ),
    Route(
        "post", "/v1/answer", "The steps or the sentence that answer, and where to turn next", schema.AnswerReply,
        body=schema.AnswerRequest, errors=(400, 413, 415, 422, 503),
    ),
    Route(
        "get", "/v1/suggest", "What to offer while somebody types", schema.SuggestReply,
        parameters=(_query("q", {"type": "string", "maxLength": schema.MAXIMUM_SUGGESTED}),),
        errors=(422,),
    ),
    Route(
        "post", "/v1/feedback", "A vote on a section that was shown; 404 feedback_off without --data",
        schema.FeedbackReply, body=schema.FeedbackRequest, errors=(400, 404, 413, 415, 422, 503), status=201,
        scope="feedback",
    ),
    Route("get", "/healthz", "Whether the process lives", schema.HealthReply, scope=None),
    Route("get", "/livez", "Whether the process lives", schema.HealthReply, scope=None),
    Route("get", "/readyz", "Whether searches can be answered", schema.ReadyReply, scope=None),
    Route("get", "/version", "What is running", schema.VersionReply, scope=None),
    Route(
        "post", "/admin/index/reload", "Serve the generation that is current on disk",
        schema.ReloadReply, errors=(409, 503), scope="admin",
    ),
    Route(
        "post", "/admin/index/rollback", "Make the generation before the current one current again and serve it",
        schema.ReloadReply, errors=(409, 503), scope="admin",
    ),
    Route(
        "get", "/admin/index", "The generations on disk", schema.IndexReply, errors=(503,), scope="admin",
    ),
    Route(
        "get", "/metrics", "Numbers for Prometheus; 403 from other machines, without a key and unless they are public",
        str, errors=(403,), media_type="text/plain", scope=None,
    ),
)  # fmt: skip


# An operator closes scopes or leaves them open, which the document of all servers cannot know: a key may be needed.
_SCHEMES = {
    "key": {
        "type": "http", "scheme": "bearer", "bearerFormat": "spravka_<id>_<secret>",
        "description": "A key of `python -m server keys add`. Its scopes: search, feedback, agent, admin.",
    },
    "keyHeader": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same key."},
}  # fmt: skip
_ACCESS_ERRORS = {
    401: "key_required, key_invalid or key_expired: where a key is needed, or the one that was sent is none",
    403: "scope_missing: the key lacks the scope of the route",
    429: "rate_limited: as many requests as the operator allows were made; Retry-After tells when to go on",
}
_RATE_HEADERS = {
    "RateLimit-Limit": "requests in a window",
    "RateLimit-Remaining": "of them still free",
    "RateLimit-Reset": "seconds until one is free again",
}


def document() -> dict[str, Any]:
    """The OpenAPI 3.1 document of all routes but itself."""
    modes: dict[type, JsonSchemaMode] = {schema.SearchRequest: "validation"}  # a batch refers to it
    for route in ROUTES:
        modes[route.reply] = modes[route.error] = "serialization"
        if route.body:
            modes[route.body] = "validation"
    adapters = [(kind, mode, TypeAdapter[Any](kind)) for kind, mode in modes.items()]
    generator = GenerateJsonSchema(ref_template="#/components/schemas/{model}")
    references, definitions = generator.generate_definitions(
        [(kind.__name__, mode, adapter.core_schema) for kind, mode, adapter in adapters]
    )
    schemas = {kind.__name__: references[(kind.__name__, mode)] for kind, mode, _ in adapters}
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Spravka", "version": VERSION, "description": "Search in the help of a product."},
        "paths": paths,
        "components": {"schemas": definitions, "securitySchemes": _SCHEMES},
    }


def _operation(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    def content(kind: type) -> dict[str, Any]:
        return {"application/json": {"schema": schemas[kind.__name__]}}

    told = {route.media_type: content(route.reply)["application/json"]}
    responses: dict[str, Any] = {str(route.status): {"description": route.summary, "content": told}}
    if route.moves:
        responses["301"] = {"description": "Renamed: the present address is in Location"}
    for status in route.errors:
        responses[str(status)] = {"description": "Error", "content": content(route.error)}
    operation: dict[str, Any] = {"summary": route.summary, "responses": responses}
    if route.scope:
        for status, meaning in _ACCESS_ERRORS.items():
            responses[str(status)] = {"description": meaning, "content": content(route.error)}
        responses["401"]["headers"] = {"WWW-Authenticate": _header("how to send a key", "string")}
        responses["429"]["headers"] = {"Retry-After": _header("seconds", "integer")}
        responses["429"]["headers"] |= {name: _header(meaning, "integer") for name, meaning in _RATE_HEADERS.items()}
        operation["security"] = [{}, {"key": []}, {"keyHeader": []}]
        operation["x-scope"] = route.scope
    if route.parameters:
        operation["parameters"] = list(route.parameters)
    if route.body:
        operation["requestBody"] = {"required": True, "content": content(route.body)}
    return operation


def _header(description: str, kind: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": kind}}
