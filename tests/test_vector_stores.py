"""The store search as OpenAI's own client makes it, against a server on the loopback interface."""

import json
from collections.abc import Iterator

import openai
import pytest
from flask.testing import FlaskClient
from openai import OpenAI
from serving import served

from indexer.artifact import Artifact
from server.access import Rules
from server.app import create_app
from server.keys import KeyFile

QUERY = "не приходят уведомления"
PATH = "/v1/vector_stores/default/search"


@pytest.fixture(scope="module")
def bot(built_index, encoder, tmp_path_factory) -> Iterator[OpenAI]:
    """The client of a bot that has a key, which it always sends."""
    folder = tmp_path_factory.mktemp("keys")
    secret = KeyFile(folder).add("bot", ["search"]).secret
    with (
        served(create_app(built_index, encoder, folder)) as address,
        OpenAI(base_url=f"{address}/v1", api_key=secret, max_retries=0) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def client(built_index, encoder) -> FlaskClient:
    return create_app(built_index, encoder).test_client()


def found(bot: OpenAI, query=QUERY, threshold: float = 0.0, **more):
    return bot.vector_stores.search("default", query=query, ranking_options={"score_threshold": threshold}, **more).data


def test_the_official_client_reads_what_is_found(bot: OpenAI, client: FlaskClient):
    page = bot.vector_stores.search("default", query=QUERY, max_num_results=3)
    hits = client.post("/v1/search", json={"query": QUERY, "limit": 3}).json["hits"]
    assert page.object == "vector_store.search_results.page"
    assert [each.file_id for each in page.data] == [hit["section_id"] for hit in hits] != []
    assert [each.score for each in page.data] == [hit["relevance"] for hit in hits]
    assert [each.content[0].text for each in page.data] == [hit["text"] for hit in hits]
    assert {each.content[0].type for each in page.data} == {"text"}
    first = page.data[0]
    assert first.filename == f"{hits[0]['article_id']}.md"
    assert first.attributes["url"] == hits[0]["url"]
    assert first.attributes["article_id"] == hits[0]["article_id"]
    assert list(page) == page.data  # it goes on to no second page


def test_the_store_can_be_looked_at(bot: OpenAI, artifact: Artifact):
    store = bot.vector_stores.retrieve("default")
    assert store.status == "completed"
    assert store.file_counts.completed == store.file_counts.total == len(artifact.sections)
    assert store.metadata["generation"] == artifact.generation
    assert store.created_at > 1_700_000_000
    assert [each.id for each in bot.vector_stores.list()] == ["default"]


def test_a_threshold_keeps_what_is_above_it_and_says_itself_what_is_enough(bot: OpenAI):
    scores = sorted((each.score for each in found(bot, max_num_results=20)), reverse=True)
    assert len(scores) > 2
    limit = scores[1]
    assert sorted((each.score for each in found(bot, threshold=limit, max_num_results=20)), reverse=True) == [
        score for score in scores if score >= limit
    ]
    assert found(bot, threshold=1.0) == []


def test_several_queries_are_one_list_without_doubles(bot: OpenAI):
    both = found(bot, [QUERY, "создать чат"], max_num_results=50)
    ids = [each.file_id for each in both]
    assert len(ids) == len(set(ids))
    for query in (QUERY, "создать чат"):
        own = found(bot, query, max_num_results=50)
        assert own[0].file_id in ids[:2]
        assert all(next(each.score for each in both if each.file_id == one.file_id) >= one.score for one in own)
    assert len(found(bot, [QUERY, "создать чат"], max_num_results=3)) == 3


def test_queries_are_repaired_unless_that_is_refused(client: FlaskClient):
    def read(**more):
        return client.post(PATH, json={"query": "cjplfnm xfn"} | more).json["search_query"]

    assert read() == read(rewrite_query=True) == ["создать чат"]
    assert read(rewrite_query=False) == ["cjplfnm xfn"]


FILTERS = [
    ({"type": "eq", "key": "platform", "value": "ios"}, lambda own: not own["platform"] or "ios" in own["platform"]),
    (
        {"type": "ne", "key": "platform", "value": "ios"},
        lambda own: not own["platform"] or bool(set(own["platform"]) - {"ios"}),
    ),
    (
        {"type": "in", "key": "platform", "value": ["ios", "web"]},
        lambda own: not own["platform"] or bool(set(own["platform"]) & {"ios", "web"}),
    ),
    (
        {"type": "nin", "key": "audience", "value": ["admin"]},
        lambda own: not own["audience"] or bool(set(own["audience"]) - {"admin"}),
    ),
    ({"type": "eq", "key": "article_id", "value": "sign-in"}, lambda own: own["article_id"] == ["sign-in"]),
    ({"type": "nin", "key": "topic", "value": ["chats"]}, lambda own: own["topic"] != ["chats"]),
    ({"type": "gte", "key": "updated", "value": "2026-11-18"}, lambda own: own["updated"] >= ["2026-11-18"]),
    ({"type": "lt", "key": "updated", "value": "2026-11-18"}, lambda own: own["updated"] < ["2026-11-18"]),
    (
        {
            "type": "and",
            "filters": [
                {"type": "ne", "key": "topic", "value": "admin"},
                {
                    "type": "or",
                    "filters": [
                        {"type": "eq", "key": "article_id", "value": "calls"},
                        {"type": "gt", "key": "article_id", "value": "n"},
                    ],
                },
            ],
        },
        lambda own: own["topic"] != ["admin"] and (own["article_id"] == ["calls"] or own["article_id"] > ["n"]),
    ),
]


@pytest.mark.parametrize(("filters", "passes"), FILTERS, ids=[str(each) for each, _ in FILTERS])
def test_filters_let_through_what_they_say_and_all_of_it(bot: OpenAI, artifact: Artifact, filters, passes):
    heads = {head.article_id: head for head in artifact.articles}

    def own(section):
        head = heads[section.article_id]
        return {
            "article_id": [section.article_id],
            "topic": [head.topic],
            "updated": [head.updated],
            "platform": list(section.platforms),
            "audience": list(section.audiences),
        }

    suits = {section.section_id for section in artifact.sections if passes(own(section))}
    assert suits
    shown = {each.file_id for each in found(bot, filters=filters, max_num_results=50)}
    assert shown <= suits
    everything = {each.file_id for each in found(bot, max_num_results=50)}
    assert everything & suits <= shown


@pytest.mark.parametrize(
    ("more", "error", "param"),
    [
        ({"query": " "}, openai.UnprocessableEntityError, "query"),
        ({"query": [QUERY, ""]}, openai.UnprocessableEntityError, "query"),
        ({"max_num_results": 51}, openai.UnprocessableEntityError, "max_num_results"),
        (
            {"filters": {"type": "eq", "key": "colour", "value": "red"}},
            openai.UnprocessableEntityError,
            "filters.eq.key",
        ),
        ({"filters": {"type": "gt", "key": "platform", "value": "ios"}}, openai.UnprocessableEntityError, None),
        ({"filters": {"type": "in", "key": "topic", "value": "chats"}}, openai.UnprocessableEntityError, None),
        ({"filters": {"type": "eq", "key": "updated", "value": 5}}, openai.UnprocessableEntityError, None),
        ({"filters": {"type": "like", "key": "topic", "value": "c"}}, openai.UnprocessableEntityError, "filters"),
        ({"extra_body": {"colour": "red"}}, openai.UnprocessableEntityError, "colour"),
        ({"vector_store_id": "other"}, openai.NotFoundError, "vector_store_id"),
    ],
)
def test_errors_are_those_that_the_client_knows(bot: OpenAI, more, error, param):
    with pytest.raises(error) as raised:
        bot.vector_stores.search(**({"vector_store_id": "default", "query": QUERY} | more))
    assert raised.value.body.keys() == {"message", "type", "param", "code"}
    assert raised.value.type == "invalid_request_error"
    assert raised.value.code
    assert param is None or raised.value.param == param


def test_filters_are_bounded_in_number_and_depth(client: FlaskClient):
    one = {"type": "eq", "key": "topic", "value": "chats"}
    many = {"type": "or", "filters": [{"type": "and", "filters": [one] * 30}] * 2}
    depths = [json.dumps(one)] * 3
    for place, depth in enumerate((8, 200, 2000)):
        depths[place] = '{"type": "or", "filters": [' * depth + depths[place] + "]}" * depth
    for filters in (json.dumps(many), *depths):
        body = f'{{"query": "фото", "filters": {filters}}}'
        response = client.post(PATH, data=body.encode(), content_type="application/json")
        assert response.status_code in (400, 422)
        assert response.json["error"]["type"] == "invalid_request_error"


def test_requests_that_are_none_have_the_shape_too(client: FlaskClient):
    for response in (
        client.post(PATH, data=b"{", content_type="application/json"),
        client.post(PATH, data=b"q=1"),
        client.get(PATH),
        client.get("/v1/vector_stores/other"),
        client.post(PATH, data=b" " * 300_000, content_type="application/json"),
    ):
        assert response.json["error"].keys() == {"message", "type", "param", "code"}


def test_what_answers_nothing_gives_nothing_without_a_threshold(client: FlaskClient):
    reply = client.post(PATH, json={"query": "????"}).json
    assert reply["data"] == []
    assert reply["has_more"] is False
    assert reply["next_page"] is None


def test_a_closed_server_wants_the_key_of_the_client(built_index, encoder, tmp_path):
    secret = KeyFile(tmp_path).add("bot", ["search"]).secret
    votes = KeyFile(tmp_path).add("votes", ["feedback"]).secret
    app = create_app(built_index, encoder, tmp_path, rules=Rules(closed=frozenset({"search"})))
    with served(app) as address:

        def search(key: str):
            with OpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0) as client:
                return client.vector_stores.search("default", query=QUERY).data

        assert search(secret)
        with pytest.raises(openai.AuthenticationError) as raised:
            search("wrong")
        assert raised.value.code == "key_invalid"
        with pytest.raises(openai.PermissionDeniedError):
            search(votes)


def test_an_open_server_answers_a_client_that_sends_no_key(built_index, encoder):
    nothing = {"Authorization": openai.Omit()}
    with (
        served(create_app(built_index, encoder)) as address,
        OpenAI(base_url=f"{address}/v1", api_key="-", max_retries=0) as client,
    ):
        assert client.vector_stores.search("default", query=QUERY, extra_headers=nothing).data


def test_internal_sections_are_found_by_nobody_else(built_index, encoder, bot: OpenAI):
    hiding = create_app(built_index, encoder, rules=Rules(hide_internal=True)).test_client()
    body = {"query": "остановите службу", "max_num_results": 50, "ranking_options": {"score_threshold": 0.0}}
    shown = {each["file_id"] for each in hiding.post(PATH, json=body).json["data"]}
    whole = {each.file_id for each in found(bot, "остановите службу", max_num_results=50)}
    assert {each for each in whole if each.startswith("server#")}
    assert not {each for each in shown if each.startswith("server#")}
