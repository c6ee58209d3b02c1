"""How features of a hit become its relevance: fitted to a corpus by `python -m evaluation calibrate`, kept beside it.

What the features are stands in server/relevance.py; this is the file that carries what was fitted from the corpus
into the index.
"""

import base64
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import Base64Bytes, BaseModel, ConfigDict, ValidationError

from indexer.errors import ArticleError

FILE = "relevance.json"
FEATURES_VERSION = 3  # raised whenever a feature is added, dropped or computed otherwise


class Term(BaseModel):
    """One feature of the model: its value is moved by `mean`, divided by `scale`, and weighted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mean: float
    scale: float
    weight: float


class KnownQuestions(BaseModel):
    """Questions of which it is known whether the help answers them: vectors of the model, without the texts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    vectors: Base64Bytes  # int8 (questions, dimension), row after row
    unit: float  # what 1 of them stands for
    answerable: str  # a character a question: 1 answered, 0 not
    reach: float  # cosines this much lower count e times less

    def decoded(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Vectors, float32 (questions, dimension), and for each question 1.0 where it is answered, else -1.0."""
        rows = np.frombuffer(self.vectors, dtype=np.int8).reshape(len(self.answerable), -1)
        sides = np.array([1.0 if each == "1" else -1.0 for each in self.answerable], dtype=np.float32)
        return rows.astype(np.float32) * np.float32(self.unit), sides

    @classmethod
    def encoded(cls, vectors: npt.NDArray[np.float32], answerable: Sequence[bool], reach: float) -> "KnownQuestions":
        """The questions with these unit vectors, float32 (questions, dimension), rounded to int8."""
        unit = float(np.abs(vectors).max()) / 127
        rows = np.rint(vectors / unit).astype(np.int8)
        sides = "".join("1" if each else "0" for each in answerable)
        return cls(vectors=base64.b64encode(rows.tobytes()), unit=unit, answerable=sides, reach=reach)


class Calibration(BaseModel):
    """A logistic model of "this section answers", and the threshold above which a reply counts as an answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    features_version: int
    model_fingerprint: str  # of the embedding model whose cosines it was fitted to
    corpus_digest: str  # of the texts it was fitted on; other texts only make it stale
    terms: dict[str, Term]
    direction: tuple[float, ...]  # in the space of query vectors: towards what the help is about
    # What files of earlier versions lack, which `fitting` refuses by their version.
    wording: dict[str, float] = {}  # lemma -> how much it speaks for a question that the help answers
    known: KnownQuestions | None = None
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
