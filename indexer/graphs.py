"""Exported graphs in the user's cache: one takes seconds to write, and depends on its model and our code alone.

An entry is one file, named by what it was made of and by the digest of what it holds. It gets its name when it is
whole, so builds at the same time do each other no harm; one whose content is another than its name says is removed.
"""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import platformdirs

from indexer import encoder, exporting, quantizing
from indexer.adaptation import adapter
from indexer.models import Model

ROOM = 256_000_000  # bytes for the graphs used last; that of the default model has 22 million

_MADE_BY = (adapter, encoder, exporting, quantizing)  # modules
_MADE_WITH = (
    "numpy",
    "onnx",
    "onnxruntime",
    "sentence-transformers",
    "tokenizers",
    "torch",
    "transformers",
)  # packages


def folder() -> Path:
    """Where the graphs lie; whoever wants the room may remove it at any time."""
    return Path(platformdirs.user_cache_dir("spravka")) / "graphs"


def content(model: Model, say: Callable[[str], None]) -> bytes | None:
    """The graph of a model; None where there is none. One that is damaged is removed, and `say` says so."""
    for path in sorted(folder().glob(f"{_key(model)}.*.onnx")):
        try:
            found = path.read_bytes()
        except OSError:
            continue  # as good as none; another build may just have removed it
        if _name(model, found) == path.name:
            with contextlib.suppress(OSError):
                os.utime(path)  # used last
            return found
        say(f"{path}: damaged, its content is not what its name says; it is removed, and the graph is exported anew")
        with contextlib.suppress(OSError):
            path.unlink()
    return None


def keep(model: Model, graph: bytes) -> None:
    """Keeps the graph of a model for later builds, and no more than ROOM; a cache that cannot be written is left alone.

    This one stays, however large it is.
    """
    with contextlib.suppress(OSError):
        folder().mkdir(parents=True, exist_ok=True)
        descriptor, aside = tempfile.mkstemp(prefix=".", dir=folder())
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(graph)
            Path(aside).replace(folder() / _name(model, graph))
        finally:
            Path(aside).unlink(missing_ok=True)
        used = 0
        for path in sorted(folder().glob("*.onnx"), key=lambda path: path.stat().st_mtime, reverse=True):
            used += path.stat().st_size
            if used > ROOM and path.name != _name(model, graph):
                path.unlink(missing_ok=True)


def _name(model: Model, graph: bytes) -> str:
    return f"{_key(model)}.{hashlib.sha256(graph).hexdigest()}.onnx"


def _key(model: Model) -> str:
    """What decides a graph: the weights, the code that exports it, the packages that do."""
    code = hashlib.sha256(b"\0".join(Path(str(module.__file__)).read_bytes() for module in _MADE_BY)).hexdigest()
    parts = [model.fingerprint, code, {name: _version(name) for name in _MADE_WITH}]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # as another distribution, such as onnxruntime-gpu
        return ""
