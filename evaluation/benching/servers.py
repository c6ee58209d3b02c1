"""Servers that are started for a measurement, each on a free port of the loopback interface, and always stopped."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from evaluation.systems import SystemFailure

_ROOT = Path(__file__).parents[2]  # what is started imports the same code as this
_PATIENCE = 300.0  # seconds that a server may take to start
_POLL = 0.01  # seconds between two looks at whether it is ready
_GRACE = 10.0  # seconds that it may take to stop
_LONGEST = 1 << 20  # bytes of what it said that are read
_LAST = 2000  # characters of it that an error shows


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers."""

    url: str
    pid: int
    seconds: float  # from its start until it was ready


@contextmanager
def started(
    command: Sequence[str], ready: str, environment: Mapping[str, str] | None = None, said: tuple[str, int] = ("", 0)
) -> Iterator[Server]:
    """Runs a command with `--port N` added, from when GET `ready` gives 200 until the block ends.

    Where `said` is given, its words are to stand so many times in what it said on stderr, too: once for each worker.
    Raises SystemFailure, with the last of what it said, where it ends before that or takes too long.
    """
    port = free_port()
    with tempfile.TemporaryFile() as log:
        begun = time.perf_counter()
        process = subprocess.Popen(
            [*command, "--port", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env=surroundings(environment),
            start_new_session=True,  # Ctrl-C reaches this process alone, which stops the other
        )
        try:
            while not (_all_of(log).count(said[0]) >= said[1] and _answers(port, ready)):
                if process.poll() is not None or time.perf_counter() - begun > _PATIENCE:
                    raise SystemFailure(
                        f"{' '.join(command)}: not ready after {time.perf_counter() - begun:.0f} s; "
                        f"expected 200 from {ready}; it said:\n{_all_of(log)[-_LAST:].strip()}"
                    )
                time.sleep(_POLL)
            yield Server(f"http://127.0.0.1:{port}", process.pid, time.perf_counter() - begun)
        finally:
            stop(process)


def our_server(index: Path, workers: int | None = None) -> list[str]:
    """The command of our own server over an index; with all its defaults where no number of workers is named."""
    command = [sys.executable, "-m", "server", "--index", str(index)]
    return command if workers is None else [*command, "--workers", str(workers)]


def surroundings(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a process that runs our code and asks no model hub."""
    ours = {"PYTHONPATH": str(_ROOT), "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    return {**os.environ, **ours, **(more or {})}


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def stop(process: "subprocess.Popen[bytes]") -> None:
    """Ends a process that leads a session of its own, and whatever it started."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _all_of(log: IO[bytes]) -> str:
    return os.pread(log.fileno(), _LONGEST, 0).decode(errors="replace")  # leaves alone where the process writes on
