"""For which platform and for whom a visitor asks, told by the words of the query."""

from collections.abc import Iterable
from typing import Literal, get_args

Platform = Literal["android", "ios", "web", "desktop", "server"]
Audience = Literal["user", "admin"]
PLATFORMS: tuple[Platform, ...] = get_args(Platform)

# Lemmas; brands and slang come through the synonyms («самсунг» is found with android, «ноут» with компьютер).
_PLATFORMS: dict[Platform, frozenset[str]] = {
    "ios": frozenset({"ios", "iphone", "айфон", "ipad", "айпад", "айос"}),
    "android": frozenset({"android", "андроид", "андройд"}),
    "desktop": frozenset({"компьютер", "windows", "macos", "linux", "десктоп", "ноутбук", "комп", "винда"}),
    "web": frozenset({"браузер", "веб-версия", "веб", "web"}),
}
_ADMIN = frozenset(
    {"админ", "администратор", "админка", "сотрудник", "юзер", "postgres", "docker", "сервер", "ldap", "active"}
)


def platform_of(lemmas: Iterable[str]) -> Platform | None:
    """The platform that the lemmas name; None where they name none or several."""
    known = set(lemmas)
    named = [platform for platform, names in _PLATFORMS.items() if known & names]
    return named[0] if len(named) == 1 else None


def audience_of(lemmas: Iterable[str]) -> Audience | None:
    """ "admin" where somebody asks for others or about a server; else nothing is known."""
    return "admin" if _ADMIN.intersection(lemmas) else None
