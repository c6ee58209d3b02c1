"""The routes of whoever runs the server. Only the machine itself is let in."""

from flask import Blueprint, Response, request

from indexer.errors import ArtifactError
from server import schema
from server.api import reply
from server.errors import QueryError
from server.live import AlreadyReloadingError, live
from server.origin import is_local, require_same_site

admin = Blueprint("admin", __name__)


@admin.post("/admin/index/reload")
def reload() -> Response:
    """Switches this process to the generation that is current on disk; the others notice it within seconds."""
    _require_own_machine()
    try:
        done = live().reload()
    except AlreadyReloadingError as error:
        raise QueryError(409, "reload_running", "Индекс уже загружается. Повторите позже.") from error
    except ArtifactError as error:
        message = f"Новый индекс не принят, работает прежний. Причина: {error}"
        raise QueryError(503, "index_refused", message) from error
    return reply(schema.ReloadReply(done.before, done.after, done.changed))


def _require_own_machine() -> None:
    """Raises QueryError for anybody but a program on this machine that speaks to the server itself."""
    require_same_site(request)
    if not is_local(request):
        message = "Доступ только с самого сервера, не через прокси: запрос на адрес 127.0.0.1."
        raise QueryError(403, "forbidden", message)
