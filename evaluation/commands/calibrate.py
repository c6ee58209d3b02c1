"""`calibrate`: fits the relevance of answers to a corpus, and the threshold below which the help has none."""

import argparse
import json
from pathlib import Path

from evaluation import calibration
from evaluation.commands.opening import JUDGED, command, open_searcher
from evaluation.judgments import digest, read_judged
from evaluation.systems import Remembering
from evaluation.writing import write_files
from indexer.calibration import FILE
from indexer.terminal import Terminal
from server.search import Searcher


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command with its options."""
    text = "fit the relevance of answers, and when to say that there is none; the next build uses it"
    sub = command(commands, "calibrate", _calibrate, text)
    sub.add_argument("--corpus", type=Path, default=Path("corpus"))
    sub.add_argument(
        "--data", type=Path, default=JUDGED, help="BEIR folder with a split tuning, some without an answer"
    )
    sub.add_argument("--out", type=Path, help=f"file to write (default: CORPUS/{FILE})")
    sub.add_argument("--json", action="store_true")


def _calibrate(options: argparse.Namespace) -> int:
    tuning = read_judged(options.data, "tuning")
    opened = open_searcher(options.corpus, tuning)
    remembering = Remembering(opened.encoder)
    searcher = Searcher(opened.artifact, remembering, opened.ranking)
    questions = [question.text for question in opened.artifact.questions.questions]
    remembering.prepare([searcher.read(text).sense for text in questions], Terminal().progress("Encoding", "question"))
    known = calibration.known_examples(searcher, Terminal().progress("Known questions", "question"))
    asked = calibration.examples(searcher, tuning, Terminal().progress(tuning.name, "query"))
    fitted, _ = calibration.fit(searcher, asked, known, {tuning.name: digest(tuning)})
    out = options.out or options.corpus / FILE
    write_files({out: fitted.model_dump_json(indent=1) + "\n"})
    if options.json:
        print(json.dumps({"file": str(out), "threshold": fitted.threshold, "figures": fitted.figures}))
        return 0
    print(f"{tuning.name}, each query by a model that was fitted without it:")
    for name, value in fitted.figures.items():
        print(f"  {name:<18} {value:g}")
    print(f"wrote {out}: threshold {fitted.threshold:g}; it takes effect with the next build of the index")
    return 0
