"""The server with the small encoder, slow where a query asks for it («подождать 0.5»).

Not a test: tests start it, so that signals, sockets and threads are those of a real process. The root of the checkout
has to be on the path.
"""

import re
import sys
import time
from typing import Any

from helpers import HashEncoder

from server import live
from server.__main__ import main
from server.search import Searcher


class SlowSearcher(Searcher):
    """Waits before it reads a query: what takes long there, no guard ends."""

    def read(self, query: str, *rest: Any) -> Any:
        if asked := re.search(r"подождать (\d+\.\d+)", query):
            time.sleep(float(asked[1]))
        return super().read(query, *rest)


if __name__ == "__main__":
    live.open_encoder = lambda loaded: HashEncoder()
    live.Searcher = SlowSearcher
    sys.exit(main())
