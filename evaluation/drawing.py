"""How plots are drawn: SVG that takes its colours from the page; the same numbers give the same bytes."""

import io
import math
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

SERIES = 8  # colours that the page defines, --series-0 and on; a ninth system begins anew
WIDTH = 400  # pixels: near the width of a phone, so that letters are not scaled away
TEXT, LINE = "#fd0000", "#fd0001"

_DPI = 96
_LEGEND_ROW = 20  # pixels
_SHORT_NAME = 24  # letters: two such stand side by side
_MARKERS = "oDs^vX*P"
_GROUND = "#fd0002"
# Drawn in colours that mean nothing, then named as the page names its own: it has a light and a dark scheme.
_NAMES = {TEXT: "--text", LINE: "--line", _GROUND: "--surface"}
_NAMES |= {f"#fe00{index:02x}": f"--series-{index}" for index in range(SERIES)}
# What the light scheme of a page has: text, lines, surface, then the series.
_INKS = (
    *("#1b1f24", "#d5dae1", "#ffffff", "#0b5fd0", "#c2570c", "#1a7f4b", "#8250df"),
    *("#bf3989", "#0a7d8c", "#856404", "#57606a"),
)
_STYLE: dict[str, Any] = {
    "svg.hashsalt": "spravka",  # else ids are drawn at random
    "svg.fonttype": "path",
    "text.parse_math": False,  # a name may hold dollars
    "font.family": "DejaVu Sans",  # comes with matplotlib and has Cyrillic
    "font.size": 10,
    "figure.dpi": _DPI,
    "figure.constrained_layout.h_pad": 0.08,  # inches
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.7,
    "axes.edgecolor": LINE,
    "axes.labelcolor": TEXT,
    "text.color": TEXT,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": TEXT,
    "ytick.labelcolor": TEXT,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "legend.handlelength": 1.5,
    "legend.columnspacing": 1.2,
}


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture, what it is called, and what it shows, in words for those who do not see it."""

    title: str
    note: str
    alt: str
    svg: str


def style() -> AbstractContextManager[None]:
    """The settings to draw under, whatever the user's own are."""
    return matplotlib.style.context(["default", _STYLE])


def figure_of(height: float, legend: Sequence[str] = ()) -> tuple[Figure, Axes]:
    """A figure WIDTH pixels wide with its axes, and room below them for a legend of those names."""
    rows = math.ceil(len(legend) / _columns(legend))
    size = (WIDTH / _DPI, (height + _LEGEND_ROW * rows) / _DPI)
    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.subplots()


def colour(index: int) -> str:
    """What to draw the system of that number in."""
    return f"#fe00{index % SERIES:02x}"


def dot(index: int, size: float = 7) -> dict[str, Any]:
    """How `plot` is to draw the system of that number: a shape too, for who tells no colours apart."""
    marker = _MARKERS[index % len(_MARKERS)]
    edge = {"markeredgecolor": _GROUND, "markeredgewidth": 0.8}
    return {"linestyle": "", "marker": marker, "markersize": size, "color": colour(index)} | edge


def unit_square(axes: Axes) -> None:
    """Both axes from 0 to 1, of the same length."""
    axes.set_xlim(-0.03, 1.03)
    axes.set_ylim(-0.03, 1.03)
    axes.set_aspect("equal")


def svg_of(figure: Figure, key: str) -> str:
    """The figure as an element for a page; its ids begin with `key`, its colours are the page's variables."""
    if labels := figure.axes[0].get_legend_handles_labels()[1]:
        figure.legend(loc="outside lower center", labelcolor=TEXT, ncols=_columns(labels))
    drawn = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(drawn, format="svg", transparent=True, metadata=nothing)
    text = drawn.getvalue()
    text = text[text.index("<svg") :]
    # Its style would hold for the whole page, and its comments repeat what is written in letters.
    text = re.sub(r"<!--.*?-->|<style.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r'(?<=<svg) .*?viewBox="(.*?)".*?>', r' viewBox="\1" aria-hidden="true">', text, count=1)
    text = re.sub(r'( id="|xlink:href="#|url\(#)', rf"\g<1>{key}-", text).replace("xlink:href", "href")
    text = re.sub(r"#f[de]00[0-9a-f]{2}\b", lambda found: f"var({_NAMES[found[0]]})", text)
    return re.sub(r"\s*\n\s*", " ", text).strip()


def alone(svg: str) -> str:
    """The picture as a file of its own, on a white ground, with the colours that a page would define."""
    names = ("text", "line", "surface", *(f"series-{index}" for index in range(SERIES)))
    style = ";".join(f"--{name}:{ink}" for name, ink in zip(names, _INKS, strict=True))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{2 * WIDTH}" style="background:#fff;{style}"'
    return svg.replace("<svg", head, 1) + "\n"


def _columns(names: Sequence[str]) -> int:
    return 2 if max(map(len, names), default=0) <= _SHORT_NAME else 1
