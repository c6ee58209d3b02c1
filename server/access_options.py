"""The options of `python -m server` that decide who may ask it what, and how often."""

import argparse
from importlib.util import find_spec
from urllib.parse import urlsplit

from limits import parse_many

from server.access import Rules
from server.keys import SCOPES

_MOST_PROXIES = 10
_PACKAGES = {"memory": "", "redis": "redis", "rediss": "redis", "redis+unix": "redis"}  # scheme -> what it needs


def add(parser: argparse.ArgumentParser) -> None:
    """Gives the parser these options."""
    parser.add_argument(
        "--require-key",
        choices=SCOPES,
        action="append",
        default=[],
        help="what needs an API key with this scope: search (with articles and pages), feedback, agent (the page of "
        "agents), admin (even from this machine); may be repeated (default: only admin from other machines)",
    )
    parser.add_argument(
        "--hide-internal",
        action="store_true",
        help="show sections for administrators or marked as internal only to keys with the scope agent or admin",
    )
    parser.add_argument(
        "--rate-limit",
        type=rate,
        metavar="RATE",
        help='how much one address may ask, such as "100 per minute"; several divided by ";" (default: no limit)',
    )
    parser.add_argument(
        "--rate-limit-keys", type=rate, metavar="RATE", help="how much one key may ask (default: as --rate-limit)"
    )
    parser.add_argument(
        "--rate-limit-storage",
        type=storage,
        default="memory://",
        metavar="URL",
        help="where requests are counted: memory:// (each process by itself) or redis://HOST:PORT (all together) "
        "(default: memory://)",
    )
    parser.add_argument(
        "--trusted-proxies",
        type=_proxies,
        default=0,
        metavar="N",
        help="how many proxies of yours stand before the server; the client's address is taken from the N-th of "
        "X-Forwarded-For from the right (default: 0, no header is believed)",
    )


def rules_of(options: argparse.Namespace) -> Rules:
    """The rules that were chosen. Raises ValueError where they do not go together."""
    if options.require_key and not options.data:
        raise ValueError("--require-key: no folder of keys; add --data FOLDER, or leave it out")
    if options.rate_limit_keys and not options.rate_limit:
        raise ValueError("--rate-limit-keys: no limit for others; add --rate-limit RATE, or leave it out")
    return Rules(
        closed=frozenset(options.require_key),
        hide_internal=options.hide_internal,
        rate_limit=options.rate_limit,
        rate_limit_keys=options.rate_limit_keys,
        rate_limit_storage=options.rate_limit_storage,
        trusted_proxies=options.trusted_proxies,
    )


def rate(text: str) -> str:
    """The text where it is a rate. Raises ArgumentTypeError otherwise."""
    try:
        found = parse_many(text)
    except ValueError:
        found = []
    if not found or any(each.amount < 1 or each.multiples < 1 for each in found):
        raise argparse.ArgumentTypeError(f'"{text}" is no rate; expected such as "100 per minute" or "10 per second"')
    return text


def storage(text: str) -> str:
    """The address of a storage that can be used. Raises ArgumentTypeError otherwise."""
    scheme = urlsplit(text).scheme
    if scheme not in _PACKAGES:
        # Not the text itself: it may hold a password.
        raise argparse.ArgumentTypeError(f"expected memory:// or redis://HOST:PORT, found the scheme {scheme!r}")
    package = _PACKAGES[scheme]
    if package and find_spec(package) is None:
        raise argparse.ArgumentTypeError(f"{scheme}:// needs a package that is not installed: pip install {package}")
    return text


def _proxies(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) <= _MOST_PROXIES):
        raise argparse.ArgumentTypeError(f'"{text}" is no number of proxies; expected 0 to {_MOST_PROXIES}')
    return int(text)
