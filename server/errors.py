"""What a caller did wrong, in words for people and a code for programs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class QueryError(Exception):
    """A request that cannot be answered; `message` is Russian, `code` is stable."""

    status: int
    code: str
    message: str
    field: str | None = None

    def body(self) -> dict[str, dict[str, str | None]]:
        """The one shape of every error."""
        return {"error": {"code": self.code, "message": self.message, "field": self.field}}

    def openai_body(self) -> dict[str, dict[str, str | None]]:
        """The same in the shape that clients of OpenAI's interface read."""
        kinds = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
        kind = "server_error" if self.status >= 500 else kinds.get(self.status, "invalid_request_error")
        return {"error": {"message": self.message, "type": kind, "param": self.field, "code": self.code}}


# What werkzeug raises by itself: status -> code and message.
HTTP_ERRORS = {
    400: ("bad_request", "Запрос не удалось прочитать."),
    403: ("forbidden", "Доступ закрыт."),
    404: ("not_found", "Такой страницы или раздела нет."),
    405: ("method_not_allowed", "Этот адрес не принимает такой метод."),
    408: ("timeout", "Запрос шёл слишком долго."),
    413: ("too_large", "Запрос слишком большой: не больше 256 КБ."),
    414: ("too_large", "Адрес слишком длинный. Отправьте текст методом POST."),
    415: ("not_json", "Ожидается JSON: заголовок Content-Type: application/json."),
    429: ("rate_limited", "Слишком много запросов за короткое время. Подождите немного и повторите."),
    500: ("internal", "Внутренняя ошибка. Повторите запрос позже."),
}

# What is refused before anybody reads it, see server/worker.py: status -> its name, code and message.
TRANSPORT_ERRORS = {
    408: ("Request Timeout", "timeout", HTTP_ERRORS[408][1]),
    431: ("Request Header Fields Too Large", "too_large", "Заголовки запроса слишком длинные: не больше 32 КБ."),
    503: ("Service Unavailable", "overloaded", "Сейчас слишком много запросов. Повторите через несколько секунд."),
}
