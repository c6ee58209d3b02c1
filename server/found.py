"""What a search finds: the hits, and how the rows behind them came to their scores."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from indexer.encoder import Vectors
from server.asked import Likeness
from server.interpretation import Interpretation
from server.reading.cues import Audience, Platform
from server.relevance import Subject

Mode = Literal["hybrid", "lexical", "semantic"]
MatchedBy = Literal["lexical", "semantic", "error"]


@dataclass(frozen=True, slots=True)
class Hit:
    """A section in a ranking."""

    rank: int  # from 1
    section_id: str
    article_id: str
    title: str
    headings: tuple[str, ...]
    url: str
    snippet: str
    highlights: tuple[tuple[int, int], ...]  # [start, stop) in code points of the snippet
    text: str
    score: float  # orders this list and means nothing else
    relevance: float  # in [0, 1]
    matched_by: tuple[MatchedBy, ...]
    platforms: tuple[str, ...]
    audiences: tuple[str, ...]
    updated: str


@dataclass(frozen=True, slots=True)
class Result:
    """The ranking of a query and what can be said of it as a whole."""

    interpretation: Interpretation
    hits: tuple[Hit, ...]
    relevance: float  # of the best section, in [0, 1]; 0.0 without hits
    answerable: bool
    calibrated: bool  # False: `relevance` orders replies roughly, and `answerable` only says that there are hits
    degraded: bool = False  # the semantic half did not answer: found as in lexical mode, whichever was asked for
    # That the hits were chosen from; None where nothing could be searched for.
    candidates: "Candidates | None" = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Candidates:
    """What each half found, as {row: score}, and the rows that explain an error text of the query."""

    lexical: dict[int, float]
    semantic: dict[int, float]
    error: frozenset[int]
    vector: Vectors | None = None  # of the query, where the semantic half was asked
    likeness: Likeness | None = None  # of known questions, where both halves were asked
    subject: Subject | None = None  # of the query, where both were
    platform: Platform | None = None  # told by the words of the query
    audience: Audience | None = None
    platforms: frozenset[str] = frozenset()  # that were asked for; empty: all


@dataclass(frozen=True, slots=True)
class Scored:
    """What rows are ranked by, and how it came from the fused scores."""

    scores: Mapping[int, float]
    factors: Mapping[int, float]  # that the fused scores were multiplied by for the odds of relevance; empty: none
    logits: Mapping[int, float]  # of the relevance of the best rows; empty without a calibration


@dataclass(frozen=True, slots=True)
class First:
    """What a calibration is fitted to: a query, and the section that was found for it first."""

    features: Mapping[str, float]
    vector: Vectors  # of the query, unit length
    to_each: Vectors  # cosine of every known question, (questions,)
    lemmas: tuple[str, ...]  # of the query as it was read
