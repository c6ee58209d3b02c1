"""How far a build is, told on stderr; a module of its own, since a process that reads beside a build needs it too."""

import sys
from collections.abc import Callable
from typing import NoReturn

from tqdm import tqdm


class Terminal:
    """Says on stderr how far a build is."""

    def say(self, message: str) -> None:
        """A line of its own."""
        print(message, file=sys.stderr, flush=True)

    def progress(self, stage: str, unit: str) -> Callable[[int, int], None]:
        """A bar with rate and time left."""
        bars: list[tqdm[NoReturn]] = []

        def move(done: int, total: int) -> None:
            if not bars:  # made at the first call: only then is the total known
                bars.append(tqdm(total=total, desc=f"{stage:<9}", unit=f" {unit}", file=sys.stderr, mininterval=0.5))
            bars[0].update(done - bars[0].n)
            if done >= total:
                bars[0].close()

        return move
