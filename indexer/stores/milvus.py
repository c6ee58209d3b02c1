"""The generations of an index in a Milvus: a collection for each, and an alias that names the live one.

<name>                       the alias, switched in one step
<name>_2026_11_28T…_<sum>    the collection of a generation, never changed once it is whole

What is searched is always the collection of the artifact's own generation, so that a server answers from one
generation alone whatever the alias names in the meantime.
"""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from indexer import artifact as artifacts
from indexer.artifact import Artifact
from indexer.errors import ArtifactError
from indexer.stores.milvus_store import LEMMAS, VECTOR, MilvusStore, entities
from indexer.vectors import FLAT_UP_TO

NAME = "spravka"

_PATIENCE = 60.0  # seconds for what is not a search: to create, to load, to count
_BATCH = 500  # entities written at once: 1 MB
_LONGEST, _VALUES = 65_535, 64  # bytes of a text, values of a list: what Milvus allows, and more than anybody names

# Compared one by one up to as many windows as in the artifact, above that by a graph: not measured at such a size.
_EXACT: dict[str, Any] = {"index_type": "FLAT", "metric_type": "IP"}
_GRAPH: dict[str, Any] = {"index_type": "HNSW", "metric_type": "IP", "params": {"M": 32, "efConstruction": 200}}
_GRAPH_SEARCH = {"ef": 512}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a Milvus is, and under which name it holds an index."""

    uri: str  # http://host:19530, or a file.db of Milvus Lite
    name: str = NAME
    token: str = field(default="", repr=False)  # "user:password", or an API key

    def __str__(self) -> str:
        """The address without what may be a password."""
        user, at, host = self.uri.rpartition("@")
        return f"{user.partition('://')[0]}://{host}" if at else self.uri


class MilvusStores:
    """The stores of the generations of an index in a Milvus; connects with the first thing that it is asked.

    Whatever is asked of it raises ArtifactError where Milvus does not do it.
    """

    is_remote = True

    def __init__(self, place: Place) -> None:
        self.place = place

    @cached_property
    def client(self) -> Any:  # noqa: ANN401 -- pymilvus publishes no types
        """The connection, a MilvusClient."""
        try:
            import pymilvus
        except ImportError as error:
            raise ArtifactError(
                "--store milvus: the package pymilvus is not installed; install it: pip install pymilvus"
            ) from error
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # else it writes what was asked into the log
        with self._asked("to be reached"):
            return pymilvus.MilvusClient(self.place.uri, token=self.place.token, timeout=_PATIENCE / 6)

    def close(self) -> None:
        """Ends the connection, if there is one."""
        if "client" in self.__dict__:
            self.client.close()
            del self.client

    def collection_of(self, generation: str) -> str:
        """The name of the collection of a generation."""
        return f"{self.place.name}_{generation.replace('-', '_')}"

    def generations(self) -> list[str]:
        """The ids of the generations that have a collection, whole or not, oldest first."""
        with self._asked("its collections"):
            names = self.client.list_collections(timeout=_PATIENCE)
        return sorted(filter(None, map(self._generation, names)))

    def _generation(self, collection: str) -> str | None:
        """The id of the generation whose collection this is; None for what is not ours."""
        ours = re.fullmatch(rf"{re.escape(self.place.name)}_(\d{{4}}_\d\d_\d\dT[\d_]+_[0-9a-f]{{8}})", collection)
        return ours[1].replace("_", "-") if ours else None

    def live(self) -> str | None:
        """The id of the generation that the alias names; None where there is none."""
        for generation in self.generations():
            if self.place.name in self._aliases(self.collection_of(generation)):
                return generation
        return None

    def _aliases(self, collection: str) -> list[str]:
        with self._asked(f"the aliases of {collection}"):
            return list(self.client.list_aliases(collection, timeout=_PATIENCE)["aliases"])

    def open(self, artifact: Artifact) -> MilvusStore:
        """As Stores says: the collection has to be there as a whole, with vectors of the artifact's dimension."""
        collection, generation = self.collection_of(artifact.generation), artifact.generation
        counted, dimension = self._held(collection)
        again = (
            f"write it: python -m indexer build corpus --store milvus --milvus-uri {self.place}, or go back to another "
            "generation: python -m indexer rollback"
        )
        if counted is None:
            there = ", ".join(self.generations()) or "none"
            raise ArtifactError(
                f"{self.place}: no collection {collection}; expected that of the generation {generation}, found those "
                f"of {there}; {again}"
            )
        if dimension != artifact.vectors.dimension:
            raise ArtifactError(
                f"{self.place}: collection {collection} has vectors of {dimension} numbers; expected "
                f"{artifact.vectors.dimension}, as the index has; drop it, then {again}"
            )
        if counted != artifact.vectors.windows:
            raise ArtifactError(
                f"{self.place}: collection {collection} holds {counted} windows; expected "
                f"{artifact.vectors.windows}, as the index has; {again}"
            )
        if (live := self.live()) != generation:
            _log.warning(
                "%s: the alias %s names the generation %s, %s is searched; promote with --store milvus to switch it",
                *(self.place, self.place.name, live or "none", generation),
            )
        return MilvusStore(self.client, collection, artifact, self._search(artifact.vectors.windows))

    def _held(self, collection: str) -> tuple[int | None, int]:
        """How many windows a collection holds, None where it is not there, and the dimension of their vectors."""
        with self._asked(f"about {collection}"):
            if not self.client.has_collection(collection, timeout=_PATIENCE):
                return None, 0
            fields = self.client.describe_collection(collection, timeout=_PATIENCE)["fields"]
            dimension = next((int(each["params"]["dim"]) for each in fields if each["name"] == VECTOR), 0)
            indexed = [self.client.list_indexes(collection, name, timeout=_PATIENCE) for name in (VECTOR, LEMMAS)]
            if not all(indexed):
                return 0, dimension  # they are made last of all: writing was stopped before
            self.client.load_collection(collection, timeout=_PATIENCE)
            (counted,) = self.client.query(
                collection, output_fields=["count(*)"], consistency_level="Strong", timeout=_PATIENCE
            )
            return int(counted["count(*)"]), dimension

    @staticmethod
    def _search(windows: int) -> Mapping[str, int]:
        return {} if windows <= FLAT_UP_TO else _GRAPH_SEARCH

    def write(self, index: Path, generation: str) -> None:
        """As Stores says. What a stopped process left of it is written anew."""
        collection = self.collection_of(generation)
        manifest = artifacts.read_manifest(artifacts.folder_of(index, generation))
        counted, _ = self._held(collection)
        if counted == manifest.counts["windows"]:
            return
        loaded = artifacts.load(index, generation)
        with self._asked(f"to write {collection}"):
            if counted is not None:
                self.client.drop_collection(collection, timeout=_PATIENCE)
            self.client.create_collection(collection, schema=_schema(loaded.vectors.dimension), timeout=_PATIENCE)
            windows = entities(loaded)
            while batch := list(islice(windows, _BATCH)):
                self.client.insert(collection, batch, timeout=_PATIENCE)
            self.client.flush(collection, timeout=_PATIENCE)
            indexes = self.client.prepare_index_params()
            indexes.add_index(VECTOR, **(_EXACT if loaded.vectors.windows <= FLAT_UP_TO else _GRAPH))
            indexes.add_index(LEMMAS, index_type="SPARSE_INVERTED_INDEX", metric_type="IP")
            self.client.create_index(collection, indexes)
            self.client.load_collection(collection, timeout=_PATIENCE)

    def switch(self, generation: str) -> None:
        """As Stores says: the alias names its collection from now on. Raises ArtifactError where it has none."""
        collection, alias = self.collection_of(generation), self.place.name
        live = self.live()
        if live == generation:
            return
        with self._asked(f"to let the alias {alias} name {collection}"):
            change = self.client.create_alias if live is None else self.client.alter_alias
            change(collection, alias, timeout=_PATIENCE)

    def keep(self, generations: Sequence[str]) -> list[str]:
        """As Stores says."""
        live = self.live()
        dropped = [each for each in self.generations() if each != live and each not in generations]
        for generation in dropped:
            with self._asked(f"to drop {self.collection_of(generation)}"):
                self.client.drop_collection(self.collection_of(generation), timeout=_PATIENCE)
        return dropped

    @contextmanager
    def _asked(self, what: str) -> Iterator[None]:
        """Raises ArtifactError where Milvus does not do what it is asked."""
        try:
            yield
        except ArtifactError:
            raise
        except Exception as error:  # whatever the client raises, of its own and of gRPC
            raise ArtifactError(
                f"Milvus at {self.place}: asked {what}, it failed ({type(error).__name__}: {error}); expected a Milvus "
                "that can be reached and allows it; see that it runs, and mend --milvus-uri or its token"
            ) from error


def _schema(dimension: int) -> Any:  # noqa: ANN401
    """The fields of a collection: see milvus_store.py."""
    from pymilvus import DataType, MilvusClient

    schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("row", DataType.INT64)
    for name in ("platforms", "audiences"):
        schema.add_field(name, DataType.ARRAY, element_type=DataType.VARCHAR, max_length=_LONGEST, max_capacity=_VALUES)
    schema.add_field("topic", DataType.VARCHAR, max_length=_LONGEST)
    schema.add_field(VECTOR, DataType.FLOAT_VECTOR, dim=dimension)
    schema.add_field(LEMMAS, DataType.SPARSE_FLOAT_VECTOR)
    return schema


def check_uri(uri: str) -> str:
    """The address where it can be one of a Milvus. Raises ValueError."""
    parts = urlsplit(uri)
    if uri.endswith(".db") or (parts.scheme in ("http", "https", "tcp", "unix") and (parts.netloc or parts.path)):
        return uri
    # Not the text itself: it may hold a password.
    raise ValueError("no address of a Milvus; expected such as http://milvus:19530, or a file.db of Milvus Lite")
