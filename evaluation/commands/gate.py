"""`gate`: an index against the stored baseline."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from evaluation import experiment, gate, provenance, runs, systems
from evaluation.commands.opening import JUDGED, command, judged_set, require_known
from evaluation.judgments import digest
from indexer import artifact
from indexer.opening import open_encoder
from indexer.terminal import Terminal
from server.search import Searcher

BASELINE = JUDGED / "baseline.json"


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command with its options."""
    text = "fail where an index answers worse than the baseline; leaves gate.json beside its generation"
    sub = command(commands, "gate", _gate, text)
    sub.add_argument("--index", type=Path, default=Path("index"), help="what `indexer build` made (default: index)")
    sub.add_argument("--generation", help="one of it that is not current yet, before `indexer promote`")
    sub.add_argument("--data", type=Path, default=JUDGED, help="BEIR folder with the judged queries")
    sub.add_argument("--split", help="which qrels (for our own queries: tuning)")
    sub.add_argument("--baseline", type=Path, default=BASELINE)
    sub.add_argument("--accept", action="store_true", help="make what is reached now the baseline")
    sub.add_argument("--json", action="store_true")


def _gate(options: argparse.Namespace) -> int:
    judged = judged_set(options.data, options.split)
    loaded = artifact.load(options.index, options.generation)
    searcher = Searcher(loaded, open_encoder(loaded))
    require_known(searcher, judged, options.index)
    (hybrid,) = systems.named(systems.local_systems(searcher, judged), ["hybrid"])
    taken = runs.run(hybrid, judged, Terminal().progress("Gate", "query"))
    inputs = loaded.manifest.inputs
    made = {
        "commit": provenance.git_commit(),
        "corpus_digest": inputs.corpus_digest,
        "model_fingerprint": inputs.model_fingerprint,
    }
    found = experiment.as_set_result([hybrid], [taken], judged)
    now = gate.baseline_of(found, taken.rankings, made, digest(judged))
    if options.accept:
        gate.write_baseline(options.baseline, now)
        print(f"{options.baseline}: {', '.join(f'{name} {value:.4f}' for name, value in now.measures.items())}")
        return 0
    verdict = gate.verdict(gate.read_baseline(options.baseline), now, judged)
    place = options.index / "generations" / f"{loaded.generation}.gate.json"
    gate.write_verdict(place, verdict, {"set": judged.name, "set_digest": now.set_digest, **made})
    if options.json:
        print(json.dumps({"passed": verdict.passed, **asdict(verdict)}, ensure_ascii=False))
    else:
        print(gate.as_text(verdict))
        print(place)
    return 0 if verdict.passed else 1
