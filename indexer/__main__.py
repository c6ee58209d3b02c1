"""The indexer's commands: build, adapt, validate, status, and for generations list, verify, promote, rollback, gc.

Results go to stdout, progress to stderr.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from indexer import artifact, calibration, generations, memory, models, opening, probes, validate
from indexer.adaptation import command as adapting
from indexer.articles import LeftOut, corpus_digest, corpus_form, read_articles
from indexer.errors import ArticleError, ArtifactError, ModelError
from indexer.stores import options as store_options
from indexer.stores.store import Stores
from indexer.terminal import Terminal

_SHOWN = 3  # files named for each reason to leave some out

# Adds a command: its name, what runs it, and what it does; gives the parser of its options.
_Command = Callable[[str, Callable[[argparse.Namespace], int], str], argparse.ArgumentParser]


def main(arguments: list[str] | None = None) -> int:
    """Runs a command; 0 is fine, 1 says that something is to be mended, 2 is wrong usage."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if "store" in options and (message := store_options.conflict(options)):
        parser.error(message)
    try:
        return int(options.run(options))
    except (ArticleError, ArtifactError, ModelError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped; the index that was there is unchanged.", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m indexer", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=run)
        return sub

    _add_build(command)
    adapting.add(command, Terminal)
    _add_comparisons(command)
    _add_generations(command)
    return parser


def _add_build(command: _Command) -> None:
    sub = command(
        "build",
        _build,
        "build the index of a folder of articles: ours, anybody's Markdown, HTML and text, or BEIR's corpus.jsonl",
    )
    sub.add_argument("corpus", type=Path, help="folder of articles")
    sub.add_argument("--out", type=Path, default=Path("index"), help="folder of the index (default: index)")
    sub.add_argument("--model", default=models.DEFAULT_MODEL, help="Sentence Transformers name or folder")
    sub.add_argument("--no-adapter", action="store_true", help="leave out the model adapter that the corpus has")
    sub.add_argument("--keep-going", action="store_true", help="leave out files that cannot be read, and name them")
    sub.add_argument("--force", action="store_true", help="build even where the index is up to date")
    sub.add_argument("--no-promote", action="store_true", help="let the new generation wait beside the current one")
    sub.add_argument("--json", action="store_true", help="the summary as JSON")
    store_options.add(sub)
    store_options.add_token_file(sub)


def _add_comparisons(command: _Command) -> None:
    """What compares a corpus and its index."""
    sub = command("validate", _validate, "check a corpus; one line a mistake; exit 1 where there is one")
    sub.add_argument("corpus", type=Path, help="folder of articles")
    sub.add_argument("--index", type=Path, default=Path("index"), help="last index, to notice ids that vanished")

    sub = command("status", _status, "what the current index is, and whether it still fits a corpus")
    sub.add_argument("--index", type=Path, default=Path("index"))
    sub.add_argument("--corpus", type=Path, help="exit 1 where the index was made from other texts or another adapter")
    sub.add_argument("--no-adapter", action="store_true", help="the index is to have none, whatever the corpus has")
    sub.add_argument("--json", action="store_true")


def _add_generations(command: _Command) -> None:
    """What is done with the generations of an index, most of it in its store, too."""

    def index_command(
        name: str, run: Callable[[argparse.Namespace], int], text: str, *, stored: bool = True
    ) -> argparse.ArgumentParser:
        sub = command(name, run, text)
        sub.add_argument("--index", type=Path, default=Path("index"), help="folder of the index (default: index)")
        if stored:
            store_options.add(sub)
            store_options.add_token_file(sub)
        return sub

    sub = index_command(
        "list",
        _list,
        "the generations on disk, oldest first; * is the current one, < the one before it",
        stored=False,
    )
    sub.add_argument("--json", action="store_true")

    sub = index_command("verify", _verify, "check a generation: files, counts, probes of both halves, golden queries")
    sub.add_argument("generation", nargs="?", help="its id (default: the current one)")

    sub = index_command("promote", _promote, "make a generation the current one, if it passes its checks")
    sub.add_argument("generation", help="its id, see list")
    sub.add_argument(
        "--no-gate", action="store_true", help="even where its golden queries failed; the history keeps it"
    )

    index_command("rollback", _rollback, "go back to the generation that was current before, if it passes its checks")

    sub = index_command("gc", _gc, "remove old generations and what stopped builds left")
    sub.add_argument(
        "--keep",
        type=_count,
        default=generations.KEPT,
        metavar="N",
        help="how many of the newest stay (default: 2); the current one and the one before it stay in any case",
    )


def _build(options: argparse.Namespace) -> int:
    from indexer.build import build

    summary = build(
        options.corpus,
        options.out,
        reporter=Terminal(),
        model_name=options.model,
        adapter=not options.no_adapter,
        keep_going=options.keep_going,
        force=options.force,
        promote=not options.no_promote,
        beside=True,
        stores=store_options.stores_of(options),
    )
    for finding in summary.skipped:
        print(f"left out: {finding}", file=sys.stderr)
    for warning in summary.warnings:
        print(warning, file=sys.stderr)
    if options.json:
        print(json.dumps(asdict(summary), ensure_ascii=False, indent=2))
        return 0
    if not summary.built:
        print(f"{options.out} is up to date ({summary.generation}, {summary.counts['sections']} sections)")
        return 0
    print(f"Built {options.out}/generations/{summary.generation}")
    left_out = _by_reason(summary.left_out)
    width = max([30, *(len(f"left out, {reason}") for reason in left_out)])
    for form, files in summary.read.items():
        print(f"  {'files read as ' + form:<{width}}{files:>9}")
    for reason, paths in left_out.items():
        shown = ", ".join(paths[:_SHOWN]) + ", …" * (len(paths) > _SHOWN)
        print(f"  {'left out, ' + reason:<{width}}{len(paths):>9}  {shown}")
    for name, number in summary.counts.items():
        print(f"  {name.replace('_', ' '):<{width}}{number:>9}")
    if summary.skipped:
        print(f"  {'mistakes in files left out':<{width}}{len(summary.skipped):>9}")
    for stage, seconds in summary.seconds.items():
        print(f"  {stage + ', seconds':<{width}}{seconds:>9.1f}")
    print(f"  {'all, seconds':<{width}}{sum(summary.seconds.values()):>9.1f}")
    if not summary.live:
        print(f"not current yet: python -m indexer promote --index {options.out} {summary.generation}")
    return 0


def _by_reason(left_out: Sequence[LeftOut]) -> dict[str, list[str]]:
    paths: dict[str, list[str]] = {}
    for left in left_out:
        paths.setdefault(left.reason, []).append(left.path)
    return paths


def _validate(options: argparse.Namespace) -> int:
    ours = corpus_form(options.corpus) == "folder"  # whoever checks a folder means it to be of our form
    corpus = read_articles(options.corpus, form="help" if ours else "")
    findings = validate.check(corpus, options.index)
    for finding in findings:
        print(finding)
    errors = sum(finding.is_error for finding in findings)
    print(f"{len(corpus.articles)} articles: {errors} mistakes, {len(findings) - errors} warnings")
    return 1 if errors else 0


def _status(options: argparse.Namespace) -> int:
    folder = artifact.current(options.index)
    manifest = artifact.read_manifest(folder)
    inputs = manifest.inputs
    same_texts = options.corpus is None or corpus_digest(options.corpus) == inputs.corpus_digest
    if options.no_adapter:
        same_adapter = inputs.adapter is None
    else:
        same_adapter = options.corpus is None or _has_adapter_of(inputs, options.corpus)
    now = options.corpus and calibration.fitting(options.corpus, inputs.model_fingerprint, lambda text: None)
    same_calibration = options.corpus is None or now == inputs.calibration
    fresh = same_texts and same_adapter and same_calibration
    if options.json:
        print(json.dumps({"generation": folder.name, "fresh": fresh, "manifest": asdict(manifest)}, ensure_ascii=False))
    else:
        print(f"generation   {folder.name}")
        print(f"model        {inputs.model} {inputs.model_fingerprint[:12]}, vectors {manifest.vectors}")
        if inputs.adapter or not same_adapter:
            used = f"{inputs.adapter.digest[:12]}, scale {inputs.adapter.scale}" if inputs.adapter else "none"
            print(f"adapter      {used}{'' if same_adapter else '; changed since: build again'}")
        if inputs.calibration or not same_calibration:
            used = inputs.calibration[:12] if inputs.calibration else "none"
            stale = ", stale: fitted to earlier texts" if calibration.is_stale(folder, inputs.corpus_digest) else ""
            print(f"calibration  {used}{stale if same_calibration else '; changed since: build again'}")
        print("counts       " + ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in manifest.counts.items()))
        if options.corpus:
            print(f"corpus       {'unchanged' if same_texts else 'changed since: build again'}")
    return 0 if fresh else 1


def _has_adapter_of(inputs: artifact.Inputs, corpus: Path) -> bool:
    """Whether a build would add to the model what was added when the index was made."""
    base = models.Model(inputs.model, Path(), inputs.model_fingerprint)
    if inputs.adapter:
        base = models.Model(inputs.adapter.base_model, Path(), inputs.adapter.base_fingerprint)
    return models.adapted(base, corpus).fingerprint == inputs.model_fingerprint


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f'"{text}" is no count; expected 0 or more')
    return int(text)


def _list(options: argparse.Namespace) -> int:
    found = generations.listed(options.index)
    if options.json:
        print(json.dumps([asdict(each) for each in found], ensure_ascii=False, indent=2))
        return 0
    for each in found:
        mark = {"current": "*", "previous": "<"}.get(each.state, " ")
        holds = "another format" if each.sections is None else f"{each.sections} sections, {each.model}"
        gate = "" if each.gate == "none" else f", golden queries {each.gate}"
        print(f"{mark} {each.generation}  {each.created}  {each.bytes / 1e6:.1f} MB  {holds}{gate}")
    return 0


def _verify(options: argparse.Namespace) -> int:
    folder = artifact.folder_of(options.index, options.generation)
    print(_checked(store_options.stores_of(options), folder))
    if generations.gate_verdict(options.index, folder.name) == "passed":
        print("golden queries passed")
    return 0


def _checked(stores: Stores, folder: Path) -> str:
    """What was checked of a generation, in a line. Raises ArtifactError or ModelError where it cannot be used."""
    loaded = artifact.load_folder(folder)
    probed = probes.probe(loaded, opening.open_encoder(loaded))
    stores.open(loaded)
    return (
        f"{loaded.generation}: {len(loaded.manifest.checksums)} files as the manifest says, "
        f"{len(loaded.sections)} sections; probes: {probed.words} of {probed.words} found by a word, "
        f"{probed.meanings_found} of {probed.meanings} by meaning"
    )


def _promote(options: argparse.Namespace) -> int:
    stores, generation = store_options.stores_of(options), options.generation
    stores.write(options.index, generation)
    before = generations.promote(
        options.index, generation, partial(_checked, stores), ignore_gate=options.no_gate, follow=stores.switch
    )
    print(f"{generation} is current" + (f"; before it: {before}" if before != generation else " already"))
    return 0


def _rollback(options: argparse.Namespace) -> int:
    stores, before = store_options.stores_of(options), generations.live(options.index)
    now = generations.rollback(options.index, partial(_checked, stores), stores.switch)
    print(f"{now} is current again; before it: {before or 'none'}")
    return 0


def _gc(options: argparse.Namespace) -> int:
    artifact.require_index(options.index)
    stores = store_options.stores_of(options)
    with generations.locked(options.index), artifact.writing(options.index / "generations", "try again"):
        removed = generations.remove_old(options.index, options.keep)
    for generation in removed:
        print(f"removed {generation}")
    there = artifact.list_generations(options.index)
    for generation in stores.keep(there):
        print(f"dropped the collection of {generation}")
    print(f"{len(there)} generations stay")
    return 0


if __name__ == "__main__":
    status = main()
    memory.leave()
    sys.exit(status)
