"""Who asks, and whether they may: keys, scopes, and what a deployment closes. docs/access.md tells the rules.

Whatever has no scope in `scope_of` is closed with the search; only what stands there as open answers anybody.
"""

from dataclasses import dataclass, field
from urllib.parse import urlencode

from flask import Flask, Response, current_app, g, redirect, request

from server.errors import QueryError
from server.keys import Key, KeyFile, Problem, Scope
from server.origin import is_local, require_same_site
from server.sessions import COOKIE, Sessions

SIGN_IN = "/sign-in"

# What says nothing of the help: it answers everybody, and no rate limit counts it.
OPEN = frozenset(("static", "api.health", "api.ready", "api.version", "api.metrics", "api.document"))

_ENDPOINTS: dict[str, Scope] = {"api.vote": "feedback", "pages.vote": "feedback"}
_BLUEPRINTS: dict[str, Scope] = {"admin": "admin", "agent": "agent"}
_PAGES = ("pages", "agent")
_READING = ("GET", "HEAD", "OPTIONS")

_PROBLEMS: dict[Problem, str] = {
    "key_invalid": "Ключ доступа не подходит: его нет или он отозван. Проверьте ключ или запросите новый.",
    "key_expired": "Срок действия ключа доступа истёк. Запросите новый ключ.",
}
_NO_KEY = "Нужен ключ доступа: заголовок «Authorization: Bearer …» или «X-API-Key»."


@dataclass(frozen=True, slots=True)
class Rules:
    """What a deployment asks of its callers; nothing by default."""

    closed: frozenset[Scope] = frozenset()  # scopes whose routes need a key; admin: even on this machine
    hide_internal: bool = False  # internal sections are for the scopes agent and admin alone
    rate_limit: str | None = None  # of an address, such as "100 per minute"
    rate_limit_keys: str | None = None  # of a key; None: the same
    rate_limit_storage: str = "memory://"
    trusted_proxies: int = 0  # how many stand before the server and set X-Forwarded-For and X-Forwarded-Proto


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request."""

    key: Key | None = None
    problem: Problem | None = None  # of the key that was sent
    by_cookie: bool = False
    allowed: frozenset[Scope] = field(default=frozenset())


class Access:
    """The keys and the rules of one application."""

    def __init__(self, app: Flask, keys: KeyFile | None, sessions: Sessions | None, rules: Rules) -> None:
        """`keys` and `sessions` are None where there is no folder of data: then nobody has a key."""
        self.keys, self.sessions = keys, sessions
        self._rules = rules
        app.before_request(self._check)
        app.after_request(self._with_headers)

    def caller(self) -> Caller:
        """Who sent the request, by the key in its headers, else by the cookie of who signed in."""
        if (sent := _sent()) is not None:
            found = self.keys.checked(sent) if self.keys else "key_invalid"
            return Caller(found, allowed=found.allowed) if isinstance(found, Key) else Caller(problem=found)
        if self.keys and self.sessions and (token := request.cookies.get(COOKIE)):
            key_id = self.sessions.key_id(token)
            if key_id and (key := self.keys.by_id(key_id)):
                # A browser can be made to send a cookie: what changes the server wants the key itself.
                return Caller(key, by_cookie=True, allowed=key.allowed - {"admin"})
        return Caller()

    def _check(self) -> Response | None:
        """Raises QueryError for a caller who may not; leads a browser to where a key is entered."""
        scope = scope_of(request.endpoint)
        if scope is None or request.method == "OPTIONS":
            return None
        asking = caller()
        if asking.by_cookie and request.method not in _READING:
            require_same_site(request)
        if scope == "admin":
            self._require_admin(asking)
            return None
        needs = scope in self._rules.closed and scope not in asking.allowed
        if needs and asking.key is None and asking.problem is None and request.blueprint in _PAGES:
            back = request.full_path.rstrip("?") if request.method in _READING else request.path
            response: Response = redirect(f"{SIGN_IN}?{urlencode({'next': back})}", 303)  # type: ignore[assignment]
            return response
        if needs or asking.problem:
            raise self._refusal(asking, scope)
        return None

    def _require_admin(self, asking: Caller) -> None:
        """Raises QueryError for anybody but who has the scope or, unless a key is asked for, is on this machine."""
        require_same_site(request)
        if "admin" in asking.allowed:
            return
        if asking.key or asking.problem or "admin" in self._rules.closed:
            raise self._refusal(asking, "admin")
        if not is_local(request):
            if self.keys:
                raise self._refusal(asking, "admin")
            message = "Доступ только с самого сервера, не через прокси: запрос на адрес 127.0.0.1."
            raise QueryError(403, "forbidden", message)

    @staticmethod
    def _refusal(asking: Caller, scope: Scope) -> QueryError:
        if asking.problem:
            return QueryError(401, asking.problem, _PROBLEMS[asking.problem])
        if asking.key is None:
            return QueryError(401, "key_required", _NO_KEY)
        if scope == "admin" and asking.by_cookie:
            return QueryError(403, "scope_missing", "Нужен сам ключ в заголовке запроса: входа на сайт мало.")
        return QueryError(403, "scope_missing", f"У ключа нет нужного права: {scope}.")

    def _with_headers(self, response: Response) -> Response:
        """Says how to come in (RFC 6750), and to caches that the reply is this caller's."""
        if response.status_code == 401:
            problem = ', error="invalid_token"' if _sent() is not None else ""
            response.headers["WWW-Authenticate"] = f'Bearer realm="spravka"{problem}'
        if scope_of(request.endpoint) and (self._rules.closed or self._rules.hide_internal):
            response.vary.update(("Authorization", "X-API-Key", "Cookie"))
            response.headers.setdefault("Cache-Control", "private, no-cache")
        return response


def scope_of(endpoint: str | None) -> Scope | None:
    """The scope that a route belongs to; None for what is open to everybody, and for addresses that do not exist."""
    if endpoint is None or endpoint in OPEN or endpoint.startswith("sign_in."):
        return None
    return _ENDPOINTS.get(endpoint) or _BLUEPRINTS.get(endpoint.partition(".")[0], "search")


def access() -> Access:
    """The access of the running application."""
    found: Access = current_app.extensions["access"]
    return found


def caller() -> Caller:
    """Who sent this request. Never raises: a key that is none makes a caller without rights."""
    if "caller" not in g:
        g.caller = access().caller()
    found: Caller = g.caller
    return found


def sees_internal() -> bool:
    """Whether the caller may see internal sections where a deployment hides them."""
    return not {"agent", "admin"}.isdisjoint(caller().allowed)


def may_read_metrics() -> bool:
    """Whether the caller has a key for it; this machine needs none."""
    return "admin" in caller().allowed


def _sent() -> str | None:
    """The key in the headers of the request; None where it has none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    return request.headers.get("X-API-Key")
