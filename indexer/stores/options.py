"""The options that choose a store, of the indexer and of the server alike."""

import argparse
import os
import re
from pathlib import Path

from indexer.errors import ArtifactError
from indexer.secret import read_secret
from indexer.stores.local import LocalStores
from indexer.stores.milvus import NAME, MilvusStores, Place, check_uri
from indexer.stores.store import Stores

TOKEN = "SPRAVKA_MILVUS_TOKEN"  # noqa: S105 # nosec B105 -- the name of a variable


def add(parser: argparse.ArgumentParser) -> None:
    """Gives the parser the options that tell a store; the token of a Milvus is the caller's to add."""
    parser.add_argument(
        "--store",
        choices=("local", "milvus"),
        default="local",
        help="where candidates come from: the files of the index, or a Milvus beside them (default: local)",
    )
    parser.add_argument(
        "--milvus-uri",
        type=_uri,
        metavar="URI",
        help="where that Milvus is, such as http://milvus:19530; or a file.db of Milvus Lite, for one process alone",
    )
    parser.add_argument(
        "--milvus-name",
        type=_name,
        default=NAME,
        metavar="NAME",
        help=f"of its alias, with which the names of its collections begin; one for each index (default: {NAME})",
    )


def add_token_file(parser: argparse.ArgumentParser) -> None:
    """Gives a parser the option that names a file with the token: nobody sees one in a list of processes."""
    parser.add_argument(
        "--milvus-token-file",
        type=Path,
        metavar="FILE",
        help=f"file with user:password or an API key of that Milvus (default: ${TOKEN}_FILE, or ${TOKEN} itself)",
    )


def conflict(options: argparse.Namespace) -> str | None:
    """What does not go together in these options, and what to do; None where all does."""
    if options.store == "milvus" and not options.milvus_uri:
        return "--store milvus: no address of it; add --milvus-uri URI, or leave it out"
    if options.store == "local" and options.milvus_uri:
        return "--milvus-uri: no Milvus is asked; add --store milvus, or leave it out"
    return None


def stores_of(options: argparse.Namespace) -> Stores:
    """The stores that were chosen; a Milvus is not connected with yet.

    Raises ArtifactError where the file with its token cannot be read.
    """
    if options.store == "local":
        return LocalStores()
    token = options.milvus_token if "milvus_token" in options else _token(options.milvus_token_file)
    return MilvusStores(Place(options.milvus_uri, options.milvus_name, token or ""))


def _token(file: Path | None) -> str | None:
    """The token of the indexer's commands, without the end of its line; None where none is given."""
    named = file or (Path(os.environ[f"{TOKEN}_FILE"]) if os.environ.get(f"{TOKEN}_FILE") else None)
    if named is None:
        return os.environ.get(TOKEN)
    try:
        return read_secret(named, "user:password or an API key of Milvus")
    except ValueError as error:
        raise ArtifactError(f"{error}, or mend --milvus-token-file") from error


def _uri(text: str) -> str:
    try:
        return check_uri(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,99}", text):
        raise argparse.ArgumentTypeError(f'"{text}" is no name; expected Latin letters, digits and _, as Milvus asks')
    return text
