"""The cookie of somebody who signed in: the id of their key, signed; never the key itself."""

import contextlib
import os
import secrets
import tempfile
from pathlib import Path

from itsdangerous import BadData, URLSafeTimedSerializer

from server.keys import KeysError

COOKIE = "spravka_session"
LASTS = 12 * 3600  # seconds: a working day; a key that is revoked ends it at once

FILE = "session.key"
_SALT = "spravka session"
_BYTES = 32


class Sessions:
    """Signs and reads cookies with a secret in the `--data` folder, which is made when it is first needed."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._serializer: URLSafeTimedSerializer | None = None

    def token(self, key_id: str) -> str:
        """A cookie for whoever showed the key of this id. Raises KeysError where the secret cannot be kept."""
        if not self._path.exists():
            self._make()
        serializer = self._signing()
        if serializer is None:
            raise KeysError(
                f"{self._path}: unreadable; expected the secret that the server wrote; mend its rights, or remove it: "
                "a new one is made, and everybody signs in anew"
            )
        return str(serializer.dumps(key_id))

    def key_id(self, token: str) -> str | None:
        """The id that a cookie was made for; None where it is forged, too old, or of another secret."""
        serializer = self._signing()
        if serializer is None:
            return None
        try:
            found = serializer.loads(token, max_age=LASTS)
        except BadData:
            return None
        return found if isinstance(found, str) else None

    def _signing(self) -> URLSafeTimedSerializer | None:
        """None as long as nobody signed in, and where the secret cannot be read."""
        if self._serializer is None:
            with contextlib.suppress(OSError):
                if len(secret := self._path.read_bytes()) == _BYTES:
                    self._serializer = URLSafeTimedSerializer(secret, salt=_SALT)
        return self._serializer

    def _make(self) -> None:
        """Writes a secret, readable by this account alone, unless another process was first."""
        try:
            handle, name = tempfile.mkstemp(prefix=".session-", dir=self._path.parent)  # mode 0600
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(secrets.token_bytes(_BYTES))
                with contextlib.suppress(FileExistsError):
                    self._path.hardlink_to(name)  # whole or not at all, and never over another's
            finally:
                Path(name).unlink(missing_ok=True)
        except OSError as error:
            raise KeysError(
                f"{self._path}: cannot be written ({error.strerror}); expected a folder that the server may write to; "
                "mend its rights or name another --data"
            ) from error
