"""Errors pasted into the search box: the one line that says what went wrong, out of a log, a trace or a letter."""

import re
from dataclasses import dataclass

from server.reading.codes import codes_of
from server.reading.masks import mask

_LONGEST_MESSAGE = 300  # characters
_LONGEST_PROSE = 600
_MOST_OTHERS = 3  # lines that are neither a person's nor a log's
_MOST_LINES = 400  # of the text are looked at: a longer trace repeats itself

# Lines that only say where in the code something happened, or when.
_FRAME = re.compile(
    r"^\s*(?:at\s+\S|File \"|\.\.\. \d+ more|goroutine \d+|\S{1,200}\.go:\d+|Traceback |#\d+\s+\S|в\s+\S+\(|"
    r"Suppressed:|Stack trace|---+|===+|\^+\s*$|During handling of|The above exception|exit status|created by )"
)
# What a log writes before its message: time, level, process, logger, in any order.
_PREFIX = re.compile(
    r"^\s*(?:(?:\[[^\]]{0,120}\]|‹время›|‹ip›|‹узел›|‹guid›|‹число›(?!#)|Z\b|[-|>:•,]+|"
    # A status with its words, «404 not found», is no number of a process.
    r"(?![45]\d\d\s+[^\W\d]{3})(?:\d{1,7}|‹число›)(?:#\d+)?:?(?=\s)|\*(?:\d+|‹число›)|"
    r"[VDIWEF](?=[ /])(?:/[\w.$-]{1,60}:?|\s[\w.$-]{1,60}\s?:(?=\s))?|"
    r"\w{1,40}=(?:‹[^›]{1,10}›|[^\s=]{1,80})(?=\s|$)|[\w.-]{1,60}\[(?:\d+|‹число›)\](?::|(?=\s|$))|"
    r"[\w.-]{1,60}(?=\s[\w.-]{1,60}\[(?:\d+|‹число›)\]:)|(?:kernel|nginx|systemd):|"
    r"(?i:error|err|fatal|warning|warn|info|debug|trace|critical|severe|emerg|alert|crit|notice)\b:?|"
    r"[\w.$]{1,80}:(?=\s[A-ZА-ЯЁ‹{\[(\"]))\s*)+"
)
# What in a prefix tells that a log wrote it; «[SmartApp]» or «Ошибка:» alone belong to what was said.
_STAMP = re.compile(
    r"‹|\d{4}|\w\.\w|\[\d+\]|\*\d|\w=|^\s*[VDIWEF][ /]|"
    r"(?i:\b(?:error|err|fatal|warning|warn|info|debug|trace|critical|severe|emerg|alert|crit|notice)\b)(?!:)"
)
_SUBJECT = re.compile(r"\[(?!(?i:error|warn|warning|info|debug|main)\])[^\W\d][^\W\d ]+\]\s*$")
_TAIL = re.compile(r",\s(?:client|server|request|upstream|host|referrer): .*$")  # nginx
_JSON = re.compile(
    r"[\"'](?P<name>message|error_description|error_message|reason|detail|title|error)[\"']\s?:\s?[\"'](?P<value>[^\"']{1,400})[\"']"
)
_ERROR_WORD = re.compile(
    r"(?i)\b(?:error|exception|failed|failure|fatal|denied|refused|timed? ?out|not found|unable|cannot|could not|"
    r"invalid|ошибк\w{0,3}|не удал\w{2,3}|невозможно|отказ\w{0,4}|сбой|исключение|недоступ\w{1,4}|"
    r"не найден\w{0,2}|превышен\w{0,2})\b"
)
_CAUSE = re.compile(r"^\s*Caused by:\s*")
_LETTERS = re.compile(r"[^\W\d_]{2,}")
_LOG_LINE = re.compile(
    r"^\s*[\[(]?(?:\d{4}[-/]\d{2}[-/]\d{2}|\d{2}-\d{2} \d{2}:\d{2}|\d{1,2}:\d{2}:\d{2}|"
    r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) )"
)
# Lines that tell, masked, nothing but when, where and under which id: «Идентификатор запроса: ‹guid›».
_METADATA = re.compile(r"^\s*[^\W\d][\w ().-]{1,40}[:=]\s*(?:‹[^›]{1,10}›\s*)+$")
# How bad the log itself holds a line to be: logcat's letters, or the words of other logs.
_GRAVE = re.compile(
    r"(?:^|[\s\[|])(?:E(?=[ /][\w.$-]+\s?:)|F(?=[ /][\w.$-]+\s?:)|ERROR|FATAL|SEVERE|CRITICAL|error|crit|emerg)\b"
)
_MILD = re.compile(r"(?:^|[\s\[|])(?:[VDI](?=[ /][\w.$-]+\s?:)|DEBUG|INFO|TRACE|debug|info|notice)\b")
_RUSSIAN = re.compile("[а-яё]", re.IGNORECASE)
_QUOTED = re.compile(r"«([^«»\n]{8,300})»|\"([^\"\n]{8,300})\"")
_PERSONAL = re.compile("‹[^›]{1,10}›")


@dataclass(frozen=True, slots=True)
class Pasted:
    """An error as it was pasted."""

    codes: tuple[str, ...]  # in the order in which they stand
    message: str  # the line that says what went wrong, without what a log writes before it
    skeleton: str  # the message with all that changes masked
    prose: str  # masked: what was said outside of any log, by a person or a dialog; empty where nothing was
    searched: str  # what to search for: the prose and the message without masks, and codes that both lack


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    masked: str  # so that it is masked once


def read_pasted(text: str) -> Pasted | None:
    """What a pasted log, trace, error body or letter says; None where nothing in the text looks like one.

    A single line counts where it holds a code. `text` keeps its line breaks.
    """
    codes = codes_of(text)
    raw = [line for line in text.split("\n") if line.strip()][:_MOST_LINES]
    lines = [_Line(line, mask(line)) for line in raw]
    is_log = sum(map(_is_machine, lines)) > 0
    if not codes and not (is_log and (len(lines) > 1 or _ERROR_WORD.search(text))):
        return None
    message = _message(lines, codes)
    skeleton = mask(message)[:_LONGEST_MESSAGE]
    # Of a single line all counts: who wrote it, or cut it out, meant it.
    if len(lines) == 1 and not _LOG_LINE.match(lines[0].text):
        prose = "" if _JSON.search(lines[0].text) else lines[0].masked[:_LONGEST_PROSE]
    else:
        prose = " ".join(_said(lines))[:_LONGEST_PROSE]
    text = prose if skeleton in prose else f"{prose} {skeleton}"
    text = " ".join(_PERSONAL.sub(" ", text).split())
    return Pasted(codes, message, skeleton, prose, " ".join([text, *(code for code in codes if code not in text)]))


def _message(lines: list[_Line], codes: tuple[str, ...]) -> str:
    best = max(range(len(lines)), key=lambda place: (_rating(lines, place, codes), -place))
    line = _CAUSE.sub("", lines[best].text).strip()
    values = {match["name"]: match["value"] for match in _JSON.finditer(line)}
    if len(values) and "{" in line:
        named = [
            values[name]
            for name in ("message", "error_description", "error_message", "detail", "title", "reason", "error")
            if name in values
        ]
        said = next((value for value in named if value.lower() != "error"), None)
        # A person may have written around the body.
        if said is not None:
            before, _, body = line.partition("{")
            _, closed, after = body.rpartition("}")
            line = f"{before}{said}{after if closed else ''}"
    # Masked times and ids tell a prefix; what is left of the line is taken from the line as it was.
    masked = mask(line)
    tail = _prefix_length(masked)
    rest = _TAIL.sub("", masked[tail:]) or masked
    return (_TAIL.sub("", line[len(line) - len(masked[tail:]) :]) if masked[tail:] in line else rest)[
        :_LONGEST_MESSAGE
    ].strip()


def _prefix_length(masked: str) -> int:
    """How much of a masked line a log wrote before its message, in characters."""
    found = _PREFIX.match(masked)
    if not found or not _STAMP.search(found[0]):
        return 0
    subject = _SUBJECT.search(found[0])
    return subject.start() if subject else found.end()


def _rating(lines: list[_Line], place: int, codes: tuple[str, ...]) -> float:
    """How likely a line is the one that says what went wrong.

    A cause, an error word, a code and a sentence speak for it, a stack frame against; of equals the first is taken, but
    of a Python trace, whose exception comes last, the last.
    """
    line, masked = lines[place].text, lines[place].masked
    if _FRAME.match(line) or _METADATA.match(masked) or not _PREFIX.sub("", masked).strip():
        return -9.0
    rating = 3.0 * bool(_CAUSE.match(line)) + 2.0 * bool(_ERROR_WORD.search(line))
    rating += 2.0 * bool(_GRAVE.search(line[:160])) - 2.0 * bool(_MILD.search(line[:160]))
    rating += 2.0 * any(code in line for code in codes) + bool(_RUSSIAN.search(line)) + 2.0 * bool(_JSON.search(line))
    follows_frame = place > 0 and _FRAME.match(lines[place - 1].text) is not None
    rating += 2.0 * (follows_frame and (place + 1 == len(lines) or not _FRAME.match(lines[place + 1].text)))
    precedes_frame = place + 1 < len(lines) and _FRAME.match(lines[place + 1].text) is not None
    return rating + 2.0 * precedes_frame + 0.5 * (4 <= len(line.split()) <= 40)


def _said(lines: list[_Line]) -> list[str]:
    """Masked: what people wrote, and the first lines that are neither theirs nor a log's, as of a dialog."""
    kept = []
    others = 0
    for line in lines:
        if _is_logged(line) or _JSON.search(line.text):
            continue
        if not _is_prose(line):
            others += 1
            if others > _MOST_OTHERS or len(_LETTERS.findall(line.masked)) < 2:
                continue
        kept.append(line.masked.strip())
    return kept


def _is_machine(line: _Line) -> bool:
    return _is_logged(line) or bool(_JSON.search(line.text))


def _is_logged(line: _Line) -> bool:
    """Whether a program wrote the line to a log or a trace."""
    return bool(_FRAME.match(line.text) or _LOG_LINE.match(line.text) or _METADATA.match(line.masked))


def _is_prose(line: _Line) -> bool:
    """Whether a person wrote the line: no frame and no log line, and Russian words outnumber the others."""
    words = line.text.split()
    russian = sum(bool(_RUSSIAN.search(word)) for word in words)
    return not _is_logged(line) and russian >= 2 and russian * 2 >= len(words)
