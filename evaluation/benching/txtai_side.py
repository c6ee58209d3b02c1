"""txtai beside us: the same model with its prompts, the same texts of sections, as many threads.

It keeps vectors alone, neither words nor texts, which is the least work that it can be asked for.
"""

import json
import math
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evaluation.benching.servers import Server, started, stop, surroundings
from evaluation.benching.setting import Setting
from evaluation.endpoints import Endpoint
from evaluation.systems import SystemFailure
from indexer.build import passages

_HITS = 10  # as many as our server gives
_PROCESS = Path(__file__).with_name("txtai_process.py")
_VERSION = "import fastapi, importlib.metadata, uvicorn; print(importlib.metadata.version('txtai'))"


def version(python: Path) -> str | None:
    """The version of txtai that a Python has, None where it lacks it or what its API server needs."""
    try:
        done = subprocess.run([str(python), "-c", _VERSION], capture_output=True, text=True, env=surroundings())
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


class Searching:
    """A process with txtai's index in it."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def ask(self, query: str) -> float:
        """Milliseconds that its search took, by its own clock: the pipe is not counted."""
        return float(self.tell(query)["milliseconds"])

    def tell(self, line: object) -> Any:  # noqa: ANN401 -- any JSON
        """What it answers to a line. Raises SystemFailure where it has ended."""
        sent, answers = self._process.stdin, self._process.stdout
        assert sent and answers  # noqa: S101 -- both were asked for
        try:
            sent.write(json.dumps(line).encode() + b"\n")
            sent.flush()
            return json.loads(answers.readline())
        except (OSError, ValueError) as error:
            raise SystemFailure(
                f"txtai ended ({error!r}); expected an answer to each query; leave it out with --no-txtai"
            ) from error


@contextmanager
def searching(setting: Setting) -> Iterator[Searching]:
    """txtai's `Embeddings.search` in a process of its own, its index made where it was not yet."""
    process = subprocess.Popen(
        [str(setting.txtai), str(_PROCESS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=surroundings(_threads(setting)),
        start_new_session=True,
    )
    try:
        found = Searching(process)
        found.tell(_told(setting))
        yield found
    finally:
        stop(process)
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()


@contextmanager
def serving(setting: Setting) -> Iterator[Server]:
    """txtai's own API server over the same index, with as many workers as our server."""
    if not _index(setting).exists():
        with searching(setting):
            pass
    config = setting.aside / "txtai.yml"
    # JSON is YAML; without `embeddings` it would offer no routes.
    told = {"path": str(_index(setting)), "writable": False, "embeddings": {"path": str(_model(setting)), "gpu": False}}
    config.write_text(json.dumps(told), encoding="utf-8")
    command = [str(setting.txtai), "-m", "uvicorn", "txtai.api:app", "--workers", str(setting.workers)]
    surrounded = {"CONFIG": str(config), **_threads(setting)}
    with started(command, "/count", surrounded, ("Application startup complete", setting.workers)) as server:
        yield server


def endpoint(url: str) -> Endpoint:
    """Its search over HTTP; it tells no time of its own."""

    def took_ms(reply: Any) -> float:  # noqa: ANN401 -- any JSON
        _ = reply[0][0]["score"]
        return math.nan

    return Endpoint(f"{url}/batchsearch", lambda query: {"queries": [query], "limit": _HITS}, took_ms)


def _told(setting: Setting) -> dict[str, object]:
    settings = setting.encoder.settings()
    texts, rows = passages(setting.artifact.sections, setting.encoder)
    return {
        "model": str(_model(setting)),
        "instructions": {"query": settings["query_prompt"], "data": settings["passage_prompt"]},
        "index": str(_index(setting)),
        "texts": [[f"{row}-{place}", text] for place, (row, text) in enumerate(zip(rows, texts, strict=True))],
        "threads": setting.threads,
    }


def _model(setting: Setting) -> Path:
    """The folder of the model; written with the adapter merged where it has one."""
    if not setting.model.adapter:
        return setting.model.folder
    folder = setting.aside / "model"
    if not folder.exists():
        setting.encoder.network.save(str(folder))
    return folder


def _index(setting: Setting) -> Path:
    return setting.aside / "txtai"


def _threads(setting: Setting) -> dict[str, str]:
    return {"OMP_NUM_THREADS": str(setting.threads), "MKL_NUM_THREADS": str(setting.threads)}
