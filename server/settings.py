"""What the server runs with: flags, above the environment, above one TOML file, above defaults.

The parser of the flags is all that is known of settings: a flag `--allow-origin` is the key `allow_origin` of the file
and the variable `SPRAVKA_ALLOW_ORIGIN`, and its type checks all three. See docs/configuration.md.
"""

import argparse
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from server.written import (
    ELSEWHERE,
    FILE,
    PREFIX,
    SEE,
    Entry,
    Secret,
    arguments_of,
    is_switch,
    key,
    masked,
    of_environment,
    of_file,
    option,
    takes_list,
)

DEFAULT = "default"


class SettingsError(Exception):
    """Settings that cannot be used: a line each, with place, what was found, what was expected, what to do."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as it is in force."""

    name: str  # the key of the file
    value: object  # what the parser makes of it; None where there is none
    origin: str  # DEFAULT, "spravka.toml:3", "environment SPRAVKA_PORT" or "flag"
    is_secret: bool = False

    def shown(self) -> object:
        """The value for people to see: HIDDEN for a secret, and for passwords within addresses."""
        if self.value is None:
            return None
        values = [masked(each, self.is_secret) for each in _listed(self.value)]
        return values if isinstance(self.value, list) else values[0]


@dataclass(frozen=True, slots=True)
class Effective:
    """All settings, the strongest origin of each."""

    options: argparse.Namespace  # as if all had been given as flags
    settings: tuple[Setting, ...]  # in the order of the flags
    file: Path | None


class Settings:
    """The flags of a parser as settings.

    `parser` reads them, and `--config`, and `--no-NAME` to switch off what the file or the environment switched on;
    a command may add options of its own, which are no settings. What it reads goes to `read`.
    """

    def __init__(self, make: Callable[[], argparse.ArgumentParser]) -> None:
        self.parser = make()
        self.actions: dict[str, argparse.Action] = {}
        for action in list(self.parser._actions):
            if action.dest != "help" and action.dest not in {each.dest for each in self.actions.values()}:
                self.actions[key(action)] = action
        self._plain = make()  # without what is added here: for defaults, and to check one value at a time
        self._plain.exit_on_error = False
        for action in self.actions.values():
            action.default = None  # so that `read` sees which flags were given
            if is_switch(action) and not isinstance(action, argparse.BooleanOptionalAction):
                back = f"--no-{option(action)[2:]}" if action.const else f"--{action.dest.replace('_', '-')}"
                if not any(back in each.option_strings for each in self.parser._actions):
                    self.parser.add_argument(
                        back, dest=action.dest, action="store_const", const=not action.const, help=argparse.SUPPRESS
                    )
        self.parser.add_argument("--config", type=Path, metavar="FILE", help=f"settings in TOML (default: ${FILE})")
        self.parser.epilog = (
            "Every option is a key of the file, too (query_log_days), and a variable (SPRAVKA_QUERY_LOG_DAYS); "
            "--no-NAME switches one off. What is in force, and why: python -m server config show"
        )

    def defaults(self) -> argparse.Namespace:
        """What holds where nothing is said."""
        return self._plain.parse_args([])

    def read(self, given: argparse.Namespace, environment: Mapping[str, str]) -> Effective:
        """The settings in force under these flags, as `parser` read them.

        Raises SettingsError, which names all that is wrong.
        """
        wrong: list[str] = []
        file = given.config or (Path(environment[FILE]) if environment.get(FILE) else None)
        found = self._layer(of_file(file, wrong), wrong) if file else {}
        found |= self._layer(of_environment(environment), wrong)
        if wrong:
            raise SettingsError("\n".join(wrong))
        options, defaults = argparse.Namespace(**vars(given)), self.defaults()
        settings = []
        for name, action in self.actions.items():
            if (flag := getattr(given, action.dest)) is not None:
                setting = Setting(name, flag, "flag", action.type is Secret)
            else:
                default = Setting(name, getattr(defaults, action.dest), DEFAULT, action.type is Secret)
                setting = found.get(name, default)
            setattr(options, action.dest, setting.value)
            settings.append(setting)
        return Effective(options, tuple(settings), file)

    def _layer(self, entries: Iterable[Entry], wrong: list[str]) -> dict[str, Setting]:
        """The settings of one origin; `wrong` is told of those that cannot be used."""
        found: dict[str, Setting] = {}
        for entry in entries:
            name = entry.key if entry.key in self.actions else entry.key.removesuffix(ELSEWHERE)
            if name not in self.actions:
                wrong.append(self._unknown(entry))
            elif name in found:
                wrong.append(f"{entry.place}: {name} is given by {found[name].origin}, too; leave one of them out")
            else:
                # What stands in a file of its own is taken for a secret.
                is_secret = name != entry.key or self.actions[name].type is Secret
                try:
                    value = self._value(name, entry, is_secret)
                except ValueError as error:
                    about = entry.place if entry.base is None else f"{entry.place}: {entry.written}"
                    wrong.append(f"{about}: {error}")
                else:
                    origin = f"environment {entry.written}" if entry.base is None else entry.place
                    found[name] = Setting(name, value, origin, is_secret)
        return found

    def _value(self, name: str, entry: Entry, is_secret: bool) -> object:
        """What the parser makes of an entry. Raises ValueError, which quotes no secret, where it makes nothing."""
        action, base = self.actions[name], entry.base
        texts = arguments_of(entry, action, is_elsewhere=name != entry.key)
        if isinstance(texts, bool):
            return texts
        wanted = [option(action), *texts] if takes_list(action) and action.nargs else None
        wanted = wanted or [f"{option(action)}={text}" for text in texts]
        try:
            # None, or a list would begin with the default.
            into = argparse.Namespace(**{action.dest: None})
            made = getattr(self._plain.parse_args(wanted, into), action.dest) if wanted else []
        except argparse.ArgumentError as error:
            message = error.message
            for text in texts:
                message = message.replace(text, str(masked(text, is_secret))) if text else message
            raise ValueError(f"{message}; {SEE}") from None  # the cause would quote a secret
        if base is None or name != entry.key:
            return made
        return [_below(base, each) for each in made] if isinstance(made, list) else _below(base, made)

    def _unknown(self, entry: Entry) -> str:
        if isinstance(entry.value, dict):
            return f"{entry.place}: {entry.written} is a table; expected name = value alone; take the table's head out"
        is_variable = entry.base is None
        near = get_close_matches(entry.written.removeprefix(PREFIX).lower(), self.actions, n=1)
        name = f"{PREFIX}{near[0].upper()}" if near and is_variable else (near[0] if near else "")
        kind = "variable" if is_variable else f"key {entry.written}"
        advice = f"did you mean {name}?" if name else "mend the name or take it out;"
        return f"{entry.place}: unknown {kind}; expected the name of an option; {advice} {SEE}"


def _below(base: Path, value: object) -> object:
    """A path as it is meant in a file of that folder; anything else unchanged."""
    return base / value if isinstance(value, Path) else value


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]
