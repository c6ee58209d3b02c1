"""How soon a server is ready and how much memory it takes."""

import statistics
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

from evaluation.benching.findings import Findings
from evaluation.benching.servers import our_server, started, surroundings
from evaluation.benching.setting import CLIENTS, Setting
from evaluation.endpoints import search_endpoint
from evaluation.load import measure
from evaluation.systems import SystemFailure

READY, LOAD = "start until ready", "import sentence_transformers, load the model"

_PROC = Path("/proc")
_LOAD = "import sys, sentence_transformers; sentence_transformers.SentenceTransformer(sys.argv[1])"
_MANY = 3  # workers that one is compared with
_TURNS = 5  # in which queries are asked, over connections of their own, so that every worker gets its share


def ready(setting: Setting) -> Findings:
    """Starting a server until it is ready, in turn with loading the model as Sentence Transformers does."""
    command = [sys.executable, "-c", _LOAD, str(setting.model.folder)]
    starts: list[float] = []
    loads: list[float] = []
    for _ in range(setting.extent.starts):
        with started(our_server(setting.index), "/readyz") as server:
            starts.append(server.seconds)
        begun = time.perf_counter()
        done = subprocess.run(command, env=surroundings(), capture_output=True, text=True)
        if done.returncode:
            raise SystemFailure(f"{setting.model.folder}: not loaded ({done.stderr.strip()[-300:]}); expected a model")
        loads.append(time.perf_counter() - begun)
    return Findings(
        {"ready_over_load_model": statistics.median(starts) / statistics.median(loads)},
        numbers={READY: {"seconds": starts}, LOAD: {"seconds": loads}},
    )


def memory(setting: Setting) -> Findings:
    """Memory of one worker, and what each further one adds, after queries by several clients at once. Linux alone."""
    if not (_PROC / "self" / "smaps_rollup").exists():
        return Findings({"rss_mb": None, "further_worker_pss_mb": None}, notes=("memory is read on Linux alone",))
    resident: dict[int, list[float]] = {}
    proportional: dict[int, float] = {}
    for workers in (1, _MANY):
        with started(our_server(setting.index, workers), "/readyz") as server:
            queries, each = setting.queries(), -(-setting.extent.asked * workers // _TURNS)
            for _ in range(_TURNS):
                measure(search_endpoint(server.url, "hybrid"), islice(queries, each), CLIENTS, requests=each, warm_up=0)
            first, *others = tree(server.pid)
            resident[workers] = [megabytes(process, "Rss") for process in others or [first]]
            proportional[workers] = sum(megabytes(process, "Pss") for process in (first, *others))
    return Findings(
        {
            "rss_mb": max(resident[1]),
            "further_worker_pss_mb": (proportional[_MANY] - proportional[1]) / (_MANY - 1),
        },
        numbers={
            f"memory, {workers} worker{'s' if workers > 1 else ''}": {
                "rss_mb_of_workers": resident[workers],
                "pss_mb_of_all_processes": proportional[workers],
            }
            for workers in resident
        },
    )


def tree(pid: int, proc: Path = _PROC) -> list[int]:
    """A process and all that it started and that these started, itself first."""
    parents: dict[int, int] = {}
    for folder in proc.iterdir():
        if folder.name.isdecimal():
            try:
                # The name, in brackets, may hold spaces and brackets itself: "12 (a) b) S 1 ..."
                stat = (folder / "stat").read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue  # it has ended
            parents[int(folder.name)] = int(stat.rpartition(")")[2].split()[1])
    found = [pid]
    for process in found:  # grows on the way
        found += sorted(child for child, parent in parents.items() if parent == process)
    return found


def megabytes(pid: int, kind: str, proc: Path = _PROC) -> float:
    """Memory of a process in MB of 1,000,000 bytes: "Rss" what it has in memory, "Pss" its share of what it shares."""
    lines = (proc / str(pid) / "smaps_rollup").read_text(encoding="utf-8").splitlines()
    (found,) = (line.split()[1] for line in lines if line.startswith(f"{kind}:"))
    return int(found) * 1024 / 1e6
