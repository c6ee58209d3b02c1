"""What the TOML file and the environment say of settings, as the arguments that a flag would be given."""

import argparse
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from indexer.secret import read_secret

PREFIX = "SPRAVKA_"
FILE = f"{PREFIX}CONFIG"  # names the file
ELSEWHERE = "_file"  # NAME_FILE names a file that holds the value of NAME
HIDDEN = "***"
SEE = "the options and what they take: python -m server --help"

_SWITCH = {"true": True, "1": True, "false": False, "0": False}
_TOML_LINE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_PASSWORD = re.compile(r"([?&]password=)[^&]*")


class Secret(str):
    """The type of a flag whose value nobody may see: `add_argument("--name", type=Secret)`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(HIDDEN)


@dataclass(frozen=True, slots=True)
class Entry:
    """What the file or the environment says."""

    place: str  # "spravka.toml:3" or "SPRAVKA_PROT"
    written: str  # "prot" or "SPRAVKA_PROT"
    key: str  # "prot"
    value: object
    base: Path | None  # folder of the file; None for a variable, which holds text alone


def option(action: argparse.Action) -> str:
    """The long name of a flag: "--port"."""
    return next(each for each in action.option_strings if each.startswith("--"))


def key(action: argparse.Action) -> str:
    """The name of a flag's setting: "query_log"; of one that switches off, what it switches."""
    return action.dest if is_switch(action) and action.const is False else option(action)[2:].replace("-", "_")


def is_switch(action: argparse.Action) -> bool:
    """Whether it is on or off."""
    return isinstance(action, argparse.BooleanOptionalAction) or (action.nargs == 0 and isinstance(action.const, bool))


def takes_list(action: argparse.Action) -> bool:
    """Whether it takes several values."""
    return isinstance(action, argparse._AppendAction) or action.nargs in ("+", "*") or isinstance(action.nargs, int)


def of_file(file: Path, wrong: list[str]) -> Iterator[Entry]:
    """What stands in a file of settings; nothing where it cannot be read, which `wrong` is then told."""
    try:
        text = file.read_text(encoding="utf-8-sig")
        keys = tomllib.loads(text)
    except OSError as error:
        wrong.append(f"{file}: {error.strerror}; expected a TOML file of settings; mend --config or {FILE}")
    except UnicodeDecodeError as error:
        wrong.append(f"{file}: byte {error.start} is no UTF-8; expected a TOML file; save it as UTF-8")
    except tomllib.TOMLDecodeError as error:
        line = _TOML_LINE.search(str(error))
        place = f"{file}:{line[1] or len(text.splitlines())}" if line else f"{file}"
        message = _TOML_LINE.sub("", str(error))
        wrong.append(f'{place}: {message}; expected TOML, name = "text" in a line each; mend that line')
    else:
        lines = _lines(text)
        for key, value in keys.items():
            yield Entry(f"{file}:{lines[key]}", key, key, value, file.parent)


def _lines(text: str) -> dict[str, int]:
    """Key -> the line where it begins, from 1; the text is TOML.

    tomllib tells no lines, so that they are read one after the other until they are TOML by themselves.
    """
    found: dict[str, int] = {}
    read, first = "", 1
    for number, line in enumerate(text.split("\n"), start=1):
        read += line + "\n"
        try:
            keys = tomllib.loads(read)
        except tomllib.TOMLDecodeError:
            continue
        found = dict.fromkeys(keys, first) | found
        read, first = "", number + 1
    return found


def of_environment(environment: Mapping[str, str]) -> Iterator[Entry]:
    """What the variables say that begin with PREFIX, but for the one that names the file."""
    for name in sorted(environment):
        if name.startswith(PREFIX) and name != FILE:
            key = name.removeprefix(PREFIX).lower() if name.isupper() else ""
            yield Entry(name, name, key, environment[name], None)


def arguments_of(entry: Entry, action: argparse.Action, *, is_elsewhere: bool) -> list[str] | bool:
    """What the flag would be given for an entry, or for the file that it names; on or off for a switch.

    Raises ValueError with what was found, what was expected, what to do.
    """
    if is_elsewhere:
        return _of_text(_held(entry.value, entry.base), action)
    if entry.base is None:
        return _of_text(str(entry.value), action)
    return _of_toml(entry.value, action)


def _held(value: object, base: Path | None) -> str:
    """What the file of that name holds, without the line end."""
    if not (isinstance(value, str) and value):
        raise ValueError(f"found {_quoted(value)}, expected the path of a file that holds the value; {SEE}")
    return read_secret((base or Path()) / value)


def _of_text(text: str, action: argparse.Action) -> list[str] | bool:
    """What a variable says, as arguments of the flag: a list has commas, a switch says true or false."""
    if is_switch(action):
        if (switched := _SWITCH.get(text.strip().lower())) is None:
            raise ValueError(f'found "{text}", expected true or false; set it to one of them')
        return switched
    if takes_list(action):
        return [part.strip() for part in text.split(",") if part.strip()]
    if not text:
        raise ValueError("it is empty; expected a value; give one, or unset the variable")
    return [text]


def _of_toml(value: object, action: argparse.Action) -> list[str] | bool:
    """What a key says, as arguments of the flag."""
    if is_switch(action):
        if not isinstance(value, bool):
            raise ValueError(f"found {_quoted(value)}, expected true or false; write it without quotes")
        return value
    if takes_list(action):
        if not isinstance(value, list):
            raise ValueError(f'found {_quoted(value)}, expected a list such as ["a", "b"]; set it in brackets')
        return [_argument(each, action) for each in value]
    return [_argument(value, action)]


def _argument(value: object, action: argparse.Action) -> str:
    """A single value as an argument: a number where the flag takes one, else text."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if action.type in (int, float):
        if not is_number:
            raise ValueError(f"found {_quoted(value)}, expected a number; write it without quotes")
    elif action.type in (None, str, Path, Secret):
        if not isinstance(value, str):
            raise ValueError(f"found {_quoted(value)}, expected a text; write it in quotes")
    elif not (is_number or isinstance(value, str)):
        raise ValueError(f"found {_quoted(value)}, expected a number or a text; {SEE}")
    if value == "":
        raise ValueError("it is empty; expected a value; give one, or take the line out")
    return str(value)


def _quoted(value: object) -> str:
    """A value as TOML has it, in so far as a message needs to."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{masked(value, False)}"'
    return "a table" if isinstance(value, dict) else "a list" if isinstance(value, list) else str(value)


def masked(value: object, is_secret: bool) -> object:
    """A value for people to see: HIDDEN for a secret, and for a password within an address."""
    if is_secret or isinstance(value, Secret):
        return HIDDEN
    if not isinstance(value, str):
        return value
    scheme, separator, rest = value.partition("://")
    user, at, host = rest.rpartition("@")
    if separator and at:
        name, colon, _ = user.partition(":")
        value = f"{scheme}://{name + colon if colon else ''}{HIDDEN}@{host}"
    return _PASSWORD.sub(rf"\1{HIDDEN}", value)
