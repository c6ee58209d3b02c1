"""Writes the query side of a Sentence Transformers model for a server without PyTorch, and compares both.

The graph reads token embeddings and gives unit vectors; pooling and normalisation are in it. Its matrix products are
computed in 8 bits (`quantizing`).
"""

import contextlib
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from indexer import quantizing, trimming
from indexer.encoder import Vectors, as_they_are, quiet, to_unit
from indexer.models import Model
from indexer.query_encoder import CARD, EMBEDDINGS, GRAPH, INPUT, TOKENIZER, Card, Compared, OnnxEncoder

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

SAMPLE = 64  # queries that both sides encode

_LEAST_COSINE, _LEAST_OVERLAP = 0.98, 0.6  # means; below, the model itself answers
_FIRST = 10  # sections compared for the overlap
_OPSET = 17
_SEED = 20261128
_SAMPLE_LENGTHS = (6, 12, 24, 48) * 16  # pieces


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A tokenizer and the embeddings of its pieces."""

    tokenizer: str  # as JSON
    rows: npt.NDArray[np.float16]  # (pieces, hidden)
    of_model: int  # pieces, before any were left out
    digest: str  # of the numbers of the pieces that are kept
    words: str  # digest of the words that they were chosen by

    @classmethod
    def of(
        cls, network: "SentenceTransformer", english: Iterable[str] = (), texts: Iterable[str] | None = None
    ) -> "Vocabulary":
        """The vocabulary of a model, trimmed to English words and the texts; whole where there are none.

        Raises NotExportable where the tokenizer is none of the tokenizers library.
        """
        tokenizer: Tokenizer | None = getattr(network.tokenizer, "backend_tokenizer", None)
        if tokenizer is None:
            raise NotExportable("its tokenizer is none of the tokenizers library")
        as_they_are(tokenizer)
        embeddings = _transformer(network).get_input_embeddings().weight.detach().float().cpu().numpy()
        english, read = list(english), None if texts is None else list(texts)
        form, kept = (tokenizer.to_str(), None) if read is None else trimming.trimmed(tokenizer, english, read)
        return cls(
            form,
            (embeddings if kept is None else embeddings[kept]).astype(np.float16),
            len(embeddings),
            hashlib.sha256(json.dumps(kept).encode()).hexdigest(),
            trimming.digest_of(english, read or ()),
        )

    def save(self, folder: Path) -> None:
        """Writes the tokenizer and the embeddings."""
        (folder / TOKENIZER).write_text(self.tokenizer, encoding="utf-8")
        np.save(folder / EMBEDDINGS, self.rows, allow_pickle=False)


class NotExportable(Exception):
    """The model's query side cannot be written, and why."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A query side that is written, before it is compared with its model."""

    folder: Path
    card: Card
    sample: list[str]  # queries
    vectors: Vectors  # of the sample, made by the model in 32 bits


def export(
    network: "SentenceTransformer",
    model: Model,
    folder: Path,
    queries: Sequence[str],
    *,
    english: Iterable[str] = (),
    texts: Iterable[str] | None = None,
    quantized: bool = True,
    graph: bytes | None = None,
) -> Draft:
    """Writes the query side of a model, loaded in 32 bits, into a new folder.

    English words and the texts trim its vocabulary, which stays whole without them. A `graph` that was written of this
    model before is taken. All of the queries, or SAMPLE of them evenly drawn, are encoded by the model for the
    comparison.

    Raises NotExportable where the model cannot be written so.
    """
    folder.mkdir()
    # The graph first: beside the process that quantizes it, there is no room yet for the embeddings.
    if graph is None:
        write_graph(network, folder / GRAPH, quantized=quantized)
    else:
        (folder / GRAPH).write_bytes(graph)
    vocabulary = Vocabulary.of(network, english, texts)
    vocabulary.save(folder)
    card = Card(
        kind="onnx, int8" if quantized else "onnx, float32",
        model=model.name,
        fingerprint=model.fingerprint,
        dimension=int(network.get_embedding_dimension() or 0),
        maximum_tokens=int(network.max_seq_length or 512),
        query_prompt=(network.prompts or {}).get("query") or "",
        pieces=len(vocabulary.rows),
        pieces_of_model=vocabulary.of_model,
        vocabulary=vocabulary.digest,
        words=vocabulary.words,
    )
    _write_card(folder, card)
    sample = list(queries[:: max(1, len(queries) // SAMPLE)][:SAMPLE])
    with quiet():
        vectors = to_unit(network.encode(sample, prompt=card.query_prompt, convert_to_numpy=True)) if sample else None
    return Draft(folder, card, sample, np.zeros((0, card.dimension), np.float32) if vectors is None else vectors)


def compared(draft: Draft, vectors: Vectors) -> Card:
    """The card of a query side after its vectors were compared with the model's; written beside it.

    The first sections of the sample are found among `vectors`, (windows, dimension). Raises NotExportable where the
    graph does not give the model's vectors.
    """
    found = _compared(OnnxEncoder(draft.folder).encode_queries(draft.sample), draft.vectors, vectors)
    if found.cosine < _LEAST_COSINE or found.overlap < _LEAST_OVERLAP:
        raise NotExportable(
            f"its vectors differ too much: cosine {found.cosine:.3f}, overlap {found.overlap:.2f}; "
            f"expected {_LEAST_COSINE} and {_LEAST_OVERLAP} at least"
        )
    card = draft.card.model_copy(update={"compared": found})
    _write_card(draft.folder, card)
    return card


def write_graph(network: "SentenceTransformer", path: Path, *, quantized: bool = True) -> None:
    """Writes the model as ONNX: from the token embeddings of one text, (1, tokens, hidden), to its unit vector.

    Raises NotExportable where it is not made of a transformer that takes token embeddings.
    """
    import torch

    transformer = _transformer(network)
    modules: list[Any] = list(network)[1:]  # pooling, normalisation

    class Graph(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.transformer = transformer
            self.rest = torch.nn.ModuleList(modules)  # their weights go into the graph

        def forward(self, inputs_embeds: torch.Tensor) -> torch.Tensor:
            # One text has no padding. Attention that knows it need not look, and is joined without a mask.
            everything = torch.ones_like(inputs_embeds[..., 0], dtype=torch.long)
            read = self.transformer(inputs_embeds=inputs_embeds, attention_mask=everything)
            told: dict[str, Any] = {"token_embeddings": read.last_hidden_state, "attention_mask": everything}
            for module in modules:
                told = module(told)
            return torch.nn.functional.normalize(told["sentence_embedding"], p=2.0, dim=1)

    embeddings = transformer.get_input_embeddings().weight
    example = embeddings[:8].detach().unsqueeze(0)
    plain = path.with_suffix(".plain") if quantized else path
    try:
        with quantizing.silent(), torch.no_grad(), _plain_attention(transformer, wanted=quantized):
            torch.onnx.export(
                Graph().eval(),
                (example,),
                str(plain),
                input_names=[INPUT],
                output_names=["vector"],
                dynamic_axes={INPUT: {1: "tokens"}},
                opset_version=_OPSET,
                dynamo=False,
            )
            if quantized:
                _quantize_aside(plain, path, _samples(network), transformer.config)
    except Exception as error:  # PyTorch and onnx have dozens; whichever it is, the model itself can answer
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise NotExportable(f"it cannot be written as ONNX ({why})") from error
    finally:
        if quantized:
            plain.unlink(missing_ok=True)


def _samples(network: "SentenceTransformer") -> Iterator[quantizing.Sample]:
    """Texts of random pieces as the graph reads them, the same each time: a graph is of its model alone."""
    transformer, tokenizer = _transformer(network), network.tokenizer
    embeddings = transformer.get_input_embeddings().weight.detach()
    prompt = (network.prompts or {}).get("query") or ""
    rng = np.random.default_rng(_SEED)
    for length in _SAMPLE_LENGTHS:
        drawn = tokenizer.decode(rng.integers(len(embeddings), size=length).tolist(), skip_special_tokens=True)
        ids = tokenizer(prompt + drawn, truncation=True, max_length=int(network.max_seq_length or 512))["input_ids"]
        read = embeddings[ids].float().cpu().numpy()[np.newaxis]
        yield read


def _quantize_aside(source: Path, target: Path, samples: Iterable[quantizing.Sample], config: Any) -> None:  # noqa: ANN401
    """Quantizes in a process of its own: what that takes, half a gigabyte, is given back before anything is encoded."""
    read = source.with_suffix(".npz")
    np.savez(read, *samples)
    sizes = str(config.num_attention_heads), str(config.hidden_size)
    command = [sys.executable, "-m", quantizing.__name__, str(source), str(target), str(read), *sizes]
    done = subprocess.run(command, capture_output=True, text=True, start_new_session=True)  # Ctrl-C is for us alone
    read.unlink()
    if done.returncode:
        raise RuntimeError((done.stderr.strip() or f"exit status {done.returncode}").splitlines()[-1])


@contextlib.contextmanager
def _plain_attention(transformer: Any, wanted: bool) -> Iterator[None]:  # noqa: ANN401 -- whichever was loaded
    """Attention written out step by step meanwhile, which is what can be joined into one operation."""
    before = transformer.config._attn_implementation
    if wanted:
        transformer.set_attn_implementation("eager")
    try:
        yield
    finally:
        transformer.set_attn_implementation(before)


def _transformer(network: "SentenceTransformer") -> Any:  # noqa: ANN401 -- whichever transformers loaded
    first: Any = network[0]
    transformer = getattr(first, "auto_model", None)
    if transformer is None or not hasattr(transformer, "get_input_embeddings"):
        raise NotExportable("its first module is no transformer")
    return transformer


def _write_card(folder: Path, card: Card) -> None:
    (folder / CARD).write_text(card.model_dump_json(indent=1) + "\n", encoding="utf-8")


def _compared(ours: Vectors, theirs: Vectors, vectors: Vectors) -> Compared:
    """How near the vectors of one side come to those of the other."""
    if not len(ours):
        return Compared(queries=0, cosine=1.0, least_cosine=1.0, overlap=1.0)
    cosines = (ours * theirs).sum(axis=1)
    first = min(_FIRST, len(vectors))
    found, expected = (
        [set(row) for row in np.argsort(-(side @ vectors.T), axis=1, kind="stable")[:, :first].tolist()]
        for side in (ours, theirs)
    )
    shares = [len(one & other) / first for one, other in zip(found, expected, strict=True)] if first else [1.0]
    return Compared(
        queries=len(ours),
        cosine=round(float(cosines.mean()), 5),
        least_cosine=round(float(cosines.min()), 5),
        overlap=round(float(np.mean(shares)), 5),
    )
