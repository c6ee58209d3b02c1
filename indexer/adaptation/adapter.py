"""The adapter of a corpus on disk: low-rank changes of a model's linear layers, and the card that tells their origin.

adapter/card.json             what it was trained from and with, for which model; the scale it is used at
        adapter.safetensors   "<path>.A" (rank, in) and "<path>.B" (out, rank) for each adapted layer, float16
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config
from safetensors import SafetensorError
from safetensors.numpy import load, save

from indexer.errors import ModelError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

FOLDER = "adapter"  # beside the articles of its corpus, and in the index
FORMAT = 1  # of the folder

_CARD, _WEIGHTS = "card.json", "adapter.safetensors"
_MEND = "train it again: python -m indexer adapt CORPUS, or build without it: --no-adapter"

Matrix = npt.NDArray[np.floating[Any]]
Weights = Mapping[str, tuple[Matrix, Matrix]]  # path of a layer in the transformer -> A (rank, in), B (out, rank)


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True)
class Card:
    """What an adapter was trained from and with."""

    base_model: str  # as it was asked for where the adapter was trained
    base_fingerprint: str  # of the model that it belongs to
    scale: Annotated[float, Field(ge=0, allow_inf_nan=False)]  # 0 is the model as published, 1 as trained
    rank: Annotated[int, Field(ge=1)]
    corpus_digest: str
    data_digest: str  # of the pairs it was trained on
    seed: int
    settings: dict[str, object]
    figures: dict[str, dict[str, object]]  # "before", "after"
    curve: list[dict[str, object]]  # what the scale was chosen from
    versions: dict[str, str]  # package -> version
    weights_digest: str = ""  # put in by `write_adapter`; the two files belong together
    format: int = FORMAT


@dataclass(frozen=True, slots=True, eq=False)
class Adapter:
    """An adapter in memory. The adapted weight of a layer is W + scale * B @ A."""

    card: Card
    weights: Weights
    source: str  # the folder, for messages

    def files(self) -> dict[str, bytes]:
        """The contents of the folder by name; the card, which needs the weights, last."""
        card = json.dumps(asdict(self.card), ensure_ascii=False, indent=2, sort_keys=True) + "\n"
        return {_WEIGHTS: save(_tensors(self.weights)), _CARD: card.encode()}


def is_adapter(folder: Path) -> bool:
    """Whether the folder holds an adapter, whole or damaged; somebody's articles on adapters do not count."""
    return any(os.access(folder / name, os.F_OK) for name in (_CARD, _WEIGHTS))


def find_adapter(corpus: Path) -> Adapter | None:
    """The adapter of a corpus, None where it has none. Raises ModelError where it is damaged."""
    return read_adapter(corpus / FOLDER) if is_adapter(corpus / FOLDER) else None


def read_adapter(folder: Path) -> Adapter:
    """The adapter of a folder. Raises ModelError, with what to do, where it is damaged or of another format."""
    card = _read_card(folder / _CARD)
    path = folder / _WEIGHTS
    try:
        tensors = load(path.read_bytes())
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, f"unreadable ({_why(error)})", "the weights of an adapter") from error
    weights = _pairs(path, tensors, card.rank)
    if (digest := _digest(weights)) != card.weights_digest:
        raise _damaged(path, f"digest {digest[:12]}", f'"{card.weights_digest[:12]}", the weights_digest of {_CARD}')
    return Adapter(card, weights, str(folder))


def write_adapter(folder: Path, card: Card, weights: Weights) -> Adapter:
    """Writes an adapter, each file aside and then switched to, and gives it as `read_adapter` will.

    The card may leave `weights_digest` out. Raises ModelError where the weights fit no adapter (nothing is written
    then), or the folder cannot be written.
    """
    # In float16, as they are stored: what is too large for it becomes infinite and is refused.
    with np.errstate(over="ignore"):
        tensors = {name: np.ascontiguousarray(each, np.float16) for name, each in _tensors(weights).items()}
    stored = _pairs(folder / _WEIGHTS, tensors, card.rank)
    adapter = Adapter(replace(card, format=FORMAT, weights_digest=_digest(stored)), stored, str(folder))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in adapter.files().items():
            aside = folder / f".{name}-{os.getpid()}"
            try:
                aside.write_bytes(content)
                aside.replace(folder / name)
            finally:
                aside.unlink(missing_ok=True)
    except OSError as error:
        mend = "free space or mend the rights, then train again"
        raise ModelError(f"{folder}: cannot be written ({error.strerror}); {mend}") from error
    return adapter


def apply(adapter: Adapter, network: "SentenceTransformer", scale: float | None = None) -> None:
    """Adds scale * B @ A to the weight of each adapted layer, computed in float32; the card's scale without another.

    At scale 0 nothing changes. Raises ModelError, before any weight is changed, where a layer is not the model's.
    """
    import torch

    first: Any = network[0]
    layers = dict(getattr(first, "auto_model", first).named_modules())
    path = Path(adapter.source, _WEIGHTS)
    for name, (low, high) in adapter.weights.items():
        layer = layers.get(name)
        if not isinstance(layer, torch.nn.Linear):
            raise _damaged(path, f'layer "{name}"', "the name of a linear layer of the model")
        if (high.shape[0], low.shape[1]) != (shape := tuple(layer.weight.shape)):
            raise _damaged(path, f'layer "{name}" gives a {high.shape[0]} x {low.shape[1]} matrix', f"{shape}")
    scale = adapter.card.scale if scale is None else scale
    if scale == 0:
        return
    with torch.no_grad():
        for name, (low, high) in adapter.weights.items():
            weight = layers[name].weight
            change = torch.tensor(high, dtype=torch.float32) @ torch.tensor(low, dtype=torch.float32)
            weight.copy_(weight.float() + scale * change.to(weight.device))


def _read_card(path: Path) -> Card:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(path, f"unreadable ({_why(error)})", "the card of an adapter as JSON") from error
    if (found := content.get("format") if isinstance(content, dict) else None) != FORMAT:
        raise _damaged(path, f"format {found}", f"{FORMAT}, which this version reads")
    try:
        return TypeAdapter(Card).validate_python(content)
    except ValidationError as error:
        detail = error.errors()[0]
        where = ".".join(map(str, detail["loc"]))
        raise _damaged(path, f'"{where}" does not fit ({detail["msg"]})', "the card of an adapter") from error


def _tensors(weights: Weights) -> dict[str, Matrix]:
    return {f"{path}.{name}": each for path, pair in weights.items() for name, each in zip("AB", pair, strict=True)}


def _pairs(path: Path, tensors: Mapping[str, Matrix], rank: int) -> Weights:
    """The tensors as pairs, in the order of their layers. Raises ModelError where they are none."""
    names = sorted({name.rpartition(".")[0] for name in tensors})
    if not names:
        raise _damaged(path, "no tensors", "at least one layer")
    expected = {f"{name}.{each}" for name in names for each in "AB"}
    if wrong := sorted(expected ^ tensors.keys()):
        state = "missing" if wrong[0] in expected else "there"
        raise _damaged(path, f'"{wrong[0]}" is {state}', '"<layer>.A" and ".B"')
    for name, tensor in sorted(tensors.items()):
        low = name.endswith(".A")
        if tensor.ndim != 2 or tensor.shape[0 if low else 1] != rank or 0 in tensor.shape:
            raise _damaged(path, f'"{name}" of shape {tensor.shape}', f"({rank}, in)" if low else f"(out, {rank})")
        if tensor.dtype != np.float16:
            raise _damaged(path, f'"{name}" of {tensor.dtype}', "float16")
        if not np.isfinite(tensor).all():
            raise _damaged(path, f'"{name}" holds values that are no finite numbers', "finite numbers")
    return {name: (tensors[f"{name}.A"], tensors[f"{name}.B"]) for name in names}


def _digest(weights: Weights) -> str:
    """SHA-256 over names, shapes and values, hexadecimal: the same however the file is laid out."""
    digest = hashlib.sha256()
    for path, pair in weights.items():
        digest.update(f"{path}\0{[each.shape for each in pair]}\0".encode())
        for each in pair:
            digest.update(each.astype("<f2").tobytes())
    return digest.hexdigest()


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _damaged(path: Path, found: str, expected: str) -> ModelError:
    return ModelError(f"{path}: {found}; expected {expected}; {_MEND}")
