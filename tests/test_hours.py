"""When the support works: edges of the day, weekends, holidays, moved days off."""

import datetime
from zoneinfo import ZoneInfo

import pytest

from indexer.knowledge import Support
from server.hours import Schedule

MOSCOW = ZoneInfo("Europe/Moscow")


def schedule(**holidays: object) -> Schedule:
    return Schedule(
        Support.model_validate(
            {
                "time_zone": "Europe/Moscow",
                "time_zone_label": "мск",
                "hours": {
                    "client": {"weekdays": ("08:00", "21:00"), "weekends": ("10:00", "18:00"), "text": "Каждый день"},
                    "desk": {"weekdays": ("09:00", "18:00"), "text": "По будням"},
                    "contract": {"text": "По договору"},
                },
                "holidays": {"country": "RU", **holidays},
                "route": (),
                "ladder": (),
                "gather": (),
                "status": (),
                "priority": (),
                "feature_request": {"intro": "Расскажите.", "ask": ()},
            }
        )
    )


def at(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text).replace(tzinfo=MOSCOW)


@pytest.mark.parametrize(
    ("moment", "expected", "reason"),
    [
        ("2026-11-27 07:59:59", False, "a Friday, a second before opening"),
        ("2026-11-27 08:00", True, "opening belongs to the hours"),
        ("2026-11-27 20:59:59", True, "the last second"),
        ("2026-11-27 21:00", False, "closing does not"),
        ("2026-11-28 09:59", False, "a Saturday opens later"),
        ("2026-11-28 10:00", True, "a Saturday"),
        ("2026-11-29 18:00", False, "a Sunday closes earlier"),
        ("2026-11-04 08:30", False, "Unity Day, a Wednesday, counts as a weekend"),
        ("2026-12-31 08:30", False, "31 December 2026 is a moved day off"),
        ("2025-12-31 09:30", False, "and so it is in 2025"),
        ("2027-12-30 08:30", True, "an ordinary Thursday at the year's end"),
        ("2025-11-01 08:30", True, "a Saturday worked for a moved day off"),
        ("2027-02-20 20:00", True, "another working Saturday"),
    ],
)
def test_support_works(moment, expected, reason):
    assert schedule().is_open("client", at(moment)) is expected, reason


def test_the_own_lists_decide_before_the_calendar():
    friday, saturday = "2026-11-27 08:30", "2026-11-28 08:30"
    own = schedule(extra_days_off=(datetime.date(2026, 11, 27),), extra_working_days=(datetime.date(2026, 11, 28),))
    assert own.is_open("client", at(friday)) is False
    assert own.is_open("client", at(saturday)) is True


def test_the_hours_are_those_of_the_time_zone_wherever_the_visitor_is():
    assert schedule().is_open("client", datetime.datetime(2026, 11, 27, 5, 0, tzinfo=datetime.UTC)) is True
    assert schedule().is_open("client", datetime.datetime(2026, 11, 27, 4, 59, tzinfo=datetime.UTC)) is False


@pytest.mark.parametrize("name", ["contract", "", "unknown"])
def test_without_fixed_hours_nothing_is_claimed(name):
    assert schedule().is_open(name, at("2026-11-27 12:00")) is None
    assert schedule().said(name, at("2026-11-27 12:00")) == ""


@pytest.mark.parametrize(
    ("name", "moment", "expected"),
    [
        ("client", "2026-11-27 12:00", "сейчас работает до 21:00 мск"),
        ("client", "2026-11-28 12:00", "сейчас работает до 18:00 мск"),
        ("client", "2026-11-27 07:00", "начнёт работать в 8:00 мск"),
        ("client", "2026-11-27 22:00", "начнёт работать завтра в 10:00 мск"),
        ("desk", "2026-11-27 19:00", "начнёт работать 30\u00a0ноября в 9:00 мск"),
        ("desk", "2026-12-30 19:00", "начнёт работать 11\u00a0января в 9:00 мск"),
    ],
)
def test_a_visitor_reads_when_somebody_answers(name, moment, expected):
    assert schedule().said(name, at(moment)) == expected
