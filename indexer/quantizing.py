"""An exported transformer in 8 bits: fewer and larger operations, then matrix products of integers.

Weights have a scale for each channel, activations one for a whole product (Bhandare et al., 2019). The second product
of each feed-forward layer reads activations with outliers, which would leave its other channels few of the 256 steps:
what they are too large by goes from the activations into the weights first (SmoothQuant, Xiao et al., 2023).
"""

import contextlib
import logging
import sys
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from indexer.query_encoder import INPUT

if TYPE_CHECKING:
    from onnx import ModelProto

Sample = npt.NDArray[np.float32]  # the token embeddings of a text, (1, tokens, hidden)

_SMOOTHING = 0.7  # share of an outlier that goes into the weights; 0.6 to 0.8 differ by less than 0.0005 in cosine
_SMALLEST = 1e-5
_MASK = 3  # the place of the mask among the inputs of ONNX Runtime's joined Attention


def quantize(source: Path, target: Path, samples: Iterable[Sample], heads: int, hidden: int) -> None:
    """Writes a graph of 32 bits in 8 bits.

    `heads` of attention and `hidden` numbers of a token tell what to join; the samples show how large activations get.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.transformers.fusion_options import FusionOptions
    from onnxruntime.transformers.optimizer import optimize_model

    with silent():
        options = FusionOptions("bert")
        options.enable_skip_layer_norm = False  # slower on a processor than its parts: `query_encoder` keeps it off too
        options.enable_bias_skip_layer_norm = False
        options.enable_bias_gelu = False
        joined = optimize_model(
            str(source), "bert", num_heads=heads, hidden_size=hidden, optimization_options=options, opt_level=0
        )
        _unmask(joined.model)
        joined.prune_graph()  # what the masks were made by
        _smooth(joined.model, samples)
        joined.topological_sort()
        joined.save_model_to_file(str(source))
        quantize_dynamic(
            source,
            target,
            op_types_to_quantize=["MatMul", "Attention"],
            per_channel=True,
            weight_type=QuantType.QInt8,
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},  # not found beyond operations that are joined
        )


def _unmask(model: "ModelProto") -> None:
    """Lets attention look at all tokens, which it does anyway: a text alone has no padding."""
    for node in model.graph.node:
        if node.op_type == "Attention" and len(node.input) > _MASK:
            node.input[_MASK] = ""


def _smooth(model: "ModelProto", samples: Iterable[Sample]) -> None:
    """Divides what narrowing products read, and multiplies their weights by the same; leaves the nodes unsorted."""
    from onnx import helper, numpy_helper

    graph = model.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    narrowing = [
        node
        for node in graph.node
        if node.op_type == "MatMul" and node.input[1] in weights and _narrows(weights[node.input[1]].dims)
    ]
    largest = _largest(model, [node.input[0] for node in narrowing], samples)
    for node in narrowing:
        read, weight = node.input[0], numpy_helper.to_array(weights[node.input[1]])
        of_weights = np.maximum(np.abs(weight).max(axis=1), _SMALLEST)
        scale = np.maximum(largest[read], _SMALLEST) ** _SMOOTHING / of_weights ** (1 - _SMOOTHING)
        weights[node.input[1]].CopyFrom(numpy_helper.from_array(weight * scale[:, np.newaxis], node.input[1]))
        graph.initializer.append(numpy_helper.from_array(1 / scale, f"{read}_scale"))
        graph.node.append(helper.make_node("Mul", [read, f"{read}_scale"], [f"{read}_scaled"]))
        node.input[0] = f"{read}_scaled"


def _largest(model: "ModelProto", names: list[str], samples: Iterable[Sample]) -> dict[str, npt.NDArray[np.float32]]:
    """The largest size of each channel of these values over the samples, (channels,)."""
    import onnx
    import onnxruntime

    if not names:
        return {}
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    for name in names:
        watched.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    content = watched.SerializeToString()
    del watched  # each copy of the weights takes 80 MB
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    del content
    found: dict[str, npt.NDArray[np.float32]] = {}
    for sample in samples:
        for name, values in zip(names, session.run(names, {INPUT: sample}), strict=True):
            size = np.abs(values).max(axis=(0, 1))
            found[name] = np.maximum(found.get(name, size), size)
    return found


def _narrows(shape: Iterable[int]) -> bool:
    """Whether a matrix of this shape takes many numbers to few, as the second of a feed-forward layer does."""
    sizes = list(shape)
    return len(sizes) == 2 and sizes[0] > sizes[1]


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Keeps notices of the exporter and the quantizer off our stderr."""
    root = logging.getLogger()
    level, nowhere = root.level, logging.NullHandler()
    root.setLevel(logging.ERROR)
    root.addHandler(nowhere)  # else their first notice would make one that prints everybody's
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.removeHandler(nowhere)
        root.setLevel(level)


def _read(path: Path) -> Iterator[Sample]:
    """The samples of a file, in their order."""
    with np.load(path) as arrays:
        yield from (arrays[name] for name in arrays.files)


if __name__ == "__main__":  # a step of `exporting`, in a process of its own
    plain, written, read, heads_of, hidden_of = sys.argv[1:]
    quantize(Path(plain), Path(written), _read(Path(read)), int(heads_of), int(hidden_of))
