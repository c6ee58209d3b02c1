"""The settings of the ranking, chosen on judged queries by `python -m evaluation tune`."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

Normalisation = Literal["minmax", "maximum", "zscore", "reciprocal_rank"]


@dataclass(frozen=True, slots=True)
class Ranking:
    """Weights of the lexical fields, and how the lexical and the semantic half are added."""

    fields: Mapping[str, float]
    normalisation: Normalisation
    semantic_weight: float  # in [0, 1]; what is left is the lexical half's
    # What the fused score of some sections is multiplied by, 1.0 for as it is. A lead only announces what its article
    # holds; a section for administrators repeats the words of the question above it, and most who ask are users.
    lead_factor: float = 1.0
    admin_factor: float = 1.0  # where the caller names no audience
    # Soft preferences by what the words of the query tell («у сотрудника», «на айфоне»); filters are the caller's.
    asked_by_admin_factor: float = 1.0  # of a section for administrators, where one of them asks
    other_platform_factor: float = 1.0  # of a section for other platforms than the one that is named
    # Added to the halves: how well known questions near the query fit that the section answers, and how much it belongs
    # into the answer by all known questions together.
    question_weight: float = 0.0
    belonging_weight: float = 0.0
    # Power of the odds of relevance, as calibrated, that the sum of all is multiplied by, for the best rows.
    relevance_power: float = 0.0
    synonym_weight: float = 1.0  # of what finds the same as a word of the query, beside the word itself


RANKING_FILE = Path(__file__).with_name("ranking.toml")


def read_ranking(path: Path = RANKING_FILE) -> Ranking:
    """The settings in a file of the form of server/ranking.toml; the product's own unless another is named."""
    return TypeAdapter(Ranking).validate_python(tomllib.loads(path.read_text(encoding="utf-8")))
