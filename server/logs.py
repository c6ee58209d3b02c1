"""What the server writes to stderr: one line an event, as JSON for programs or as text for people.

Nothing of what visitors ask: exceptions are told by their type and place, since their messages may quote a query.
"""

import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

import orjson
from gunicorn.glogging import Logger

from server import tracing

if TYPE_CHECKING:
    from gunicorn.config import Config

Format = Literal["json", "text"]
FORMATS: tuple[Format, ...] = ("json", "text")


def default_format() -> Format:
    """Text where somebody looks on, JSON where a program reads."""
    return "text" if sys.stderr.isatty() else "json"


def configure(kind: Format) -> None:
    """Sends the log of this process, and of those it forks, to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if kind == "json" else TextLines())
    handler.addFilter(_without_addresses)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("server").setLevel(logging.INFO)
    logging.captureWarnings(True)


class GunicornLogger(Logger):  # type: ignore[misc]
    """gunicorn's error log among the others; it has no access log, server/observing.py tells of requests."""

    def setup(self, cfg: "Config") -> None:
        """Leaves the writing to `configure`."""
        self.cfg = cfg
        self._access_log_enabled = False
        self.loglevel = self.LOG_LEVELS.get(cfg.loglevel.lower(), logging.WARNING)
        self.error_log.handlers = []
        self.error_log.propagate = True
        self.error_log.setLevel(self.loglevel)

    def access(self, resp: object, req: object, environ: object, request_time: object) -> None:
        """Nothing."""


def _without_addresses(record: logging.LogRecord) -> bool:
    """Takes the parts of a request out of what gunicorn tells of it: a malformed one, and the address of one."""
    if record.name == "gunicorn.error":
        message = str(record.msg)
        if message.startswith("Invalid request"):
            record.msg, record.args = "a malformed request was refused", ()
        elif message.startswith("Error handling request"):
            record.msg, record.args = "Error handling request", ()
    return True


class JsonLines(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        return orjson.dumps(_fields(record), default=str).decode()


class TextLines(logging.Formatter):
    """A record as one line of text."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        told = _fields(record)
        head = f"{told.pop('time')} {str(told.pop('level')).upper()}"
        if "route" in told:
            return (
                f"{head} {told['method']} {told['route']} {told['status']} {told['bytes']} bytes {told['ms']} ms "
                f"{told['outcome']} {told['request_id']}"
            )
        rest = " ".join(f"{name}={value}" for name, value in told.items() if name not in ("message", "logger"))
        return f"{head} {told['logger']}: {told['message']} {rest}".rstrip()


def _fields(record: logging.LogRecord) -> dict[str, object]:
    time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    told: dict[str, object] = {"time": time, "level": record.levelname.lower()}
    if trace := tracing.current():
        told["request_id"] = trace.request_id
    if isinstance(request := getattr(record, "request", None), dict):
        return {**told, **request}
    told |= {"logger": record.name, "message": " ".join(record.getMessage().split())}
    if record.exc_info and (error := record.exc_info[1]):
        told |= {"error": type(error).__name__, "at": _places(error)}
    return told


def _places(error: BaseException) -> list[str]:
    """Where an exception came by, the nearest last: "module.py:12 in function"."""
    return [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
