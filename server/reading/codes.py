"""The codes in a text: what software calls its errors, as against names, versions and numbers that only look so."""

import re

# snake_case names and exception names say what went wrong wherever they stand; numbers only where the text says so.
_CODES = re.compile(
    r"""
    (?P<named>
        \b0x[0-9A-Fa-f]{4,16}\b
      | \b(?:ERR|DNS_PROBE|NET|SSL|SEC|MOZILLA_PKIX|INET_E|STATUS|CRITICAL|KERNEL|PAGE)
        _[A-Z0-9]{1,40}(?:_[A-Z0-9]{1,40}){0,8}\b
      | \bAADSTS\d{5,7}\b
      | \bE(?:CONN(?:REFUSED|RESET|ABORTED)|TIMEDOUT|NOTFOUND|HOSTUNREACH|NETUNREACH|ACCES|PERM|NOENT|NOSPC|PIPE
        |ADDRINUSE|AI_AGAIN)\b
      | (?<![\w./\\-])[a-z][a-z0-9]{1,30}(?:_[a-z0-9]{1,30}){1,7}(?![\w(/\\=-]|\.\w)
      | (?<![\w])(?:[A-Za-z_]\w{0,60}\.){0,8}(?P<exception>[A-Z][A-Za-z0-9]{1,60}(?:Error|Exception|Failure))\b(?!\s*\()
    )
  | (?:\bHTTP/\d(?:\.\d)?["]?\s
      | \b(?i:status(?:[ _]?code)?|код(?:\sошибки|\sответа)?|ошибка|error(?:\scode)?|http)["']?\s?[:=]?\s? )
        (?P<status>[1-5]\d\d)\b(?!/)
  | (?<![\w.,:/-])(?P<reason>[45]\d\d)\s
        (?=Not\sFound|Forbidden|Unauthorized|Bad\s|Internal\s|Service\s|Gateway\s|Request\s|Too\sMany|Conflict|Payload)
  | (?:\b[45]\d\d[\s-]|\b(?i:smtp|dsn|diagnostic-code)[^\n]{0,40}?\s) (?P<smtp>[245]\.\d{1,3}\.\d{1,3})\b
  | \b(?i:код\sошибки|error\scode|sqlstate|errno|ошибка\s№|ошибка\sномер)\b[\s:=№#\[(]{0,4}
        (?P<number>-?[0-9A-Z]{1,10})\b
  | \bstatus=(?P<exit>\d{1,3}/[A-Z]{2,20})\b
    """,
    re.VERBOSE,
)
_MAY_HOLD = re.compile(r"[\dA-Z_]")  # what no code does without: most queries have none of it
# Names of fields around a code in JSON bodies and logs, which are no codes themselves.
_FIELDS = frozenset(
    (
        *("error_code", "error_data", "error_description", "error_message", "status_code", "created_at", "updated_at"),
        *("sync_id", "file_id", "chat_id", "user_id", "request_id", "trace_id", "bot_id", "group_chat_id"),
        *("message_id", "event_id", "client_id", "user_agent", "access_token", "refresh_token"),
    )
)


def codes_of(text: str) -> tuple[str, ...]:
    """The codes in the order in which they stand, each once; empty where there is none."""
    if not _MAY_HOLD.search(text):
        return ()
    found: dict[str, None] = {}
    for match in _CODES.finditer(text):
        groups = match.groupdict()
        code = groups.pop("exception") or next(value for value in groups.values() if value)
        if code not in _FIELDS:
            found.setdefault(code)
    return tuple(found)
