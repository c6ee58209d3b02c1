"""What was measured as text, as JSON, and as a page with plots."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from evaluation import plots, report
from evaluation.benching.findings import BARS, Bar, Findings
from evaluation.benching.pictures import used_of_the_bars
from evaluation.benching.setting import CLIENTS, Setting
from evaluation.drawing import Plot
from evaluation.html_report import PAGES
from evaluation.judgments import JudgedSet, digest
from evaluation.load import SEED, percentile
from evaluation.provenance import git_commit, machine
from evaluation.results import SystemResult
from evaluation.tables import Cell, Table
from evaluation.writing import write_files

_PACKAGES = ("flask", "gunicorn", "numpy", "onnxruntime", "sentence-transformers", "tokenizers", "torch")
_SHARES = (0, 25, 50, 75, 90, 95, 99, 100)  # per cent, of the percentiles in JSON
_SHOWN = (50, 95, 99)
_NONE = "–"


def about(setting: Setting, judged: JudgedSet, txtai: str | None) -> dict[str, Any]:
    """Where the numbers come from: enough to take them again; no text of a query."""
    inputs = setting.artifact.manifest.inputs
    extent = setting.extent
    return {
        "machine": machine(),
        "commit": git_commit(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": inputs.model,
        "model_fingerprint": inputs.model_fingerprint,
        "encoder": setting.artifact.manifest.query_side.get("kind"),
        "generation": setting.artifact.generation,
        "sections": len(setting.artifact.sections),
        "set": judged.name,
        "digest": digest(judged),
        "queries": len(judged.queries),
        "seed": SEED,
        "versions": {name: version(name) for name in _PACKAGES} | ({"txtai": txtai} if txtai else {}),
        "settings": {
            "workers": setting.workers,
            "encoder_threads": setting.threads,
            "clients": CLIENTS,
            "queries_timed": extent.queries,
            "seconds": extent.seconds,
            "rounds": extent.rounds,
            "starts": extent.starts,
            "asked_before_memory": extent.asked,
        },
    }


def as_json(about: Mapping[str, Any], found: Findings) -> dict[str, Any]:
    """All of it: each bar's number under its name, None where it was not taken."""
    return {
        **about,
        **{bar.name: found.measured.get(bar.name) for bar in BARS},
        "bars": {
            bar.name: {
                "at_most" if bar.at_most else "at_least": bar.bar,
                "holds": bar.holds(found.measured.get(bar.name)),
            }
            for bar in BARS
        },
        "milliseconds": {
            name: {"count": len(times)} | {f"p{share}": percentile(times, share) for share in _SHARES}
            for name, times in found.milliseconds.items()
        },
        "numbers": dict(found.numbers),
        "notes": list(found.notes),
    }


def as_text(about: Mapping[str, Any], found: Findings) -> str:
    """The same for a person: the times, then the bars."""
    lines = [
        f"machine: {about['machine']}; commit: {about['commit']}",
        f"model: {about['model']} ({about['encoder']}); {about['sections']} sections; "
        f"queries: {about['set']}, seed {about['seed']}",
        ", ".join(f"{name} {number}" for name, number in about["versions"].items()),
        "",
    ]
    if found.milliseconds:
        rows = {name: _percentiles(times) for name, times in found.milliseconds.items()}
        lines += [report.table(rows), ""]
    if found.numbers:
        lines += [*(f"{name}: {_as_text(number)}" for name, number in found.numbers.items()), ""]
    width = max(len(bar.name) for bar in BARS)
    lines += [f"{'ratio':<{width}}  {'measured':>9}  {'bar':>7}  holds"]
    for bar in BARS:
        measured, limit, holds = _row(bar, found)
        lines.append(f"{bar.name:<{width}}  {measured:>9}  {limit:>7}  {holds}")
    return "\n".join([*lines, *found.notes])


def write(about: Mapping[str, Any], found: Findings, folder: Path) -> Path:
    """The page's path: <folder>/report.html, with report.json beside it; what stood there is replaced."""
    page = folder / "report.html"
    as_text = json.dumps(as_json(about, found), ensure_ascii=False, indent=1) + "\n"
    write_files({folder / "report.json": as_text, page: render(about, found)})
    return page


def render(about: Mapping[str, Any], found: Findings) -> str:
    """The page. The same numbers give the same page."""
    return PAGES.get_template("bench.html").render(
        about=about,
        made=f"{datetime.fromisoformat(about['created']):%Y-%m-%d %H:%M} UTC",
        bars=Table(
            "Bars",
            "number",
            ("measured", "bar", "holds"),
            tuple((f"{bar.name}: {bar.about}", tuple(map(Cell, _row(bar, found)))) for bar in BARS),
        ),
        times=Table(
            "Times",
            "milliseconds",
            ("count", *(f"p{share}" for share in _SHOWN)),
            tuple(
                (name, (Cell(str(len(times))), *(Cell(f"{percentile(times, share):.2f}") for share in _SHOWN)))
                for name, times in found.milliseconds.items()
            ),
        ),
        numbers={name: _as_text(number) for name, number in found.numbers.items()},
        notes=found.notes,
        plots=_plots(found),
    )


def _plots(found: Findings) -> Sequence[Plot]:
    timed = [
        SystemResult(name, {}, {}, {}, {}, {str(place): time for place, time in enumerate(times)})
        for name, times in found.milliseconds.items()
    ]
    drawn = (used_of_the_bars("bars", found), plots.latency("times", timed))
    return [plot for plot in drawn if plot]


def _row(bar: Bar, found: Findings) -> tuple[str, str, str]:
    measured = found.measured.get(bar.name)
    holds = {True: "yes", False: "no", None: _NONE}[bar.holds(measured)]
    return _NONE if measured is None else f"{measured:.3g}", f"{'≤' if bar.at_most else '≥'} {bar.bar:.3g}", holds


def _percentiles(times: Sequence[float]) -> dict[str, float]:
    return {f"p{share}, ms": percentile(times, share) for share in _SHOWN}


def _as_text(number: object) -> str:
    """Numbers without their last digits, their names before them."""
    if isinstance(number, Mapping):
        return "; ".join(f"{str(name).replace('_', ' ')} {_as_text(value)}" for name, value in number.items())
    if isinstance(number, list | tuple):
        return ", ".join(map(_as_text, number))
    return f"{number:.4g}" if isinstance(number, float) else str(number)
