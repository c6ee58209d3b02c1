"""A report: one HTML file that needs nothing beside it, and the same numbers as JSON."""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from evaluation import plots, tables
from evaluation.drawing import Plot
from evaluation.results import Results, SetResult, to_json
from evaluation.tables import Table, WorstQuery

PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class SetPart:
    """What the page shows of one set."""

    key: str  # "set-1": begins the ids of this part
    found: SetResult
    measure: str  # that plots and worst queries go by; empty where nothing was measured
    measures: Table | None
    kinds: tuple[Table, ...]  # by measure; empty where no kinds are known
    topics: tuple[Table, ...]
    answerability: Table | None
    latency: Table | None
    worst: tuple[WorstQuery, ...]
    plots: tuple[Plot, ...]


def write_report(results: Results, folder: Path) -> Path:
    """The page's path, with the JSON beside it: <folder>/<UTC time>-<commit>.html and .json, made whole or not at all.

    Nothing is overwritten: the name gets -2, -3 where it is taken. The folder is made where it is missing.
    Raises ResultsError as `to_json` does, OSError where the folder cannot be written.
    """
    contents = {".json": to_json(results), ".html": render(results)}
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".report-", dir=folder) as aside:
        for suffix, text in contents.items():
            Path(aside, f"report{suffix}").write_text(text, encoding="utf-8", newline="\n")
        for stem in _stems(results):
            if _place(Path(aside), folder / stem):
                return folder / f"{stem}.html"
    raise AssertionError("names never end")


def _stems(results: Results) -> Iterator[str]:
    made = datetime.fromisoformat(results.provenance.created).astimezone(UTC)
    commit, _, changes = results.provenance.commit.partition("+")
    stem = f"{made:%Y-%m-%dT%H-%M-%SZ}-{commit[:10]}" + (f"-{changes}" if changes else "")
    yield stem
    yield from (f"{stem}-{number}" for number in count(2))


def _place(aside: Path, folder_and_stem: Path) -> bool:
    """Whether both files now have that name; a link, unlike a rename, refuses a name that is taken."""
    json_path, html_path = (folder_and_stem.with_name(folder_and_stem.name + end) for end in (".json", ".html"))
    try:
        json_path.hardlink_to(aside / "report.json")
    except FileExistsError:
        return False
    try:
        html_path.hardlink_to(aside / "report.html")
    except FileExistsError:
        json_path.unlink()
        return False
    return True


def render(results: Results) -> str:
    """The page. The same results give the same page."""
    parts = [_part(f"set-{number}", found) for number, found in enumerate(results.sets, start=1)]
    made = datetime.fromisoformat(results.provenance.created).astimezone(UTC)
    return PAGES.get_template("report.html").render(
        provenance=results.provenance,
        made=f"{made:%Y-%m-%d %H:%M} UTC",
        settings={name: _setting(value) for name, value in results.provenance.settings.items()},
        overview=tables.overview(results.sets) if len(parts) > 1 else None,
        parts=parts,
    )


def _setting(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _part(key: str, found: SetResult) -> SetPart:
    systems = found.systems
    measures = tables.measures_of(systems)
    measure = measures[0] if measures else ""
    kinds = {system.system: system.by_kind for system in systems}
    topics = {system.system: system.by_topic for system in systems}
    of_kinds, of_topics = found.counted(found.kinds), found.counted(found.topics)
    return SetPart(
        key=key,
        found=found,
        measure=measure,
        measures=tables.by_system(systems) if measures else None,
        kinds=tuple(t for name in measures if (t := tables.grouped("kind", name, systems, kinds, of_kinds))),
        topics=tuple(t for name in measures if (t := tables.grouped("topic", name, systems, topics, of_topics))),
        answerability=tables.answerability(systems[-1].system, found.answerability) if systems else None,
        latency=tables.latency(systems),
        worst=tables.worst(found, measure),
        plots=tuple(_plots(key, found, measure)),
    )


def _plots(key: str, found: SetResult, measure: str) -> Iterator[Plot]:
    if not found.systems:
        return
    systems, last = found.systems, found.systems[-1].system
    drawn = (
        plots.by_kind(f"{key}-kind", systems, measure, found.counted(found.kinds)),
        plots.scatter(f"{key}-scatter", systems, measure),
        plots.reliability(f"{key}-reliability", last, found.answerability),
        plots.abstention(f"{key}-abstention", last, found.answerability),
        plots.latency(f"{key}-latency", systems),
    )
    yield from (plot for plot in drawn if plot)
