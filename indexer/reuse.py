"""Vectors that an earlier build made: text that has not changed is not encoded again."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from indexer.encoder import Vectors


def digest_of(text: str) -> str:
    """What the vector of a text is kept by: SHA-256, hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def by_digest(texts: Iterable[str], vectors: Vectors) -> dict[str, Vectors]:
    """The vectors of texts, (texts, dimension), as the next build looks them up."""
    return dict(zip(map(digest_of, texts), vectors, strict=True))


def encoded(
    texts: Sequence[str], known: Mapping[str, Vectors], encode: Callable[[list[str]], Vectors]
) -> tuple[Vectors, int]:
    """Unit vectors of the texts, (texts, dimension), and how many had to be encoded; each text once."""
    digests = [digest_of(text) for text in texts]
    new = {digest: text for digest, text in zip(digests, texts, strict=True) if digest not in known}
    made = encode(list(new.values()))
    places = dict(zip(new, range(len(new)), strict=True))
    vectors = np.empty((len(texts), made.shape[1]), dtype=np.float32)
    for row, digest in enumerate(digests):
        vectors[row] = made[places[digest]] if digest in places else known[digest]
    return vectors, len(new)
