"""The routes of whoever runs the server: for keys with the scope admin, and for this machine (server/access.py)."""

import os

from flask import Blueprint, Response

from indexer import artifact, generations
from indexer.errors import ArtifactError
from server import schema
from server.errors import QueryError
from server.exchange import reply
from server.live import AlreadyReloadingError, live, serving

admin = Blueprint("admin", __name__)


@admin.post("/admin/index/reload")
def reload() -> Response:
    """Switches this process to the generation that is current on disk; the others notice it within seconds."""
    return _reloaded()


@admin.post("/admin/index/rollback")
def rollback() -> Response:
    """Makes the generation before the current one current again and serves it.

    It has to be whole and fit what is installed before it becomes current; both halves are asked when it is served.
    """
    try:
        generations.rollback(live().index, artifact.load_folder, live().stores.switch)
    except ArtifactError as error:
        message = f"Вернуться к прежнему индексу нельзя. Причина: {_without_place(str(error))}"
        raise QueryError(409, "rollback_refused", message) from error
    return _reloaded()


@admin.get("/admin/index")
def index() -> Response:
    """The generations on disk, oldest first, and the one that this process serves."""
    try:
        found = generations.listed(live().index)
    except ArtifactError as error:
        message = f"Индекса на диске нет, работает загруженный. Причина: {_without_place(str(error))}"
        raise QueryError(503, "index_refused", message) from error
    refused = live().refused
    return reply(
        schema.IndexReply(
            serving().generation,
            [
                schema.GenerationOut(each.generation, each.state, each.created, each.sections, each.gate)
                for each in found
            ],
            schema.RefusedOut(refused.generation, refused.reason) if refused else None,
        )
    )


def _reloaded() -> Response:
    try:
        done = live().reload()
    except AlreadyReloadingError as error:
        raise QueryError(409, "reload_running", "Индекс уже загружается. Повторите позже.") from error
    except ArtifactError as error:
        message = f"Новый индекс не принят, работает прежний. Причина: {error}"
        raise QueryError(503, "index_refused", message) from error
    return reply(schema.ReloadReply(done.before, done.after, done.changed))


def _without_place(reason: str) -> str:
    """The reason without where the index lies, which is nobody else's business."""
    for place in (live().index.resolve(), live().index.absolute(), live().index):
        reason = reason.replace(f"{place}{os.sep}", "").replace(str(place), "index")
    return reason
