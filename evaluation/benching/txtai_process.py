"""txtai in a process of its own, asked over pipes; of our code it imports nothing.

The first line of its input is a JSON object: `model` (a folder), `instructions`, `index` (a folder that is read, or
written where it is missing), `texts` ([id, text] each) and `threads`. It answers {"ready": true}, then each line, a
query as JSON, with {"milliseconds": ..., "hits": ...}.
"""

import json
import os
import sys
import time
from pathlib import Path


def main() -> None:
    """Answers until its input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints is no answer
    told = json.loads(sys.stdin.readline())

    import torch
    from txtai import Embeddings

    torch.set_num_threads(told["threads"])
    if Path(told["index"]).exists():
        embeddings = Embeddings()
        embeddings.load(told["index"])
    else:
        embeddings = Embeddings({"path": told["model"], "instructions": told["instructions"], "gpu": False})
        embeddings.index(tuple(each) for each in told["texts"])
        embeddings.save(told["index"])
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        query = json.loads(line)
        started = time.perf_counter()
        hits = embeddings.search(query, 10)
        milliseconds = (time.perf_counter() - started) * 1000
        print(json.dumps({"milliseconds": milliseconds, "hits": len(hits)}), file=answers, flush=True)


if __name__ == "__main__":
    main()
