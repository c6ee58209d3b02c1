"""BM25 over lemmas: the formula, the fields and their weights, the folder on disk."""

import math
import shutil
import tracemalloc
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.errors import ArtifactError
from indexer.lexical import FIELDS, LexicalIndex, Mask, Scores, WeightedLemmas, field_texts
from indexer.sections import Section

BODY = {"body": 1.0}
Documents = Sequence[Mapping[str, Sequence[str]]]


def bodies(*texts: str) -> list[dict[str, list[str]]]:
    return [{"body": text.split()} for text in texts]


def bm25(documents: Sequence[Sequence[str]], query: Sequence[str], k1: float = 1.5, b: float = 0.75) -> list[float]:
    """Lucene's BM25, written down once more: idf * tf / (tf + k1 * (1 - b + b * dl / avgdl)), summed over the query."""
    average = sum(map(len, documents)) / len(documents)
    scores = []
    for document in documents:
        counts, score = Counter(document), 0.0
        for lemma in query:
            df = sum(lemma in other for other in documents)
            if df:
                idf = math.log(1 + (len(documents) - df + 0.5) / (df + 0.5))
                tf = counts[lemma]
                score += idf * tf / (tf + k1 * (1 - b + b * len(document) / average))
        scores.append(score)
    return scores


# The formula


def test_score_is_the_one_worked_out_by_hand():
    index = LexicalIndex.build(bodies("вход код код", "вход", "чат чат"))
    # «код» stands in 1 of 3 documents, twice in the first, which has 3 lemmas; on average there are 2:
    # idf = ln(1 + (3 - 1 + 0.5) / (1 + 0.5)) = ln(2.666667) = 0.980829
    # tf part = 2 / (2 + 1.5 * (1 - 0.75 + 0.75 * 3 / 2)) = 2 / (2 + 1.5 * 1.375) = 2 / 4.0625 = 0.492308
    assert index.scores(["код"], BODY) == pytest.approx([0.482870, 0, 0], abs=1e-6)
    # «вход» stands in 2 of 3: idf = ln(1 + 1.5 / 2.5) = ln(1.6) = 0.470004, once in each;
    # tf parts: 1 / (1 + 1.5 * 1.375) = 0.326531 and 1 / (1 + 1.5 * (0.25 + 0.75 * 1 / 2)) = 1 / 1.9375 = 0.516129
    assert index.scores(["вход"], BODY) == pytest.approx([0.153471, 0.242583, 0], abs=1e-6)


lemma = st.sampled_from(["вход", "код", "чат", "звонок", "файл", "wi-fi", "1с", "0x80070005"])


@settings(max_examples=50)
@given(st.lists(st.lists(lemma, max_size=12), min_size=1, max_size=8).filter(any), st.lists(lemma, max_size=5))
def test_scores_are_those_of_an_independent_implementation(documents: list[list[str]], query: list[str]):
    index = LexicalIndex.build([{"body": document} for document in documents])
    assert index.scores(query, BODY) == pytest.approx(bm25(documents, query), abs=1e-5)


def test_lemma_that_stands_twice_in_the_query_counts_twice():
    index = LexicalIndex.build(bodies("вход код", "чат"))
    assert index.scores(["код", "код"], BODY) == pytest.approx(2 * index.scores(["код"], BODY))


def test_scores_are_never_negative_even_of_a_lemma_that_stands_everywhere():
    scores = LexicalIndex.build(bodies("вход код", "вход чат", "вход")).scores(["вход"], BODY)
    assert (scores > 0).all()


# Nothing to find


@pytest.mark.parametrize("query", [[], ["неизвестное"], [""], ["вход\n"]])
def test_empty_query_and_unknown_lemmas_give_zeros(query: list[str]):
    scores = LexicalIndex.build(bodies("вход код", "чат")).scores(query, BODY)
    assert scores.dtype == np.float32
    assert scores.tolist() == [0, 0]


def test_unknown_lemma_beside_a_known_one_changes_nothing():
    index = LexicalIndex.build(bodies("вход код", "чат"))
    assert index.scores(["неизвестное", "код"], BODY).tolist() == index.scores(["код"], BODY).tolist()


@pytest.mark.parametrize("documents", [[], [{}], [{"body": []}, {"path": []}]], ids=["none", "no fields", "no lemmas"])
def test_index_of_nothing_finds_nothing(documents: Documents, tmp_path: Path):
    index = LexicalIndex.build(documents)
    assert index.scores(["вход"], BODY).tolist() == [0] * len(documents)
    index.save(tmp_path / "lexical")
    assert len(LexicalIndex.load(tmp_path / "lexical")) == len(documents)


# Fields

DOCUMENTS: Documents = [
    {"path": ["вход"], "heading": ["код"], "body": ["вход", "код", "телефон"]},
    {"path": ["чат"], "keywords": ["вход", "логин"], "body": ["чат"]},
    {"path": ["файл"], "errors": ["0x80070005"], "body": ["файл", "код", "файл"]},
    {},
]


@settings(max_examples=30)
@given(st.lists(st.floats(0, 100), min_size=len(FIELDS), max_size=len(FIELDS)))
def test_scores_are_the_sum_of_the_fields_with_their_weights(weights: list[float]):
    index = LexicalIndex.build(DOCUMENTS)
    query = ["вход", "код", "0x80070005"]
    expected = sum(weight * index.scores(query, {name: 1.0}) for name, weight in zip(FIELDS, weights, strict=True))
    assert index.scores(query, dict(zip(FIELDS, weights, strict=True))) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", FIELDS)
def test_each_field_is_scored_by_its_own_frequencies_and_lengths(name: str):
    documents = [document.get(name, []) for document in DOCUMENTS]
    for query in (["вход"], ["код"], ["файл"], ["0x80070005"]):
        scores = LexicalIndex.build(DOCUMENTS).scores(query, {name: 1.0})
        assert scores == pytest.approx(bm25(documents, query), abs=1e-6)


def test_field_without_a_weight_does_not_count():
    index = LexicalIndex.build(DOCUMENTS)
    assert index.scores(["логин"], {"body": 1.0, "keywords": 0.0}).tolist() == [0, 0, 0, 0]
    assert index.scores(["логин"], {}).tolist() == [0, 0, 0, 0]


def test_vocabulary_holds_the_lemmas_of_all_fields_sorted():
    vocabulary = LexicalIndex.build(DOCUMENTS).vocabulary
    assert list(vocabulary) == ["0x80070005", "вход", "код", "логин", "телефон", "файл", "чат"]


def test_text_of_a_section_is_given_to_its_fields(sections_by_id: dict[str, Section]):
    section = sections_by_id["notifications#missing-ios"]
    assert field_texts(section, ["Ошибка 1", "Ошибка 2"]) == {
        "path": "Уведомления\nНе приходят уведомления",
        "heading": "iPhone: проверить фокусирование",
        "keywords": "пуш\nоповещения\nайфон\nне беспокоить",
        "errors": "Ошибка 1\nОшибка 2",
        "body": section.text,
    }


def test_section_without_headings_has_empty_ones():
    untitled = Section(**dict.fromkeys(Section.__dataclass_fields__, ()) | {"text": "Текст"})
    assert (field_texts(untitled)["path"], field_texts(untitled)["heading"]) == ("", "")
    assert set(field_texts(untitled)) == set(FIELDS)


# What is read


def test_postings_are_those_of_the_lemmas_in_weighted_fields():
    index = LexicalIndex.build(DOCUMENTS)
    assert index.postings(["код"], {"body": 1.0}) == 2
    assert index.postings(["код", "вход", "неизвестное"], {"body": 1.0, "path": 1.0}) == 2 + 2  # body and path of вход
    assert index.postings(["код"], {"body": 0.0}) == 0


def test_field_that_holds_no_lemma_of_the_query_is_not_read(monkeypatch: pytest.MonkeyPatch):
    index = LexicalIndex.build(DOCUMENTS)
    weights = dict.fromkeys(FIELDS, 1.0)
    expected = index.scores(["код"], weights)
    for name in ("path", "keywords", "errors"):
        monkeypatch.setitem(index._fields[name].scores, "data", None)
    assert (index.scores(["код"], weights) == expected).all()


@settings(max_examples=50)
@given(st.lists(st.lists(lemma, max_size=6), min_size=1, max_size=8), st.lists(lemma, max_size=3))
def test_lemmas_of_a_section_and_share_with_lemmas(documents: list[list[str]], wanted: list[str]):
    index = LexicalIndex.build([{"body": found[1:], "heading": found[:1]} for found in documents])
    assert [index.lemmas_of(row) for row in range(len(documents))] == [frozenset(found) for found in documents]
    holding = sum(set(wanted) <= set(found) for found in documents)
    assert index.share_with(wanted) == pytest.approx(holding / len(documents))
    assert index.share_with([*wanted, "неизвестное"]) == 0


# Block by block

# Sections in which few lemmas stand in several fields, so that lists cross blocks and scores tie.
documents_of_fields = st.lists(
    st.dictionaries(st.sampled_from(FIELDS), st.lists(lemma, max_size=4), max_size=3), min_size=1, max_size=24
)
asked_with_shares = st.lists(st.tuples(st.lists(lemma, max_size=5), st.sampled_from([1.0, 0.75, 0.1])), max_size=3)
UNEVEN = dict(zip(FIELDS, (0.0, 0.5, 1.0, 0.3, 1.0), strict=True))


def plainly(index: LexicalIndex, lemmas: Sequence[str], weights: Mapping[str, float]) -> Scores:
    """The scores of all sections at once: field by field, lemma by lemma, each posting added to its section."""
    total = np.zeros(len(index), dtype=np.float32)
    for name in FIELDS:
        scores, rows, starts = index.columns(name)
        own = np.zeros_like(total)
        for number in filter(lambda number: number is not None, map(index.number_of, lemmas)):
            own[rows[starts[number] : starts[number + 1]]] += scores[starts[number] : starts[number + 1]]
        total += own * np.float32(weights.get(name, 0.0))
    return total


def best_plainly(
    index: LexicalIndex, asked: WeightedLemmas, weights: Mapping[str, float], count: int, allowed: Mask | None
) -> list[tuple[int, float]]:
    """Rows and scores by sorting all: the `count` best above zero, and who ties with the last, in order of rows."""
    total = np.zeros(len(index), dtype=np.float32)
    for lemmas, share in asked:
        total += np.float32(share) * plainly(index, lemmas, weights)
    left = np.flatnonzero(total if allowed is None else allowed * total)
    ranked = sorted(total[left].tolist(), reverse=True)
    least = ranked[count - 1] if len(ranked) >= count else 0.0
    return [(row, score) for row, score in zip(left.tolist(), total[left].tolist(), strict=True) if score >= least]


def found_best(
    index: LexicalIndex,
    asked: WeightedLemmas,
    count: int,
    weights: Mapping[str, float] = BODY,
    allowed: Mask | None = None,
) -> list[tuple[int, float]]:
    rows, scores = index.best(asked, weights, count, allowed)
    assert scores.dtype == np.float32
    return list(zip(rows.tolist(), scores.tolist(), strict=True))


@settings(max_examples=100)
@given(documents_of_fields, st.lists(lemma, max_size=6), st.integers(1, 9), st.integers(1, 3))
def test_blocks_of_sections_score_the_same_bits_as_all_at_once(
    documents: Documents, query: list[str], block: int, together: int
):
    index = LexicalIndex.build(documents)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("indexer.lexical._BLOCK", block)
        patch.setattr("indexer.lexical._TOGETHER", together)
        assert index.scores(query, UNEVEN).tobytes() == plainly(index, query, UNEVEN).tobytes()


@settings(max_examples=200)
@given(documents_of_fields, asked_with_shares, st.integers(1, 9), st.integers(1, 12), st.data())
def test_best_of_blocks_are_those_that_sorting_all_gives(
    documents: Documents, asked: WeightedLemmas, block: int, count: int, data: st.DataObject
):
    index = LexicalIndex.build(documents)
    drawn = data.draw(st.none() | st.lists(st.booleans(), min_size=len(documents), max_size=len(documents)))
    allowed = None if drawn is None else np.array(drawn)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("indexer.lexical._BLOCK", block)
        assert found_best(index, asked, count, UNEVEN, allowed) == best_plainly(index, asked, UNEVEN, count, allowed)


@pytest.mark.parametrize("block", [1, 2, 3, 4, 100])
def test_all_that_tie_with_the_last_are_among_the_best_whatever_block_they_stand_in(
    monkeypatch: pytest.MonkeyPatch, block: int
):
    monkeypatch.setattr("indexer.lexical._BLOCK", block)
    index = LexicalIndex.build(bodies("код чат", "чат", "код чат", "вход код", "чат", "код", "чат", "код чат"))
    asked = [(["код"], 1.0)]
    assert [row for row, _ in found_best(index, asked, 1)] == [5]  # the shortest, and it comes late
    assert [row for row, _ in found_best(index, asked, 2)] == [0, 2, 3, 5, 7]
    assert [row for row, _ in found_best(index, asked, 5)] == [0, 2, 3, 5, 7]
    assert [row for row, _ in found_best(index, asked, 6)] == [0, 2, 3, 5, 7]  # nothing without the lemma
    assert found_best(index, [(["неизвестное"], 1.0)], 3) == found_best(index, [], 3) == []


def test_row_that_is_not_allowed_leaves_its_place_among_the_best_to_another(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("indexer.lexical._BLOCK", 2)
    index = LexicalIndex.build(bodies("код", "код чат", "вход", "код чат файл", "чат"))
    asked = [(["код"], 1.0)]
    allowed = np.array([False, True, True, True, True])
    assert [row for row, _ in found_best(index, asked, 1)] == [0]
    assert [row for row, _ in found_best(index, asked, 1, allowed=allowed)] == [1]
    assert [row for row, _ in found_best(index, asked, 9, allowed=allowed)] == [1, 3]
    assert found_best(index, asked, 9, allowed=np.zeros(5, dtype=bool)) == []


def test_index_larger_than_a_block_finds_the_same(tmp_path: Path):
    words = ["вход", "код", "чат", "звонок", "файл"]
    sections = 2 * 65_536 + 11
    documents = [{"body": [words[row % 5], words[row % 3]], "heading": [words[row % 4]]} for row in range(sections)]
    documents[65_536] = {"body": ["пароль", "вход"]}  # the first of the second block
    documents[-1] = {"body": ["пароль", "код"]}
    LexicalIndex.build(documents).save(tmp_path / "lexical")
    index = LexicalIndex.load(tmp_path / "lexical")
    for query in (["пароль"], ["вход", "пароль", "код", "код"], ["файл"]):
        assert index.scores(query, UNEVEN).tobytes() == plainly(index, query, UNEVEN).tobytes()
        asked = [(query, 1.0), (["звонок"], 0.75)]
        assert found_best(index, asked, 100, UNEVEN) == best_plainly(index, asked, UNEVEN, 100, None)


def test_page_of_text_takes_no_copies_of_all_its_postings_at_once():
    index = LexicalIndex.build(bodies(*["код чат"] * 1000))
    tracemalloc.start()
    index.scores(["код", "чат"] * 5000, BODY)  # ten million postings, of 8 bytes each and more
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 5e6


def test_part_takes_rows_in_their_order_alone():
    index = LexicalIndex.build(DOCUMENTS)
    assert len(index.of_rows([])) == 0
    for rows in ([2, 1], [1, 1]):
        with pytest.raises(ValueError, match="sort them"):
            index.of_rows(rows)


# On disk


def saved(folder: Path) -> Path:
    LexicalIndex.build(DOCUMENTS).save(folder / "lexical")
    return folder / "lexical"


def test_save_then_load_scores_the_same(tmp_path: Path):
    index, loaded = LexicalIndex.build(DOCUMENTS), LexicalIndex.load(saved(tmp_path))
    assert list(loaded.vocabulary) == list(index.vocabulary)
    assert len(loaded) == len(index) == 4
    for query in (["вход"], ["код", "файл", "код"], ["0x80070005"], ["неизвестное"], []):
        for name in FIELDS:
            assert loaded.scores(query, {name: 2.0}).tolist() == index.scores(query, {name: 2.0}).tolist()


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-8])


def _swap(folder: Path, one: str, other: str) -> None:
    (folder / one).rename(folder / "aside")
    (folder / other).rename(folder / one)
    (folder / "aside").rename(folder / other)


@pytest.mark.parametrize(
    "damage",
    [
        shutil.rmtree,
        lambda folder: (folder / "fields.json").unlink(),
        lambda folder: (folder / "fields.json").write_text("{"),
        lambda folder: (folder / "fields.json").write_text("{}"),
        lambda folder: (folder / "fields.json").write_text('{"sections": 3, "fields": ["body"]}'),
        lambda folder: (folder / "fields.json").write_text('{"sections": 4, "fields": ["other"]}'),
        lambda folder: shutil.rmtree(folder / "body"),
        lambda folder: (folder / "body" / "data.csc.index.npy").unlink(),
        lambda folder: (folder / "body" / "data.csc.index.npy").write_bytes(b""),
        lambda folder: (folder / "body" / "data.csc.index.npy").write_bytes(b"\x93NUMPY"),
        lambda folder: _truncate(folder / "body" / "indices.csc.index.npy"),
        lambda folder: _truncate(folder / "body" / "indptr.csc.index.npy"),
        lambda folder: (folder / "body" / "params.index.json").write_text("[]"),
        lambda folder: (folder.parent / "vocabulary").unlink(),
        lambda folder: (folder.parent / "vocabulary").write_bytes(b"\xff"),
        lambda folder: (folder.parent / "vocabulary").open("a").write("лишнее\n"),
        lambda folder: _swap(folder.parent, "vocabulary", "other"),
    ],
    ids=[
        "no folder",
        "no fields.json",
        "fields.json not JSON",
        "fields.json without fields",
        "other number of sections",
        "unknown field",
        "no folder of a field",
        "no data",
        "empty data",
        "data of a head alone",
        "indices cut short",
        "offsets cut short",
        "parameters of another kind",
        "no vocabulary",
        "vocabulary not UTF-8",
        "vocabulary too long",
        "another vocabulary",
    ],
)
def test_damaged_folder_is_refused(tmp_path: Path, damage: Callable[[Path], object]):
    folder = saved(tmp_path)
    (tmp_path / "other").write_text("вход\n")
    damage(folder)
    with pytest.raises(ArtifactError, match="rebuild the index") as raised:
        LexicalIndex.load(folder)
    assert str(raised.value).startswith(f"{folder}: ")
