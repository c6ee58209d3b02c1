"""`python -m server keys add|list|revoke`: who may ask a server, see docs/access.md."""

import argparse
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from server.keys import SCOPES, Key, KeyFile

_LONGEST_NAME = 100  # characters


def parser() -> argparse.ArgumentParser:
    """What reads the options of the command."""
    made = argparse.ArgumentParser(prog="python -m server keys", description="API keys of a server with --data.")
    commands = made.add_subparsers(dest="command", required=True, metavar="add|list|revoke")
    add = commands.add_parser("add", help="make a key and print it, once")
    add.add_argument("name", type=_name, help="whose it is, for the list: the site's chat bot")
    add.add_argument(
        "--scope",
        choices=SCOPES,
        action="append",
        required=True,
        dest="scopes",
        help="what it may do, may be repeated; agent includes search and feedback, admin all",
    )
    add.add_argument("--expires", type=expiry, metavar="DAYS|DATE", help="when it ends (default: never)")
    listing = commands.add_parser("list", help="the keys, without their secrets")
    listing.add_argument("--json", action="store_true")
    revoke = commands.add_parser("revoke", help="take a key back; a running server notices at its next request")
    revoke.add_argument("key_id", help="the id of the key, as the list shows it")
    for command in (add, listing, revoke):
        command.add_argument("--data", type=Path, required=True, help="folder of the server's --data")
    return made


def run(options: argparse.Namespace) -> int:
    """Runs the command; raises KeysError."""
    file = KeyFile(options.data)
    if options.command == "add":
        made = file.add(options.name, options.scopes, options.expires)
        print(made.secret)
        print(f"Added to {file.path}: {_line(made.key)}. It is shown only now; keep it safe.", file=sys.stderr)
    elif options.command == "revoke":
        print(f"{file.path}: {_line(file.revoke(options.key_id))} is revoked")
    elif options.json:
        print(json.dumps([key.model_dump(exclude={"digest"}) for key in file.read()], ensure_ascii=False, indent=2))
    else:
        for key in file.read():
            print(_line(key))
    return 0


def expiry(text: str) -> datetime:
    """When a key ends: so many days from now, or with the end of a day (UTC)."""
    now = datetime.now(UTC)
    try:
        if text.isdecimal():
            end = now + timedelta(days=int(text))
        else:
            end = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(days=1)
    except (ValueError, OverflowError):
        end = now
    if end <= now:
        raise argparse.ArgumentTypeError(
            f'"{text}" is no time to come; expected a number of days such as 90, or a date such as 2027-01-31'
        )
    return end


def _name(text: str) -> str:
    name = " ".join(text.split())
    if not (name and len(name) <= _LONGEST_NAME and name.isprintable()):
        raise argparse.ArgumentTypeError(f"expected a name of 1 to {_LONGEST_NAME} printable characters")
    return name


def _line(key: Key) -> str:
    verb = "expired" if key.is_expired(datetime.now(UTC)) else "expires"
    ends = f"{verb} {key.expires}" if key.expires else "never expires"
    return f"{key.key_id}  {','.join(key.scopes)}  {ends}  {key.name}"
