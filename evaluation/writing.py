"""How files of the evaluation are written: whole or not at all."""

import os
from collections.abc import Mapping
from pathlib import Path


def write_files(texts: Mapping[Path, str]) -> None:
    """Writes the files, none of them in part; none is put in its place, in this order, before all are written."""
    aside = {path: path.with_name(f".{path.name}.new") for path in texts}
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with aside[path].open("w", encoding="utf-8", newline="\n") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        for path in texts:
            aside[path].replace(path)
    finally:
        for path in aside.values():
            path.unlink(missing_ok=True)
