"""What building an index costs beside encoding its texts plainly, and building it again after a small change."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from indexer import artifact, models
from indexer.articles import articles_root, read_articles
from indexer.encoder import Encoder, Vectors, open_encoder
from indexer.opening import open_encoder as open_query_encoder
from indexer.sections import Section
from server.search import Searcher

# Bars of the issue that asked for it.
RATIO, SHARE_BESIDE, PEAK, SHARE_AGAIN, COSINE = 0.65, 0.12, 2 * 2**30, 0.05, 0.9999
QUERIES = 200

_FIRST = 10  # sections compared for each query
_ADDED = "\n\nПроверено ещё раз: всё работает, как описано выше.\n"
_DATE = re.compile(r"^((?:ms\.date|updated|date|lastmod): *)\S.*$", re.MULTILINE)
_ENCODING = "vectors"  # the stage of a build
_SIDE = 2048  # of the square matrices multiplied
_SIDE_ON_GPU = 8192


class NothingToChange(Exception):
    """A corpus has no article of the kind that is changed."""


@dataclass(frozen=True, slots=True)
class Built:
    """A build in a process of its own."""

    wall: float  # seconds, Python's start included
    peak: int  # bytes, resident
    seconds: dict[str, float]  # stage -> seconds
    counts: dict[str, int]

    @property
    def encoding(self) -> float:
        """Seconds of encoding."""
        return self.seconds[_ENCODING]

    @property
    def share_beside(self) -> float:
        """The share of everything that is not encoding."""
        return 1 - self.encoding / self.wall


@dataclass(frozen=True, slots=True)
class Plain:
    """The texts of an index encoded as Sentence Transformers' documentation shows: float32, 32 at once."""

    texts: int
    tokens: int
    flops: float  # of the transformer's products
    seconds: float  # of `encode` alone
    matmul: float  # operations a second of a large product, in bfloat16 where the processor can


@dataclass(frozen=True, slots=True)
class Difference:
    """What tells an index that was built again after a change from one that was built from nothing."""

    files: tuple[str, ...]  # that should be the same to the byte and are not
    kept: int  # vectors that were there before the change
    kept_changed: int  # of them
    new: int
    least_cosine: float  # of any vector with that of the other index; 1.0 where there are none
    queries: int
    other_first: int  # queries whose first ten sections differ


def build_alone(corpus: Path, index: Path, model: str) -> Built:
    """A build in a process of its own. Raises RuntimeError where it fails."""
    command = [sys.executable, "-m", "indexer", "build", str(corpus), "--out", str(index), "--model", model, "--json"]
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        told = process.stdout.read() if process.stdout else b""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - started
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit {process.returncode}; see above")
    summary = json.loads(told)
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Built(wall, peak, summary["seconds"], summary["counts"])


def encode_alone(index: Path, model: str) -> Plain:
    """The texts of an index encoded plainly in a process of its own. Raises RuntimeError where that fails."""
    code = "import sys; from evaluation.indexing import tell_plain; tell_plain(*sys.argv[1:])"
    done = subprocess.run([sys.executable, "-c", code, str(index), model], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise RuntimeError(f"encoding plainly: exit {done.returncode}; see above")
    return Plain(**json.loads(done.stdout.splitlines()[-1]))


def tell_plain(index: str, model_name: str) -> None:
    """Prints a `Plain` as JSON; for the process of `encode_alone`."""
    loaded = artifact.load(Path(index))
    model = models.resolve(model_name)
    if loaded.adapter:
        model = models.with_adapter(model, loaded.adapter)
    encoder = open_encoder(model)
    network: Any = encoder.network
    prompts = [str(encoder.settings()[name]) for name in ("passage_prompt", "query_prompt")]
    parts = list(zip(texts_of(loaded, encoder), prompts, strict=True))
    matmul = _matmul(str(encoder.settings()["dtype"]), network.device.type)
    lengths = [min(n, encoder.maximum_tokens) for texts, _ in parts for n in encoder.count_tokens(texts)]
    started = time.perf_counter()
    for texts, prompt in parts:
        network.encode(texts, prompt=prompt, batch_size=32, show_progress_bar=False)
    seconds = time.perf_counter() - started
    config = getattr(network[0], "auto_model").config  # noqa: B009 -- Sentence Transformers types it away
    flops = sum(flops_of(n, config.num_hidden_layers, config.hidden_size, config.intermediate_size) for n in lengths)
    matmul = max(matmul, _matmul(str(encoder.settings()["dtype"]), network.device.type))
    print(json.dumps(asdict(Plain(len(lengths), sum(lengths), flops, seconds, matmul))))


def texts_of(loaded: artifact.Artifact, encoder: Encoder) -> tuple[list[str], list[str]]:
    """The passages and the questions that a build of this index encodes, each once."""
    from indexer.build import passages

    windows, _ = passages(loaded.sections, encoder)
    read = dict.fromkeys([*windows, *(sentence.passage for sentence in loaded.sentences.sentences)])
    return list(read), list(dict.fromkeys(question.line for question in loaded.questions.questions))


def flops_of(tokens: int, layers: int, hidden: int, inner: int) -> float:
    """Operations of the products of a transformer over one text: projections, feed-forward, scores, weighted sums."""
    return layers * 2.0 * tokens * (4 * hidden**2 + 2 * hidden * inner + 2 * tokens * hidden)


def _matmul(dtype: str, device: str) -> float:
    """Operations a second of a large product by the whole device, at its best."""
    import torch

    side = _SIDE_ON_GPU if device == "cuda" else _SIDE
    one, other = (torch.randn(side, side).to(device, getattr(torch, dtype)) for _ in range(2))
    taken = []
    for _ in range(30):
        started = time.perf_counter()
        torch.matmul(one, other)
        if device == "cuda":
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - started)
    return 2 * side**3 / min(taken)


def sampled(corpus: Path, target: Path, count: int | None) -> Path:
    """A copy of a corpus with its first `count` articles, or all of them."""
    shutil.copytree(corpus, target)
    if count is not None:
        for article in read_articles(target).articles[count:]:
            Path(article.source).unlink(missing_ok=True)
    return target


def change_text(corpus: Path) -> Path:
    """Adds a sentence to the article in the middle of those in Markdown. Raises NothingToChange."""
    path = _middle(sorted(articles_root(corpus).rglob("*.md")))
    with path.open("a", encoding="utf-8") as file:
        file.write(_ADDED)
    return path


def change_metadata(corpus: Path) -> Path:
    """Changes the date of the article in the middle of those that have one. Raises NothingToChange."""
    dated = [path for path in sorted(articles_root(corpus).rglob("*.md")) if _DATE.search(path.read_text("utf-8"))]
    path = _middle(dated)
    path.write_text(_DATE.sub(r"\g<1>2001-02-03", path.read_text(encoding="utf-8"), count=1), encoding="utf-8")
    return path


def _middle(paths: Sequence[Path]) -> Path:
    if not paths:
        raise NothingToChange("no article in Markdown, with a date in its front matter; expected one to change")
    return paths[len(paths) // 2]


def vectors_of(index: Path) -> dict[str, Vectors]:
    """Every vector of an index by what it is of and the hash of its text."""
    loaded = artifact.load(index)
    return {
        f"{kind} {digest}": np.array(vector)
        for kind, part in (("window", loaded.vectors), ("question", loaded.questions), ("sentence", loaded.sentences))
        for digest, vector in part.known_vectors().items()
    }


def compared(before: dict[str, Vectors], again: Path, anew: Path, queries: int = QUERIES) -> Difference:
    """An index built again, with vectors from `before`, beside one of the same texts built from nothing."""
    ours, theirs = vectors_of(again), vectors_of(anew)
    kept = [name for name in ours if name in before]
    cosines = [float(ours[name] @ theirs[name]) for name in ours if name in theirs]
    one, other = (Searcher(loaded, open_query_encoder(loaded)) for loaded in map(artifact.load, (again, anew)))
    asked = questions_of(one.artifact.sections, queries)
    folders = artifact.current(again), artifact.current(anew)
    names = {path.relative_to(folder).as_posix() for folder in folders for path in folder.rglob("*") if path.is_file()}
    same = [name for name in names if name in ("sections.jsonl", "vocabulary") or name.startswith("lexical/")]
    return Difference(
        files=tuple(sorted(name for name in same if len({_content(folder / name) for folder in folders}) > 1)),
        kept=len(kept),
        kept_changed=sum(not np.array_equal(ours[name], before[name]) for name in kept),
        new=len(ours) - len(kept),
        least_cosine=min(1.0, *cosines, 0.0 if ours.keys() ^ theirs.keys() else 1.0),
        queries=len(asked),
        other_first=sum(_first(one, query) != _first(other, query) for query in asked),
    )


def questions_of(sections: Sequence[Section], count: int) -> list[str]:
    """Headings evenly drawn from the sections, as queries."""
    headings = list(dict.fromkeys(section.headings[-1] for section in sections if section.headings))
    return headings[:: max(1, len(headings) // count)][:count]


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _first(searcher: Searcher, query: str) -> list[str]:
    return [hit.section_id for hit in searcher.search(query, limit=_FIRST).hits]
