"""Products of a vector and a large matrix that every query reads, from a quarter of the matrix's bytes.

What such a product costs is the memory that the matrix comes from, and what it drives out of the processor's caches:
the encoder of queries, which fills them almost alone. ONNX Runtime multiplies the integers.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from indexer.encoder import Vectors
from indexer.onnx_session import damaged, opened

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

# Of cosines the largest code. Products of 8 and 7 bits: two of them fit into the 16 bits that processors without VNNI
# add them in.
_LARGEST = 63
_SMALLEST = 1e-12

_BLOCK = 32  # weights of a sum that have a scale together
_MOST, _ZERO = 127, 128  # the largest code, and what is added to each
_IN_8_BITS = 4  # ONNX Runtime's number for an accuracy: the vector in 8 bits as well

_INPUT, _OUTPUT = "vector", "products"
_CONTRIB, _OWN = "com.microsoft", ("DynamicQuantizeMatMul", "MatMulNBits")  # ONNX Runtime's own operations

_Array = npt.NDArray[np.generic]
_Node = tuple[str, Sequence[str], str, Mapping[str, Any]]  # kind, what it reads, what it gives, settings


class Product:
    """A matrix as one of the functions below wrote it; threads and forked processes may share it."""

    def __init__(self, path: Path, what: str, rows: int) -> None:
        """`what` the matrix is of, and how many rows it has. It is opened by the first query: a build needs none."""
        self._path, self._what, self._rows = path, what, rows

    @cached_property
    def _session(self) -> "InferenceSession":
        session = opened(self._path, self._what)
        found = session.get_outputs()[0].shape[1]
        if found != self._rows:
            raise damaged(self._path, self._what, ValueError(f"{found} rows; expected {self._rows}"))
        return session

    def of(self, vector: Vectors) -> Vectors:
        """The product of each row and this vector, float32 (columns,); float32 (rows,).

        Raises ArtifactError where the file is damaged or of another matrix.
        """
        (found,) = self._session.run(None, {_INPUT: vector[np.newaxis]})
        products: Vectors = found[0]
        return products


def write_cosines(vectors: Vectors, path: Path) -> None:
    """Writes vectors, (rows, columns), to be multiplied with others; all are of unit length.

    Each has a scale of its own and codes of 7 bits (a scalar quantizer); what they are multiplied with gets 8. Cosines
    are off by about 0.0007, at most some 0.004.
    """
    scales = np.maximum(np.abs(vectors).max(axis=1), _SMALLEST) / _LARGEST
    codes = np.round(vectors / scales[:, np.newaxis]).astype(np.int8)
    constants = {
        "codes": np.ascontiguousarray(codes.T),
        "scales": scales.astype(np.float32),
        "zeros": np.zeros(len(vectors), dtype=np.int8),
    }
    _write(path, vectors.shape, constants, [("DynamicQuantizeMatMul", [_INPUT, *constants], _OUTPUT, {})])


def write_sums(weights: Vectors, path: Path) -> None:
    """Writes the weights of sums, (rows, columns), of which those of a row may be of both signs and nearly cancel.

    A vector's mean is multiplied by the sum of each row as it is, and only what its numbers differ from the mean by
    with codes of 8 bits: they would else be off by a share of what cancels. A scale is for 32 columns of a row.
    """
    rows, columns = weights.shape
    blocks = np.pad(weights, ((0, 0), (0, -columns % _BLOCK))).reshape(rows, -1, _BLOCK)
    scales = np.maximum(np.abs(blocks).max(axis=2), _SMALLEST) / _MOST
    constants = {
        "codes": (np.round(blocks / scales[..., np.newaxis]) + _ZERO).astype(np.uint8),
        "scales": scales.astype(np.float32).ravel(),
        "sums": weights.sum(axis=1, dtype=np.float64).astype(np.float32)[np.newaxis],
    }
    sizes = {"K": columns, "N": rows, "bits": 8, "block_size": _BLOCK, "accuracy_level": _IN_8_BITS}
    _write(
        path,
        weights.shape,
        constants,
        [
            ("ReduceMean", [_INPUT], "mean", {"axes": [1], "keepdims": 1}),
            ("Sub", [_INPUT, "mean"], "apart", {}),
            ("MatMulNBits", ["apart", "codes", "scales"], "of_apart", sizes),
            ("Mul", ["mean", "sums"], "of_mean", {}),
            ("Add", ["of_apart", "of_mean"], _OUTPUT, {}),
        ],
    )


def _write(path: Path, shape: tuple[int, ...], constants: Mapping[str, _Array], nodes: Iterable[_Node]) -> None:
    """Writes a graph from `vector`, (1, columns), to `products`, (1, rows)."""
    from onnx import TensorProto, helper, numpy_helper

    rows, columns = shape
    graph = helper.make_graph(
        [
            helper.make_node(kind, read, [given], domain=_CONTRIB if kind in _OWN else "", **settings)
            for kind, read, given, settings in nodes
        ],
        "product",
        [helper.make_tensor_value_info(_INPUT, TensorProto.FLOAT, [1, columns])],
        [helper.make_tensor_value_info(_OUTPUT, TensorProto.FLOAT, [1, rows])],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(_CONTRIB, 1)]
    path.write_bytes(helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString())
