"""Where somebody with a browser gives a key: /sign-in, and /sign-out to be forgotten."""

import logging
from urllib.parse import urlsplit

from flask import Blueprint, Response, redirect, render_template, request

from server.access import SIGN_IN, access, caller
from server.errors import QueryError
from server.keys import Key, KeysError
from server.origin import require_same_site
from server.sessions import COOKIE, LASTS

sign_in = Blueprint("sign_in", __name__)

_MESSAGES = {
    "key_invalid": "Такого ключа нет, или он отозван. Проверьте, что скопировали его целиком.",
    "key_expired": "Срок действия ключа истёк. Попросите новый.",
}
_log = logging.getLogger(__name__)


@sign_in.get(SIGN_IN)
def form() -> Response:
    """The form; for who is signed in already, the way out."""
    _require_keys()
    return _page(request.args.get("next", ""))


@sign_in.post(SIGN_IN)
def enter() -> Response:
    """Takes a key and gives the cookie for it."""
    require_same_site(request)
    _require_keys()
    keys, sessions = access().keys, access().sessions
    back = request.form.get("next", "")
    found = keys.checked(request.form.get("key", "").strip()) if keys else "key_invalid"
    if not isinstance(found, Key):
        return _page(back, _MESSAGES[found], 401)
    try:
        token = sessions.token(found.key_id) if sessions else ""
    except KeysError as error:
        _log.error("nobody can sign in: %s", error)
        raise QueryError(503, "sign_in_unavailable", "Войти сейчас нельзя. Сообщите администратору сайта.") from error
    response = _to(back_within(back))
    # Lax would do for reading; Strict keeps other sites from sending anything in the visitor's name.
    response.set_cookie(COOKIE, token, LASTS, path="/", httponly=True, samesite="Strict", secure=request.is_secure)
    return response


@sign_in.post("/sign-out")
def leave() -> Response:
    """Takes the cookie back."""
    require_same_site(request)
    response = _to("/")
    if COOKIE in request.cookies:
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="Strict", secure=request.is_secure)
    return response


def back_within(address: str) -> str:
    """The address where it is one of this site; else the start page."""
    if any(character in "\\" or not character.isprintable() for character in address):
        return "/"  # browsers take "/\\host" for "//host", and drop tabs and line breaks
    try:
        parts = urlsplit(address)
    except ValueError:
        return "/"
    within = not parts.scheme and not parts.netloc and address.startswith("/") and not address.startswith("//")
    return address if within and parts.path != SIGN_IN else "/"


def _require_keys() -> None:
    if access().keys is None:
        raise QueryError(404, "sign_in_off", "Вход на этом сайте выключен: справка открыта без ключа.")


def _page(back: str, problem: str = "", status: int = 200) -> Response:
    asking = caller()
    text = render_template(
        "sign_in.html", back=back_within(back), problem=problem, name=asking.key.name if asking.key else ""
    )
    return Response(text, status, headers={"Cache-Control": "no-store"})


def _to(address: str) -> Response:
    response: Response = redirect(address, 303)  # type: ignore[assignment]
    response.headers["Cache-Control"] = "no-store"
    return response
