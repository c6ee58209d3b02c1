"""With `hide_internal` nothing of internal sections reaches a caller without the scope: ids, titles, texts, words."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from helpers import FRONT_MATTER, HashEncoder, build_index, write_corpus

from indexer import artifact as artifacts
from indexer import vectors
from indexer.artifact import Artifact
from server.access import Rules
from server.app import create_app
from server.internal import internal_ids, without_internal
from server.keys import KeyFile
from server.live import Serving
from server.search import Searcher

OPEN = FRONT_MATTER.replace("---\n", "---\nrelated: [depot, open-house#lamp]\nfeatured: [cellar, lamp]\n", 1)
ADMINS = FRONT_MATTER.replace("---\n", "---\naudiences: [admin]\naliases: [depot-before]\n", 1).replace(
    "Проба", "Глимпусация склада"
)
MARKED = FRONT_MATTER.replace("---\n", "---\ninternal: true\n", 1).replace("Проба", "Хрюмзельная опись")

# An open article with hidden sections of each kind, one for administrators, one that is marked.
ARTICLES = {
    "open-house": OPEN
    + """
Общее введение для всех читателей. Подробности [в описи](ledger.md) и [в подвале](#cellar).

## Как включить лампу {#lamp}
{related=depot#boiler,#rooms}

1. Нажмите выключатель.
2. Подождите минуту.

## Брындозавр в подвале {#cellar}
{audience=admin alias=cellar-before}

1. Откройте мрыкающий люк.
2. Запишите показания «Ошибка шмурдяка запрещена».

### Пользователю о подвале {#cellar-user}
{audience=user}

Пользователь видит тут кувырдозу.

## Комнаты {#rooms}

### Кухня {#kitchen}
{platform=web}

На кухне горит лампа.

### Фырчальня начальника {#boss}
{internal=true platform=web}

В ней лежит дрюмкодав.

## Погреба {#vaults}

### Пыхтельный погреб {#puff}
{audience=admin}

Там живёт зыбрунчик.
""",
    "depot": ADMINS
    + """
Склад хранит вурдыльники.

## Починить буруздячный котёл {#boiler}

1. Отвинтите жмякольную гайку.

## Для пользователя склада {#for-user}
{audience=user}

Пользователю выдают чебурдосню.
""",
    "ledger": MARKED
    + """
Опись ведёт ключница.

## Где лежит пендюрная книга {#book}

Книга лежит за кряпсовым шкафом.
""",
}
ERRORS = """
[[error]]
text = "код ZQ-7341 шлямба"
section = "open-house#cellar"
distinctive = true
"""
QUESTIONS = (
    '{"text": "куда делся люк внизу", "sections": ["open-house#cellar"]}\n'
    '{"text": "лампа не горит", "sections": ["open-house#lamp", "depot#boiler"]}\n'
)

HIDDEN = (
    *("open-house#cellar", "open-house#cellar-user", "open-house#boss", "open-house#vaults", "open-house#puff"),
    *("depot#top", "depot#boiler", "depot#for-user", "ledger#top", "ledger#book"),
)
VISIBLE = ("open-house#top", "open-house#lamp", "open-house#rooms", "open-house#kitchen")
# Words that stand in hidden sections alone, and the ends of their addresses.
WORDS = (
    *("глимпусация", "хрюмзельная", "брындозавр", "мрыкающий", "шмурдяка", "кувырдозу", "фырчальня", "дрюмкодав"),
    *("пыхтельный", "зыбрунчик", "вурдыльники", "буруздячный", "жмякольную", "чебурдосню", "ключница", "пендюрная"),
    *("кряпсовым", "шлямба", "zq-7341"),
)
ADDRESSES = ("#cellar", "cellar-user", "#boss", "#vaults", "#puff", "depot", "ledger", "cellar-before")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("internal")
    corpus = write_corpus(folder / "corpus", ARTICLES, errors=ERRORS)
    (corpus / "questions.jsonl").write_text(QUESTIONS, encoding="utf-8")
    build_index(corpus, folder / "index")
    return folder / "index"


@pytest.fixture(scope="module")
def loaded(index: Path) -> Artifact:
    return artifacts.load(index)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "data"


@pytest.fixture(scope="module")
def app(index: Path, encoder: HashEncoder, folder: Path) -> Flask:
    return create_app(index, encoder, folder, rules=Rules(hide_internal=True))


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(scope="module")
def agent(folder: Path) -> dict[str, str]:
    return {"X-API-Key": KeyFile(folder).add("agent", ["agent"]).secret}


def told(client: FlaskClient, query: str, headers: dict[str, str] | None = None) -> Iterator[tuple[str, str]]:
    """What every route says to a query, without the query itself."""
    everything = {"query": query, "limit": 50, "per_article": 50, "abstain": False, "explain": True}
    asks = [
        ("/v1/search", {"json": {"query": query}}),
        *(("/v1/search", {"json": everything | {"mode": mode}}) for mode in ("hybrid", "lexical", "semantic")),
        ("/v1/search", {"json": everything | {"filters": {"audience": ["admin"]}}}),
        ("/v1/answer", {"json": {"query": query}}),
        ("/v1/answer", {"json": {"query": query, "audience": "admin", "tried": ["0"]}}),
        ("/", {"data": {"q": query + "\n"}}),
        ("/agent", {"data": {"text": query}}),
        ("/agent", {"data": {"text": query, "audience": "admin"}}),
    ]
    for path, sent in asks:
        yield path, client.post(path, **sent, headers=headers).text
    for path in ("/v1/search", "/", "/v1/suggest"):
        yield path, client.get(path, query_string={"q": query}, headers=headers).text


def words_told(text: str, query: str) -> set[str]:
    """The hidden words and addresses in a reply beside those of the query, which it repeats."""
    low = text.lower()
    return {word for word in (*WORDS, *ADDRESSES) if word in low and word not in query.lower()}


def slipped(word: str) -> str:
    return word[:3] + word[4:]


def test_what_is_internal_is_what_is_marked_or_for_administrators_and_all_below(loaded: Artifact):
    # «Погреба» is for everybody, but has nothing to say than the name of its one part: it goes with that.
    assert internal_ids(loaded) == set(HIDDEN) - {"open-house#vaults"}
    assert {section.section_id for section in without_internal(loaded).sections} == set(VISIBLE)
    assert len(loaded.sections) == len(HIDDEN) + len(VISIBLE)


QUERIES = (
    *WORDS,
    *map(slipped, WORDS),
    *(f"как {word} не работает" for word in WORDS[::3]),
    *("куда делся люк внизу", "лампа не горит", "Ошибка шмурдяка запрещена", "код ZQ-7341 шлямба"),
    *("открыть люк", "подвал", "склад", "опись", "комнаты", "погреба", "начальник", "кухня", "гайка", "о", "п"),
    *HIDDEN,
)


def test_no_query_makes_any_route_tell_of_internal_sections(client: FlaskClient, agent: dict[str, str]):
    seen = set()
    for query in QUERIES:
        # First who may: what is kept of those replies must not be given to who may not.
        for _, text in told(client, query, agent):
            seen |= words_told(text, query)
        for path, text in told(client, query):
            assert words_told(text, query) == set(), (query, path)
    assert seen >= set(WORDS) - {"zq-7341", "шлямба"}  # the very same queries do find them for an agent


def test_lists_pages_and_articles_do_not_tell_of_them(client: FlaskClient, agent: dict[str, str]):
    for path in ("/", "/v1/articles", "/v1/articles/open-house", "/articles/open-house", "/agent", "/nothing"):
        assert words_told(client.get(path).text, "") == set(), path
        assert path in ("/agent", "/nothing") or words_told(client.get(path, headers=agent).text, ""), path


@pytest.mark.parametrize("section_id", [*HIDDEN, "open-house#cellar-before"])
def test_a_hidden_section_is_as_unknown_as_one_that_never_was(client: FlaskClient, agent, section_id: str):
    asked = {"query_string": {"id": section_id}}
    unknown = client.get("/v1/sections", query_string={"id": "open-house#nothing"})
    response = client.get("/v1/sections", **asked)
    assert (response.status_code, response.json) == (unknown.status_code, unknown.json)
    assert client.get("/v1/sections", **asked, headers=agent).status_code in (200, 301)
    vote = {"query_id": "0", "section_id": section_id, "outcome": "solved"}
    assert client.post("/v1/feedback", json=vote).json["error"]["code"] == "section_not_found"
    judged = client.post("/agent/judgments", data={"text": "люк", "fits": section_id})
    assert judged.status_code == 404


@pytest.mark.parametrize("article_id", ["depot", "ledger", "depot-before"])
@pytest.mark.parametrize("root", ["/articles", "/v1/articles"])
def test_a_hidden_article_is_as_unknown_as_one_that_never_was(client: FlaskClient, agent, root: str, article_id: str):
    response, unknown = client.get(f"{root}/{article_id}"), client.get(f"{root}/nothing")
    assert (response.status_code, response.text) == (404, unknown.text)
    assert client.get(f"{root}/{article_id}", headers=agent).status_code in (200, 301)


def test_a_list_of_parts_keeps_those_that_can_be_seen(client: FlaskClient):
    sections = {each["section_id"]: each for each in client.get("/v1/articles/open-house").json["sections"]}
    assert sections["open-house#rooms"]["text"] == "• Кухня"
    assert "<li>Кухня</li>" in client.get("/articles/open-house").text


def test_links_to_what_is_hidden_lose_their_address_and_keep_their_words(client: FlaskClient):
    assert "Подробности в описи и в подвале." in client.get("/articles/open-house").text


@pytest.mark.parametrize("scope", ["search", "feedback"])
def test_a_key_for_something_else_sees_no_more(client: FlaskClient, folder: Path, scope: str):
    headers = {"X-API-Key": KeyFile(folder).add(scope, [scope]).secret}
    assert client.get("/v1/sections?id=depot%23boiler", headers=headers).status_code == 404


def test_a_key_of_whoever_runs_the_server_sees_them(client: FlaskClient, folder: Path):
    headers = {"X-API-Key": KeyFile(folder).add("admin", ["admin"]).secret}
    assert client.get("/v1/sections?id=depot%23boiler", headers=headers).status_code == 200


def test_a_place_that_a_hidden_section_leaves_is_taken_by_the_next(client: FlaskClient):
    asked = {"query": "починить буруздячный котёл лампа", "limit": 3, "per_article": 50, "abstain": False}
    hits = client.post("/v1/search", json=asked).json["hits"]
    assert [hit["rank"] for hit in hits] == [1, 2, 3]


def test_a_query_whose_only_answer_is_hidden_is_no_known_question(loaded: Artifact, encoder: HashEncoder):
    shown = Serving.of(loaded, encoder, hide_internal=True).seen_by(sees_internal=False).searcher
    assert shown.artifact.questions.questions[0].sections == ()
    assert shown.asked.sides.tolist() == [-1.0, 1.0]


def test_an_error_that_a_hidden_section_explains_is_no_known_error(client: FlaskClient, agent: dict[str, str]):
    asked = {"query_string": {"q": "код ZQ-7341 шлямба"}}
    assert client.get("/v1/search", **asked, headers=agent).json["interpretation"]["kind"] == "error"
    assert client.get("/v1/search", **asked).json["interpretation"]["kind"] == "keywords"


def test_without_the_rule_everybody_sees_everything(index: Path, encoder: HashEncoder):
    client = create_app(index, encoder).test_client()
    assert client.get("/v1/sections?id=depot%23boiler").status_code == 200
    assert [each["article_id"] for each in client.get("/v1/articles").json["articles"]] == sorted(ARTICLES)


def test_a_help_without_internal_sections_is_served_once(index: Path, loaded: Artifact, encoder: HashEncoder):
    shown = without_internal(loaded)
    assert without_internal(shown) is shown
    assert Serving.of(shown, encoder, hide_internal=True).restricted is None


def test_the_next_generation_is_hidden_as_well(tmp_path: Path, encoder: HashEncoder):
    corpus = write_corpus(tmp_path / "corpus", ARTICLES, errors=ERRORS)
    build_index(corpus, tmp_path / "index")
    client = create_app(tmp_path / "index", encoder, rules=Rules(hide_internal=True)).test_client()
    (corpus / "articles" / "ledger.md").write_text(ARTICLES["ledger"].replace("ключница", "ключница и писарь"), "utf-8")
    build_index(corpus, tmp_path / "index")
    assert client.post("/admin/index/reload").json["changed"]
    assert client.get("/v1/articles/ledger").status_code == 404
    assert client.get("/v1/articles/open-house").status_code == 200


# The two halves


def test_sections_that_stay_keep_their_scores(loaded: Artifact):
    shown = without_internal(loaded)
    rows = [row for row, section in enumerate(loaded.sections) if section.section_id in VISIBLE]
    weights = Searcher(loaded, HashEncoder()).ranking.fields
    for lemmas in (["лампа"], ["кухня", "гореть"], ["котёл"], ["ничто"]):
        whole = loaded.lexical.scores(lemmas, weights)
        assert np.array_equal(shown.lexical.scores(lemmas, weights), whole[rows])
    assert len(shown.lexical) == len(shown.vectors) == len(shown.sections) == len(rows)
    assert "дрюмкодав" not in shown.lexical.vocabulary
    assert not set(shown.words.corpus) & set(WORDS)
    for row in range(len(rows)):
        assert shown.lexical.lemmas_of(row) == loaded.lexical.lemmas_of(rows[row])


@pytest.mark.parametrize("flat_up_to", [10_000, 50])
def test_vectors_of_some_sections_are_searched_as_with_a_mask(monkeypatch: pytest.MonkeyPatch, flat_up_to: int):
    monkeypatch.setattr(vectors, "FLAT_UP_TO", flat_up_to)
    random = np.random.default_rng(7)
    made = random.normal(size=(600, 16)).astype(np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    of_sections = np.repeat(np.arange(300), 2)  # two windows each
    index = vectors.VectorIndex.build(made, of_sections.tolist(), [str(each) for each in range(600)])
    rows = sorted(random.choice(300, 200, replace=False).tolist())
    part = index.of_rows(rows)
    allowed = np.isin(np.arange(300), rows)
    assert (len(part), part.kind) == (200, index.kind)
    for query in made[:20]:
        masked = [(rows.index(row), score) for row, score in index.search(query, 10, allowed)]
        assert part.search(query, 10) == masked
    some = np.arange(200) % 2 == 0
    assert all(row % 2 == 0 for row, _ in part.search(made[0], 10, some))
    for row in (0, 57, 199):
        assert np.array_equal(part.vector(row), index.vector(rows[row]))
        assert row not in [each for each, _ in part.neighbours(row, 5)]


def test_suggestions_for_every_beginning_of_a_hidden_word_are_silent(client: FlaskClient):
    for word in WORDS:
        for length in range(1, len(word)):
            text = client.get("/v1/suggest", query_string={"q": word[:length]}).text
            assert words_told(text, word[:length]) == set()
            assert re.search(re.escape(word), text.lower()) is None
