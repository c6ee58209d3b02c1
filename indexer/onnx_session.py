"""Graphs that a build wrote, opened by ONNX Runtime."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.errors import ArtifactError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


def opened(path: Path, what: str, threads: int = 1, without: Sequence[str] = ()) -> "InferenceSession":
    """The session of a graph, which is of `what`; `without` are ONNX Runtime's optimizers that it does not need.

    So many `threads` compute one run; with one it has none of its own, and survives a fork. Raises ArtifactError where
    the file is damaged.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    try:
        return onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"], disabled_optimizers=list(without)
        )
    except Exception as error:  # ONNX Runtime has exceptions of its own, without a common class
        raise damaged(path, what, error) from error


def damaged(place: Path, what: str, error: Exception) -> ArtifactError:
    """What to raise where a file of `what` cannot be read."""
    why = str(error).splitlines()[0] if str(error) else type(error).__name__
    return ArtifactError(
        f"{place}: unreadable {what} ({why}); expected what the build wrote; rebuild the index: "
        "python -m indexer build corpus --out index --force"
    )
