"""The cosines of a query and thousands of known vectors, from a quarter of their bytes.

A query reads all of them, so that what they cost is the memory they come from. Each is kept in 7 bits with a scale of
its own (a scalar quantizer), the query's in 8, and ONNX Runtime multiplies the integers.
"""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from indexer.encoder import Vectors
from indexer.onnx_session import damaged, opened

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

# Products of 8 and 7 bits: two of them fit into the 16 bits that processors without VNNI add them in.
_LARGEST = 63
_SMALLEST = 1e-12


class Nearness:
    """Known vectors as `write` wrote them; threads and forked processes may share it."""

    def __init__(self, path: Path, known: int) -> None:
        """`known` are how many. It is opened by the first query: a build needs none."""
        self._path, self._known = path, known

    @cached_property
    def _session(self) -> "InferenceSession":
        session = opened(self._path, "vectors")
        found = session.get_outputs()[0].shape[1]
        if found != self._known:
            raise damaged(self._path, "vectors", ValueError(f"{found} vectors; expected {self._known}"))
        return session

    def of(self, vector: Vectors) -> Vectors:
        """The cosine of each known vector and this one, (dimension,), of unit length; float32 (known,).

        Off by about 0.0007, at most some 0.004. Raises ArtifactError where the file is damaged or of other vectors.
        """
        (found,) = self._session.run(None, {"vector": vector[np.newaxis]})
        cosines: Vectors = found[0]
        return cosines


def write(vectors: Vectors, path: Path) -> None:
    """Writes known vectors, (known, dimension), of unit length."""
    import onnx
    from onnx import helper, numpy_helper

    scales = np.maximum(np.abs(vectors).max(axis=1), _SMALLEST) / _LARGEST
    codes = np.round(vectors / scales[:, np.newaxis]).astype(np.int8)
    known, dimension = vectors.shape
    graph = helper.make_graph(
        [
            helper.make_node(
                "DynamicQuantizeMatMul", ["vector", "codes", "scales", "zeros"], ["cosines"], domain="com.microsoft"
            )
        ],
        "nearness",
        [helper.make_tensor_value_info("vector", onnx.TensorProto.FLOAT, [1, dimension])],
        [helper.make_tensor_value_info("cosines", onnx.TensorProto.FLOAT, [1, known])],
        [
            numpy_helper.from_array(np.ascontiguousarray(codes.T), "codes"),
            numpy_helper.from_array(scales.astype(np.float32), "scales"),
            numpy_helper.from_array(np.zeros(known, dtype=np.int8), "zeros"),
        ],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    path.write_bytes(helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString())
