"""The picture of the bars; that of the times is `evaluation.plots.latency`."""

from matplotlib.ticker import FuncFormatter, LogLocator

from evaluation.benching.findings import BARS, Findings
from evaluation.drawing import TEXT, Plot, colour, figure_of, style, svg_of

_ROW = 34  # pixels


def used_of_the_bars(key: str, found: Findings) -> Plot | None:
    """A row for each number: how much of what its bar allows was used; None where nothing was measured.

    Bars that ask for at most and for at least so much look the same: left of 1 they are kept.
    """
    used = {bar.name: bar.used(number) for bar in BARS if (number := found.measured.get(bar.name)) and number > 0}
    if not used:
        return None
    with style():
        figure, axes = figure_of(_ROW * len(used) + 70)
        for at, share in enumerate(used.values()):
            axes.barh(at, share, height=0.6, color=colour(2 if share <= 1 else 1))
            axes.annotate(f"{share:.2f}", (share, at), (3, 0), textcoords="offset points", va="center", fontsize=8)
        axes.axvline(1, color=TEXT, linewidth=1.2)
        axes.set_xscale("log")
        axes.set_xlim(min(0.1, *used.values()) / 1.2, max(1.5, *used.values()) * 1.5)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_locator(LogLocator(subs=()))
        axes.set_yticks(range(len(used)), [name.replace("_over_", "\nover ").replace("_", " ") for name in used])
        axes.tick_params(axis="y", length=0, labelsize=8)
        axes.set_ylim(len(used) - 0.5, -0.5)
        axes.grid(False, axis="y")
        axes.set_xlabel("share of what the bar allows")
        svg = svg_of(figure, key)
    reached = ", ".join(f"{name} {share:.2f}" for name, share in used.items())
    return Plot("The bars", "Left of 1 a bar is kept.", f"Share of what each bar allows. {reached}.", svg)
