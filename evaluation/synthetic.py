"""Corpora of any size that are like a real one: neighbours of its vectors, texts in its words.

Vectors drawn evenly from a sphere have no neighbours, and nothing but a full scan finds their best; real ones lie in
crowds. Words drawn evenly have no long lists of postings. Both would measure what no help meets.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from indexer.encoder import Vectors

_NEAREST = 10  # neighbours whose differences tell in which directions real vectors differ
_BLOCK = 20_000  # vectors or sections drawn at a time; a smaller corpus is the beginning of a larger one

# Words of one real section grow in number with the root of the sections, as vocabularies do (Heaps, 1978).
_HEAPS = 0.5
_OWN_WORDS = 0.5  # share of a section's lemmas that come from the real section beside it, the others from all

Documents = list[dict[str, list[str]]]


def neighbours_of(real: Vectors, count: int, seed: int = 0) -> Vectors:
    """`count` unit vectors around the real ones, each as often as the next, float32 (count, dimension).

    Two vectors around one real vector have, at the median, the cosine of a real vector and its nearest neighbour: each
    leaves its own at the square root of such a cosine, drawn from the real ones. It leaves in directions in which near
    real vectors differ from one another (a normal distribution with the covariance of those differences), since texts
    fill few of the dimensions.
    """
    cosines = real @ real.T
    np.fill_diagonal(cosines, -1.0)
    nearest = np.argsort(-cosines, axis=1)[:, :_NEAREST]
    closeness = np.sqrt(np.clip(cosines.max(axis=1), 0.0, 1.0))
    differences = (real[nearest] - real[:, None]).reshape(-1, real.shape[1])
    values, axes = np.linalg.eigh(differences.T @ differences / len(differences))
    spread = (axes * np.sqrt(np.clip(values, 0, None))).T.astype(np.float32)
    made = np.empty((count, real.shape[1]), dtype=np.float32)
    for block, start in enumerate(range(0, count, _BLOCK)):
        random = np.random.default_rng((seed, block))
        size = min(_BLOCK, count - start)
        centres = real[(start + np.arange(size)) % len(real)]
        away = random.standard_normal((_BLOCK, len(spread)), dtype=np.float32)[:size] @ spread
        away -= (away * centres).sum(axis=1, keepdims=True) * centres
        away /= np.linalg.norm(away, axis=1, keepdims=True)
        cosine = random.choice(closeness, _BLOCK)[:size, None].astype(np.float32)
        made[start : start + size] = cosine * centres + np.sqrt(1 - cosine**2) * away
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    return made


def sections_like(real: Sequence[Mapping[str, Sequence[str]]], count: int, seed: int = 0) -> Documents:
    """`count` sections as {field: lemmas}, each with the lengths of a real one, the lemmas drawn from real ones.

    Half of a section's lemmas come from the real section beside it, the others from all, as often as they stand there,
    so that each lemma keeps its share of the sections and lists of postings grow as those of a growing help do. What
    stands in one real section only is a name or a code: of those a larger corpus has others, and copies of it here
    become new lemmas («код~7»).
    """
    fields = sorted({field for section in real for field in section})
    frequencies = Counter(lemma for section in real for lemma in {each for own in section.values() for each in own})
    names = list(frequencies)
    numbers = {lemma: number for number, lemma in enumerate(names)}
    rare = np.array([frequencies[lemma] == 1 for lemma in names], dtype=bool)
    spellings: dict[tuple[int, int], str] = {}  # one string for each lemma, however often it stands
    made: Documents = [{} for _ in range(count)]
    for field in fields:
        texts = [[numbers[lemma] for lemma in section.get(field, ())] for section in real]
        pool = np.array([number for text in texts for number in text], dtype=np.int64)
        lengths = np.array([len(text) for text in texts], dtype=np.int64)
        starts = np.cumsum(lengths) - lengths
        for block, start in enumerate(range(0, count, _BLOCK)):
            random = np.random.default_rng((seed, block, fields.index(field)))
            rows = np.arange(start, min(start + _BLOCK, count))
            beside = rows % len(real)
            row_of = np.repeat(rows, lengths[beside])
            own = np.repeat(beside, lengths[beside])
            drawn = random.random((len(row_of), 3))
            near = starts[own] + (drawn[:, 0] * lengths[own]).astype(np.int64)
            far = (drawn[:, 0] * len(pool)).astype(np.int64)
            lemmas = pool[np.where(drawn[:, 1] < _OWN_WORDS, near, far)] if len(pool) else pool
            kinds = np.ceil((row_of // len(real) + 1) ** _HEAPS)
            variants = np.where(rare[lemmas], drawn[:, 2] * kinds, 0).astype(np.int64)
            words = [_spelt(pair, names, spellings) for pair in zip(lemmas.tolist(), variants.tolist(), strict=True)]
            ends = np.cumsum(lengths[beside]).tolist()
            for row, stop, length in zip(rows.tolist(), ends, lengths[beside].tolist(), strict=True):
                made[row][field] = words[stop - length : stop]
    return made


def _spelt(pair: tuple[int, int], names: Sequence[str], spellings: dict[tuple[int, int], str]) -> str:
    if pair not in spellings:
        lemma, variant = pair
        spellings[pair] = f"{names[lemma]}~{variant}" if variant else names[lemma]
    return spellings[pair]
