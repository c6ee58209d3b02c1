"""Runs and their measures, against values worked out by hand."""

from collections.abc import Sequence
from itertools import pairwise
from math import log2

import pytest
from helpers import measured

from evaluation import runs
from evaluation.judgments import JudgedSet, Query
from evaluation.runs import Run
from evaluation.systems import System, SystemFailure

CODE, CHAT = Query("code", "не приходит код"), Query("chat", "создать чат")

JUDGED = JudgedSet(
    name="two",
    queries=(CODE, CHAT),
    qrels={
        "code": {"sign-in#phone": 2, "sign-in#qr": 1, "sign-in#sessions": 0},
        "chat": {"chats#create": 1, "chats#leave": 1, "files#limits": 1, "about#top": 1},
    },
)


def measures(code: Sequence[str], chat: Sequence[str]) -> dict[str, float]:
    return measured(Run("a system", {"code": list(code), "chat": list(chat)}), JUDGED)


def test_measures_of_two_queries_are_the_means_worked_out_by_hand():
    found = measures(
        # Gains 0, 1, 2 (a grade of 0 is not relevant): the first good one is second, both are found.
        ["sign-in#sessions", "sign-in#qr", "sign-in#phone"],
        # Gains 1, 0, 0, 1: the first is good, two of four are found.
        ["chats#create", "calls#camera", "profile#name", "about#top"],
    )
    # nDCG of a ranking is the sum of gain / log2(rank + 1), over the same for the best order there is.
    # code: (1/log2(3) + 2/log2(4)) / (2/log2(2) + 1/log2(3)) = (0.6309 + 1) / (2 + 0.6309) = 0.6199
    # chat: (1/log2(2) + 1/log2(5)) / (1 + 0.6309 + 1/log2(4) + 1/log2(5)) = 1.4307 / 2.5616 = 0.5585
    code = (1 / log2(3) + 2 / 2) / (2 + 1 / log2(3))
    chat = (1 + 1 / log2(5)) / (1 + 1 / log2(3) + 1 / 2 + 1 / log2(5))
    assert (round(code, 4), round(chat, 4)) == (0.6199, 0.5585)
    assert found["nDCG@10"] == pytest.approx((code + chat) / 2)
    assert found["RR@10"] == pytest.approx((1 / 2 + 1) / 2)
    assert found["R@10"] == pytest.approx((2 / 2 + 2 / 4) / 2)
    assert found["hit@1"] == pytest.approx((0 + 1) / 2)
    assert found["hit@3"] == pytest.approx((1 + 1) / 2)
    assert list(found) == ["nDCG@10", "RR@10", "R@10", "hit@1", "hit@3"]


def test_what_stands_eleventh_counts_for_nothing():
    others = [f"other#{place}" for place in range(10)]
    found = measures([*others, "sign-in#phone"], [*others[:9], "chats#create"])
    # code: first good at 11, so all 0. chat: one of four at 10, nDCG (1/log2(11)) / 2.5616 = 0.2891 / 2.5616
    assert found["nDCG@10"] == pytest.approx(0.2891 / 2.5616 / 2, abs=1e-4)
    assert found["RR@10"] == pytest.approx(1 / 10 / 2)
    assert found["R@10"] == pytest.approx(1 / 4 / 2)
    assert found["hit@3"] == 0


def test_hit_at_3_sees_the_third_and_not_the_fourth():
    assert measures(["a#1", "a#2", "sign-in#phone"], [])["hit@3"] == 0.5
    assert measures(["a#1", "a#2", "a#3", "sign-in#phone"], [])["hit@3"] == 0


@pytest.mark.parametrize(
    "rankings",
    [
        {"code": ["sign-in#phone", "sign-in#qr"], "chat": []},
        {"code": ["sign-in#phone", "sign-in#qr"]},
    ],
    ids=["empty", "absent"],
)
def test_query_without_results_counts_0_and_stays_in_the_mean(rankings: dict[str, list[str]]):
    found = measured(Run("a system", rankings), JUDGED)
    assert found == dict.fromkeys(["nDCG@10", "RR@10", "R@10", "hit@1", "hit@3"], 0.5)


def test_system_that_finds_nothing_at_all_counts_0():
    assert set(measures([], []).values()) == {0.0}


def test_run_asks_every_query_once_in_their_order_and_moves_the_bar():
    asked: list[Query] = []
    moves: list[tuple[int, int]] = []

    def rank(query: Query) -> list[str]:
        asked.append(query)
        return [f"{query.query_id}#1"]

    found = runs.run(System("a system", rank), JUDGED, lambda done, total: moves.append((done, total)))
    assert found.system == "a system"
    assert found.rankings == {"code": ["code#1"], "chat": ["chat#1"]}
    assert asked == [CODE, CHAT]
    assert moves == [(1, 2), (2, 2)]


def test_run_keeps_how_many_milliseconds_each_query_took(monkeypatch: pytest.MonkeyPatch):
    clock = iter([10.0, 10.25, 11.0, 11.002])  # seconds
    monkeypatch.setattr("evaluation.runs.time.perf_counter", lambda: next(clock))
    found = runs.run(System("a system", lambda query: []), JUDGED)
    assert found.milliseconds == pytest.approx({"code": 250, "chat": 2})


def test_failure_on_one_query_is_raised_and_not_counted_as_an_empty_answer():
    def rank(query: Query) -> list[str]:
        if query == CHAT:
            raise SystemFailure("no answer")
        return ["sign-in#phone"]

    with pytest.raises(SystemFailure, match="no answer"):
        runs.run(System("a system", rank), JUDGED)


def test_scores_fall_strictly_so_that_no_tie_is_broken_elsewhere():
    # Neither the order of the alphabet nor its opposite.
    ids = ["b", "c", "a", *(f"z{place % 7}{place}" for place in range(97))]
    scores = runs.scored({"code": ids, "chat": []})
    assert scores["chat"] == {}
    assert list(scores["code"]) == ids
    falling = list(scores["code"].values())
    assert all(before > after for before, after in pairwise(falling))
