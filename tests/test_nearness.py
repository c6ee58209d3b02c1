"""Cosines from fewer bytes: near the exact ones, in the same order for all that matters, and told where damaged."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer import nearness
from indexer.errors import ArtifactError
from indexer.nearness import Nearness


def drawn(count: int, dimension: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def written(vectors: np.ndarray, folder: Path) -> Nearness:
    nearness.write(vectors, folder / "near.onnx")
    return Nearness(folder / "near.onnx", len(vectors))


def test_cosines_are_near_the_exact_ones(tmp_path: Path):
    vectors = drawn(3000, 384, 1)
    # As a model has them: all in one corner, their cosines from about 0.7 to 1.
    vectors = vectors + 0.1 * np.sign(vectors[0])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    near = written(vectors, tmp_path)
    off = np.array([near.of(vector) - vectors @ vector for vector in vectors[:50]])
    assert off.dtype == np.float32
    assert np.sqrt((off**2).mean()) < 0.001
    assert np.abs(off).max() < 0.006


@given(st.integers(1, 5), st.sampled_from((2, 8, 33)), st.integers(0, 1000))
def test_any_number_of_vectors_of_any_length_fits(tmp_path_factory: pytest.TempPathFactory, count, dimension, seed):
    vectors = drawn(count, dimension, seed)
    found = written(vectors, tmp_path_factory.mktemp("near")).of(vectors[0])
    assert found.shape == (count,)
    np.testing.assert_allclose(found, vectors @ vectors[0], atol=0.02)


def test_no_pair_of_products_overflows_16_bits(tmp_path: Path):
    """Processors without VNNI add two products of bytes in 16 bits: whatever the query, they have to fit."""
    import onnx
    from onnx import numpy_helper

    vectors = np.concatenate([drawn(20, 16, 3), np.eye(16, dtype=np.float32), -np.eye(16, dtype=np.float32)])
    written(vectors, tmp_path)
    graph = onnx.load(tmp_path / "near.onnx").graph
    codes = next(numpy_helper.to_array(each) for each in graph.initializer if each.name == "codes")
    assert codes.dtype == np.int8
    assert 2 * 255 * np.abs(codes.astype(int)).max() < 2**15


def test_the_same_vectors_give_the_same_file(tmp_path: Path):
    vectors = drawn(50, 12, 5)
    for name in ("one", "other"):
        nearness.write(vectors, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_a_damaged_file_or_one_of_other_vectors_is_told(tmp_path: Path):
    written(drawn(4, 8, 0), tmp_path)
    with pytest.raises(ArtifactError, match=r"near\.onnx: .*4 vectors; expected 5.*; rebuild the index"):
        Nearness(tmp_path / "near.onnx", 5).of(drawn(1, 8, 0)[0])
    with pytest.raises(ArtifactError, match=r"far\.onnx: unreadable"):
        Nearness(tmp_path / "far.onnx", 4).of(drawn(1, 8, 0)[0])
    (tmp_path / "near.onnx").write_bytes(b"no graph")
    with pytest.raises(ArtifactError, match=r"near\.onnx: unreadable"):
        Nearness(tmp_path / "near.onnx", 4).of(drawn(1, 8, 0)[0])
