"""How long each stage of a build takes."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

_Given = TypeVar("_Given")
_Result = TypeVar("_Result")


@dataclass
class Clock:
    """Seconds by stage; those of a stage within another are its own alone."""

    seconds: dict[str, float] = field(default_factory=dict)
    _within: float = 0.0  # of the stages within the one that runs

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Counts what is done meanwhile to the stage of this name, which may come more than once."""
        before, self._within = self._within, 0.0
        start = time.perf_counter()
        yield
        took = time.perf_counter() - start
        self.seconds[name] = self.seconds.get(name, 0.0) + took - self._within
        self._within = before + took

    def timed(self, name: str, run: Callable[[_Given], _Result]) -> Callable[[_Given], _Result]:
        """The function `run`, whose time counts to the stage of this name."""

        def timed(given: _Given) -> _Result:
            with self.stage(name):
                return run(given)

        return timed
