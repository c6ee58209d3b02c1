"""API keys: a file of their hashes in the `--data` folder, and whether a key that was sent is one of them.

A key is `spravka_<id>_<secret>`. The secret has 256 random bits, so that a plain SHA-256 of it is enough at rest: slow
hashes (bcrypt, Argon2) make guessing short passwords dear, and nobody guesses among 2**256; a slow hash for each
request would only help whoever wants to keep the server busy.
"""

import contextlib
import fcntl
import hashlib
import hmac
import logging
import os
import re
import secrets
import tempfile
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

FILE = "keys.json"

Scope = Literal["search", "feedback", "admin", "agent"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

# What a scope lets do besides itself: an agent looks answers up, whoever runs the server may see all that it serves.
IMPLIED: dict[Scope, frozenset[Scope]] = {
    "agent": frozenset(("search", "feedback")),
    "admin": frozenset(("search", "feedback", "agent")),
}

Problem = Literal["key_invalid", "key_expired"]

_LOCK = ".keys.lock"
_PREFIX = "spravka"
_KEY = re.compile(rf"{_PREFIX}_([0-9a-f]{{12}})_([A-Za-z0-9_-]{{43}})")
_ID = re.compile(r"[0-9a-f]{12}")
_log = logging.getLogger(__name__)


class KeysError(Exception):
    """The file of keys cannot be read or written; whoever runs the service can mend it."""


class Key(BaseModel):
    """A key without its secret."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key_id: str
    name: str
    scopes: tuple[Scope, ...]
    created: str  # ISO 8601, UTC
    expires: str | None  # ISO 8601, UTC; None: never
    digest: str  # SHA-256 of the secret, hexadecimal

    @property
    def allowed(self) -> frozenset[Scope]:
        """Its scopes, and those that they imply."""
        return frozenset(self.scopes).union(*(IMPLIED.get(scope, frozenset()) for scope in self.scopes))

    def is_expired(self, now: datetime) -> bool:
        """Whether its time is over."""
        return self.expires is not None and datetime.fromisoformat(self.expires) <= now


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: Literal[1] = 1
    keys: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True)
class Made:
    """A new key."""

    key: Key
    secret: str  # the whole key, to be shown once; it is kept nowhere


class KeyFile:
    """The keys of one `--data` folder; threads may share it. A change of the file is seen at the next look."""

    def __init__(self, folder: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """`now` stands in for the clock."""
        self.path = folder / FILE
        self._now = now
        self._mark: tuple[int, ...] | None = None
        self._keys: dict[str, Key] = {}

    def read(self) -> tuple[Key, ...]:
        """All keys, in the order of their making; empty without a file. Raises KeysError where it is damaged."""
        try:
            return _File.model_validate_json(self.path.read_bytes()).keys
        except FileNotFoundError:
            return ()
        except (OSError, ValidationError) as error:
            raise KeysError(
                f"{self.path}: unreadable ({type(error).__name__}); expected the keys that `python -m server keys add` "
                "wrote; mend its rights or put a copy back, or remove it and add the keys anew"
            ) from error

    def add(self, name: str, scopes: Collection[Scope], expires: datetime | None = None) -> Made:
        """Adds a key; its secret is told here and never again. Raises KeysError where it cannot be written."""
        key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        key = Key(
            key_id=key_id,
            name=name,
            scopes=tuple(scope for scope in SCOPES if scope in scopes),
            created=_moment(self._now()),
            expires=_moment(expires) if expires else None,
            digest=_digest(secret),
        )
        with self._changing() as keys:
            keys[key_id] = key
        return Made(key, f"{_PREFIX}_{key_id}_{secret}")

    def revoke(self, key_id: str) -> Key:
        """Removes a key and gives it. Raises KeysError where there is none of this id."""
        with self._changing() as keys:
            if key_id not in keys:
                told = key_id if _ID.fullmatch(key_id) else "what was given"  # it may be a whole key, by mistake
                raise KeysError(
                    f"{self.path}: no key {told}; expected the id of one (12 hexadecimal digits); "
                    "see: python -m server keys list"
                )
            return keys.pop(key_id)

    def checked(self, sent: str) -> Key | Problem:
        """The key that was sent, or what is wrong with it. A file that cannot be read lets nobody in."""
        parts = _KEY.fullmatch(sent)
        if parts is None:
            return "key_invalid"
        key = self._known().get(parts[1])
        # Compared with something in any case: that an id is unknown takes as long to say as that a secret is wrong.
        if not hmac.compare_digest(_digest(parts[2]), key.digest if key else "0" * 64) or key is None:
            return "key_invalid"
        return "key_expired" if key.is_expired(self._now()) else key

    def by_id(self, key_id: str) -> Key | None:
        """A key that is not expired, for what was signed in its name; None where it was revoked."""
        key = self._known().get(key_id)
        return None if key is None or key.is_expired(self._now()) else key

    def _known(self) -> dict[str, Key]:
        """The keys by their ids, read anew where the file is another, or its rights are: one call to the system."""
        try:
            about = self.path.stat()
            mark: tuple[int, ...] = (about.st_ino, about.st_mtime_ns, about.st_ctime_ns)
        except FileNotFoundError:
            mark = ()
        except OSError:
            mark = (-1,)
        if mark != self._mark:
            try:
                self._keys = {key.key_id: key for key in self.read()}
            except KeysError as error:
                _log.error("no key is valid until this is mended: %s", error)
                self._keys = {}
            self._mark = mark
        return self._keys

    @contextlib.contextmanager
    def _changing(self) -> Iterator[dict[str, Key]]:
        """The keys by their ids, to be changed; the file is replaced in one step, and by one process at a time."""
        folder = self.path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                keys = {key.key_id: key for key in self.read()}
                yield keys
                _replace(self.path, _File(keys=tuple(keys.values())).model_dump_json(indent=1) + "\n")
            finally:
                os.close(lock)
        except OSError as error:
            raise KeysError(
                f"{self.path}: cannot be written ({error.strerror}); expected a folder that this account may write to; "
                "mend its rights or name another --data"
            ) from error


def _replace(path: Path, text: str) -> None:
    """Writes the file, readable by its owner alone, in place of what was there."""
    handle, name = tempfile.mkstemp(prefix=".keys-", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _moment(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="seconds")
