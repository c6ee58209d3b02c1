"""A value that stands in a file of its own, as secrets of containers do, and not in an argument that `ps` shows."""

from pathlib import Path


def read_secret(path: Path, what: str = "the value") -> str:
    """What the file holds, without the end of its line; `what` that is, for errors.

    Raises ValueError with what was found, what was expected, what to do.
    """
    try:
        text = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no UTF-8"
        raise ValueError(f"{path}: {reason}; expected a file that holds {what}; mend the path or its rights") from error
    if not text:
        raise ValueError(f"{path} is empty; expected {what}; write it there")
    return text
