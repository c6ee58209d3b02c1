"""The server's commands: serve an index over HTTP (the default), search, forget, keys, config, doctor."""

import argparse
import logging
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker
from threadpoolctl import threadpool_limits

from indexer import artifact, memory
from indexer.errors import ArtifactError, ModelError
from indexer.stores import options as store_options
from server import access_options, bounds, config, cors, doctor, keys_command, logs, metrics, search_command
from server.app import create_app
from server.journal import Journal, JournalError, UnknownQueryError, read_journals
from server.keys import KeyFile, KeysError
from server.personal import hide
from server.querylog import DAYS
from server.retention import FEEDBACK_DAYS
from server.search import Searcher
from server.settings import Settings, SettingsError
from server.worker import BoundedWorker
from server.written import Secret

_WARMING = 16  # queries


class _Server(BaseApplication):  # type: ignore[misc]
    """gunicorn, set up from the command line alone."""

    def __init__(self, create: Callable[[], Flask], settings: dict[str, Any]) -> None:
        self._create = create
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._settings.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        _one_thread_each()
        try:
            app = self._create()
        except (ArtifactError, ModelError) as error:  # of a worker that loads by itself: said once more plainly
            print(error, file=sys.stderr)
            sys.exit(Arbiter.WORKER_BOOT_ERROR)  # ends the server: the next worker would fare no better
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
    searcher.encoder.encode_query("проверка")  # by itself, so that one that fails is told, and not got round
    known = [question.text for question in searcher.artifact.questions.questions]
    for query in known[:: max(1, len(known) // _WARMING)] or ["проверка"]:
        searcher.search(query)
    if searcher.guard:
        searcher.guard.rest()
    memory.give_back()  # 20 MB of what loading needed


def _started(worker: Worker) -> None:
    """Prepares a process for requests: a worker that starts anew may find another generation than the first did."""
    live = worker.wsgi.extensions["live"]
    live.catch_up()
    live.watch()
    if feedback := worker.wsgi.extensions["feedback"]:
        feedback.retention.watch()


def main(arguments: list[str] | None = None) -> int:
    """Runs a command; 0 is fine, 1 says that something is to be mended, 2 is wrong usage."""
    parser, rest = parser_of(sys.argv[1:] if arguments is None else arguments)
    options = parser.parse_args(rest)
    try:
        return int(options.run(options))
    except (ArtifactError, ModelError, JournalError, KeysError, UnknownQueryError, SettingsError) as error:
        print(error, file=sys.stderr)
        return 1


def parser_of(arguments: list[str]) -> tuple[argparse.ArgumentParser, list[str]]:
    """What reads a command's options, and those options: without the name of a command, of the one that serves."""
    settings = Settings(_serve_parser)
    commands: dict[str, tuple[Callable[[], argparse.ArgumentParser], Callable[[argparse.Namespace], int]]] = {
        "search": (search_command.parser, search_command.run),
        "forget": (_forget_parser, _forget),
        "doctor": (partial(doctor.parser, settings), partial(doctor.run, settings)),
        "config": (partial(config.parser, settings), partial(config.run, settings, _conflict)),
        "keys": (keys_command.parser, keys_command.run),
    }
    if arguments and arguments[0] in commands:
        parser, run = commands[arguments[0]]
        made, rest = parser(), arguments[1:]
    else:
        made, rest, run = settings.parser, arguments, partial(_serve, settings)
    made.set_defaults(run=run)
    return made, rest


def _serve_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m server",
        description="Serve an index over HTTP. "
        "Other commands: python -m server search QUERY, forget QUERY_ID, keys, config, doctor",
    )
    parser.add_argument("--index", type=Path, default=Path("index"), help="folder of the index (default: index)")
    parser.add_argument("--data", type=Path, help="folder that votes are kept in (default: none are taken)")
    parser.add_argument(
        "--query-log", action="store_true", help="keep what is asked in the folder of --data, masked (default: no)"
    )
    parser.add_argument(
        "--query-log-days", type=_days, default=DAYS, metavar="DAYS", help=f"for how long (default: {DAYS})"
    )
    parser.add_argument(
        "--feedback-days",
        type=_days,
        default=FEEDBACK_DAYS,
        metavar="DAYS",
        help=f"that votes, comments and judgments of agents are kept (default: {FEEDBACK_DAYS})",
    )
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
    bounds.add_options(parser)
    parser.add_argument(
        "--log-format", choices=logs.FORMATS, help="of the log on stderr (default: text in a terminal, else json)"
    )
    parser.add_argument(
        "--metrics-public", action="store_true", help="let other machines read /metrics (default: this one alone)"
    )
    access_options.add(parser)
    store_options.add(parser)
    parser.add_argument(
        "--milvus-token",
        type=Secret,
        metavar="TOKEN",
        help="user:password or an API key of that Milvus (default: none)",
    )
    return parser


def _days(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= 3650):
        raise argparse.ArgumentTypeError(f'"{text}" is no number of days; expected a whole number from 1 to 3650')
    return int(text)


def _origin(text: str) -> str:
    try:
        return cors.origin(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _conflict(options: argparse.Namespace) -> str | None:
    """What does not go together in these settings, and what to do; None where all does."""
    if options.query_log and not options.data:
        return "--query-log: no folder to keep queries in; add --data FOLDER, or leave it out"
    try:
        access_options.rules_of(options)
    except ValueError as error:
        return str(error)
    return store_options.conflict(options)


def _serve(settings: Settings, given: argparse.Namespace) -> int:
    options = settings.read(given, os.environ).options
    if message := _conflict(options):
        print(message, file=sys.stderr)
        return 2
    rules = access_options.rules_of(options)
    # Before any worker starts, so that a bad index is told once and plainly.
    folder = artifact.current(options.index)
    artifact.verify(folder)
    if options.data:
        Journal(options.data).close()
        KeyFile(options.data).read()
    logs.configure(options.log_format or logs.default_format())
    logging.getLogger("server").info("Serving %s on http://%s:%d", folder.name, options.host, options.port)
    create = partial(
        create_app,
        options.index,
        data=options.data,
        origins=options.allow_origin,
        query_log_days=options.query_log_days if options.query_log else None,
        feedback_days=options.feedback_days,
        metrics_public=options.metrics_public,
        rules=rules,
        bounds=bounds.of_options(options),
        stores=store_options.stores_of(options),
    )
    with metrics.shared():
        _Server(create, _settings(options, folder)).run()
    return 0


def _settings(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """What gunicorn is told."""
    return {
        "bind": f"{options.host}:{options.port}",
        "workers": options.workers,
        "threads": options.threads,
        "worker_class": BoundedWorker,
        # Loaded once and shared by the workers, but for PyTorch and gRPC, whose threads do not survive a fork.
        "preload_app": artifact.has_query_side(folder) and options.store == "local",
        "post_worker_init": _started,
        "timeout": 120,  # a cold start reads the model from disk
        "child_exit": lambda arbiter, worker: metrics.forget_worker(worker.pid),
        "logger_class": logs.GunicornLogger,
        "loglevel": "warning",
        "limit_request_line": 8190,
        "proc_name": "spravka",
    }


def _forget_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m server forget", description="Delete a query, its votes, comments and judgments from a journal."
    )
    named = parser.add_mutually_exclusive_group(required=True)
    named.add_argument("query_id", nargs="?", help="the query_id of the reply")
    named.add_argument("--text", help="a text: what was asked or judged by agents in these words, whatever its case")
    parser.add_argument("--data", type=Path, required=True, help="folder of the server's --data")
    return parser


def _forget(options: argparse.Namespace) -> int:
    read_journals([options.data])  # a folder without a journal is refused, not given one
    journal = Journal(options.data)
    try:
        if options.query_id:
            journal.forget(options.query_id)
        else:
            journal.forget_text(hide(options.text).text)
    finally:
        journal.close()
    print(f"{journal.path}: {options.query_id or 'that text'} is forgotten")
    return 0


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    sys.exit(main())
