"""Queries grouped by meaning: one text however it was typed, then texts whose vectors are near."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from evaluation.gaps import Asking, folded
from indexer.encoder import Vectors
from indexer.words import words

# Mean cosine distance at which two groups no longer become one. Chosen on 109 invented queries with 35 meanings and the
# default model, in lower case: of the pairs that were put together 75, 74, 54 % mean the same at 0.10, 0.11, 0.12, and
# of those that mean the same 34, 43, 53 % were put together. Distances to the mean of the sections' vectors taken away
# were no better (adjusted Rand index 0.536 against 0.539); a third of 65 queries left in capitals, worse (0.42, 0.58).
THRESHOLD = 0.11

# So many texts are clustered, those asked most: 1.5 s and 0.3 GB, both of which grow with the square.
CLUSTERED = 5_000

EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Case:
    """All askings of one text, however its letters were cased and spaced."""

    text: str  # as it was typed most often
    times: int
    relevance: float  # mean over the askings
    sections: Mapping[tuple[str, str], int]  # how often each is named


@dataclass(frozen=True, slots=True)
class Concerned:
    """A section that a group is about."""

    section_id: str
    why: str
    times: int


@dataclass(frozen=True, slots=True)
class Group:
    """Texts of one meaning."""

    name: str  # the text to which all askings are nearest
    askings: int
    texts: int
    relevance: float  # mean over the askings
    examples: tuple[str, ...]  # other texts, asked most first
    sections: tuple[Concerned, ...]  # named most first


def cases_of(askings: Iterable[Asking]) -> list[Case]:
    """One case a text, asked most first, then by text. A text without letters or digits lacks nothing: it is none."""
    texts: dict[str, list[Asking]] = {}
    for asking in askings:
        if any(words(text := folded(asking.text))):
            texts.setdefault(text, []).append(asking)
    return sorted(map(_case, texts.values()), key=lambda case: (-case.times, folded(case.text)))


def _case(asked: Sequence[Asking]) -> Case:
    typed: Counter[str] = Counter()
    sections: Counter[tuple[str, str]] = Counter()
    for asking in asked:
        typed[asking.text] += asking.times
        sections.update(dict.fromkeys(asking.sections, asking.times))
    times = typed.total()
    relevance = sum(asking.relevance * asking.times for asking in asked) / times
    return Case(typed.most_common(1)[0][0], times, relevance, sections)


def grouped(cases: Sequence[Case], vectors: Vectors) -> list[Group]:
    """The cases grouped by meaning, asked most first, then by name.

    `vectors` are unit vectors of the folded texts, shape (len(cases), dimension). The first CLUSTERED cases are
    clustered (average linkage over cosine distance, up to THRESHOLD); a further one joins the nearest group, by the
    same distance, or none.
    """
    members: dict[int, list[int]] = {}
    for row, label in enumerate(_labels(vectors)):
        members.setdefault(label, []).append(row)
    groups = [_group([cases[row] for row in rows], vectors[rows]) for rows in members.values()]
    return sorted(groups, key=lambda group: (-group.askings, group.name))


def _labels(vectors: Vectors) -> list[int]:
    """For each row the number of its group."""
    first = vectors[:CLUSTERED]
    if len(first) < 2:
        return list(range(len(vectors)))
    tree = linkage(squareform(_distances(first), checks=False), "average")
    labels: npt.NDArray[np.int64] = fcluster(tree, THRESHOLD, "distance") - 1
    # Of unit vectors, the mean distance to a group's members is the distance to their mean.
    means = np.stack([first[labels == label].mean(axis=0) for label in range(labels.max() + 1)])
    found = labels.tolist()
    for row, vector in enumerate(vectors[CLUSTERED:], start=CLUSTERED):
        distances = 1 - means @ vector
        nearest = int(distances.argmin())
        found.append(nearest if distances[nearest] <= THRESHOLD else row)
    return list(map(int, found))


def _distances(vectors: Vectors) -> npt.NDArray[np.float64]:
    """Cosine distances, shape (rows, rows); a text without words (zeros) is at 1 from all."""
    exact = vectors.astype(np.float64)
    found: npt.NDArray[np.float64] = np.clip(1 - exact @ exact.T, 0, None)
    return found


def _group(cases: Sequence[Case], vectors: Vectors) -> Group:
    times = np.array([case.times for case in cases])
    medoid = int((_distances(vectors) @ times).argmin())
    sections: Counter[tuple[str, str]] = Counter()
    for case in cases:
        sections.update(case.sections)
    named = sorted(sections.items(), key=lambda item: (-item[1], item[0]))
    return Group(
        name=cases[medoid].text,
        askings=int(times.sum()),
        texts=len(cases),
        relevance=sum(case.relevance * case.times for case in cases) / int(times.sum()),
        examples=tuple(case.text for row, case in enumerate(cases) if row != medoid)[:EXAMPLES],
        sections=tuple(Concerned(*key, times) for key, times in named),
    )
