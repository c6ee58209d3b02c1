"""The log of the test split: measured seldom, on purpose, and never unwritten."""

import json
from collections.abc import Mapping
from pathlib import Path

from evaluation.results import Provenance, SetResult
from evaluation.tables import answerability_figures


def append(
    log: Path,
    provenance: Provenance,
    found: SetResult,
    comparison: Mapping[str, object] | None = None,
    steps: Mapping[str, float | int | None] | None = None,
) -> None:
    """Adds a line to the log: commit, settings and figures of every system, when they were taken, what was compared.

    `steps` are the figures of the answers' steps.
    """
    line: dict[str, object] = {
        "created": provenance.created,
        "commit": provenance.commit,
        "corpus_digest": provenance.corpus_digest,
        "model": provenance.model,
        "model_fingerprint": provenance.model_fingerprint,
        "set": found.name,
        "set_digest": provenance.sets[found.name],
        "settings": provenance.settings,
        "queries": found.queries,
        "systems": {
            system.system: {name: round(value, 4) for name, value in system.measures.items()}
            for system in found.systems
        },
    }
    if figures := answerability_figures(found.answerability):
        line["answerability"] = {name: round(value, 4) for name, value in figures.items()}
    if steps:
        line["steps"] = {name: round(value, 4) if value is not None else None for name, value in steps.items()}
    if comparison:
        line["comparison"] = comparison
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
