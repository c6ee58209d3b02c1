"""The pictures of a report: quality by kind, latency, two systems query by query, reliability, abstention,
growth."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from matplotlib.ticker import FuncFormatter, LogLocator, PercentFormatter

from evaluation import measures
from evaluation.drawing import LINE, TEXT, WIDTH, Plot, colour, dot, figure_of, style, svg_of, unit_square
from evaluation.results import Answerability, SystemResult

_HEIGHT = 250  # pixels, of a plot without its legend


def by_kind(key: str, systems: Sequence[SystemResult], measure: str, counts: Mapping[str, int]) -> Plot | None:
    """A row for each kind, in it a dot for each system; None where no kind was measured.

    `key` begins the ids inside the picture and is to be unique on the page; so it is below.
    """
    kinds = list(dict.fromkeys(kind for system in systems for kind in system.by_kind))
    if not kinds:
        return None
    row = max(44, 13 * len(systems))
    with style():
        figure, axes = figure_of(row * len(kinds) + 60, _names(systems))
        for index, system in enumerate(systems):
            shift = (index - (len(systems) - 1) / 2) * 0.8 / len(systems)
            found = [
                (at, system.by_kind[kind][measure]) for at, kind in enumerate(kinds) if _has(system, kind, measure)
            ]
            axes.plot(
                [value for _, value in found],
                [at + shift for at, _ in found],
                label=system.system,
                **dot(index, size=8 if system is systems[-1] else 6),
            )
        names = [f"{kind} ({counts[kind]})" if kind in counts else kind for kind in kinds]
        axes.set_yticks(range(len(kinds)), names)
        axes.set_ylim(len(kinds) - 0.5, -0.5)
        axes.grid(False, axis="y")
        for at in range(1, len(kinds)):
            axes.axhline(at - 0.5, color=LINE, linewidth=0.6)
        axes.set_xlim(-0.02, 1.02)
        axes.set_xlabel(f"mean {measure}")
        axes.tick_params(axis="y", length=0)
        svg = svg_of(figure, key)
    last = systems[-1]
    reached = ", ".join(f"{kind} {last.by_kind[kind][measure]:.2f}" for kind in kinds if _has(last, kind, measure))
    alt = f"Mean {measure} of {', '.join(_names(systems))} for each kind of query. {last.system}: {reached}."
    return Plot(f"{measure} by kind of query", "In brackets: the number of queries.", alt, svg)


def latency(key: str, systems: Sequence[SystemResult]) -> Plot | None:
    """The share of queries answered within a time, a line for each system; None where no time was taken."""
    timed = [(index, system) for index, system in enumerate(systems) if system.milliseconds]
    if not timed:
        return None
    names = _names([system for _, system in timed])
    times = [value for _, system in timed for value in system.milliseconds.values()]
    with style():
        figure, axes = figure_of(_HEIGHT, names)
        for index, system in timed:
            axes.ecdf(
                list(system.milliseconds.values()),
                label=system.system,
                color=colour(index),
                linewidth=2.2 if system is systems[-1] else 1.3,
            )
        if min(times) > 0 and max(times) >= 10 * min(times):
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.xaxis.set_minor_locator(LogLocator(subs=()))
        else:
            axes.set_xlim(left=0)
        axes.set_ylim(0, 1.02)
        axes.set_yticks([0, 0.25, 0.5, 0.75, 0.95])
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.set_xlabel("milliseconds")
        axes.set_ylabel("queries answered by then")
        svg = svg_of(figure, key)
    alt = f"Share of queries answered within a time, for {', '.join(names)}."
    return Plot("Latency", "Further left is faster.", alt, svg)


def scatter(key: str, systems: Sequence[SystemResult], measure: str) -> Plot | None:
    """Each query's value in the last system against that in the best other one; None without two systems' values.

    Best is the highest mean, the first of equals. Queries that both systems answered are shown.
    """
    measured = [(index, system) for index, system in enumerate(systems) if measure in system.measures]
    if len(measured) < 2 or measured[-1][1] is not systems[-1]:
        return None
    (y_index, y_system), others = measured[-1], measured[:-1]
    x_index, x_system = max(others, key=lambda each: each[1].measures[measure])
    pairs = [
        (values[measure], y_system.per_query[query_id][measure])
        for query_id, values in x_system.per_query.items()
        if measure in values and measure in y_system.per_query.get(query_id, {})
    ]
    if not pairs:
        return None
    # Many queries share a place, most often (1, 1): one dot there, its area by their number.
    places = Counter((round(x, 3), round(y, 3)) for x, y in pairs)
    better = {
        f"{y_system.system} better": (colour(y_index), [place for place in places if place[1] > place[0]]),
        f"{x_system.system} better": (colour(x_index), [place for place in places if place[1] < place[0]]),
        "equal": (TEXT, [place for place in places if place[1] == place[0]]),
    }
    grow = min(14.0, 400 / max(places.values()))
    with style():
        figure, axes = figure_of(WIDTH, list(better))
        axes.plot([0, 1], [0, 1], color=LINE, linewidth=1)
        for label, (ink, group) in better.items():
            sizes = [24 + grow * (places[place] - 1) for place in group]
            x, y = [x for x, _ in group], [y for _, y in group]
            axes.scatter(x, y, s=sizes, c=ink, alpha=0.6, linewidths=0, clip_on=False)
            axes.plot([], [], "o", color=ink, alpha=0.6, markeredgewidth=0, label=label)
        unit_square(axes)
        axes.set_xlabel(f"{measure}, {x_system.system}")
        axes.set_ylabel(f"{measure}, {y_system.system}")
        svg = svg_of(figure, key)
    above, below, equal = (sum(places[place] for place in group) for _, group in better.values())
    words = (
        f"Of {len(pairs)} queries “{y_system.system}” is better on {above}, “{x_system.system}” on {below}; "
        f"they are equal on {equal}."
    )
    note = f"{words} A larger dot is several queries."
    return Plot(f"{measure} by query: {y_system.system} against {x_system.system}", note, words, svg)


def reliability(key: str, system: str, answerability: Sequence[Answerability]) -> Plot | None:
    """Relevance as the system states it against the share of such queries that the help answers.

    None unless both answerable queries and others are there: with one sort only there is nothing to be right about.
    """
    if not _both_sorts(answerability):
        return None
    bins = measures.reliability([relevance for relevance, *_ in answerability], [yes for _, yes, _ in answerability])
    grow = 160 / max(row.count for row in bins)
    x, y = [row.confidence for row in bins], [row.frequency for row in bins]
    with style():
        figure, axes = figure_of(WIDTH)
        axes.plot([0, 1], [0, 1], color=LINE, linewidth=1)
        axes.plot(x, y, color=colour(0), linewidth=1.2)
        axes.scatter(x, y, s=[20 + grow * row.count for row in bins], c=colour(0), linewidths=0, clip_on=False)
        unit_square(axes)
        axes.set_xlabel("stated relevance, mean of the bin")
        axes.set_ylabel("share of queries with an answer")
        svg = svg_of(figure, key)
    error = measures.calibration_error(bins)
    note = f"Expected calibration error {error:.3f}. On the line, relevance says how likely an answer is."
    listed = "; ".join(f"{row.confidence:.2f}: {row.frequency:.2f} of {row.count}" for row in bins)
    return Plot(f"Reliability of {system}", note, f"Share of answerable queries by stated relevance. {listed}.", svg)


def abstention_curve(answerability: Sequence[Answerability]) -> list[tuple[float, float]]:
    """False answers and false refusals, in [0, 1], for each threshold on relevance, from answering all to none.

    False answers are the share of unanswerable queries with relevance at the threshold or above, false refusals the
    share of answerable ones below it. Needs one query of each sort.
    """
    yes = [relevance for relevance, answerable, _ in answerability if answerable]
    no = [relevance for relevance, answerable, _ in answerability if not answerable]
    thresholds = [*sorted({*yes, *no}), math.inf]
    return [(sum(r >= t for r in no) / len(no), sum(r < t for r in yes) / len(yes)) for t in thresholds]


def abstention(key: str, system: str, answerability: Sequence[Answerability]) -> Plot | None:
    """False answers against false refusals, the point where the system stands marked; None as in `reliability`."""
    if not _both_sorts(answerability):
        return None
    curve = abstention_curve(answerability)
    found = measures.abstention([measures.Decision(*each) for each in answerability])
    x, y = found.false_answer_rate or 0.0, found.false_refusal_rate or 0.0
    names = ("as the threshold moves", f"{system} as it is")
    with style():
        figure, axes = figure_of(WIDTH, names)
        axes.plot([x for x, _ in curve], [y for _, y in curve], color=colour(0), linewidth=1.6, label=names[0])
        axes.plot([x], [y], label=names[1], **dot(1, size=10), clip_on=False)
        unit_square(axes)
        axes.set_xlabel("false answers, share of unanswerable")
        axes.set_ylabel("false refusals, share of answerable")
        svg = svg_of(figure, key)
    words = (
        f"Answers {found.false_answers} of {found.unanswerable} unanswerable queries ({x:.1%}), refuses "
        f"{found.false_refusals} of {found.answerable} answerable ones ({y:.1%}); AUROC {found.auroc:.3f}."
    )
    return Plot(f"Abstention of {system}", f"{words} Nearer to the lower left corner is better.", words, svg)


def growth(key: str, curves: Mapping[str, Sequence[tuple[float, float]]]) -> Plot:
    """Milliseconds of the median query by the number of sections, a line a name; both axes logarithmic."""
    with style():
        figure, axes = figure_of(_HEIGHT, list(curves))
        for index, (name, points) in enumerate(curves.items()):
            x, y = [x for x, _ in points], [y for _, y in points]
            axes.plot(x, y, label=name, **dot(index) | {"linestyle": "-", "linewidth": 1.6})
        axes.set_xscale("log")
        axes.set_yscale("log")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}" if value < 1 else f"{value:,.0f}"))
            axis.set_minor_locator(LogLocator(subs=()))
        axes.set_xlabel("sections")
        axes.set_ylabel("milliseconds, median")
        svg = svg_of(figure, key)
    listed = "; ".join(
        f"{name}: {', '.join(f'{y:.2f} ms at {x:,.0f}' for x, y in points)}" for name, points in curves.items()
    )
    return Plot("Growth", "A line that rises less steeply is better.", f"Median query. {listed}.", svg)


def _both_sorts(answerability: Sequence[Answerability]) -> bool:
    return len({answerable for _, answerable, _ in answerability}) == 2


def _has(system: SystemResult, kind: str, measure: str) -> bool:
    return measure in system.by_kind.get(kind, {})


def _names(systems: Sequence[SystemResult]) -> list[str]:
    return [system.system for system in systems]
