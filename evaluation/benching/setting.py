"""What is measured, how long, and what is opened for it."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from evaluation.load import unseen
from indexer.artifact import Artifact
from indexer.encoder import SentenceEncoder
from indexer.models import Model
from indexer.opening import model_of

CLIENTS = 8  # of a load


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured."""

    queries: int  # each asked of every side in turn, and as many more in rows
    warm_up: int  # queries before that, uncounted
    seconds: float  # of one load
    rounds: int  # of loads: both servers in each
    starts: int  # of each side
    asked: int  # queries of each worker before its memory is read


FULL = Extent(queries=300, warm_up=20, seconds=10.0, rounds=3, starts=3, asked=200)
QUICK = Extent(queries=8, warm_up=2, seconds=0.3, rounds=1, starts=1, asked=8)


@dataclass
class Setting:
    """An index, queries that nobody has asked, and how both are used."""

    index: Path
    artifact: Artifact
    texts: tuple[str, ...]  # queries as people typed them
    extent: Extent
    workers: int  # processes that answer a load
    threads: int  # that encode one query together
    txtai: Path | None  # the Python that has txtai; None where there is none
    opened: ExitStack = field(default_factory=ExitStack)  # what is closed in the end

    def queries(self) -> Iterator[str]:
        """Queries that no server started since was asked, the same from the beginning at each call."""
        return unseen(self.texts)

    @cached_property
    def aside(self) -> Path:
        """An empty folder for what is written on the way."""
        return Path(self.opened.enter_context(TemporaryDirectory(prefix="spravka-bench-")))

    @cached_property
    def model(self) -> Model:
        """The model that the index was made with."""
        return model_of(self.artifact)

    @cached_property
    def encoder(self) -> SentenceEncoder:
        """The same, loaded; it encodes nothing here, so that its weights stay in 32 bits."""
        return SentenceEncoder(self.model)
