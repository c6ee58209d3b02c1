"""Which sections are learnt side by side: in a batch each passage is a negative for all anchors but its own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from indexer.adaptation.pairs import Pair, shuffled

Kin = Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class Group:
    """Pairs of one section that are learnt at once, so that its passage, the long part, is encoded once for them."""

    section_id: str
    places: tuple[int, ...]  # in the list of all pairs


def groups_of(pairs: Sequence[Pair], size: int, random: Random) -> list[Group]:
    """The pairs of each section in groups of exactly `size`, all in random order; some fill two places of the last."""
    of_section: dict[str, list[int]] = {}
    for place in shuffled(range(len(pairs)), random):
        of_section.setdefault(pairs[place].section_id, []).append(place)
    groups = []
    for section_id, places in of_section.items():
        count = -(-len(places) // size)
        filled = [places[i % len(places)] for i in range(count * size)]
        groups += [Group(section_id, tuple(filled[start : start + size])) for start in range(0, len(filled), size)]
    return shuffled(groups, random)


def plan(
    pairs: Sequence[Pair],
    *,
    size: int,
    anchors: int,
    epochs: int,
    random: Random,
    kin: Kin,
    hard: Sequence[Sequence[str]] = (),
    hard_share: float = 0.0,
) -> list[list[Group]]:
    """Batches of exactly `size` groups of `anchors` pairs; every pair comes in each epoch, but for a few of the last.

    No two groups of a batch are of kin sections (the same one, to begin with); what finds no room waits for a later
    batch. `hard[i]` are the sections hardest to tell from the one that answers pair i: about `hard_share` of a batch
    are such sections of another of its groups, so that each is a hard negative of the other.
    """
    batches: list[list[Group]] = []
    waiting: list[Group] = []
    for _ in range(epochs):
        waiting += groups_of(pairs, anchors, random)
        while True:
            batch = _batch(waiting, size, random, kin, hard, hard_share)
            if len(batch) < size:
                break
            batches.append(batch)
            taken = set(map(id, batch))
            waiting = [group for group in waiting if id(group) not in taken]
    return batches


def _batch(
    waiting: Sequence[Group], size: int, random: Random, kin: Kin, hard: Sequence[Sequence[str]], hard_share: float
) -> list[Group]:
    """Up to `size` of the waiting groups, none kin, the first that fit; for some those hard for the one before them."""
    batch: list[Group] = []
    left: dict[str, Group] = {}
    for group in waiting:
        left.setdefault(group.section_id, group)
    while left and len(batch) < size:
        wanted: Sequence[str] = ()
        if batch and random.random() < hard_share:
            wanted = [each for place in batch[-1].places if hard for each in hard[place] if each in left]
        chosen = left[wanted[int(random.random() * len(wanted))] if wanted else next(iter(left))]
        batch.append(chosen)
        left = {each: group for each, group in left.items() if not kin(chosen.section_id, each)}
    return batch
