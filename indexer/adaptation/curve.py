"""The figures of a trained adapter at several scales, from the published model to the trained one."""

from collections.abc import Callable, Sequence
from random import Random

import numpy as np

from indexer.adaptation import scale as scaling
from indexer.adaptation.adapter import Adapter, apply
from indexer.adaptation.pairs import shuffled
from indexer.adaptation.scale import Encode, Point, Side
from indexer.adaptation.training import open_model, prompt_of
from indexer.encoder import Vectors
from indexer.models import Model
from indexer.sections import Section
from indexer.source import Reporter

_MOST_MEASURED = 1000  # sections that the curve is measured over, of a larger corpus


def curve_of(
    model: Model,
    adapter: Adapter,
    device: str,
    figures: Callable[[Encode], tuple[float, float | None]],
    reporter: Reporter,
) -> list[Point]:
    """The figures at each of SCALES, in their order; the first is the model as published."""
    network = open_model(model, device)

    def encode(texts: Sequence[str], side: Side) -> Vectors:
        vectors: Vectors = np.asarray(
            network.encode(
                list(texts), prompt=prompt_of(network, side), normalize_embeddings=True, show_progress_bar=False
            ),
            dtype=np.float32,
        )
        return vectors

    progress = reporter.progress("Scales", "scale")
    curve: list[Point] = []
    for done, scale in enumerate(scaling.SCALES, start=1):
        apply(adapter, network, scale - (curve[-1].scale if curve else 0.0))  # on top of what is there
        curve.append(Point(scale, *figures(encode)))
        progress(done, len(scaling.SCALES))
    return curve


def measured(sections: Sequence[Section], needed: set[str] | frozenset[str]) -> list[Section]:
    """The sections that figures are measured over: all of a small corpus, else the needed ones and some others."""
    if len(sections) <= _MOST_MEASURED:
        return list(sections)
    own = [each for each in sections if each.section_id in needed or each.article_id in needed]
    others = [each for each in sections if each.section_id not in needed and each.article_id not in needed]
    return own + shuffled(others, Random(0))[: max(0, _MOST_MEASURED - len(own))]  # noqa: S311 -- no secret
