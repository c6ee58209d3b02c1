"""One suite for both stores: the index's own files, and a Milvus (Milvus Lite in a file) with the same sections."""

import dataclasses
import functools
import logging
import random
import re
import threading
from pathlib import Path

import numpy as np
import pytest
from helpers import CORPUS, FRONT_MATTER, HashEncoder, build_index, write_corpus

from indexer import artifact as artifacts
from indexer import build as build_module
from indexer import generations, models
from indexer.__main__ import main as indexer_main
from indexer.errors import ArtifactError, StoreError
from indexer.lexical import FIELDS
from indexer.stores import milvus as milvus_module
from indexer.stores import options as store_options
from indexer.stores.local import LocalStore
from indexer.stores.milvus import MilvusStores, Place, check_uri
from indexer.stores.store import Filters
from server import guard as guards
from server.__main__ import _serve_parser
from server.__main__ import main as server_main
from server.access import Rules
from server.app import create_app
from server.ranking import read_ranking
from server.search import Searcher
from server.settings import Settings

WORDS = ["пароль", "чат", "звонок", "файл", "код", "вход", "экран", "телефон", "список", "папка", "ключ", "архив"]
PLATFORMS = [(), ("ios",), ("android", "ios"), ("web",)]
QUOTED = 'начало" or row >= 0 or topic == "'
FILTERS = [
    Filters(),
    Filters(platform=("ios",)),
    Filters(platform=("ios", "server"), audience=("user",)),
    Filters(topic=("start",)),
    Filters(platform=("web",), topic=("end", "start")),
    Filters(platform=("toaster",)),
    Filters(topic=("nothing",)),
    Filters(topic=(QUOTED,)),
    Filters(rows=frozenset(range(0, 40, 3))),
    Filters(platform=("ios",), rows=frozenset({1, 2, 5})),
    Filters(rows=frozenset()),
]
WEIGHTS = read_ranking().fields
QUERY = "Не приходят уведомления на телефоне"
SOME = 7  # asked for, so that there are more


def article(number: int, drawn: random.Random) -> str:
    """Sections with words in other numbers, some of several windows, some the same as others."""
    parts = [FRONT_MATTER.replace("topic: start", f"topic: {'start' if number % 3 else 'end'}")]
    for place in range(10):
        platforms = ",".join(drawn.choice(PLATFORMS))
        audience = drawn.choice(["", "user", "admin"])
        marks = f"{{{f'platform={platforms} ' * bool(platforms)}{f'audience={audience}' * bool(audience)}}}\n"
        length = 300 if place == 3 else 12
        text = " ".join(drawn.choices(WORDS, k=length)) if place % 5 else "Пароль и телефон."
        parts.append(f"\n## Раздел {drawn.choice(WORDS)} {{#part-{place}}}\n{marks * (len(marks) > 3)}\n{text}\n")
    return "".join(parts)


@pytest.fixture(scope="module")
def large_index(tmp_path_factory):
    """An index of more sections than a half gives candidates."""
    drawn = random.Random(20261128)
    folder = tmp_path_factory.mktemp("large")
    topics = '[[topic]]\nid = "start"\ntitle = "Начало"\n[[topic]]\nid = "end"\ntitle = "Конец"\n'
    corpus = write_corpus(folder / "corpus", {f"a{n:02}": article(n, drawn) for n in range(14)}, topics=topics)
    build_index(corpus, folder / "index")
    return folder / "index"


@pytest.fixture(scope="module")
def large(large_index):
    return artifacts.load(large_index)


@pytest.fixture(scope="module")
def stores(tmp_path_factory, built_index, large_index):
    """A Milvus with two generations."""
    made = MilvusStores(Place(str(tmp_path_factory.mktemp("milvus") / "milvus.db")))
    for index in (built_index, large_index):
        made.write(index, artifacts.current(index).name)
    yield made
    made.close()


@pytest.fixture(scope="module", params=["local", "milvus"])
def store(request, stores, large):
    return LocalStore.of(large) if request.param == "local" else stores.open(large)


def queries():
    drawn = random.Random(11)
    return [drawn.choices([*WORDS, "раздел", "неизвестность"], k=drawn.randint(1, 5)) for _ in range(30)]


def let_through(large, filters):
    """The rows that filters let through, by their definition alone."""
    topics = {head.article_id: head.topic for head in large.articles}
    for row, section in enumerate(large.sections):
        wanted = [(section.platforms, filters.platform), (section.audiences, filters.audience)]
        if filters.rows is not None and row not in filters.rows:
            continue
        if all(not has or not asked or set(has) & set(asked) for has, asked in wanted) and (
            not filters.topic or topics[section.article_id] in filters.topic
        ):
            yield row


# Both stores


def test_the_large_index_has_what_is_to_be_told_apart(large):
    assert len(large.sections) > 100
    assert large.vectors.windows > len(large.sections)
    assert {section.platforms for section in large.sections} == set(PLATFORMS)


@pytest.mark.parametrize("filters", FILTERS, ids=str)
def test_words_find_the_best_by_bm25_and_all_that_tie_with_the_last(store, large, filters):
    allowed = list(let_through(large, filters))
    for lemmas in queries():
        found = store.lexical([(lemmas, 1.0)], WEIGHTS, SOME, filters)
        scores = large.lexical.scores(lemmas, WEIGHTS)
        best = sorted((float(scores[row]) for row in allowed if scores[row] > 0), reverse=True)
        least = best[min(SOME, len(best)) - 1] if best else 0
        expected = {row for row in allowed if scores[row] > 0 and scores[row] >= least * (1 - 1e-6)}
        assert found.keys() == expected
        assert found == {row: pytest.approx(float(scores[row]), rel=1e-5) for row in expected}


@pytest.mark.parametrize("filters", FILTERS, ids=str)
def test_the_own_store_finds_the_same_in_blocks_of_sections_as_in_all_at_once(large, filters, monkeypatch):
    local = LocalStore.of(large)
    asked = [[(lemmas, 1.0), (["архив", "ключ"], 0.75)] for lemmas in queries()]
    at_once = [list(local.lexical(each, WEIGHTS, SOME, filters).items()) for each in asked]
    monkeypatch.setattr("indexer.lexical._BLOCK", 16)
    assert [list(local.lexical(each, WEIGHTS, SOME, filters).items()) for each in asked] == at_once


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_counts_by_its_weight_at_query_time(store, large, field):
    lemmas = ["пароль", "раздел"]
    found = store.lexical([(lemmas, 1.0)], {field: 0.3}, 1000, Filters())
    scores = 0.3 * large.lexical.scores(lemmas, {field: 1.0})
    assert found == {row: pytest.approx(float(scores[row]), rel=1e-5) for row in np.flatnonzero(scores)}


def test_what_finds_the_same_as_a_word_counts_less_and_a_word_twice_counts_twice(store, large):
    found = store.lexical([(["пароль", "чат", "чат"], 1.0), (["звонок", "чат"], 0.75)], WEIGHTS, 1000, Filters())
    parts = {lemma: large.lexical.scores([lemma], WEIGHTS) for lemma in ("пароль", "чат", "звонок")}
    scores = parts["пароль"] + 2.75 * parts["чат"] + 0.75 * parts["звонок"]
    assert found == {row: pytest.approx(float(scores[row]), rel=1e-5) for row in np.flatnonzero(scores)}


@pytest.mark.parametrize("lemmas", [[], [([], 1.0)], [(["неизвестность"], 1.0)], [(["пароль"], 0.0)]], ids=str)
def test_a_query_without_known_words_finds_nothing(store, lemmas):
    assert store.lexical(lemmas, WEIGHTS, SOME, Filters()) == {}
    assert store.lexical([(["пароль"], 1.0)], {}, SOME, Filters()) == {}


@pytest.mark.parametrize("filters", FILTERS, ids=str)
def test_meaning_finds_the_sections_with_the_nearest_window(store, large, encoder, filters):
    allowed = list(let_through(large, filters))
    vectors, rows = large.vectors.of_windows()
    for lemmas in queries():
        vector = encoder.encode_query(" ".join(lemmas))
        cosines = {row: float(max(vectors[rows == row] @ vector)) for row in allowed}
        best = sorted(cosines.values(), reverse=True)[:SOME]
        found = store.semantic(vector, SOME, filters)
        assert [cosine for _, cosine in found] == pytest.approx(best, abs=1e-5)
        assert [cosine for _, cosine in found] == pytest.approx([cosines[row] for row, _ in found], abs=1e-5)
        assert len({row for row, _ in found}) == len(found)


def test_a_section_of_many_windows_leaves_room_for_others(store, large):
    longest = max(range(len(large.sections)), key=lambda row: len(large.sections[row].text))
    found = store.semantic(large.vectors.vector(longest), 100, Filters())
    assert found[0] == (longest, pytest.approx(1.0, abs=1e-5))
    assert len({row for row, _ in found}) == 100


def test_all_sections_are_to_be_had_and_none_where_none_is_asked_for(store, large, encoder):
    vector = encoder.encode_query("пароль")
    assert sorted(row for row, _ in store.semantic(vector, 1000, Filters())) == list(range(len(large.sections)))
    assert store.semantic(vector, 0, Filters()) == []


def test_neighbours_are_the_nearest_to_the_first_window_without_itself(store, large):
    for row in (0, 4, 77):
        found = store.neighbours(row, SOME)
        expected = large.vectors.neighbours(row, SOME)
        assert [cosine for _, cosine in found] == pytest.approx([cosine for _, cosine in expected], abs=1e-5)
        assert row not in [each for each, _ in found]


def test_a_part_finds_its_own_sections_alone_with_their_scores(store, large, encoder):
    rows = list(range(1, len(large.sections), 3))
    part = store.of_rows(rows)
    whole = store.lexical([(["пароль", "код"], 1.0)], WEIGHTS, 1000, Filters())
    found = part.lexical([(["пароль", "код"], 1.0)], WEIGHTS, 1000, Filters(platform=("ios",)))
    expected = {
        rows.index(row): whole.get(row) for row in let_through(large, Filters(platform=("ios",))) if row in rows
    }
    assert found == {row: pytest.approx(score, rel=1e-5) for row, score in expected.items() if score}
    vector = encoder.encode_query("пароль")
    near = {row: cosine for row, cosine in store.semantic(vector, 1000, Filters()) if row in rows}
    assert dict(part.semantic(vector, 1000, Filters())) == {
        rows.index(row): pytest.approx(cosine, abs=1e-5) for row, cosine in near.items()
    }
    assert part.neighbours(5, 3)[0][0] != 5
    again = part.of_rows([0, 2])
    assert sorted(row for row, _ in again.semantic(vector, 10, Filters())) == [0, 1]


# Whole rankings


@pytest.mark.parametrize("mode", ["hybrid", "lexical", "semantic"])
@pytest.mark.parametrize("which", ["built_index", "large_index"])
def test_both_stores_give_the_same_rankings_up_to_ties(request, stores, encoder, which, mode):
    loaded = artifacts.load(request.getfixturevalue(which))
    local, remote = Searcher(loaded, encoder), Searcher(loaded, encoder, store=stores.open(loaded))
    asked = [section.headings[-1] for section in loaded.sections[::9]]
    asked += [" ".join(lemmas) for lemmas in queries()[:8]]
    asked += ["не приходят уведомления на айфоне", "0x80070005", "gfhjkm", "???", ""]
    for query in asked:
        for filters in FILTERS[:3]:
            expected = local.search(query, mode=mode, filters=filters, limit=20).hits
            found = remote.search(query, mode=mode, filters=filters, limit=20).hits
            assert [hit.score for hit in found] == pytest.approx([hit.score for hit in expected], abs=1e-4), query
            scores = {hit.section_id: hit.score for hit in expected}
            last = expected[-1].score if expected else 0
            for hit in found:  # in the same places, but for those whose scores are alike
                assert scores.get(hit.section_id, last) == pytest.approx(hit.score, abs=1e-4), query


# Generations in a Milvus


def test_two_generations_lie_side_by_side_and_each_is_searched_alone(stores, artifact, large, encoder):
    small, vector = stores.open(artifact), encoder.encode_query("пароль")
    assert stores.generations() == sorted([artifact.generation, large.generation])
    assert len(small.semantic(vector, 1000, Filters())) == len(artifact.sections)
    assert len(stores.open(large).semantic(vector, 1000, Filters())) == len(large.sections)


def test_alias_is_made_then_moved_and_goes_back(stores, artifact, large):
    for generation in (artifact.generation, large.generation, artifact.generation, artifact.generation):
        stores.switch(generation)
        assert stores.live() == generation
        named = stores.client.describe_alias(alias=stores.place.name)["collection_name"]
        assert named == stores.collection_of(generation)


def test_an_alias_of_another_generation_is_warned_of(stores, artifact, large, caplog):
    stores.switch(large.generation)
    with caplog.at_level(logging.WARNING, "indexer"):
        stores.open(artifact)
    assert f"names the generation {large.generation}, {artifact.generation} is searched" in caplog.text


def test_a_generation_without_a_collection_is_refused_with_what_is_there(stores, artifact, large):
    other = dataclasses.replace(artifact, generation="2026-01-01T00-00-00-000000-00000000")
    with pytest.raises(
        ArtifactError, match="no collection spravka_2026_01_01T00_00_00_000000_00000000; expected"
    ) as at:
        stores.open(other)
    assert large.generation in str(at.value)
    assert "indexer build" in str(at.value)


def test_a_collection_of_another_dimension_or_size_is_refused(stores, artifact, large):
    with pytest.raises(ArtifactError, match=rf"holds \d+ windows; expected {large.vectors.windows}"):
        stores.open(dataclasses.replace(artifact, vectors=large.vectors))
    wide = dataclasses.replace(
        artifact, vectors=type(large.vectors).build(np.eye(96, dtype=np.float32), range(96), ["x"] * 96)
    )
    with pytest.raises(ArtifactError, match="has vectors of 64 numbers; expected 96"):
        stores.open(wide)


def test_a_vector_of_another_dimension_is_told(stores, artifact):
    with pytest.raises(StoreError, match=r"asked with a vector of \(7,\); expected \(64,\)"):
        stores.open(artifact).semantic(np.zeros(7, dtype=np.float32), 5, Filters())


def test_what_a_stopped_build_left_is_refused_and_written_anew(tmp_path, built_index, artifact, monkeypatch):
    stores = MilvusStores(Place(str(tmp_path / "milvus.db")))
    monkeypatch.setattr(milvus_module, "_BATCH", 20)
    insert, written = stores.client.insert, []

    def stopped(*arguments, **options):
        if written:
            raise KeyboardInterrupt
        written.append(insert(*arguments, **options))

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(stores.client, "insert", stopped)
        stores.write(built_index, artifact.generation)
    with pytest.raises(ArtifactError, match="holds 0 windows"):
        stores.open(artifact)
    stores.write(built_index, artifact.generation)
    assert stores.open(artifact).lexical([(["уведомление"], 1.0)], WEIGHTS, 5, Filters())
    stores.close()


def test_many_windows_are_searched_by_a_graph(tmp_path, large_index, large, encoder, monkeypatch):
    monkeypatch.setattr(milvus_module, "FLAT_UP_TO", 10)
    stores = MilvusStores(Place(str(tmp_path / "milvus.db")))
    stores.write(large_index, large.generation)
    store, vector = stores.open(large), encoder.encode_query("пароль и телефон")
    (made,) = stores.client.list_indexes(stores.collection_of(large.generation), "vector")
    assert stores.client.describe_index(stores.collection_of(large.generation), made)["index_type"] == "HNSW"
    exact = [cosine for _, cosine in large.vectors.search(vector, 20)]
    assert [cosine for _, cosine in store.semantic(vector, 20, Filters())] == pytest.approx(exact, abs=1e-5)
    stores.close()


# The commands


@pytest.fixture
def hash_model(monkeypatch):
    """Lets the commands use HashEncoder in place of any model."""
    encoder = HashEncoder()
    model = models.Model(encoder.name, Path("/nowhere"), encoder.fingerprint)
    monkeypatch.setattr(models, "resolve", lambda name, say: model)
    monkeypatch.setattr("indexer.opening.open_encoder", lambda loaded: encoder)
    built = functools.partial(build_module.build, open_encoder=lambda model: encoder)
    monkeypatch.setattr(build_module, "build", built)


def test_build_promote_rollback_and_gc_keep_collections_and_alias_with_the_generations(
    tmp_path, hash_model, monkeypatch, capsys
):
    index, uri = tmp_path / "index", str(tmp_path / "milvus.db")
    stores = MilvusStores(Place(uri))

    def run(*arguments):
        at = ["--out" if arguments[0] == "build" else "--index", str(index)]
        assert indexer_main([*arguments, *at, "--store", "milvus", "--milvus-uri", uri]) == 0
        return capsys.readouterr().out

    run("build", str(CORPUS))
    first = generations.live(index)
    assert (stores.live(), stores.generations()) == (first, [first])
    run("build", str(CORPUS), "--force", "--no-promote")
    second = artifacts.list_generations(index)[-1]
    assert (stores.live(), stores.generations()) == (first, [first, second])
    assert run("promote", second) == f"{second} is current; before it: {first}\n"
    assert (stores.live(), generations.live(index)) == (second, second)
    assert run("rollback") == f"{first} is current again; before it: {second}\n"
    assert (stores.live(), generations.live(index)) == (first, first)
    # An index that was built without is written when it is asked for; others of that Milvus are left alone.
    stores.client.create_collection("spravka_other", dimension=4)
    stores.client.drop_alias("spravka")
    stores.client.drop_collection(stores.collection_of(first))
    assert "up to date" in run("build", str(CORPUS))
    assert (stores.live(), stores.generations()) == (first, [first, second])
    run("build", str(CORPUS), "--force")
    third = generations.live(index)
    assert stores.live() == third
    assert stores.generations() == artifacts.list_generations(index)
    assert run("gc", "--keep", "0").splitlines()[:2] == [f"removed {second}", f"dropped the collection of {second}"]
    assert stores.generations() == [first, third]
    assert "spravka_other" in stores.client.list_collections()
    stores.close()


def test_an_alias_that_cannot_be_switched_leaves_the_live_generation_live(index_copy, encoder):
    build_index(CORPUS, index_copy, encoder=encoder, force=True)
    first, second = artifacts.list_generations(index_copy)

    def fails(generation):
        raise ArtifactError("no alias")

    with pytest.raises(ArtifactError, match="no alias"):
        generations.rollback(index_copy, lambda folder: None, fails)
    assert generations.live(index_copy) == second
    followed = []
    (index_copy / "current").unlink()
    (index_copy / "current").mkdir()  # a rename cannot replace it
    with pytest.raises(ArtifactError):
        generations.go_live(index_copy, first, "none", followed.append)
    assert followed == [first]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--store", "milvus"], "add --milvus-uri URI"),
        (["--milvus-uri", "http://milvus:19530"], "add --store milvus"),
        (["--store", "milvus", "--milvus-uri", "user:secret"], "expected such as http://milvus:19530"),
        (["--store", "milvus", "--milvus-uri", "a.db", "--milvus-name", "имя"], "expected Latin letters"),
    ],
)
@pytest.mark.parametrize("main", [indexer_main, server_main], ids=["indexer", "server"])
def test_options_that_do_not_go_together_are_refused(capsys, main, arguments, message):
    before = ["gc"] if main is indexer_main else []
    try:
        code = main([*before, *arguments])
    except SystemExit as exit:
        code = exit.code
    said = capsys.readouterr().err
    assert code == 2
    assert message in said
    assert "secret" not in said


@pytest.mark.parametrize("uri", ["http://127.0.0.1:1", "http://root:verysecret@127.0.0.1:1"])
def test_a_milvus_that_cannot_be_reached_is_told_without_its_password(index_copy, capsys, uri):
    assert indexer_main(["gc", "--index", str(index_copy), "--store", "milvus", "--milvus-uri", uri]) == 1
    said = capsys.readouterr().err
    assert said.startswith("Milvus at http://127.0.0.1:1: asked to be reached, it failed")
    assert "see that it runs" in said
    assert "verysecret" not in said


def test_a_token_comes_from_a_file_or_a_variable_and_is_never_shown(tmp_path, monkeypatch, capsys):
    file = tmp_path / "token"
    file.write_text("root:verysecret\n", encoding="utf-8")
    options = _serve_parser().parse_args(["--store", "milvus", "--milvus-uri", "a.db", "--milvus-token", "root:x"])
    assert store_options.stores_of(options).place.token == "root:x"
    assert "root:x" not in repr(options) + repr(store_options.stores_of(options).place)
    shown = {"SPRAVKA_STORE": "milvus", "SPRAVKA_MILVUS_URI": "a.db", "SPRAVKA_MILVUS_TOKEN_FILE": str(file)}
    for name, value in shown.items():
        monkeypatch.setenv(name, value)
    settings = Settings(_serve_parser)
    read = settings.read(settings.parser.parse_args([]), shown)
    assert store_options.stores_of(read.options).place.token == "root:verysecret"
    assert server_main(["config", "show"]) == 0
    assert "verysecret" not in capsys.readouterr().out
    assert store_options._token(None) == "root:verysecret"
    assert store_options._token(file) == "root:verysecret"
    file.write_text("\n", encoding="utf-8")
    with pytest.raises(ArtifactError, match="empty; expected user:password"):
        store_options._token(file)
    with pytest.raises(ArtifactError, match=r"No such file.*mend --milvus-token-file"):
        store_options._token(tmp_path / "nowhere")


@pytest.mark.parametrize("uri", ["http://milvus:19530", "https://a:b@host", "unix:/run/milvus.sock", "/data/m.db"])
def test_addresses_of_a_milvus(uri):
    assert check_uri(uri) == uri


# The server


@pytest.fixture
def app(stores, built_index, artifact, encoder):
    stores.switch(artifact.generation)
    return create_app(built_index, encoder, stores=stores)


def searched(app, **more):
    reply = app.test_client().post("/v1/search", json={"query": QUERY, **more})
    assert reply.status_code == 200
    return reply.json


def scores(reply):
    return [(hit["section_id"], pytest.approx(hit["score"], abs=1e-4)) for hit in reply["hits"]]


def test_server_answers_from_milvus_as_from_files(app, built_index, encoder):
    local = create_app(built_index, encoder)
    assert scores(searched(app)) == scores(searched(local))
    asked = {"query": QUERY}
    found, expected = (each.test_client().post("/v1/answer", json=asked).json for each in (app, local))
    assert found["related"] == expected["related"]
    assert found["related"]


def fails(*arguments, **options):
    raise ConnectionError("gone")


def test_where_milvus_fails_words_of_the_index_answer_and_it_is_said(app, stores, monkeypatch):
    by_words = searched(app, mode="lexical")
    assert by_words["hits"]
    whole = searched(app, limit=9)
    with monkeypatch.context() as patch:
        patch.setattr(stores.client, "search", fails)
        reply = searched(app, limit=10)
        assert reply["degraded"] == "semantic_unavailable"
        assert [hit["section_id"] for hit in reply["hits"]] == [hit["section_id"] for hit in by_words["hits"]]
        same = searched(app, mode="lexical", limit=8)
        assert same["degraded"] is None  # the words of the index find the same
        assert [hit["section_id"] for hit in same["hits"]] == [hit["section_id"] for hit in by_words["hits"]][:8]
        assert searched(app, mode="semantic", limit=10)["degraded"] == "semantic_unavailable"
        assert app.test_client().get("/readyz").json["checks"] == {"index": True, "encoder": False}
    app.extensions["live"].now().searcher.guard._next_try = 0
    again = searched(app, limit=10)
    assert again["degraded"] is None
    assert scores(again)[:9] == scores(whole)


def test_a_milvus_that_hangs_costs_a_few_searches_their_time(app, stores, monkeypatch):
    monkeypatch.setattr(guards, "FAILURES", 2)
    app.extensions["live"].now().searcher.guard._seconds = 0.1
    calls = []
    free = threading.Event()
    monkeypatch.setattr(stores.client, "search", lambda *a, **o: calls.append(1) or free.wait(20) or fails())
    for limit in range(1, 8):
        assert searched(app, limit=limit)["degraded"]
    free.set()
    assert len(calls) == 2


def test_an_answer_without_neighbours_is_given_where_milvus_fails_between(app, stores, monkeypatch):
    monkeypatch.setattr(stores.client, "get", fails)
    reply = app.test_client().post("/v1/answer", json={"query": QUERY})
    assert reply.status_code == 200
    assert reply.json["degraded"] is None


def test_those_who_measure_are_told_what_fails(stores, artifact, encoder, monkeypatch):
    searcher = Searcher(artifact, encoder, store=stores.open(artifact))
    monkeypatch.setattr(stores.client, "search", fails)
    with pytest.raises(StoreError, match=r"a search by lemmas failed \(ConnectionError: gone\); expected an answer"):
        searcher.search("уведомления")


def test_server_refuses_to_start_without_the_collection_and_serves_on_without_the_next(tmp_path, index_copy, encoder):
    stores = MilvusStores(Place(str(tmp_path / "milvus.db")))
    with pytest.raises(ArtifactError, match="no collection"):
        create_app(index_copy, encoder, stores=stores)
    first = artifacts.current(index_copy).name
    stores.write(index_copy, first)
    client = create_app(index_copy, encoder, stores=stores).test_client()
    build_index(CORPUS, index_copy, encoder=encoder, force=True)  # without its collection
    refused = client.post("/admin/index/reload")
    assert refused.status_code == 503
    assert "no collection" in refused.json["error"]["message"]
    assert client.get("/version").json["generation"] == first
    second = artifacts.current(index_copy).name
    stores.write(index_copy, second)
    assert client.post("/admin/index/reload").json["changed"]
    stores.switch(second)
    assert client.post("/admin/index/rollback").status_code == 200
    assert (stores.live(), client.get("/version").json["generation"]) == (first, first)
    stores.close()


def test_hidden_sections_stay_hidden_in_milvus(tmp_path, encoder):
    text = (
        FRONT_MATTER
        + "\n## Лампа {#lamp}\n\nВключите лампу.\n\n## Котёл {#boiler}\n{audience=admin}\n\nКотёл с лампой.\n"
    )
    corpus = write_corpus(tmp_path / "corpus", {"house": text, "other": FRONT_MATTER + "\nДругая лампа.\n"})
    build_index(corpus, tmp_path / "index")
    stores = MilvusStores(Place(str(tmp_path / "milvus.db")))
    stores.write(tmp_path / "index", artifacts.current(tmp_path / "index").name)
    app = create_app(tmp_path / "index", encoder, rules=Rules(hide_internal=True), stores=stores)
    for mode in ("hybrid", "lexical", "semantic"):
        found = searched(app, query="котёл лампа", mode=mode, abstain=False)
        assert found["degraded"] is None
        assert {hit["section_id"] for hit in found["hits"]} == {"house#lamp", "other#top"}
    assert len(app.extensions["live"].now().searcher.search("котёл лампа").hits) == 3
    stores.close()


def test_what_a_caller_asks_for_is_never_written_into_a_filter(stores, large):
    store = stores.open(large)
    assert store._expression(Filters(topic=(QUOTED,))) is None
    said = store._expression(Filters(platform=('ios"]) or true', "ios"), topic=("start", QUOTED)))
    assert said == 'ARRAY_CONTAINS_ANY(platforms, ["*", "ios"]) and topic in ["start"]'


def test_what_was_asked_does_not_get_into_the_log_of_the_client(stores, caplog):
    assert not logging.getLogger("pymilvus").isEnabledFor(logging.ERROR)
    assert re.fullmatch(r"\w+", stores.place.name)
