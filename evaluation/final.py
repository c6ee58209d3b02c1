"""The log of the test split: measured seldom, on purpose, and never unwritten."""

import json
from pathlib import Path

from evaluation.results import Provenance, SetResult


def append(log: Path, provenance: Provenance, found: SetResult) -> None:
    """Adds a line to the log: commit, settings and figures of every system, and when they were taken."""
    line = {
        "created": provenance.created,
        "commit": provenance.commit,
        "corpus_digest": provenance.corpus_digest,
        "model": provenance.model,
        "model_fingerprint": provenance.model_fingerprint,
        "set_digest": provenance.sets[found.name],
        "settings": provenance.settings,
        "queries": found.queries,
        "systems": {
            system.system: {name: round(value, 4) for name, value in system.measures.items()}
            for system in found.systems
        },
    }
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
