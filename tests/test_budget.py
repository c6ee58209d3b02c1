"""Texts within a budget: whole steps and sentences, nothing twice, nothing lost."""

import base64
import json
import re

import pytest
from flask.testing import FlaskClient
from helpers import HashEncoder, build_index, write_corpus
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.artifact import Artifact
from indexer.sections import Section, Step
from server.app import create_app
from server.fitting import unit_ends

QUERIES = ["не приходят уведомления", "создать чат", "войти код", "удалить", "сервер", "звонок фото"]


@pytest.fixture(scope="module")
def client(built_index, encoder) -> FlaskClient:
    return create_app(built_index, encoder).test_client()


def pages(client: FlaskClient, body: dict, most: int = 500) -> list[dict]:
    found = [client.post("/v1/search", json=body).json]
    while handle := found[-1]["next"]:
        assert len(found) < most
        found.append(client.post("/v1/search", json=body | {"next": handle}).json)
    return found


def cost(texts: list[str]) -> int:
    return sum(HashEncoder().count_tokens(texts))


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


@settings(max_examples=25, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.sampled_from(QUERIES), tokens=st.integers(50, 400), limit=st.integers(1, 20), each=st.integers(1, 4))
def test_all_pages_together_are_the_whole_ranking(client: FlaskClient, query: str, tokens: int, limit: int, each: int):
    body = {"query": query, "limit": limit, "per_article": each, "abstain": False}
    whole = {hit["section_id"]: hit["text"] for hit in client.post("/v1/search", json=body).json["hits"]}
    found = pages(client, body | {"max_tokens": tokens})
    texts: dict[str, str] = {}
    for page in found:
        assert page["hits"]
        assert cost([hit["text"] for hit in page["hits"]]) <= tokens
        for hit in page["hits"]:
            texts[hit["section_id"]] = texts.get(hit["section_id"], "") + hit["text"]
    assert {name: squeezed(text) for name, text in texts.items()} == {
        name: squeezed(text) for name, text in whole.items()
    }
    articles = [name.partition("#")[0] for name in texts]
    first = len(set(articles))
    assert len(set(articles[:first])) == first  # the best section of every article before any second one


def test_texts_end_with_a_step_or_a_sentence(client: FlaskClient, artifact: Artifact):
    sections = {section.section_id: section for section in artifact.sections}
    for page in pages(client, {"query": "не приходят уведомления", "abstain": False, "limit": 20, "max_tokens": 60}):
        for hit in page["hits"]:
            section = sections[hit["section_id"]]
            text = section.text or section.headings[-1]
            stop = text.index(hit["text"]) + len(hit["text"])
            assert stop in [len(text[:end].rstrip()) for end in unit_ends(text, section)]


def section(text: str, *steps: Step) -> Section:
    return Section("a#b", "a", "b", 2, ("А", "Б"), text, "", steps, (), (), (), (), ())


def units(text: str, *steps: Step) -> list[str]:
    ends = unit_ends(text, section(text, *steps))
    return [text[start:stop].strip() for start, stop in zip([0, *ends], ends, strict=False)]


def test_a_step_is_one_unit_with_all_that_belongs_to_it():
    text = "Сделайте так. Это просто.\n1. Откройте меню. Оно справа.\n• Android: снизу.\n2. Нажмите «Да».\nГотово."
    steps = (Step("Откройте меню. Оно справа.", ("Android: снизу.",)), Step("Нажмите «Да»."))
    assert units(text, *steps) == [
        "Сделайте так.",
        "Это просто.",
        "1. Откройте меню. Оно справа.\n• Android: снизу.",
        "2. Нажмите «Да».",
        "Готово.",
    ]


def test_steps_in_the_same_words_stay_apart_or_whole():
    text = "1. Нажмите «Да». Потом ещё раз.\n2. Нажмите «Да».\n3. Нажмите «Нет»."
    steps = (Step("Нажмите «Да». Потом ещё раз."), Step("Нажмите «Да»."), Step("Нажмите «Нет»."))
    assert units(text, *steps)[-1] == "3. Нажмите «Нет»."
    assert "".join(map(squeezed, units(text, *steps))) == squeezed(text)


def test_numbers_that_are_no_steps_are_sentences():
    assert units("Версия 3.5. Она новая.\n1. Пункт. Второй.") == [
        "Версия 3.5.",
        "Она новая.",
        "1. Пункт.",
        "Второй.",
    ]


@settings(max_examples=200, derandomize=True)
@given(text=st.text("аб. \n1•«»?-", max_size=60))
def test_units_are_all_of_any_text(text: str):
    ends = unit_ends(text, section(text))
    assert ends == sorted(set(ends))
    assert not text[ends[-1] if ends else 0 :].strip()
    assert all(stop == len(text) or text[stop].isspace() for stop in ends)


def test_a_step_that_costs_more_than_a_page_is_cut_finer_rather_than_lost(tmp_path):
    long = " ".join(f"слово{number}" for number in range(150))
    body = f"## Раздел {{#part}}\n\n1. {long}. Второе предложение шага.\n2. Короткий шаг.\n"
    head = "---\ntitle: Проба\ntopic: start\nupdated: 2026-11-22\n---\n"
    corpus = write_corpus(tmp_path / "corpus", {"one": head + body})
    build_index(corpus, tmp_path / "index")
    client = create_app(tmp_path / "index", HashEncoder()).test_client()
    asked = {"query": "слово7", "abstain": False, "max_tokens": 60}
    found = pages(client, asked)
    assert len(found) > 2
    texts = [hit["text"] for page in found for hit in page["hits"]]
    assert all(cost([hit["text"] for hit in page["hits"]]) <= 60 for page in found)
    assert squeezed("".join(texts)) == squeezed(f"1. {long}. Второе предложение шага. 2. Короткий шаг.")


def test_without_max_tokens_a_reply_is_whole_and_has_no_next(client: FlaskClient):
    plain = client.post("/v1/search", json={"query": "не приходят уведомления", "abstain": False}).json
    roomy = client.post(
        "/v1/search", json={"query": "не приходят уведомления", "abstain": False, "per_article": 1, "max_tokens": 16384}
    ).json
    one = client.post("/v1/search", json={"query": "не приходят уведомления", "abstain": False, "per_article": 1}).json
    assert plain["next"] is None
    assert roomy["next"] is None
    assert roomy["hits"] == one["hits"]


def test_an_explanation_goes_with_every_hit_of_a_page(client: FlaskClient):
    body = {"query": "не приходят уведомления", "abstain": False, "explain": True, "max_tokens": 60}
    for page in pages(client, body):
        assert [each["section_id"] for each in page["explanations"]] == [hit["section_id"] for hit in page["hits"]]


def test_near_misses_are_cut_as_well(client: FlaskClient):
    found = client.post("/v1/search", json={"query": "рецепт борща", "max_tokens": 50}).json
    assert cost([hit["text"] for hit in found["hits"] + found["near_misses"]]) <= 50


BODY = {"query": "не приходят уведомления", "abstain": False, "max_tokens": 60}


def changed(handle: str, place: int, value: object) -> str:
    parts = json.loads(base64.urlsafe_b64decode(handle + "=" * (-len(handle) % 4)))
    parts[place] = value
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("place", "value", "code"),
    [
        (0, "2020-01-01T00-00-00-000000-00000000", "next_expired"),
        (1, "0" * 16, "invalid_value"),
        (2, 10_000, "invalid_value"),
        (2, -1, "invalid_value"),
        (2, "x", "invalid_value"),
        (3, -1, "invalid_value"),
        (3, 10**9, "invalid_value"),
    ],
)
def test_a_handle_that_does_not_fit_is_refused_in_words(client: FlaskClient, place: int, value: object, code: str):
    handle = client.post("/v1/search", json=BODY).json["next"]
    response = client.post("/v1/search", json=BODY | {"next": changed(handle, place, value)})
    assert response.status_code == 422
    assert response.json["error"]["code"] == code
    assert response.json["error"]["field"] == "next"


@pytest.mark.parametrize("handle", ["", "x", "ы", "e30", "W10", "=" * 8, "A" * 300])
def test_what_is_no_handle_is_refused(client: FlaskClient, handle: str):
    response = client.post("/v1/search", json=BODY | {"next": handle})
    assert response.status_code == 422
    assert response.json["error"]["code"] == "invalid_value"


def test_a_handle_goes_with_its_request_and_with_another_budget(client: FlaskClient):
    handle = client.post("/v1/search", json=BODY).json["next"]
    assert client.post("/v1/search", json=BODY | {"next": handle, "limit": 3}).status_code == 422
    assert client.post("/v1/search", json=BODY | {"next": handle, "max_tokens": 200}).status_code == 200


class Moody(HashEncoder):
    fails = False

    def encode_query(self, query):
        if self.fails:
            raise RuntimeError
        return super().encode_query(query)


def test_pages_go_on_in_the_ranking_that_they_began_in(built_index):
    encoder = Moody()
    client = create_app(built_index, encoder).test_client()
    encoder.fails = True
    body = BODY | {"query": "чат уведомления"}
    by_words = client.post("/v1/search", json=body).json
    assert by_words["degraded"] == "semantic_unavailable"
    lexical = client.post("/v1/search", json=body | {"mode": "lexical", "max_tokens": 16384}).json["hits"]
    encoder.fails = False
    texts, handle = [hit["text"] for hit in by_words["hits"]], by_words["next"]
    while handle:
        page = client.post("/v1/search", json=body | {"next": handle}).json
        assert page["degraded"] == "semantic_unavailable"
        texts += [hit["text"] for hit in page["hits"]]
        handle = page["next"]
    assert squeezed("".join(texts)) == squeezed("".join(hit["text"] for hit in lexical))


def test_pages_found_by_meaning_do_not_go_on_without_it(built_index):
    encoder = Moody()
    client = create_app(built_index, encoder).test_client()
    body = BODY | {"query": "чат уведомления звонок"}
    handle = client.post("/v1/search", json=body).json["next"]
    live = client.application.extensions["live"].now().searcher
    encoder.fails = True
    live.encoder._vectors.clear()
    response = client.post("/v1/search", json=body | {"next": handle})
    assert response.status_code == 503
    assert response.json["error"]["code"] == "semantic_unavailable"
