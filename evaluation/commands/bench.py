"""`bench`: our server beside what it is compared with, in one run; with `--url` the load of a running server."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from evaluation.benching import batches, footprint, latency, report, throughput, txtai_side
from evaluation.benching.findings import PARTS, Findings, together
from evaluation.benching.setting import FULL, QUICK, Setting
from evaluation.commands import bench_url
from evaluation.commands.opening import JUDGED, command, judged_set
from evaluation.systems import index_of
from indexer import artifact, cores
from indexer.terminal import Terminal

_MEASURE: Mapping[str, Callable[[Setting], Findings]] = {
    "latency": latency.latency,
    "throughput": throughput.unseen_queries,
    "repeated": throughput.repeated_query,
    "batch": batches.batch,
    "ready": footprint.ready,
    "memory": footprint.memory,
}
_NEED_TXTAI = {"latency", "throughput"}
_INSTALL = "txtai and its API server are not there; the two numbers beside it need: pip install 'spravka-search[bench]'"


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command with its options."""
    text = (
        "our server beside the model alone, txtai and an empty Flask route: starts everything itself on the loopback "
        "interface and gives ratios, whatever they are. With --url: latency and throughput of a running server, by "
        "queries that it has not seen (start it anew before a second run, if it caches)"
    )
    sub = command(commands, "bench", _bench, text)
    sub.add_argument("--data", type=Path, default=JUDGED, help="BEIR folder with queries (default: our own)")
    sub.add_argument("--split", help="which qrels, where there are several (for our own queries: tuning)")
    sub.add_argument("--json", action="store_true")
    ours = sub.add_argument_group("without --url")
    ours.add_argument("--corpus", type=Path, default=Path("corpus"), help="its index is built where it is missing")
    ours.add_argument("--index", type=Path, help="an index to take as it is, in place of a corpus")
    ours.add_argument("--only", nargs="+", choices=PARTS, metavar="PART", help=f"of {', '.join(PARTS)} (default: all)")
    ours.add_argument("--quick", action="store_true", help="few queries, one round: whether it works, no numbers")
    ours.add_argument(
        "--workers", type=bench_url.count, default=cores.usable(), help="of a loaded server (default: the cores)"
    )
    ours.add_argument(
        "--encoder-threads",
        type=bench_url.count,
        default=1,
        metavar="N",
        help="of ONNX and txtai (default: 1)",
    )
    ours.add_argument("--txtai-python", type=Path, default=Path(sys.executable), help="a Python that has txtai[api]")
    ours.add_argument("--no-txtai", action="store_true", help="leave txtai out")
    ours.add_argument("--out", type=Path, metavar="FOLDER", help="where report.html and report.json are written")
    running = sub.add_argument_group("with --url")
    running.add_argument("--url", help="a running server, such as http://127.0.0.1:8000")
    bench_url.add_options(running)


def _bench(options: argparse.Namespace) -> int:
    if options.url:
        return bench_url.load_running_server(options)
    if given := [name for name in bench_url.ALONE if getattr(options, name)]:
        print(f"--{given[0]} goes with --url; without it every server is started here", file=sys.stderr)
        return 2
    return _side_by_side(options)


def _side_by_side(options: argparse.Namespace) -> int:
    terminal = Terminal()
    judged = judged_set(options.data, options.split)
    index = options.index or index_of(options.corpus, terminal)
    parts = [part for part in PARTS if not options.only or part in options.only]
    txtai = None if options.no_txtai or not _NEED_TXTAI & {*parts} else txtai_side.version(options.txtai_python)
    setting = Setting(
        index=index,
        artifact=artifact.load(index),
        texts=tuple(query.text for query in judged.queries),
        extent=QUICK if options.quick else FULL,
        workers=options.workers,
        threads=options.encoder_threads,
        txtai=options.txtai_python if txtai else None,
    )
    lacking = () if txtai or options.no_txtai or not _NEED_TXTAI & {*parts} else (Findings({}, notes=(_INSTALL,)),)
    about = report.about(setting, judged, txtai)
    found: list[Findings] = []
    interrupted = False
    try:
        with setting.opened:
            for part in parts:
                terminal.say(f"Measuring: {part}")
                found.append(_MEASURE[part](setting))
    except KeyboardInterrupt:
        interrupted = True
        terminal.say(f"Stopped; {'what was measured until then is shown' if found else 'nothing was measured yet'}.")
    finally:  # what was measured before something went wrong is shown too
        if found:
            _show(about, together([*lacking, *found]), options)
    return int(interrupted)


def _show(about: Mapping[str, Any], found: Findings, options: argparse.Namespace) -> None:
    if options.out:
        page = report.write(about, found, options.out)
        Terminal().say(f"Report: {page}")
    told = report.as_json(about, found)
    print(json.dumps(told, ensure_ascii=False) if options.json else report.as_text(about, found), flush=True)
