"""`tune`: chooses the settings of the ranking."""

import argparse
from pathlib import Path

from evaluation import perturb
from evaluation import tune as tuning
from evaluation.commands.opening import JUDGED, command, open_searcher
from evaluation.judgments import read_judged
from indexer.terminal import Terminal
from server.ranking import RANKING_FILE


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command with its options."""
    sub = command(
        commands, "tune", _tune, "choose field weights and fusion on the tuning queries and perturbed copies of them"
    )
    sub.add_argument("--corpus", type=Path, default=Path("corpus"))
    sub.add_argument("--write", action="store_true", help="write the choice to server/ranking.toml")


def _tune(options: argparse.Namespace) -> int:
    # People mistype, and 192 queries are few: a choice that holds for their copies too is less of an accident.
    judged = perturb.with_copies(read_judged(JUDGED, "tuning"))
    searcher = open_searcher(options.corpus, judged)
    found = tuning.trials(searcher, judged, Terminal().progress("Tuning", "setting"))
    print(f"{judged.name}: {len(judged.answerable)} queries, {len(found)} settings; nDCG@10, then with its neighbours")
    of_each = {trial.ranking.normalisation: trial for trial in reversed(found)}  # the best of each
    for trial in [*found[:10], *(trial for trial in of_each.values() if trial not in found[:10])]:
        chosen = trial.ranking
        fields = ", ".join(f"{name} {weight}" for name, weight in chosen.fields.items())
        print(
            f"  {trial.ndcg:.4f}  {trial.smoothed:.4f}  {chosen.normalisation}, semantic {chosen.semantic_weight}, "
            f"lead {chosen.lead_factor}, admin {chosen.admin_factor}, "
            f"asked {chosen.asked_by_admin_factor}, other platforms {chosen.other_platform_factor}, "
            f"questions {chosen.question_weight} and {chosen.belonging_weight}, "
            f"odds {chosen.relevance_power}, synonyms {chosen.synonym_weight}; {fields}"
        )
    if options.write:
        text = tuning.as_toml(found[0], judged, searcher.artifact.manifest.inputs.corpus_digest)
        tuning.write(RANKING_FILE, text)
        print(f"wrote {RANKING_FILE}")
    return 0
