"""What was changed in a query when it was read."""

from dataclasses import dataclass
from typing import Literal

ChangeKind = Literal["layout", "translit", "typo", "synonym"]


@dataclass(frozen=True, slots=True)
class Change:
    """A change made to what was typed."""

    kind: ChangeKind
    from_: str
    to: str
    confidence: float  # in (0, 1]
