"""Requests made from the OpenAPI document, lawful and not: no server error, and every reply as the document says.

Short here; `CONTRACT_EXAMPLES=2000 pytest tests/test_contract.py` draws so many requests for each route, anew.
"""

import os
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, settings
from schemathesis import Case

from server.app import create_app
from server.openapi import document

LONG = int(os.environ.get("CONTRACT_EXAMPLES", "0"))

TOPICS = {"enum": ["start", "chats", "calls", "admin"]}  # of the test corpus: the document is of any


def narrowed() -> dict[str, Any]:
    """The document, with the topics of the test corpus and without handles."""
    narrow = document()
    narrow["components"]["schemas"]["FiltersIn"]["properties"]["topic"]["items"] = TOPICS
    for parameter in narrow["paths"]["/v1/search"]["get"]["parameters"]:
        if parameter["name"] == "topic":
            parameter["schema"] = parameter["schema"] | {"items": TOPICS}
    # A handle comes out of a reply; tests/test_budget.py sends such ones.
    narrow["components"]["schemas"]["SearchRequest"]["properties"]["next"] = {"type": "null"}
    search = narrow["paths"]["/v1/search"]["get"]
    search["parameters"] = [each for each in search["parameters"] if each["name"] != "next"]
    return narrow


contract = schemathesis.openapi.from_dict(narrowed())


@pytest.fixture(scope="module")
def server(built_index, encoder, tmp_path_factory) -> Flask:
    """One that takes votes."""
    return create_app(built_index, encoder, tmp_path_factory.mktemp("votes"))


def test_the_document_that_requests_are_made_from_is_the_one_served(server: Flask):
    assert server.test_client().get("/openapi.json").json == document()


@contract.parametrize()
@settings(max_examples=LONG or 15, derandomize=not LONG, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_reply_is_as_the_document_says(case: Case, server: Flask):
    case.call_and_validate(app=server)
