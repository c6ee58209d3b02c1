"""Two systems on one set, query by query: who wins, by how much, whether by chance, and where."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evaluation.judgments import JudgedSet
from evaluation.results import Answerability
from evaluation.runs import Run
from evaluation.significance import AurocComparison, Comparison, paired, paired_auroc

_SEED = 20261122
_SHOWN = 3  # of each list


@dataclass(frozen=True, slots=True)
class Flip:
    """A query on which the second system does otherwise than the first."""

    query_id: str
    text: str
    a: float
    b: float
    a_list: tuple[str, ...]  # the first sections of both
    b_list: tuple[str, ...]


def compare(a: Mapping[str, float], b: Mapping[str, float]) -> Comparison:
    """The paired test on the values of one measure by query_id. Raises ComparisonError where the queries differ."""
    return paired(a, b, _SEED)


def compare_auroc(a: Sequence[Answerability], b: Sequence[Answerability]) -> AurocComparison:
    """The same for telling answerable queries from others, from both systems' decisions in one order."""
    return paired_auroc([row[0] for row in a], [row[0] for row in b], [row[1] for row in a], _SEED)


def flips(a: tuple[Run, Mapping[str, float]], b: tuple[Run, Mapping[str, float]], judged: JudgedSet) -> list[Flip]:
    """The queries whose value differs, greatest loss of the second first, ties in the order of query_id."""
    (a_run, a_values), (b_run, b_values) = a, b
    texts = {query.query_id: query.text for query in judged.answerable}
    found = [
        Flip(
            query_id,
            texts[query_id],
            a_values[query_id],
            b_values[query_id],
            tuple(a_run.rankings[query_id][:_SHOWN]),
            tuple(b_run.rankings[query_id][:_SHOWN]),
        )
        for query_id in texts
        if abs(a_values[query_id] - b_values[query_id]) > 1e-9
    ]
    return sorted(found, key=lambda flip: (flip.b - flip.a, flip.query_id))


def as_text(found: Comparison, changed: list[Flip], names: tuple[str, str], measure: str, worst: int = 5) -> str:
    """The comparison for a terminal: the figures, then the worst losses of the second with both lists."""
    first, second = names
    width = max(len(first), len(second))
    lines = [
        f"{measure}, {found.wins + found.losses + found.ties} queries",
        f"  {first:<{width}}  {found.mean_a:.4f}",
        f"  {second:<{width}}  {found.mean_b:.4f}",
        f"  difference {found.difference:+.4f}, 95 % interval {found.low:+.4f} to {found.high:+.4f}, p = {found.p:.4f}",
        f"  ({found.test})",
        f"  {second} wins {found.wins}, loses {found.losses}, ties {found.ties}",
    ]
    for flip in changed[:worst]:
        if flip.b < flip.a:
            lines += [
                f"\n{flip.query_id}  {flip.a:.3f} -> {flip.b:.3f}  {' '.join(flip.text.split())[:100]}",
                f"  {first:<{width}}  {', '.join(flip.a_list) or 'nothing'}",
                f"  {second:<{width}}  {', '.join(flip.b_list) or 'nothing'}",
            ]
    return "\n".join(lines)
