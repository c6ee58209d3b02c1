"""`overload`: whether a server that is asked far more than it can answer still answers as much as at its best."""

import argparse
import json
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

from evaluation.benching.servers import our_server, started
from evaluation.commands.bench_url import count, duration
from evaluation.commands.opening import command
from evaluation.enduring import overload
from evaluation.enduring.overload import Overload
from evaluation.provenance import git_commit, load_of_machine, machine
from indexer.terminal import Terminal


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command with its options."""
    sub = command(commands, "overload", _overload, "ask a server several times more than it can answer")
    which = sub.add_mutually_exclusive_group()
    which.add_argument("--index", type=Path, default=Path("index"), help="served for this by a server of its own")
    which.add_argument("--url", help="of a running server; its memory is not measured")
    sub.add_argument("--workers", type=count, default=1, metavar="N", help="processes of the own server (default: 1)")
    sub.add_argument("--seconds", type=duration, default=120.0, help="of too many requests (default: 120)")
    sub.add_argument("--factor", type=duration, default=4.0, help="times the peak that are asked (default: 4)")
    sub.add_argument("--peak-seconds", type=duration, default=20.0, help="in which the peak is found (default: 20)")
    sub.add_argument("--json", action="store_true")


def _overload(options: argparse.Namespace) -> int:
    """Prints what was measured; 1 where a promise was not held."""
    busy = load_of_machine()
    serving = nullcontext() if options.url else started(our_server(options.index, options.workers), "/readyz")
    with serving as server:
        found = overload.measure(
            server.url if server else options.url.rstrip("/"),
            server.pid if server else None,
            seconds=options.seconds,
            factor=options.factor,
            peak_seconds=options.peak_seconds,
            say=Terminal().say,
        )
    broken = found.broken()
    about = {"machine": machine(), "commit": git_commit(), "load_average": busy}
    if options.json:
        told = {"peak": found.peak, "share": found.share, "growth": found.growth, "held": not broken, "broken": broken}
        print(json.dumps(about | asdict(found) | told, ensure_ascii=False))
    else:
        print("\n".join([", ".join(f"{name}: {value}" for name, value in about.items()), *_lines(found), *broken]))
        print("FAIL" if broken else "pass")
    return int(bool(broken))


def _lines(found: Overload) -> list[str]:
    memory = f"{found.memory_mb[0]:.0f} to {found.memory_mb[-1]:.0f} MB" if found.memory_mb else "not measured"
    before, after = found.peaks
    return [
        f"peak: {before:.1f} answered a second before, {after:.1f} after",
        f"offered: {found.offered:.1f} a second for {found.seconds:.1f} s, {found.sent} requests",
        f"goodput: {found.goodput:.1f} answered a second, {found.share:.1%} of the peak",
        f"refused: {found.refused} with 503 and Retry-After; failed: {sum(found.failures.values())}",
        f"answered in: p50 {found.p50_ms:.0f} ms, p95 {found.p95_ms:.0f} ms",
        f"memory: {memory}, {found.growth:+.1%} from the first third to the last",
    ]
