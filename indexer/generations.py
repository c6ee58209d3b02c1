"""Which generation of an index is live, which was before it, and which may go.

index/current -> generations/<id>       the live one; replaced in one step by a rename
index/generations/<id>/                 a whole generation: it has its name only since it passed its checks
                  <id>.gate.json        what `python -m evaluation gate` said of it
                  history.json          the generations that were live, the last one last
                  .lock                 held by the one process that changes the index; free as soon as that ends
                  .building-…, .removing-…, .new-…    leftovers of a process that was stopped; the next one removes them

Whatever moment a process is stopped at, `current` leads to a whole generation: names change by renames alone.
"""

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, TypeAdapter, ValidationError

from indexer import artifact
from indexer.errors import ArtifactError

KEPT = 2  # generations: the live one and the one before it, for a rollback
GATE = ".gate.json"

_LOCK, _HISTORY = ".lock", "history.json"
_REMEMBERED = 20  # of the history

Gate = Literal["passed", "none", "ignored"]
Follow = Callable[[str], object]  # told the id of what goes live; raises ArtifactError where it cannot


@dataclass(frozen=True, slots=True)
class Went:
    """A generation that went live."""

    generation: str
    at: str  # ISO 8601, UTC
    gate: Gate  # what was known of the golden queries; "ignored": they failed, and somebody wanted it all the same


@dataclass(frozen=True, slots=True)
class Generation:
    """A generation on disk, as a list shows it."""

    generation: str
    state: Literal["current", "previous", ""]
    created: str  # ISO 8601, UTC; empty where the id does not say
    sections: int | None  # None: its manifest cannot be read by this version
    model: str
    bytes: int
    gate: Literal["passed", "failed", "none"]


class _Check(BaseModel):
    measure: str
    holds: bool


class _Verdict(BaseModel):
    """What is read of gate.json, which `evaluation` writes; nothing of `evaluation` is needed for it."""

    passed: bool
    corpus_digest: str
    model_fingerprint: str
    checks: tuple[_Check, ...] = ()


def _nobody(generation: str) -> None:
    """Follows where nothing else has to know which generation is live."""


@contextlib.contextmanager
def locked(index: Path) -> Iterator[None]:
    """Lets nobody else change the index in the meantime, and removes what a stopped process left.

    The lock belongs to the process: when that ends, however it does, it is free.

    Raises ArtifactError where another holds it or the folder cannot be written to.
    """
    folder = index / "generations"
    with artifact.writing(folder, "try again"):
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            who = os.pread(lock, 20, 0).decode(errors="replace")
            raise ArtifactError(
                f"{folder / _LOCK}: held by another build, promote, rollback or gc{who and f' (process {who})'}; "
                "expected to be alone; wait until that has ended, then try again"
            ) from error
        with contextlib.suppress(OSError):  # only a help for whoever is refused
            os.ftruncate(lock, 0)
            os.pwrite(lock, str(os.getpid()).encode(), 0)
        for leftover in folder.glob(".*"):
            if leftover.name != _LOCK:
                _remove(leftover)
        yield
    finally:
        os.close(lock)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def live(index: Path) -> str | None:
    """The id of the generation that `current` names, there or not; None without `current`."""
    try:
        return (index / "current").readlink().name
    except OSError:
        return None


def previous(index: Path) -> str | None:
    """The id of the generation that was live before the present one and is still there; None where there is none."""
    now, there = live(index), artifact.list_generations(index)
    past = [went.generation for went in _before(_history(index), now)]
    for generation in reversed(past):
        if generation != now and generation in there:
            return generation
    older = [generation for generation in there if now is None or generation < now]
    return older[-1] if older else None


def listed(index: Path) -> list[Generation]:
    """The generations on disk, oldest first. Raises ArtifactError where there is no index."""
    artifact.require_index(index)
    now, before = live(index), previous(index)
    found = []
    for generation in artifact.list_generations(index):
        folder = index / "generations" / generation
        sections, model = None, ""
        with contextlib.suppress(ArtifactError):
            manifest = artifact.read_manifest(folder)
            sections, model = manifest.counts.get("sections"), manifest.inputs.model
        found.append(
            Generation(
                generation,
                "current" if generation == now else "previous" if generation == before else "",
                created(generation),
                sections,
                model,
                sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
                _said(index, generation),
            )
        )
    return found


def _said(index: Path, generation: str) -> Literal["passed", "failed", "none"]:
    try:
        return "none" if gate_verdict(index, generation) == "none" else "passed"
    except ArtifactError:
        return "failed"


def created(generation: str) -> str:
    """When a generation was made, ISO 8601 in UTC; empty where its id does not say."""
    try:
        return (
            datetime.strptime(generation.rpartition("-")[0], artifact.STAMP)
            .replace(tzinfo=UTC)
            .isoformat("T", "seconds")
        )
    except ValueError:
        return ""


def switch(index: Path, generation: str, gate: Gate) -> None:
    """Makes a whole generation the live one. To be called with the lock; raises OSError where it cannot be written."""
    now = live(index)
    past = _before(_history(index), now)
    if now:
        past.append(next((went for went in reversed(_history(index)) if went.generation == now), Went(now, "", "none")))
    past.append(Went(generation, datetime.now(UTC).isoformat("T", "seconds"), gate))
    new = index / "generations" / f".new-{os.getpid()}"
    try:
        # First what was, then what is: a stop in between leaves an entry that nothing leads to, and it is passed over.
        new.write_text(json.dumps([asdict(went) for went in past[-_REMEMBERED:]], indent=1) + "\n", encoding="utf-8")
        new.replace(index / "generations" / _HISTORY)
        new.symlink_to(Path("generations") / generation)
        new.replace(index / "current")
    finally:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)


def go_live(index: Path, generation: str, gate: Gate, follow: Follow, then: str = "try again") -> None:
    """Makes a whole generation the live one, here and in the store that `follow` tells of it. Needs the lock.

    Raises ArtifactError where one of them fails; the one that was live stays so in both. `then` ends what to do.
    """
    now = live(index)
    follow(generation)
    try:
        with artifact.writing(index / "current", then):
            switch(index, generation, gate)
    except ArtifactError:
        if now:
            with contextlib.suppress(ArtifactError):  # what failed first is told
                follow(now)
        raise


def _history(index: Path) -> list[Went]:
    try:
        content = (index / "generations" / _HISTORY).read_bytes()
        return TypeAdapter(list[Went]).validate_json(content)
    except (OSError, ValidationError):
        return []  # what was live before is a help for a rollback; the order of the ids does as well


def _before(history: list[Went], now: str | None) -> list[Went]:
    """The entries before the last one of `now`; all where it has none."""
    places = [place for place, went in enumerate(history) if went.generation == now]
    return history[: places[-1]] if places else history


def gate_verdict(index: Path, generation: str) -> Gate:
    """What the golden queries say: "none" where they were not asked.

    Raises ArtifactError where they failed, or where the verdict is about another index.
    """
    verdict = _verdict(index, generation)
    if verdict is None:
        return "none"
    path = index / "generations" / f"{generation}{GATE}"
    inputs = artifact.read_manifest(index / "generations" / generation).inputs
    if (verdict.corpus_digest, verdict.model_fingerprint) != (inputs.corpus_digest, inputs.model_fingerprint):
        raise ArtifactError(
            f"{path}: of another corpus or model; expected the verdict on this generation; {_ask(index, generation)}"
        )
    if not verdict.passed:
        fell = ", ".join(check.measure for check in verdict.checks if not check.holds)
        raise ArtifactError(
            f"{path}: the golden queries failed{fell and f' ({fell})'}; expected them to pass; mend the texts and "
            f"build again, {_ask(index, generation)}, or promote it all the same with --no-gate"
        )
    return "passed"


def _verdict(index: Path, generation: str) -> _Verdict | None:
    """What `evaluation gate` left beside a generation, if it did. Raises ArtifactError where it is damaged."""
    path = index / "generations" / f"{generation}{GATE}"
    if not path.exists():
        return None
    try:
        return _Verdict.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise ArtifactError(
            f"{path}: unreadable ({type(error).__name__}); expected a verdict on golden queries; "
            f"{_ask(index, generation)}"
        ) from error


def _ask(index: Path, generation: str) -> str:
    return f"ask again: python -m evaluation gate --index {index} --generation {generation}"


def promote(
    index: Path,
    generation: str,
    check: Callable[[Path], object],
    *,
    ignore_gate: bool = False,
    follow: Follow = _nobody,
) -> str | None:
    """Makes a generation live after `check` of its folder and the verdict of the golden queries; gives what was live.

    `follow` is told before it goes live, even where it is live already.

    Raises ArtifactError where one of them refuses it; the one that was live stays so.
    """
    artifact.require_index(index)
    with locked(index):
        folder = artifact.folder_of(index, generation)
        now = live(index)
        check(folder)
        try:
            gate = gate_verdict(index, generation)
        except ArtifactError:
            if not ignore_gate:
                raise
            gate = "ignored"
        if now != generation:
            go_live(index, generation, gate, follow)
        else:
            follow(generation)
    return now


def rollback(index: Path, check: Callable[[Path], object], follow: Follow = _nobody) -> str:
    """Makes the generation before the live one live again, after `check` of its folder; gives its id.

    `follow` is told before it goes live.

    The golden queries are not asked: it was live already. Raises ArtifactError where there is none, or it is damaged.
    """
    artifact.require_index(index)
    with locked(index):
        generation = previous(index)
        if generation is None:
            raise ArtifactError(
                f"{index}: no generation before the current one; expected one to go back to; "
                f"see python -m indexer list --index {index}, or build again"
            )
        check(artifact.folder_of(index, generation))
        go_live(index, generation, "none", follow)
    return generation


def remove_old(index: Path, keep: int = KEPT) -> list[str]:
    """Removes all but the newest `keep` generations, the live one and the one before it; gives the ids of the removed.

    To be called with the lock. A folder loses its name before its files, so that no generation is ever half there.
    Raises OSError where one cannot be removed.
    """
    folder = index / "generations"
    there = artifact.list_generations(index)
    kept = {live(index), previous(index), *(there[-keep:] if keep > 0 else ())}
    removed = [generation for generation in there if generation not in kept]
    for generation in removed:
        going = (folder / generation).rename(folder / f".removing-{generation}")
        (folder / f"{generation}{GATE}").unlink(missing_ok=True)
        shutil.rmtree(going, ignore_errors=True)  # what stays is removed by the next one who holds the lock
    for verdict in folder.glob(f"[0-9]*{GATE}"):
        if not (folder / verdict.name.removesuffix(GATE)).exists():
            verdict.unlink(missing_ok=True)
    return removed
