"""What support agents judged on the server's page, as judged queries in BEIR's form."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from evaluation.beir import joined_queries, qrels_path, qrels_table
from evaluation.exchange import require_free
from evaluation.judgments import JudgmentError, Query
from evaluation.writing import write_files
from server.journal import AgentJudgment

SPLIT = "agents"


def export_judgments(judgments: Sequence[AgentJudgment], folder: Path) -> dict[Path, str]:
    """Writes `queries.jsonl` and `qrels/agents.tsv` into the folder; gives how many are in each, in words.

    A query's id is a digest of its text, so that later exports name it alike. Raises JudgmentError where there are
    none, or the qrels are there already.
    """
    if not judgments:
        raise JudgmentError(
            "no judgments of agents are in the journals; expected some; judge sections on the server's page /agent"
        )
    qrels_file, queries_file = qrels_path(folder, SPLIT), folder / "queries.jsonl"
    require_free(qrels_file)
    queries: dict[str, Query] = {}
    qrels: dict[str, dict[str, int]] = {}
    for judgment in judgments:
        query_id = f"agent-{hashlib.sha256(judgment.query.encode()).hexdigest()[:16]}"
        queries[query_id] = Query(query_id, judgment.query, kind="", topic="", answerable=True)
        qrels.setdefault(query_id, {})[judgment.section_id] = judgment.grade
    joined, _ = joined_queries(queries_file, queries.values(), SPLIT)
    write_files({queries_file: joined, qrels_file: qrels_table(qrels)})
    return {qrels_file: f"{len(judgments)} judgments", queries_file: f"{len(queries)} queries"}
