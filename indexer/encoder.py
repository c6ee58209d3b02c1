"""Text to unit vectors, the same code for sections (`encode_passages`) and queries (`encode_query`)."""

import contextlib
import logging
import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
from razdel import sentenize

from indexer import attention, cores, memory
from indexer.adaptation.adapter import apply
from indexer.errors import ModelError
from indexer.models import Model

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Vectors = npt.NDArray[np.float32]
Progress = Callable[[int, int], None]
Made = TypeVar("Made")

_TOKENS = 1024  # of a batch: what a layer makes of more does not fit the cache of a core
_TOKENS_ON_GPU = 32_768
_WORKERS = 8  # batches at once; between the products of more, Python would be what they wait for
_UNTIL_GIVEN_BACK = 64  # batches; each length leaves holes of another size, half a gigabyte in a large build
_TOKENIZED = 4096  # texts at once, padded then to the longest: 50 MB where that has 512 tokens
_CUT = 256  # texts at once, where nothing but their pieces is wanted


class Encoder(Protocol):
    """What turns text into vectors. Passages and queries differ in their prompt alone."""

    name: str
    fingerprint: str
    dimension: int
    maximum_tokens: int

    @property
    def tokens_encoded(self) -> int:
        """How many tokens were encoded so far, padding left out."""

    def encode_passages(self, passages: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Unit vectors, float32, shape (len(passages), dimension)."""

    def encode_queries(self, queries: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Unit vectors, float32, shape (len(queries), dimension)."""

    def encode_query(self, query: str) -> Vectors:
        """One unit vector, float32, shape (dimension,)."""

    def count_tokens(self, passages: Sequence[str]) -> list[int]:
        """How many tokens the model would read of each passage, prompt and marks included."""

    def settings(self) -> dict[str, object]:
        """What the manifest records: prompts and the kind of numbers computed with."""


class SentenceEncoder:
    """Any Sentence Transformers model.

    Runs on CUDA where there is a GPU; computes in bfloat16 where the processor has instructions for it (docs/design.md
    has the figures; nDCG@10 within 0.001 of float32). An adapter is added to the weights in float32 before they are
    rounded to that.
    """

    def __init__(self, model: Model) -> None:
        # Prepared products, one for each shape of a batch, are kept for all threads, and by each thread once more. With
        # 1,024 of them, 300 MB, and 600 MB in a build of 2,300 articles; it takes the same time with fewer.
        os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")
        os.environ.setdefault("LRU_CACHE_CAPACITY", "16")
        import torch

        device = "cuda" if torch.cuda.is_available() else "cpu"
        self._dtype = "bfloat16" if device == "cuda" or cpu_has_bfloat16() else "float32"
        self._model = load_network(model, device)
        self._is_rounded = False
        self._source = model
        self._threads = torch.get_num_threads()
        self.tokens_encoded = 0
        self.name = model.name
        self.fingerprint = model.fingerprint
        self.dimension = int(self._model.get_embedding_dimension() or 0)
        self.maximum_tokens = int(self._model.max_seq_length or 512)
        prompts = self._model.prompts or {}
        self._query_prompt: str = prompts.get("query") or ""
        self._passage_prompt: str = prompts.get("passage") or prompts.get("document") or ""

    @property
    def network(self) -> "SentenceTransformer":
        """The model in 32 bits; loaded once more where something was encoded, since its weights are rounded then."""
        return load_network(self._source, str(self._model.device)) if self._is_rounded else self._model

    def encode_passages(self, passages: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Unit vectors, float32, shape (len(passages), dimension), in the order of the passages."""
        return self._encoded(passages, self._passage_prompt, progress)

    def encode_queries(self, queries: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Unit vectors, float32, shape (len(queries), dimension), in the order of the queries."""
        return self._encoded(queries, self._query_prompt, progress)

    def encode_query(self, query: str) -> Vectors:
        """One unit vector, float32, shape (dimension,)."""
        vector: Vectors = self.encode_queries([query])[0]
        return vector

    def count_tokens(self, passages: Sequence[str]) -> list[int]:
        """How many tokens the model would read of each passage, prompt and marks included."""
        if not passages:
            return []
        tokenizer: Any = self._model.tokenizer
        texts = [self._passage_prompt + text for text in passages]
        if backend := getattr(tokenizer, "backend_tokenizer", None):  # asked itself, in half the time
            as_they_are(backend)
            counts = by_parts(texts, lambda few: [len(encoded) for encoded in backend.encode_batch_fast(few)])
            return [count for part in counts for count in part]
        with quiet():
            return [len(ids) for ids in tokenizer(texts, truncation=False)["input_ids"]]

    def settings(self) -> dict[str, object]:
        """Prompts, and the kind of numbers computed with."""
        return {
            "query_prompt": self._query_prompt,
            "passage_prompt": self._passage_prompt,
            "dtype": self._dtype,
        }

    def _encoded(self, texts: Sequence[str], prompt: str, progress: Progress | None) -> Vectors:
        if not self._is_rounded:
            self._round()
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda i: (-len(texts[i]), i))
        done = 0
        for start in range(0, len(order), _TOKENIZED):
            rows = order[start : start + _TOKENIZED]
            for few, found in self._encode([texts[i] for i in rows], prompt):
                if progress:
                    progress(done, len(order))
                vectors[[rows[i] for i in few]] = found
                done += len(few)
        if progress:
            progress(len(order), len(order))
        return vectors

    def _encode(self, texts: list[str], prompt: str) -> Iterator[tuple[list[int], Vectors]]:
        """Unit vectors of some of the texts at a time, and which those are."""
        import torch

        network: Any = self._model
        features = network.preprocess(texts, prompt=prompt)
        mask = features.get("attention_mask")
        if mask is None or mask.shape != features["input_ids"].shape:  # no transformer: Sentence Transformers knows how
            yield list(range(len(texts))), to_unit(network.encode(texts, prompt=prompt, show_progress_bar=False))
            return
        widest, lengths = mask.shape[1], mask.sum(dim=1).tolist()
        is_left = getattr(network.tokenizer, "padding_side", "right") == "left"

        def encode(few: list[int]) -> tuple[list[int], Vectors]:
            length = lengths[few[0]]
            used = slice(widest - length, widest) if is_left else slice(length)  # the rest is padding
            batch = {
                name: (value[few, used] if value.shape == mask.shape else value[few]).to(network.device)
                if isinstance(value, torch.Tensor)
                else value
                for name, value in features.items()
            }
            with torch.inference_mode():
                return few, to_unit(network(batch)["sentence_embedding"].float().cpu().numpy())

        is_on_gpu = network.device.type == "cuda"
        self.tokens_encoded += sum(lengths)
        given = list(batches(lengths, _TOKENS_ON_GPU if is_on_gpu else _TOKENS))
        for place, found in enumerate(_by_threads(encode, given, 1 if is_on_gpu else self._threads)):
            if place % _UNTIL_GIVEN_BACK == 0:
                memory.give_back()
            yield found

    def _round(self) -> None:
        import torch

        for parameter in self._model.parameters():
            parameter.data = parameter.data.to(getattr(torch, self._dtype))
        if self._dtype == "bfloat16" and self._model.device.type == "cpu":
            attention.use(self._model)
        self._is_rounded = True


def batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """The places of `lengths`, longest first, in batches of one length and at most `budget` tokens, or of one text.

    Without padding nothing is computed in vain or masked, and a text has the same vector whatever stands beside it, to
    the last bit: after a change the index is the one that a build from scratch makes.
    """
    order = sorted(range(len(lengths)), key=lambda place: (-lengths[place], place))
    for length, places in groupby(order, key=lengths.__getitem__):
        alike = list(places)
        at_once = max(1, budget // max(1, length))
        yield from (alike[start : start + at_once] for start in range(0, len(alike), at_once))


def _by_threads(
    encode: Callable[[list[int]], tuple[list[int], Vectors]], given: Sequence[list[int]], threads: int
) -> Iterator[tuple[list[int], Vectors]]:
    """What `encode` makes of each batch, in their order; each thread has a batch of its own.

    Threads that share a batch wait for each other after every product, and for long where others use the machine too.
    """
    import torch

    if threads < 2:
        yield from map(encode, given)
        return
    workers = min(threads, _WORKERS)
    pool = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(threads // workers,))
    try:
        yield from pool.map(encode, given)
    finally:  # early, too, where somebody stops a build
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)


def by_parts(texts: Sequence[str], make: Callable[[Sequence[str]], Made]) -> Iterator[Made]:
    """What is made of some of the texts at a time, in their order, by all cores; nothing of no texts.

    For tokenizers, which let the interpreter go while they cut texts into pieces. They are not asked for all texts at
    once: what they tell of each takes more room than the text.
    """
    parts = [texts[start : start + _CUT] for start in range(0, len(texts), _CUT)]
    if len(parts) < 2:
        yield from map(make, parts)
        return
    with ThreadPoolExecutor(min(cores.usable(), _WORKERS)) as pool:
        yield from pool.map(make, parts)


def load_network(model: Model, device: str = "cpu") -> "SentenceTransformer":
    """The model as Sentence Transformers loads it, in 32 bits, its adapter added.

    Raises ModelError where it cannot be loaded.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    import torch
    from safetensors import SafetensorError
    from sentence_transformers import SentenceTransformer

    try:
        with quiet():
            network = SentenceTransformer(
                str(model.folder), device=device, model_kwargs={"torch_dtype": torch.float32}, local_files_only=True
            )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise ModelError(
            f"{model.folder}: cannot be loaded as a Sentence Transformers model ({error}); "
            "expected a folder that SentenceTransformer.save wrote; copy it again"
        ) from error
    if model.adapter:
        apply(model.adapter, network)
    return network.eval()


def to_unit(vectors: Vectors) -> Vectors:
    """The rows divided by their lengths; zeros stay. Not every model normalises, and bfloat16 rounds."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)
    return unit


@lru_cache(maxsize=1)
def open_encoder(model: Model) -> SentenceEncoder:
    """The encoder of a model; the last one opened is kept, as it takes seconds to load."""
    return SentenceEncoder(model)


def windows(text: str, heading: str, encoder: Encoder) -> list[str]:
    """The passages that stand for one section: the whole where the model can read it, else windows of it.

    Each begins with the heading path; windows end at the ends of lines (paragraphs, steps), of sentences where a line
    alone is too long, and of words where a sentence is. No text is left out.
    """
    whole = f"{heading}\n{text}" if text else heading
    if encoder.count_tokens([whole])[0] <= encoder.maximum_tokens:
        return [whole]
    # A heading may not take more than half of what the model reads.
    while heading and encoder.count_tokens([heading])[0] > encoder.maximum_tokens // 2:
        heading = heading[: len(heading) // 2]
    room = encoder.maximum_tokens - encoder.count_tokens([heading])[0]
    pieces = [piece for line in text.split("\n") if line.strip() for piece in _fitting(line, room, encoder)]
    counts = encoder.count_tokens(pieces)
    found: list[str] = []
    current: list[str] = []
    size = 0
    for piece, count in zip(pieces, counts, strict=True):
        if current and size + count > room:
            found.append("\n".join([heading, *current]))
            current, size = [], 0
        current.append(piece)
        size += count
    if current:
        found.append("\n".join([heading, *current]))
    return found or [heading]  # every section has a vector, one without text too


def _fitting(text: str, room: int, encoder: Encoder) -> Iterator[str]:
    """The text in pieces of at most `room` tokens, cut at sentence ends, then at words, then anywhere."""
    if encoder.count_tokens([text])[0] <= room:
        yield text
        return
    sentences = [sentence.text for sentence in sentenize(text)]
    if len(sentences) > 1:
        for sentence in sentences:
            yield from _fitting(sentence, room, encoder)
        return
    middle = len(text) // 2
    spaces = [match.start() for match in re.finditer(r"\s", text)]
    cut = min(spaces, key=lambda place: abs(place - middle), default=middle)
    yield from _fitting(text[: cut or middle].strip(), room, encoder)
    yield from _fitting(text[cut or middle :].strip(), room, encoder)


def as_they_are(tokenizer: Any) -> None:  # noqa: ANN401 -- of the tokenizers library, which has no types
    """Has a tokenizer neither cut nor fill up texts: transformers sets both whenever it encodes some."""
    if tokenizer.truncation is not None:
        tokenizer.no_truncation()
    if tokenizer.padding is not None:
        tokenizer.no_padding()


def cpu_has_bfloat16() -> bool:
    """Whether the processor has instructions for bfloat16, as Linux tells."""
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keeps the libraries' loading bars and notices off our stderr; errors still come as exceptions."""
    from transformers.utils import logging as transformers_logging

    level = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity(logging.ERROR)
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
