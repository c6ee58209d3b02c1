"""Seconds by stage of a build."""

import pytest

from indexer import clock as clocks
from indexer.clock import Clock


class Hands:
    """What time it is, moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    hands = Hands()
    monkeypatch.setattr(clocks, "time", hands)
    return hands


def test_stage_that_comes_twice_has_the_seconds_of_both(hands: Hands):
    clock = Clock()
    for seconds in (2, 3):
        with clock.stage("query side"):
            hands.now += seconds
        hands.now += 10  # in no stage
    assert clock.seconds == {"query side": 5}


def test_seconds_of_a_stage_within_another_are_not_those_of_the_other(hands: Hands):
    clock = Clock()

    def open_model(name: str) -> str:
        hands.now += 4
        return name.upper()

    opened = clock.timed("model", open_model)
    with clock.stage("reading"):
        hands.now += 1
        with clock.stage("lemmas"):
            hands.now += 2
            assert opened("tiny") == "TINY"
        hands.now += 8
        assert opened("tiny") == "TINY"
    with clock.stage("writing"):
        hands.now += 16
    assert clock.seconds == {"model": 8, "lemmas": 2, "reading": 9, "writing": 16}
