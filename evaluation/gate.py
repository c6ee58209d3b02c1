"""Whether an index still answers as well as the stored baseline: what CI and a promotion ask."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from evaluation.judgments import JudgedSet, JudgmentError
from evaluation.measures import Decision, abstention
from evaluation.results import SetResult
from evaluation.writing import write_files

FORMAT = 1  # of both files
SHOWN = 3  # sections of each list

# How far a measure may fall before it is a regression. Noise: the same code and texts gave hybrid nDCG@10 0.6128 on a
# processor with bfloat16 and 0.6121 on one without (semantic half 0.4933, 0.4896); one query more or less among the
# first three is 0.005. Each margin is several times that.
MARGINS = {"nDCG@10": 0.01, "RR@10": 0.015, "hit@3": 0.02, "AUROC": 0.015}


@dataclass(frozen=True, slots=True)
class Kept:
    """What one query reached, and the first of what was found."""

    value: float  # nDCG@10
    found: tuple[str, ...]  # ids, at most SHOWN, best first


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the hybrid reached on a set when somebody accepted it."""

    commit: str
    corpus_digest: str
    model_fingerprint: str
    set_digest: str
    measures: Mapping[str, float]
    queries: Mapping[str, Kept]


@dataclass(frozen=True, slots=True)
class Check:
    """One measure against the baseline."""

    measure: str
    baseline: float
    now: float
    margin: float

    @property
    def holds(self) -> bool:
        """Whether it fell by no more than the margin."""
        return self.now >= self.baseline - self.margin


@dataclass(frozen=True, slots=True)
class Flip:
    """A query whose nDCG@10 is another than in the baseline, with the first sections of both."""

    query_id: str
    text: str
    before: float
    now: float
    before_list: tuple[str, ...]
    now_list: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says of an index."""

    checks: tuple[Check, ...]
    flips: tuple[Flip, ...]  # greatest loss first

    @property
    def passed(self) -> bool:
        """Whether every measure holds."""
        return all(check.holds for check in self.checks)


def measures_of(found: SetResult) -> dict[str, float]:
    """The gated measures of the hybrid, the one system of the result; AUROC where the set has both sorts of queries."""
    (hybrid,) = found.systems
    measured = {name: hybrid.measures[name] for name in MARGINS if name in hybrid.measures}
    auroc = abstention([Decision(*row) for row in found.answerability]).auroc
    return measured | ({} if auroc is None else {"AUROC": auroc})


def baseline_of(
    found: SetResult, rankings: Mapping[str, Sequence[str]], made: Mapping[str, str], set_digest: str
) -> Baseline:
    """The result as a baseline; `made` has commit, corpus_digest and model_fingerprint."""
    (hybrid,) = found.systems
    return Baseline(
        **made,
        set_digest=set_digest,
        measures={name: round(value, 6) for name, value in measures_of(found).items()},
        queries={
            query_id: Kept(round(values["nDCG@10"], 6), tuple(rankings[query_id][:SHOWN]))
            for query_id, values in sorted(hybrid.per_query.items())
        },
    )


def verdict(baseline: Baseline, now: Baseline, judged: JudgedSet) -> Verdict:
    """The baseline against what is reached now. Raises JudgmentError where the queries or judgments are others."""
    if baseline.set_digest != now.set_digest or baseline.queries.keys() != now.queries.keys():
        raise JudgmentError(
            f"baseline: of set {baseline.set_digest[:12]}; expected {now.set_digest[:12]} ({judged.name}): queries or "
            "judgments changed since; look at what `run` prints, then accept it: python -m evaluation gate --accept"
        )
    checks = tuple(Check(name, value, now.measures[name], MARGINS[name]) for name, value in baseline.measures.items())
    texts = {query.query_id: query.text for query in judged.answerable}
    flips = [
        Flip(query_id, texts[query_id], kept.value, after.value, kept.found, after.found)
        for query_id, kept in baseline.queries.items()
        if abs((after := now.queries[query_id]).value - kept.value) > 1e-6
    ]
    return Verdict(checks, tuple(sorted(flips, key=lambda flip: (flip.now - flip.before, flip.query_id))))


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Writes a baseline, a line a query, so that a change shows which of them it moved."""
    head = {"format": FORMAT, **{name: value for name, value in asdict(baseline).items() if name != "queries"}}
    rows = (
        f"  {json.dumps(query_id)}: {json.dumps(asdict(kept), ensure_ascii=False)}"
        for query_id, kept in baseline.queries.items()
    )
    opened = json.dumps(head, indent=1, ensure_ascii=False).removesuffix("\n}")
    write_files({path: opened + ',\n "queries": {\n' + ",\n".join(rows) + "\n }\n}\n"})


def read_baseline(path: Path) -> Baseline:
    """The baseline in a file. Raises JudgmentError where it cannot be read or is not of the form."""
    accept = "make one from an index that you trust: python -m evaluation gate --accept"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = content.pop("format")
        if found != FORMAT:
            raise JudgmentError(f"{path}: format {found!r}, this version reads {FORMAT}; {accept}")
        return TypeAdapter(Baseline).validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise JudgmentError(f"{path}: {where}: {first['msg']}; expected a baseline; {accept}") from error
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise JudgmentError(f"{path}: {error!r}; expected a baseline; {accept}") from error


def write_verdict(path: Path, found: Verdict, made: Mapping[str, object]) -> None:
    """Writes gate.json: whether it passed, each check, each flip, and `made`, which says what was measured."""
    checks = [asdict(check) | {"holds": check.holds} for check in found.checks]
    flips = [asdict(flip) for flip in found.flips]
    content = {"format": FORMAT, "passed": found.passed, **made, "checks": checks, "flips": flips}
    write_files({path: json.dumps(content, ensure_ascii=False, indent=1) + "\n"})


def as_text(found: Verdict, worst: int = 10) -> str:
    """The verdict for a terminal: the checks, then the worst losses with both lists."""
    lines = [f"{'':<10}{'baseline':>10}{'now':>10}{'margin':>10}"]
    lines += [
        f"{check.measure:<10}{check.baseline:>10.4f}{check.now:>10.4f}{check.margin:>10.4f}"
        f"  {'holds' if check.holds else 'REGRESSION'}"
        for check in found.checks
    ]
    better = sum(flip.now > flip.before for flip in found.flips)
    lines.append(f"{better} queries better, {len(found.flips) - better} worse than in the baseline")
    for flip in found.flips[:worst]:
        if flip.now < flip.before:
            lines += [
                f"\n{flip.query_id}  {flip.before:.3f} -> {flip.now:.3f}  {' '.join(flip.text.split())[:100]}",
                f"  before  {', '.join(flip.before_list) or 'nothing'}",
                f"  now     {', '.join(flip.now_list) or 'nothing'}",
            ]
    return "\n".join([*lines, "passed" if found.passed else "FAILED"])
