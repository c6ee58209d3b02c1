"""`soak`: whether a server answers very many requests, with new generations in between, without error or leak."""

import argparse
import json
import tempfile
from dataclasses import asdict
from pathlib import Path

from evaluation.benching.servers import our_server, started
from evaluation.commands.bench_url import count
from evaluation.commands.opening import command
from evaluation.enduring import soak
from evaluation.provenance import git_commit, load_of_machine, machine
from indexer.terminal import Terminal


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command with its options."""
    sub = command(commands, "soak", _soak, "ask a server very many requests while its generation is switched")
    sub.add_argument("--index", type=Path, default=Path("index"), help="of which a copy is served (default: index)")
    sub.add_argument("--requests", type=count, default=100_000, metavar="N", help="default: 100000")
    sub.add_argument("--switches", type=count, default=20, metavar="N", help="of the generation (default: 20)")
    sub.add_argument("--json", action="store_true")


def _soak(options: argparse.Namespace) -> int:
    """Prints what was measured; 1 where a promise was not held."""
    busy, terminal = load_of_machine(), Terminal()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        index = soak.copied(options.index, Path(folder))
        with started(our_server(index), "/readyz") as server:
            found = soak.run(
                server.url,
                server.pid,
                index,
                requests=options.requests,
                switches=options.switches,
                say=terminal.progress("soak", "requests"),
            )
    broken = found.broken()
    about = {"machine": machine(), "commit": git_commit(), "load_average": busy}
    if options.json:
        told = {"growth": found.growth, "held": not broken, "broken": broken}
        print(json.dumps(about | asdict(found) | told, ensure_ascii=False))
    else:
        memory = ", ".join(f"{each:.0f}" for each in found.memory_mb)
        print(", ".join(f"{name}: {value}" for name, value in about.items()))
        print(f"{found.requests} requests in {found.seconds:.0f} s, {found.switches} switches of the generation")
        print(f"failed: {sum(found.failures.values())}")
        print(f"memory after each leg: {memory} MB; {found.growth:+.1%} since the warm-up")
        print("\n".join([*broken, "FAIL" if broken else "pass"]))
    return int(bool(broken))
