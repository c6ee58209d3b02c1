"""How often garbage is looked for while a build makes many objects that stay."""

import gc
from collections.abc import Iterator

import pytest

from indexer import memory


@pytest.fixture(autouse=True)
def _thresholds() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def test_garbage_is_looked_for_less_often_within_and_as_before_afterwards():
    gc.set_threshold(700, 10, 10)
    with memory.rarely_collected():
        assert gc.get_threshold()[0] > 50_000
        assert gc.isenabled()
    assert gc.get_threshold() == (700, 10, 10)


def test_thresholds_come_back_after_an_error():
    gc.set_threshold(700, 10, 10)
    with pytest.raises(ValueError, match="in between"), memory.rarely_collected():
        raise ValueError("in between")
    assert gc.get_threshold() == (700, 10, 10)


def test_garbage_that_is_not_looked_for_at_all_is_left_so():
    gc.set_threshold(0)
    with memory.rarely_collected():
        assert gc.get_threshold()[0] == 0
