"""The command `python -m indexer adapt`: progress and loss to stderr, the curve and what was chosen to stdout."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from indexer import models
from indexer.adaptation.adapter import FOLDER

if TYPE_CHECKING:
    from indexer.adaptation.scale import Point
    from indexer.source import Reporter


def add(
    command: Callable[[str, Callable[[argparse.Namespace], int], str], argparse.ArgumentParser],
    reporter: Callable[[], "Reporter"],
) -> None:
    """Registers the command; `command(name, run, text)` gives its parser."""
    sub = command(
        "adapt",
        lambda options: _run(options, reporter()),
        "train the adapter that fits the model to a corpus, from its own texts alone; the next build uses it",
    )
    sub.add_argument("corpus", type=Path, help="folder of articles")
    sub.add_argument("--out", type=Path, help=f"folder of the adapter (default: CORPUS/{FOLDER})")
    sub.add_argument("--model", default=models.DEFAULT_MODEL, help="Sentence Transformers name or folder")
    sub.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    sub.add_argument("--epochs", type=_positive, help="times that every pair is learnt")
    sub.add_argument("--max-pairs", type=_positive, help="pairs to train on, at most")
    sub.add_argument(
        "--tuning",
        type=Path,
        metavar="FOLDER",
        help="judged queries (a BEIR folder with qrels/tuning.tsv) to choose the scale on; they are not trained on",
    )
    sub.add_argument("--seed", type=int, help="of everything that is left to chance")
    again = sub.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="go on with the same training if it was stopped (default)")
    again.add_argument("--fresh", action="store_true", help="forget a training that was stopped")


def _run(options: argparse.Namespace, reporter: "Reporter") -> int:
    from indexer.adaptation.adapt import adapt
    from indexer.adaptation.training import Settings

    given = {name: getattr(options, name) for name in ("epochs", "max_pairs", "seed")}
    out = options.out or options.corpus / FOLDER
    try:
        outcome = adapt(
            options.corpus,
            out,
            reporter=reporter,
            settings=Settings(**{name: value for name, value in given.items() if value is not None}),
            model_name=options.model,
            device=options.device,
            tuning=options.tuning,
            fresh=options.fresh,
        )
    except KeyboardInterrupt:
        print("Stopped; the same command goes on from its last checkpoint.", file=sys.stderr)
        return 1
    scale = outcome.adapter.card.scale if outcome.adapter else None
    print(f"Measured on {outcome.source}:")
    print("  scale  nDCG@10   AUROC")
    for point in outcome.curve:
        print(_line(point) + ("  published" if point.scale == 0 else "  chosen" if point.scale == scale else ""))
    if outcome.adapter is None:
        print("Nothing was written: no scale is better than the model as published.")
        return 1
    size = sum(path.stat().st_size for path in out.iterdir() if path.is_file())
    print(f"Wrote {out} ({size / 1e6:.1f} MB); it takes effect with the next build of the index")
    return 0


def _line(point: "Point") -> str:
    auroc = "   none" if point.auroc is None else f"{point.auroc:7.4f}"
    return f"  {point.scale:5.2f}  {point.ndcg:7.4f} {auroc}"


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text}; expected 1 or more")
    return number
