"""`python -m server config`: what the server would run with, where each setting comes from, and what is wrong."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from server.settings import DEFAULT, Effective, Setting, Settings, SettingsError
from server.written import PREFIX, is_switch, option, takes_list


def parser(settings: Settings) -> argparse.ArgumentParser:
    """The options of the command: those of the server, too."""
    parser = settings.parser
    parser.prog = "python -m server config"
    parser.description = (
        "show: the settings in force as TOML, each with its origin, secrets hidden. check: whether they can be used; "
        "exits 1 where not. table: all settings as Markdown, for docs/configuration.md."
    )
    parser.add_argument("what", choices=("show", "check", "table"))
    parser.add_argument("--json", action="store_true", help="of show: JSON instead of TOML")
    return parser


def run(settings: Settings, conflict: Callable[[argparse.Namespace], str | None], options: argparse.Namespace) -> int:
    """Prints what was asked for; 1 where the settings cannot be used. `conflict` says which do not go together."""
    if options.what == "table":
        print("\n".join(table(settings)))
        return 0
    try:
        effective = settings.read(options, os.environ)
        if message := conflict(effective.options):
            raise SettingsError(message)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 1
    if options.what == "check":
        given = [setting for setting in effective.settings if setting.origin != DEFAULT]
        print(f"{effective.file or 'no file'}: {len(given)} settings given, all can be used")
    elif options.json:
        print(json.dumps(_as_json(effective), ensure_ascii=False, indent=2))
    else:
        print("\n".join(as_toml(effective)))
    return 0


def as_toml(effective: Effective) -> Iterator[str]:
    """The lines of a file with these settings; what has no value is a comment."""
    for setting in effective.settings:
        if setting.value is None:
            yield f"# {setting.name}: not set  # {setting.origin}"
        else:
            yield f"{setting.name} = {_toml(setting.shown())}  # {setting.origin}"


def _as_json(effective: Effective) -> dict[str, object]:
    return {
        "file": str(effective.file) if effective.file else None,
        "settings": {each.name: {"value": _plain(each), "origin": each.origin} for each in effective.settings},
    }


def _plain(setting: Setting) -> object:
    value = setting.shown()
    if isinstance(value, list):
        return [str(each) if isinstance(each, Path) else each for each in value]
    return str(value) if isinstance(value, Path) else value


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    # A text of JSON is one of TOML but for the one sign that JSON does not escape. Bytes of a path that are no UTF-8
    # are shown as question marks.
    text = str(value).encode("utf-8", "replace").decode()
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


def table(settings: Settings) -> Iterator[str]:
    """All settings in lines of Markdown: key of the file, variable, what it takes, what holds without it, its help."""
    yield "| key | variable | takes | default | |"
    yield "| --- | --- | --- | --- | --- |"
    defaults = settings.defaults()
    for name, action in settings.actions.items():
        default = getattr(defaults, action.dest)
        held = "" if default in (None, []) else f"`{_toml(default)}`"
        about = " ".join((action.help or "").split()).replace("|", "\\|")
        flag = f"`{option(action)}`" + (f": {about}" if about else "")
        yield f"| `{name}` | `{PREFIX}{name.upper()}` | {_takes(action, default)} | {held} | {flag} |"


def _takes(action: argparse.Action, default: object) -> str:
    if is_switch(action):
        return "true or false"
    if action.choices:
        one = " or ".join(f"`{each}`" for each in action.choices)
    elif action.type in (int, float) or isinstance(default, int | float) or action.metavar == "N":
        one = "number"
    else:
        one = "path" if action.type is Path else "text"
    return f"list: {one}" if takes_list(action) else one
