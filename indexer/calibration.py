"""How features of a hit become its relevance: fitted to a corpus by `python -m evaluation calibrate`, kept beside it.

What the features are stands in server/relevance.py; this is the file that carries what was fitted from the corpus
into the index.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from indexer.errors import ArticleError

FILE = "relevance.json"
FEATURES_VERSION = 5  # raised whenever a feature is added, dropped or computed otherwise


class Term(BaseModel):
    """One feature of the model: its value is moved by `mean`, divided by `scale`, and weighted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mean: float
    scale: float
    weight: float


class Calibration(BaseModel):
    """A logistic model of "this section answers", and the threshold above which a reply counts as an answer."""

    model_config = ConfigDict(extra="ignore", frozen=True)  # `fitting` refuses other versions

    features_version: int
    model_fingerprint: str  # of the embedding model whose cosines it was fitted to
    corpus_digest: str  # of the texts it was fitted on; other texts only make it stale
    terms: dict[str, Term]
    direction: tuple[float, ...]  # in the space of query vectors: towards what the help is about
    # What files of earlier versions lack.
    wording: dict[str, float] = {}  # lemma -> how much it speaks for a question that the help answers
    reach: float = 1.0  # known questions whose cosines are this much lower count e times less
    intercept: float
    threshold: float  # of the relevance, in (0, 1)
    fitted_on: dict[str, str]  # set of queries -> its digest
    figures: dict[str, float]  # on the set that the threshold was chosen on


def read_calibration(folder: Path) -> tuple[Calibration, str] | None:
    """The calibration beside a corpus or in an index, with the digest of its file; None where there is none.

    Raises ArticleError where the file is damaged.
    """
    path = folder / FILE
    try:
        content = path.read_bytes()
        return Calibration.model_validate_json(content), hashlib.sha256(content).hexdigest()
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        why = str(error).splitlines()[0]
        raise ArticleError(
            f"{path}: unreadable ({why}); expected what `python -m evaluation calibrate` writes; run it again, or "
            "remove the file: the index is then not calibrated"
        ) from error


def is_stale(folder: Path, corpus_digest: str) -> bool:
    """Whether the folder's calibration was fitted to other texts: it is used still, and less sure.

    Raises ArticleError where it is damaged.
    """
    found = read_calibration(folder)
    return found is not None and found[0].corpus_digest != corpus_digest


def fitting(folder: Path, model_fingerprint: str, say: Callable[[str], None]) -> str | None:
    """The digest of the corpus's calibration where it fits the model and this version; else None, and says why."""
    if (found := read_calibration(folder)) is None:
        return None
    calibration, digest = found
    if calibration.features_version != FEATURES_VERSION:
        why = f"features of version {calibration.features_version}, this version has {FEATURES_VERSION}"
    elif calibration.model_fingerprint != model_fingerprint:
        why = f"fitted to model {calibration.model_fingerprint[:12]}, this one is {model_fingerprint[:12]}"
    else:
        return digest
    say(f"{folder / FILE} is left out: {why}; run: python -m evaluation calibrate")
    return None
