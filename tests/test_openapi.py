"""The OpenAPI document: valid, and of exactly the routes that exist."""

import re

from openapi_spec_validator import validate

from server.access import scope_of
from server.app import create_app
from server.limits import HEADERS
from server.openapi import document
from server.schema import SearchRequest


def test_document_is_valid_openapi():
    validate(document())


def test_document_and_routes_are_the_same(built_index, encoder):
    app = create_app(built_index, encoder)
    rules = {
        (method.lower(), re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.endpoint.startswith(("api.", "admin.", "batch.", "vector_stores.")) and rule.rule != "/openapi.json"
    }
    documented = {(method, path) for path, item in document()["paths"].items() for method in item}
    assert documented == rules


def test_request_schema_is_the_one_that_requests_are_checked_by():
    schema = document()["components"]["schemas"]["SearchRequest"]
    assert set(schema["properties"]) == set(SearchRequest.model_fields)
    assert schema["required"] == ["query"]
    assert schema["properties"]["limit"]["maximum"] == 50


def test_every_route_tells_the_scope_that_opens_it_and_how_it_refuses(built_index, encoder):
    app = create_app(built_index, encoder)
    found = document()
    assert set(found["components"]["securitySchemes"]) == {"key", "keyHeader"}
    for rule in app.url_map.iter_rules():
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
            if not (operation := found["paths"].get(path, {}).get(method.lower())):
                continue
            scope = scope_of(rule.endpoint)
            assert operation.get("x-scope") == scope, path
            if scope:
                assert {"401", "403", "429"} <= set(operation["responses"])
                assert {"Retry-After", *HEADERS} == set(operation["responses"]["429"]["headers"])
                assert {"key": []} in operation["security"]


def test_every_error_of_every_route_has_the_one_shape_or_that_of_openai():
    for path, item in document()["paths"].items():
        shape = "/OpenAIErrorReply" if path.startswith("/v1/vector_stores") else "/ErrorReply"
        for operation in item.values():
            for status, response in operation["responses"].items():
                if status >= "400":
                    assert response["content"]["application/json"]["schema"]["$ref"].endswith(shape)
