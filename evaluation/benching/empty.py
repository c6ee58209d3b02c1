"""A Flask application whose one route does nothing, under gunicorn as our server runs under it."""

import argparse
import sys
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

# What `python -m server` gives gunicorn and what changes the time of a request; a test holds the two together. Our
# server writes its own line a request, here gunicorn's access log does.
SETTINGS: dict[str, Any] = {
    "threads": 4,
    "worker_class": "gthread",
    "timeout": 120,
    "accesslog": "-",
    "access_log_format": "%(t)s %(m)s %(U)s %(s)s %(B)s bytes %(M)s ms",
    "errorlog": "-",
    "loglevel": "warning",
    "limit_request_line": 8190,
}


class _Empty(BaseApplication):  # type: ignore[misc]
    """gunicorn over the empty application."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._settings.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return empty_app()


def empty_app() -> Flask:
    """The application: GET / gives a word."""
    app = Flask(__name__)
    app.add_url_rule("/", "empty", lambda: "empty")
    return app


def main(arguments: list[str] | None = None) -> int:
    """Serves it until it is stopped."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.benching.empty", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args(arguments)
    _Empty(SETTINGS | {"bind": f"127.0.0.1:{options.port}", "workers": options.workers}).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
