"""The server's commands: serve an index over HTTP (the default), or search it from a shell."""

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.workers.base import Worker
from threadpoolctl import threadpool_limits

from indexer import artifact, memory
from indexer.errors import ArtifactError, ModelError
from server import cors
from server.app import create_app
from server.journal import Journal, JournalError
from server.search import Searcher, open_encoder

_WARMING = 16  # queries


class _Server(BaseApplication):  # type: ignore[misc]
    """gunicorn, set up from the command line alone."""

    def __init__(self, index: Path, data: Path | None, origins: list[str], settings: dict[str, Any]) -> None:
        self._index = index
        self._data = data
        self._origins = origins
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._settings.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        _one_thread_each()
        app = create_app(self._index, data=self._data, origins=self._origins)
        warm_up(app.extensions["live"].now().searcher)
        memory.freeze()
        return app


def _one_thread_each() -> None:
    """Keeps libraries from splitting one request over all cores: requests share them better, see docs/design.md."""
    threadpool_limits(1)
    memory.use_one_arena()


def warm_up(searcher: Searcher) -> None:
    """Answers a few known questions: what the first ones open and work out, workers share, and no visitor waits for it.

    ONNX Runtime has no threads of its own here, so that its session, too, survives the fork.
    """
    known = [question.text for question in searcher.artifact.questions.questions]
    for query in known[:: max(1, len(known) // _WARMING)] or ["проверка"]:
        searcher.search(query)
    memory.give_back()  # 20 MB of what loading needed


def _started(worker: Worker) -> None:
    """Prepares a process for requests: a worker that starts anew may find another generation than the first did."""
    live = worker.wsgi.extensions["live"]
    live.catch_up()
    live.watch()


def main(arguments: list[str] | None = None) -> int:
    """Runs a command; 0 is fine, 1 says that something is to be mended, 2 is wrong usage."""
    given = sys.argv[1:] if arguments is None else arguments
    searching = given[:1] == ["search"]
    options = (_search_parser() if searching else _serve_parser()).parse_args(given[1:] if searching else given)
    try:
        return _search(options) if searching else _serve(options)
    except (ArtifactError, ModelError, JournalError) as error:
        print(error, file=sys.stderr)
        return 1


def _serve_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m server",
        description="Serve an index over HTTP. Another command: python -m server search QUERY",
    )
    parser.add_argument("--index", type=Path, default=Path("index"), help="folder of the index (default: index)")
    parser.add_argument("--data", type=Path, help="folder that votes are kept in (default: none are taken)")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument(
        "--allow-origin",
        type=_origin,
        action="append",
        default=[],
        metavar="ORIGIN",
        help="a site whose pages may ask this server, such as https://www.example.ru; may be repeated",
    )
    parser.add_argument("--workers", type=int, default=1, help="processes, which share what is loaded (default: 1)")
    parser.add_argument("--threads", type=int, default=4, help="requests at a time in one process (default: 4)")
    return parser


def _origin(text: str) -> str:
    try:
        return cors.origin(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _serve(options: argparse.Namespace) -> int:
    # Before any worker starts, so that a bad index is told once and plainly.
    folder = artifact.current(options.index)
    artifact.verify(folder)
    if options.data:
        Journal(options.data).close()
    print(f"Serving {folder.name} on http://{options.host}:{options.port}", file=sys.stderr, flush=True)
    _Server(
        options.index,
        options.data,
        options.allow_origin,
        {
            "bind": f"{options.host}:{options.port}",
            "workers": options.workers,
            "threads": options.threads,
            "worker_class": "gthread",
            # Loaded once and shared by the workers, but for PyTorch, whose threads do not survive a fork.
            "preload_app": artifact.has_query_side(folder),
            "post_worker_init": _started,
            "timeout": 120,  # a cold start reads the model from disk
            "accesslog": "-",
            # The path without its query string: what people ask stays out of the log.
            "access_log_format": "%(t)s %(m)s %(U)s %(s)s %(B)s bytes %(M)s ms",
            "errorlog": "-",
            "loglevel": "warning",
            "limit_request_line": 8190,
            "proc_name": "spravka",
        },
    ).run()
    return 0


def _search_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m server search", description="Search an index from a shell.")
    parser.add_argument("query")
    parser.add_argument("--index", type=Path, default=Path("index"), help="folder of the index (default: index)")
    parser.add_argument("--limit", type=int, default=5)
    parser.add_argument("--mode", choices=("hybrid", "lexical", "semantic"), default="hybrid")
    parser.add_argument("--json", action="store_true")
    return parser


def _search(options: argparse.Namespace) -> int:
    loaded = artifact.load(options.index)
    result = Searcher(loaded, open_encoder(loaded)).search(
        options.query, limit=options.limit, mode=cast(Any, options.mode)
    )
    if options.json:
        print(json.dumps([asdict(hit) for hit in result.hits], ensure_ascii=False, indent=2))
        return 0
    for hit in result.hits:
        print(f"{hit.rank}. {' › '.join(hit.headings) or hit.article_id}   {hit.score:.3f}")
        print(f"   {hit.url}\n   {hit.snippet}\n")
    if not result.hits:
        print("В справке нет ответа на этот вопрос.")
    return 0


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    sys.exit(main())
