"""What serves now, everything of one generation as one object, and the switch to the next one.

A request takes the object once and keeps it to its end, so that no reply is made of two generations. The next one is
loaded and asked beside it; only then is it put in its place, by one assignment. One that is refused changes nothing.
"""

import logging
import os
import threading
import time
import weakref
from dataclasses import dataclass, replace
from pathlib import Path

from flask import current_app, g

from indexer import artifact, generations, memory, probes
from indexer.artifact import Artifact
from indexer.errors import ArtifactError, ModelError
from indexer.opening import open_encoder
from indexer.query_encoder import QueryEncoder
from indexer.stores.local import LocalStores
from indexer.stores.store import Store, Stores
from server import access
from server.answering import Answerer
from server.caching import RememberingEncoder, Replies
from server.guard import Guard
from server.internal import without_internal
from server.search import Searcher
from server.suggest import Suggester

INTERVAL = 2.0  # seconds between looks at `current`: two calls to the system

_LONGEST = 60.0  # seconds that the memory of an old generation waits for the last request that it serves
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Serving:
    """All that belongs to one generation."""

    searcher: Searcher
    answerer: Answerer
    suggester: Suggester
    replies: Replies
    restricted: "Serving | None" = None  # the same for callers who may not see internal sections, where there are any

    @classmethod
    def of(
        cls, loaded: Artifact, encoder: QueryEncoder, *, hide_internal: bool = False, store: Store | None = None
    ) -> "Serving":
        """What serves an artifact, and finds candidates in a store: the artifact's own files unless one is given."""
        searcher = Searcher(loaded, encoder, guard=Guard(), store=store)
        suggester = Suggester(loaded, searcher.lemmatizer, searcher.reader)
        whole = cls(searcher, Answerer(searcher), suggester, Replies())
        if hide_internal and (shown := without_internal(loaded)) is not loaded:
            rows = {section.section_id: row for row, section in enumerate(loaded.sections)}
            part = store.of_rows([rows[section.section_id] for section in shown.sections]) if store else None
            return replace(whole, restricted=cls.of(shown, encoder, store=part))
        return whole

    def seen_by(self, *, sees_internal: bool) -> "Serving":
        """What serves a caller who may see internal sections, or may not."""
        return self if sees_internal or self.restricted is None else self.restricted

    @property
    def generation(self) -> str:
        """The id of the generation."""
        return self.searcher.artifact.generation


@dataclass(frozen=True, slots=True)
class Refused:
    """A generation that is current on disk and was not taken."""

    generation: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What a reload did."""

    before: str  # generation
    after: str

    @property
    def changed(self) -> bool:
        """Whether another generation serves now."""
        return self.before != self.after


class AlreadyReloadingError(Exception):
    """Another thread of this process is loading a generation."""


class Live:
    """The generation that serves, and the way to the next. Every process has its own; threads share it."""

    def __init__(
        self,
        index: Path,
        encoder: QueryEncoder | None = None,
        *,
        hide_internal: bool = False,
        stores: Stores | None = None,
    ) -> None:
        """`encoder` stands in for the model of every generation; `stores` hold their candidates.

        Raises ArtifactError or ModelError where the current generation cannot be used.
        """
        self.index, self._given, self._hide_internal = index, encoder, hide_internal
        self.stores: Stores = stores or LocalStores()
        self._lock = threading.Lock()  # of loading
        self._looked = time.monotonic()
        self._seen = _mark(index)
        loaded = artifact.load(index)
        self._now = self._serving(loaded, RememberingEncoder(encoder or open_encoder(loaded)))
        self.refused: Refused | None = None

    def now(self) -> Serving:
        """What serves now. Looks whether `current` changed if that was not done lately, and goes there aside."""
        if time.monotonic() - self._looked >= INTERVAL:
            self.look()
        return self._now

    def look(self) -> None:
        """Loads another generation in a thread of its own, where `current` changed since it was last read."""
        self._looked = time.monotonic()
        if _mark(self.index) != self._seen and not self._lock.locked():
            threading.Thread(target=self._follow, name="reload", daemon=True).start()

    def catch_up(self) -> None:
        """Does the same at once: a process that is started anew has what its parent had, however old that is."""
        if _mark(self.index) != self._seen:
            self._follow()

    def watch(self) -> None:
        """Looks for as long as this object is there, so that a process that nobody asks switches as well."""
        threading.Thread(target=_watch, args=(weakref.ref(self),), name="watch", daemon=True).start()

    def reload(self) -> Reloaded:
        """Switches to the current generation, even if it was refused before; does nothing where it serves already.

        Raises AlreadyReloadingError, or ArtifactError where it cannot be used; what served serves on then.
        """
        if not self._lock.acquire(blocking=False):
            raise AlreadyReloadingError
        try:
            return self._reload()
        finally:
            self._lock.release()

    def _follow(self) -> None:
        try:
            self.reload()
        except AlreadyReloadingError:
            pass
        except ArtifactError:
            pass  # logged, and kept for /readyz

    def _reload(self) -> Reloaded:
        before, wanted = self._now.generation, generations.live(self.index)
        mark = _mark(self.index)  # before anything is read: a change in the meantime is noticed by the next look
        try:
            if wanted != before:
                self.serve(self._next())
            self.refused = None
        except Exception as error:  # whatever a generation makes go wrong, the one that serves is none the worse
            reason = str(error) if isinstance(error, ArtifactError | ModelError) else f"{type(error).__name__}: {error}"
            for place in (self.index.resolve(), self.index.absolute()):  # nobody else's business
                reason = reason.replace(f"{place}{os.sep}", "")
            self.refused = Refused(wanted or "", reason)
            _log.error("generation %s is refused, %s serves on: %s", wanted, before, reason)
            raise ArtifactError(self.refused.reason) from error
        finally:
            self._seen = mark
        if wanted != before:
            _log.warning("generation %s serves now, before it %s", self._now.generation, before)
        return Reloaded(before, self._now.generation)

    def _next(self) -> Serving:
        """The current generation, ready to serve. Raises ArtifactError or ModelError where it cannot."""
        loaded, old = artifact.load(self.index), self._now.searcher
        fingerprints = {each.manifest.inputs.model_fingerprint for each in (loaded, old.artifact)}
        if not (loaded.query_side or old.artifact.query_side) and len(fingerprints) == 1:
            encoder = old.encoder  # the model itself: there is no room for it twice
        else:
            encoder = RememberingEncoder(self._given or open_encoder(loaded))
        probes.probe(loaded, encoder)
        new = self._serving(loaded, encoder)
        new.searcher.search("проверка")  # opens what the first query would
        return new

    def _serving(self, loaded: Artifact, encoder: QueryEncoder) -> Serving:
        store = self.stores.open(loaded) if self.stores.is_remote else None
        return Serving.of(loaded, encoder, hide_internal=self._hide_internal, store=store)

    def serve(self, new: Serving) -> None:
        """Puts another in the place of what serves; the memory of that is given back when its last request ended."""
        old = weakref.ref(self._now)
        self._now = new
        threading.Thread(target=_forget, args=(old,), name="forget", daemon=True).start()


def _watch(live: "weakref.ref[Live]") -> None:
    while True:
        time.sleep(INTERVAL)
        watched = live()
        if watched is None:
            return
        watched.look()
        del watched


def _forget(old: "weakref.ref[Serving]") -> None:
    """Gives back the memory of a generation. The caches in it refer to themselves: only a collection frees them."""
    end = time.monotonic() + _LONGEST
    while old() is not None and time.monotonic() < end:
        time.sleep(0.05)
    memory.collect()


def _mark(index: Path) -> tuple[object, ...] | None:
    """What is another whenever `current` was switched; None where there is none."""
    try:
        link, folder = (index / "current").lstat(), (index / "current").stat()
    except OSError:
        return None
    return link.st_ino, link.st_mtime_ns, folder.st_dev, folder.st_ino


def live() -> Live:
    """The generations of the running application."""
    found: Live = current_app.extensions["live"]
    return found


def serving() -> Serving:
    """What serves this request: the same from its first use to its end, and only what its caller may see."""
    if "serving" not in g:
        g.serving = live().now().seen_by(sees_internal=access.sees_internal())
    found: Serving = g.serving
    return found
