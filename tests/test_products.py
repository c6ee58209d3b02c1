"""Products from fewer bytes: near the exact ones, in the same order for all that matters, and told where damaged."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.encoder import Vectors
from indexer.errors import ArtifactError
from indexer.products import Product, write_cosines, write_sums

Write = Callable[[Vectors, Path], None]

BOTH = pytest.mark.parametrize("write", [write_cosines, write_sums])


def drawn(count: int, dimension: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def written(write: Write, matrix: np.ndarray, folder: Path) -> Product:
    write(matrix, folder / "matrix.onnx")
    return Product(folder / "matrix.onnx", "matrix", len(matrix))


def test_cosines_are_near_the_exact_ones(tmp_path: Path):
    vectors = drawn(3000, 384, 1)
    # As a model has them: all in one corner, their cosines from about 0.7 to 1.
    vectors = vectors + 0.1 * np.sign(vectors[0])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    near = written(write_cosines, vectors, tmp_path)
    off = np.array([near.of(vector) - vectors @ vector for vector in vectors[:50]])
    assert off.dtype == np.float32
    assert np.sqrt((off**2).mean()) < 0.001
    assert np.abs(off).max() < 0.006


def test_sums_that_nearly_cancel_are_near_the_exact_ones(tmp_path: Path):
    rng = np.random.default_rng(2)
    # As a kernel model has them: a query is somewhat like all questions and much like a few, and most weights take away
    # from what others give.
    weights = rng.normal(0, 0.06, (150, 6000)).astype(np.float32)
    weights -= weights.mean(axis=1, keepdims=True)
    alike = rng.normal(0.15, 0.04, (40, 6000)).clip(0).astype(np.float32)
    alike[:, :5] += rng.uniform(0.2, 0.8, (40, 5)).astype(np.float32)
    product = written(write_sums, weights, tmp_path)
    exact = alike @ weights.T
    off = np.array([product.of(each) for each in alike]) - exact
    assert off.dtype == np.float32
    assert np.sqrt((off**2).mean()) < 0.02 * exact.std()
    # With a code for what all have in common, too, they would be off by several times as much.
    blocks = weights.reshape(150, -1, 8)
    scales = np.abs(blocks).max(axis=2, keepdims=True) / 127
    finer = (np.round(blocks / scales) * scales).reshape(150, -1)
    assert np.abs(off).mean() < 0.75 * np.abs(alike @ finer.T - exact).mean()


def test_what_every_number_has_in_common_is_multiplied_exactly(tmp_path: Path):
    weights = np.random.default_rng(3).normal(size=(20, 100)).astype(np.float32)
    product = written(write_sums, weights, tmp_path)
    np.testing.assert_allclose(product.of(np.full(100, 7.0, np.float32)), 7 * weights.sum(axis=1), rtol=1e-4, atol=1e-4)


@BOTH
@given(st.integers(1, 5), st.sampled_from((2, 8, 33)), st.integers(0, 1000))
def test_any_number_of_rows_of_any_length_fits(
    tmp_path_factory: pytest.TempPathFactory, write: Write, count: int, dimension: int, seed: int
):
    matrix = drawn(count, dimension, seed)
    found = written(write, matrix, tmp_path_factory.mktemp("near")).of(matrix[0])
    assert found.shape == (count,)
    np.testing.assert_allclose(found, matrix @ matrix[0], atol=0.02)


def test_no_pair_of_products_overflows_16_bits(tmp_path: Path):
    """Processors without VNNI add two products of bytes in 16 bits: whatever the query, they have to fit."""
    import onnx
    from onnx import numpy_helper

    vectors = np.concatenate([drawn(20, 16, 3), np.eye(16, dtype=np.float32), -np.eye(16, dtype=np.float32)])
    written(write_cosines, vectors, tmp_path)
    graph = onnx.load(tmp_path / "matrix.onnx").graph
    codes = next(numpy_helper.to_array(each) for each in graph.initializer if each.name == "codes")
    assert codes.dtype == np.int8
    assert 2 * 255 * np.abs(codes.astype(int)).max() < 2**15


@pytest.mark.parametrize(("write", "most"), [(write_cosines, 0.28), (write_sums, 0.3)])
def test_a_file_has_little_more_than_a_quarter_of_the_bytes(tmp_path: Path, write: Write, most: float):
    matrix = drawn(200, 4096, 4)
    written(write, matrix, tmp_path)
    assert (tmp_path / "matrix.onnx").stat().st_size < most * matrix.nbytes


@BOTH
def test_the_same_matrix_gives_the_same_file(tmp_path: Path, write: Write):
    matrix = drawn(50, 12, 5)
    for name in ("one", "other"):
        write(matrix, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


@BOTH
def test_a_damaged_file_or_one_of_another_matrix_is_told(tmp_path: Path, write: Write):
    written(write, drawn(4, 8, 0), tmp_path)
    with pytest.raises(ArtifactError, match=r"matrix\.onnx: .*4 rows; expected 5.*; rebuild the index"):
        Product(tmp_path / "matrix.onnx", "matrix", 5).of(drawn(1, 8, 0)[0])
    with pytest.raises(ArtifactError, match=r"far\.onnx: unreadable matrix"):
        Product(tmp_path / "far.onnx", "matrix", 4).of(drawn(1, 8, 0)[0])
    (tmp_path / "matrix.onnx").write_bytes(b"no graph")
    with pytest.raises(ArtifactError, match=r"matrix\.onnx: unreadable"):
        Product(tmp_path / "matrix.onnx", "matrix", 4).of(drawn(1, 8, 0)[0])
