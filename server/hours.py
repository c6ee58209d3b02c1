"""When a part of the support works: in the time zone of the help, with its country's holidays and moved days off."""

import datetime
from functools import cached_property
from zoneinfo import ZoneInfo

import holidays as calendars

from indexer.knowledge import Hours, Support

_MONTHS = (
    "января", "февраля", "марта", "апреля", "мая", "июня",
    "июля", "августа", "сентября", "октября", "ноября", "декабря",
)  # fmt: skip
_FARTHEST = 15  # days that are looked ahead for the next opening


def russian_day(day: datetime.date) -> str:
    """«22 ноября», with a no-break space."""
    return f"{day.day}\u00a0{_MONTHS[day.month - 1]}"


class Schedule:
    """The opening hours of support.toml."""

    def __init__(self, support: Support) -> None:
        self._support = support
        self._zone = ZoneInfo(support.time_zone)

    @cached_property
    def _calendar(self) -> calendars.HolidayBase:
        return calendars.country_holidays(self._support.holidays.country)

    def is_working_day(self, day: datetime.date) -> bool:
        """Whether the hours of weekdays apply: the support's own lists first, then the country's calendar."""
        own = self._support.holidays
        if day in own.extra_working_days or day in own.extra_days_off:
            return day in own.extra_working_days
        return bool(self._calendar.is_working_day(day))

    def is_open(self, name: str, at: datetime.datetime) -> bool | None:
        """Whether that part works at a moment (with a zone); None where it has no fixed hours.

        Opening belongs to the hours, closing does not.
        """
        hours = self._support.hours.get(name)
        if hours is None or not (hours.weekdays or hours.weekends):
            return None
        now = at.astimezone(self._zone)
        day = self._day(hours, now.date())
        return day is not None and day[0] <= now.time() < day[1]

    def said(self, name: str, at: datetime.datetime) -> str:
        """What a visitor reads of it: «сейчас работает до 21:00 мск»; empty where it has no fixed hours."""
        hours = self._support.hours.get(name)
        is_open = self.is_open(name, at)
        if hours is None or is_open is None:
            return ""
        now = at.astimezone(self._zone)
        label = self._support.time_zone_label
        if is_open and (today := self._day(hours, now.date())):
            return f"сейчас работает до {_clock(today[1])} {label}"
        for ahead in range(_FARTHEST):
            date = now.date() + datetime.timedelta(days=ahead)
            day = self._day(hours, date)
            if day and (ahead or now.time() < day[0]):
                when = ("", "завтра ")[ahead] if ahead < 2 else f"{russian_day(date)} "
                return f"начнёт работать {when}в {_clock(day[0])} {label}"
        return "сейчас не работает"

    def _day(self, hours: Hours, day: datetime.date) -> tuple[datetime.time, datetime.time] | None:
        of_day = hours.weekdays if self.is_working_day(day) else hours.weekends
        return (_time(of_day[0]), _time(of_day[1])) if of_day else None


def _time(text: str) -> datetime.time:
    # A day that ends at midnight ends with its last moment.
    return datetime.time.max if text.startswith("24") else datetime.time.fromisoformat(text)


def _clock(time: datetime.time) -> str:
    return "24:00" if time == datetime.time.max else f"{time.hour}:{time.minute:02}"
