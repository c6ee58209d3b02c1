"""What the front matter of somebody else's file says, in whatever form: the article's title, date and keywords."""

import datetime
import json
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import yaml

_FRONT_MATTER = re.compile(
    r"\s*+(---|\+\+\+)[ \t]*\n(?P<fields>.*?)^(?:\1|\.\.\.)[ \t]*(?:\n|$)", re.DOTALL | re.MULTILINE
)
_BARE_FIELDS = re.compile(
    r"\s*+(?P<fields>title:.*\n(?:[a-z][\w-]*:.*\n|[ \t]+\S.*\n)*+)(?:\s*\n|$)", re.IGNORECASE
)  # Pelican's
_FIELD = re.compile(r"^(?P<name>[\w.-]{1,50})[ \t]*[:=][ \t]*(?P<value>\S.*)$", re.MULTILINE)

_TITLE_FIELDS = ("title", "heading")
_KEYWORD_FIELDS = ("keywords", "tags")
_DATE_FIELDS = ("updated", "ms.date", "lastmod", "last_modified_at", "last_updated", "modified", "date")
_DATE = re.compile(r"(?P<iso>\d{4}[-/]\d\d?[-/]\d\d?)|(?P<us>\d\d?/\d\d?/\d{4})|(?P<ru>\d\d?\.\d\d?\.\d{4})")

# In C where PyYAML was built with it: six times as fast, and half of the time of reading a help.
_YAML = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

_LONGEST_FIELDS = 20_000  # characters of front matter; in a longer one only lines such as «title: …» are read


@dataclass(frozen=True, slots=True)
class Fields:
    """What of a front matter is used; empty where it does not say."""

    title: str = ""
    updated: str = ""  # ISO date
    keywords: tuple[str, ...] = ()


def read_fields(text: str) -> tuple[Fields, str]:
    """The fields of a text and what stands below them: YAML, TOML, JSON, or lines such as «Title: …»; never fails."""
    fields, body = _front_matter(text)
    title, updated = _first(fields, _TITLE_FIELDS, _as_text), _first(fields, _DATE_FIELDS, _as_date)
    return Fields(title, updated, tuple(_first(fields, _KEYWORD_FIELDS, _as_list))), body


def _of_yaml(source: str) -> object:
    """What YAML says. Raises YAMLError or ValueError where it is none."""
    try:
        return yaml.load(source, _YAML)  # noqa: S506 -- every value stays text  # nosec B506
    except (yaml.YAMLError, ValueError):  # the parser in C refuses half a character ("\\uD800"), the other does not
        return yaml.load(source, yaml.BaseLoader)  # noqa: S506  # nosec B506


def _front_matter(text: str) -> tuple[dict[str, Any], str]:
    """The fields (none where there are none or they cannot be read), and the text below them."""
    if text.lstrip().startswith("{"):  # Hugo's JSON
        try:
            fields, end = json.JSONDecoder().raw_decode(text.lstrip())
        except (ValueError, RecursionError):
            return {}, text
        return (fields, text.lstrip()[end:]) if isinstance(fields, dict) else ({}, text)
    match = _FRONT_MATTER.match(text) or _BARE_FIELDS.match(text)
    if not match:
        return {}, text
    source = match["fields"]
    fields = None
    if len(source) <= _LONGEST_FIELDS:
        try:  # in YAML every value stays the text that it is: «title: 12:30» is no number
            fields = tomllib.loads(source) if match[1] == "+++" else _of_yaml(source)
        except (yaml.YAMLError, ValueError, RecursionError):
            fields = None
    if not isinstance(fields, dict):  # «title: Ошибка: нет доступа» is no YAML, and common
        fields = {field["name"]: field["value"].strip().strip("\"'") for field in _FIELD.finditer(source)}
        if not fields and source.strip():
            return {}, text  # text between two rules
    return {str(name).lower(): value for name, value in fields.items()}, text[match.end() :]


_Value = TypeVar("_Value", str, list[str])


def _first(fields: dict[str, Any], names: tuple[str, ...], read: Callable[[Any], _Value]) -> _Value:
    values = (read(fields.get(name)) for name in names)
    return next((value for value in values if value), read(None))


def _as_text(value: object) -> str:
    return " ".join(value.split()) if isinstance(value, str) else ""


def _as_list(value: object) -> list[str]:
    parts = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    return [text for part in parts if (text := _as_text(part))]


def _as_date(value: object) -> str:
    """As ISO: of a date, «2021-08-13…», «2021/8/13», «08/13/2021» (Microsoft's), «13.08.2021»; else ""."""
    if isinstance(value, datetime.date):
        return value.isoformat()[:10]
    match = _DATE.match(_as_text(value))
    if not match:
        return ""
    form = {"us": "%m-%d-%Y", "ru": "%d.%m.%Y"}.get(match.lastgroup or "", "%Y-%m-%d")
    try:
        return datetime.datetime.strptime(match[0].replace("/", "-"), form).date().isoformat()
    except ValueError:
        return ""
