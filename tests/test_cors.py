"""Other sites: which of them may ask the server from their pages."""

import pytest

from server import cors
from server.app import create_app

SITE = "https://www.example.ru"


@pytest.fixture(scope="module")
def client(built_index, encoder):
    return create_app(built_index, encoder, origins=[SITE]).test_client()


def test_an_allowed_site_may_read_the_answer(client):
    response = client.post("/v1/search", json={"query": "фото"}, headers={"Origin": SITE})
    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == SITE
    assert "Origin" in response.headers["Vary"]


def test_its_browser_may_ask_first(client):
    response = client.options("/v1/search", headers={"Origin": SITE, "Access-Control-Request-Method": "POST"})
    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Methods"] == "GET, POST"
    assert response.headers["Access-Control-Allow-Headers"] == "Content-Type, Authorization, X-API-Key"


def test_its_page_reads_how_long_to_wait_and_what_the_request_was_called(client):
    exposed = client.get("/v1/articles", headers={"Origin": SITE}).headers["Access-Control-Expose-Headers"].split(", ")
    assert {"Retry-After", "X-Request-Id", "Server-Timing", "RateLimit-Remaining", "RateLimit-Reset"} <= set(exposed)


@pytest.mark.parametrize("origin", ["https://evil.example", "http://www.example.ru", SITE + ".evil.example", "null"])
def test_no_other_site_may(client, origin):
    response = client.post("/v1/search", json={"query": "фото"}, headers={"Origin": origin})
    assert "Access-Control-Allow-Origin" not in response.headers


def test_pages_are_nobody_elses(client):
    assert "Access-Control-Allow-Origin" not in client.get("/", headers={"Origin": SITE}).headers


@pytest.mark.parametrize("origins", [[], [SITE]])
def test_any_site_may_load_the_element(built_index, encoder, origins):
    client = create_app(built_index, encoder, origins=origins).test_client()
    response = client.get("/static/widget.js", headers={"Origin": "https://another.example"})
    assert response.headers["Access-Control-Allow-Origin"] == "*"


def test_errors_can_be_read_too(client):
    response = client.post("/v1/search", json={"query": ""}, headers={"Origin": SITE})
    assert response.status_code == 422
    assert response.headers["Access-Control-Allow-Origin"] == SITE


def test_without_a_list_nothing_is_added(built_index, encoder):
    response = create_app(built_index, encoder).test_client().get("/v1/articles", headers={"Origin": SITE})
    assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize("text", ["*", "www.example.ru", "https://www.example.ru/", "https://a@b.ru", "null", ""])
def test_only_an_origin_is_one(text):
    with pytest.raises(ValueError, match="is no origin; expected scheme and host alone"):
        cors.origin(text)
