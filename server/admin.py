"""The routes of whoever runs the server. Only the machine itself is let in."""

from ipaddress import ip_address

from flask import Blueprint, Response, request

from indexer.errors import ArtifactError
from server import schema
from server.api import reply
from server.errors import QueryError
from server.live import AlreadyReloadingError, live
from server.origin import require_same_site

admin = Blueprint("admin", __name__)

# Whoever speaks through a proxy on this machine comes from the loopback address, too.
_PROXY_HEADERS = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via")


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
    try:
        own = ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        own = False
    if not own or any(name in request.headers for name in _PROXY_HEADERS):
        message = "Доступ только с самого сервера, не через прокси: запрос на адрес 127.0.0.1."
        raise QueryError(403, "forbidden", message)
