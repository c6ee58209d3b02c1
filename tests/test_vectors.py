"""Sections by cosine: exact against brute force, several windows, masks, lists, the folder on disk."""

from collections.abc import Callable
from pathlib import Path

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.synthetic import neighbours_of
from indexer import vectors as vectors_module
from indexer.encoder import Vectors
from indexer.errors import ArtifactError
from indexer.vectors import VectorIndex


def unit_vectors(count: int, dimension: int = 64, seed: int = 0) -> Vectors:
    drawn = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    unit: Vectors = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return unit


def index_of(vectors: Vectors, rows: list[int] | None = None) -> VectorIndex:
    return VectorIndex.build(vectors, rows or list(range(len(vectors))), [f"hash {i}" for i in range(len(vectors))])


def brute_force(vectors: Vectors, rows: list[int], query: Vectors, count: int) -> list[tuple[int, float]]:
    """The best sections by their best windows; ties in the order of rows."""
    best: dict[int, float] = {}
    for row, vector in zip(rows, vectors, strict=True):
        best[row] = max(best.get(row, -2.0), float(vector @ query))
    return sorted(best.items(), key=lambda pair: (-pair[1], pair[0]))[:count]


def assert_same_ranking(found: list[tuple[int, float]], expected: list[tuple[int, float]]) -> None:
    assert [row for row, _ in found] == [row for row, _ in expected]
    assert [score for _, score in found] == pytest.approx([score for _, score in expected], abs=1e-5)


# Search


@pytest.mark.parametrize("count", [1, 10, 300, 1000])
def test_search_finds_what_brute_force_finds(count: int):
    vectors = unit_vectors(300)
    index = index_of(vectors)
    assert index.kind == "flat"
    for query in unit_vectors(5, seed=1):
        found = index.search(query, count)
        assert_same_ranking(found, brute_force(vectors, list(range(300)), query, count))
        assert len(found) == min(count, 300)


@settings(max_examples=50)
@given(st.lists(st.integers(1, 6), min_size=1, max_size=20), st.integers(1, 25), st.integers(0, 1000))
def test_section_of_several_windows_counts_by_its_best(windows: list[int], count: int, seed: int):
    rows = [row for row, number in enumerate(windows) for _ in range(number)]
    vectors = unit_vectors(len(rows), dimension=8, seed=seed)
    index = index_of(vectors, rows)
    assert (len(index), index.windows) == (len(windows), len(rows))
    query = unit_vectors(1, dimension=8, seed=seed + 1)[0]
    assert_same_ranking(index.search(query, count), brute_force(vectors, rows, query, count))


def test_section_whose_windows_lead_leaves_room_for_others():
    query = np.array([1, 0], dtype=np.float32)
    near, far = [1.0, 0.0], [0.0, 1.0]
    index = index_of(np.array(50 * [near] + [far, far], dtype=np.float32), 50 * [0] + [1, 2])
    assert index.search(query, 3) == [(0, 1.0), (1, 0.0), (2, 0.0)]


def test_ties_come_in_the_order_of_rows_at_the_cut_too():
    vectors = unit_vectors(6, dimension=8)[np.random.default_rng(0).integers(0, 6, size=200)]
    index = index_of(vectors)
    same = [row for row in range(200) if (vectors[row] == vectors[0]).all()]
    assert [row for row, _ in index.search(vectors[0], len(same) - 3)] == same[:-3]


def test_opposite_vector_has_cosine_minus_one():
    vectors = np.array([[1, 0], [-1, 0]], dtype=np.float32)
    assert index_of(vectors).search(vectors[0], 2) == [(0, 1.0), (1, -1.0)]


@pytest.mark.parametrize("count", [0, -1])
def test_nothing_asked_for_is_nothing_found(count: int):
    assert index_of(unit_vectors(3)).search(unit_vectors(1)[0], count) == []


def test_index_of_nothing_finds_nothing():
    index = index_of(np.empty((0, 64), dtype=np.float32))
    assert (len(index), index.windows, index.dimension) == (0, 0, 64)
    assert index.search(unit_vectors(1)[0], 10) == []
    assert index.known_vectors() == {}


# Masks


def masks(sections: int) -> list[np.ndarray]:
    drawn = np.random.default_rng(2)
    return [drawn.random(sections) < share for share in (0.02, 0.5, 1.1)] + [np.arange(sections) == 7]


@pytest.mark.parametrize("flat_up_to", [10_000, 0], ids=["flat", "ivfpq"])
def test_mask_leaves_only_allowed_sections(monkeypatch: pytest.MonkeyPatch, flat_up_to: int):
    monkeypatch.setattr(vectors_module, "FLAT_UP_TO", flat_up_to)
    vectors, rows = unit_vectors(300), [window // 2 for window in range(300)]
    index = index_of(vectors, rows)
    for allowed in masks(150):
        for query in unit_vectors(3, seed=1):
            inside = [window for window in range(300) if allowed[rows[window]]]
            expected = brute_force(vectors[inside], [rows[window] for window in inside], query, 10)
            assert_same_ranking(index.search(query, 10, allowed), expected)


def test_mask_that_allows_nothing_finds_nothing():
    assert index_of(unit_vectors(3)).search(unit_vectors(1)[0], 3, np.zeros(3, dtype=bool)) == []


# Lists


def test_flat_is_chosen_up_to_the_limit_and_lists_above_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(vectors_module, "FLAT_UP_TO", 20)
    assert index_of(unit_vectors(20)).kind == "flat"
    assert index_of(unit_vectors(21)).kind == "ivfpq"


def test_lists_find_nearly_all_that_flat_finds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    vectors, queries = unit_vectors(3000), unit_vectors(100, seed=1)
    flat = index_of(vectors)
    monkeypatch.setattr(vectors_module, "FLAT_UP_TO", 1000)
    index_of(vectors).save(tmp_path / "vectors.faiss")
    lists = VectorIndex.load(tmp_path / "vectors.faiss")  # as the server has it
    assert lists.kind == "ivfpq"
    found = sum(len(dict(flat.search(query, 10)).keys() & dict(lists.search(query, 10))) for query in queries)
    assert found / 1000 >= 0.95


def crowds(count: int, seed: int = 0) -> tuple[Vectors, Vectors]:
    """Vectors that lie in crowds, as texts do, and a hundred others beside them."""
    drawn = np.random.default_rng(seed)
    centres = np.repeat(drawn.normal(size=(40, 64)), 10, axis=0)
    real = (centres + 0.6 * drawn.normal(size=centres.shape)).astype(np.float32)
    real /= np.linalg.norm(real, axis=1, keepdims=True)
    return neighbours_of(real[::2], count), real[1::2][:100]


def recall(index: VectorIndex, vectors: Vectors, queries: Vectors, allowed: np.ndarray | None = None) -> float:
    """Of the first ten by brute force, the share among the first ten of a hundred asked for."""
    cosines = queries @ vectors.T
    if allowed is not None:
        cosines[:, ~allowed] = -1
    best = np.argsort(-cosines, axis=1)[:, :10]
    found = [[row for row, _ in index.search(query, 100, allowed)[:10]] for query in queries]
    return sum(len(set(ours) & set(true)) for ours, true in zip(found, best.tolist(), strict=True)) / best.size


@pytest.fixture(scope="module")
def fifty_thousand() -> tuple[VectorIndex, Vectors, Vectors]:
    vectors, queries = crowds(50_000)
    return index_of(vectors), vectors, queries


def test_lists_find_the_first_ten_and_read_fewer_the_more_there_are(
    monkeypatch: pytest.MonkeyPatch, fifty_thousand: tuple[VectorIndex, Vectors, Vectors]
):
    large, vectors, queries = fifty_thousand
    assert large.kind == "ivfpq"
    monkeypatch.setattr(vectors_module, "FLAT_UP_TO", 1000)
    small = index_of(vectors[:3000])
    read = faiss.cvar.indexIVF_stats
    shares = []
    for index in (small, large):
        read.reset()
        assert recall(index, vectors[: index.windows], queries) >= 0.99
        shares.append(read.ndis / len(queries) / index.windows)
    assert shares[1] < 0.6 < shares[0]  # FAISS counts the codes that are read


@pytest.mark.parametrize("share", [0.5, 0.01], ids=["many allowed", "few allowed"])
def test_mask_over_lists_finds_the_first_ten_of_what_is_allowed(
    fifty_thousand: tuple[VectorIndex, Vectors, Vectors], share: float
):
    index, vectors, queries = fifty_thousand
    allowed = np.random.default_rng(1).random(len(vectors)) < share
    assert recall(index, vectors, queries[:30], allowed) >= (0.99 if share > 0.2 else 1.0)


def test_section_of_many_windows_leaves_room_for_others_in_lists_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(vectors_module, "FLAT_UP_TO", 100)
    vectors = unit_vectors(900)
    rows = 700 * [0] + list(range(1, 201))
    found = index_of(vectors, rows).search(vectors[5], 150)
    assert found[0] == (0, pytest.approx(1.0))
    assert len({row for row, _ in found}) == 150


def test_lists_of_the_same_vectors_is_the_same_file_for_any_number_of_threads(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(vectors_module, "FLAT_UP_TO", 100)
    threads = faiss.omp_get_max_threads()
    try:
        for number in (1, 4):
            faiss.omp_set_num_threads(number)
            index_of(unit_vectors(1500)).save(tmp_path / f"{number}.faiss")
    finally:
        faiss.omp_set_num_threads(threads)
    assert (tmp_path / "1.faiss").read_bytes() == (tmp_path / "4.faiss").read_bytes()


# On disk


@pytest.mark.parametrize("flat_up_to", [10_000, 0], ids=["flat", "ivfpq"])
def test_save_then_load_finds_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, flat_up_to: int):
    monkeypatch.setattr(vectors_module, "FLAT_UP_TO", flat_up_to)
    index = index_of(unit_vectors(60), [window // 3 for window in range(60)])
    index.save(tmp_path / "vectors.faiss")
    loaded = VectorIndex.load(tmp_path / "vectors.faiss")
    assert (loaded.kind, loaded.dimension, len(loaded), loaded.windows) == (index.kind, 64, 20, 60)
    allowed = np.arange(20) % 2 == 0
    for query in unit_vectors(5, seed=1):
        assert loaded.search(query, 5) == index.search(query, 5)
        assert loaded.search(query, 5, allowed) == index.search(query, 5, allowed)


@pytest.mark.parametrize("flat_up_to", [10_000, 0], ids=["flat", "ivfpq"])
def test_loaded_vectors_are_known_by_the_hash_of_their_text(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, flat_up_to: int
):
    monkeypatch.setattr(vectors_module, "FLAT_UP_TO", flat_up_to)
    vectors = unit_vectors(50)
    index_of(vectors).save(tmp_path / "vectors.faiss")
    known = VectorIndex.load(tmp_path / "vectors.faiss").known_vectors()
    assert list(known) == [f"hash {i}" for i in range(50)]
    assert (np.array(list(known.values())) == vectors).all()


def _cut(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"no index at all"),
        lambda path: _cut(path, 20),
        lambda path: _cut(path, 300),
        lambda path: path.with_suffix(".windows.tsv").unlink(),
        lambda path: path.with_suffix(".windows.tsv").write_text("0\n"),
        lambda path: path.with_suffix(".windows.tsv").write_text("null\thash\n"),
        lambda path: path.with_suffix(".windows.tsv").write_bytes(b"\xff"),
        lambda path: _cut(path.with_suffix(".windows.tsv"), 9),
        lambda path: path.with_suffix(".windows.tsv").open("a").write("5\thash\n"),
    ],
    ids=[
        "no file",
        "empty file",
        "another file",
        "head cut short",
        "vectors cut short",
        "no windows",
        "windows without hashes",
        "windows without rows",
        "windows not UTF-8",
        "fewer windows",
        "more windows",
    ],
)
def test_damaged_file_is_refused(tmp_path: Path, damage: Callable[[Path], object]):
    path = tmp_path / "vectors.faiss"
    index_of(unit_vectors(5)).save(path)
    damage(path)
    with pytest.raises(ArtifactError, match="rebuild the index") as raised:
        VectorIndex.load(path)
    assert str(raised.value).startswith(f"{path}: ")


def test_index_of_another_type_is_refused(tmp_path: Path):
    path = tmp_path / "vectors.faiss"
    index_of(unit_vectors(5)).save(path)
    graph = faiss.IndexHNSWFlat(64, 8, faiss.METRIC_INNER_PRODUCT)
    graph.add(unit_vectors(5))
    faiss.write_index(graph, str(path))
    with pytest.raises(ArtifactError, match=r"IndexHNSWFlat.* rebuild the index"):
        VectorIndex.load(path)


def test_neighbours_are_the_nearest_sections_without_the_section_itself():
    vectors = np.array([[1, 0], [0.8, 0.6], [0, 1], [0.6, 0.8]], dtype=np.float32)
    index = VectorIndex.build(vectors, [0, 1, 1, 2], list("abcd"))
    assert [row for row, _ in index.neighbours(0, 5)] == [1, 2]
    assert index.neighbours(2, 1) == [(1, pytest.approx(0.96))]
