"""What a content editor owns beside the articles: topics, known errors, synonyms, contacts, questions that were asked.

Each is a file of the corpus, checked here field by field; the build copies it into the artifact, and the server reads
the copy with the same functions.
"""

import datetime
import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from indexer.errors import ArticleError

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
ClockTime = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-4]):[0-5]\d$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Topic(_Strict):
    """A topic of the navigation."""

    id: Text
    title: Text


class Topics(_Strict):
    """topics.toml: the name of the site, and the topics in the order of the navigation."""

    topic: tuple[Topic, ...]
    site: Text = "Справка"


class KnownError(_Strict):
    """An error text or code and the section that explains it."""

    text: Text
    section: Text
    distinctive: bool


class KnownErrors(_Strict):
    """errors.toml."""

    error: tuple[KnownError, ...] = ()


class TwoWay(_Strict):
    """Words that find each other."""

    words: tuple[Text, ...]


class OneWay(_Strict):
    """Words that find others, but are not found by them."""

    from_: tuple[Text, ...]
    to: tuple[Text, ...]

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=lambda name: name.rstrip("_"))


class Synonyms(_Strict):
    """synonyms.toml."""

    two_way: tuple[TwoWay, ...] = ()
    one_way: tuple[OneWay, ...] = ()


class Hours(_Strict):
    """When a part of the support works: opening and closing times of a day, or only words."""

    text: Text
    weekdays: tuple[ClockTime, ClockTime] | None = None
    weekends: tuple[ClockTime, ClockTime] | None = None  # and public holidays


class Holidays(_Strict):
    """Days that are off or worked against the calendar of the country."""

    country: Text
    extra_days_off: tuple[datetime.date, ...] = ()
    extra_working_days: tuple[datetime.date, ...] = ()


class Route(_Strict):
    """A way to reach somebody who helps; `address` is empty until whoever runs the site fills it in."""

    id: Text
    name: Text
    audience: tuple[Literal["user", "admin"], ...]
    how: Text
    address: str
    hours: str


class GeneralStep(_Strict):
    """A step of the ladder that suits any trouble."""

    text: Text
    danger: tuple[Literal["deletes_data", "signs_out", "needs_admin"], ...] = ()
    platforms: tuple[Literal["android", "ios", "web", "desktop", "server"], ...] = ()


class Status(_Strict):
    """A status of a ticket on the Jira portal."""

    name: Text
    meaning: Text


class Priority(_Strict):
    """Priorities of a ticket on the Jira portal that mean the same."""

    names: tuple[Text, ...]
    meaning: Text


class FeatureRequest(_Strict):
    """What to say when asking for a new function."""

    intro: Text
    ask: tuple[Text, ...]


class Support(_Strict):
    """support.toml."""

    time_zone: Text
    time_zone_label: Text
    hours: dict[str, Hours]
    holidays: Holidays
    route: tuple[Route, ...]
    ladder: tuple[GeneralStep, ...]
    gather: tuple[Text, ...]
    status: tuple[Status, ...]
    priority: tuple[Priority, ...]
    feature_request: FeatureRequest


class Question(_Strict):
    """What somebody asked, and the sections that answer it; none where the help has no answer."""

    text: Text
    sections: tuple[Text, ...] = ()
    steps: tuple[Text, ...] | None = None  # ids of those of the sections' steps that belong into the answer, if judged

    @property
    def line(self) -> str:
        """The text in one line: what is searched."""
        return " ".join(self.text.split())


# File name -> what it holds. The build copies these files as they are.
FILES: dict[str, type[BaseModel]] = {
    "topics.toml": Topics,
    "errors.toml": KnownErrors,
    "synonyms.toml": Synonyms,
    "support.toml": Support,
}

QUESTIONS = "questions.jsonl"  # a Question a line; the build makes an index of them

Table = TypeVar("Table", bound=BaseModel)


def read(folder: Path, name: str, kind: type[Table]) -> Table | None:
    """The checked contents of `folder/name`, or None where there is no such file.

    Raises ArticleError with a line for each mistake.
    """
    path = folder / name
    if (content := _text_of(path)) is None:
        return None
    try:
        return kind.model_validate(tomllib.loads(content))
    except ValidationError as error:
        raise ArticleError("\n".join(_mistake(path, content, detail) for detail in error.errors())) from error
    except (ValueError, RecursionError) as error:  # tomllib's own, and a number or brackets without end
        line = re.search(r"at line (\d+)", str(error))
        raise ArticleError(
            f'{path}:{line[1] if line else len(content.splitlines())}: not TOML ({error}); expected name = "value" or '
            "[[table]]; close the quotation mark or bracket"
        ) from error


def read_questions(folder: Path) -> tuple[Question, ...]:
    """The questions beside a corpus or in an index; none where there is no such file.

    Raises ArticleError with a line for each mistake.
    """
    return tuple(question for _, question in numbered_questions(folder))


def numbered_questions(folder: Path) -> list[tuple[int, Question]]:
    """The questions with the numbers of their lines; none where there is no such file.

    Raises ArticleError with a line for each mistake.
    """
    path = folder / QUESTIONS
    if (content := _text_of(path)) is None:
        return []
    found: list[tuple[int, Question]] = []
    mistakes: list[str] = []
    # At line feeds alone: JSON may hold other separators of lines as they are.
    for number, line in enumerate(content.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            found.append((number, Question.model_validate_json(line)))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the line"
            mistakes.append(
                f"{path}:{number}: {where} does not fit ({first['msg']}); expected "
                '{"text": "…", "sections": ["article#anchor"], "steps": ["id of a step"] or null}; correct the line'
            )
    if mistakes:
        raise ArticleError("\n".join(mistakes))
    return found


def _text_of(path: Path) -> str | None:
    """The text of a file; None where there is none. Raises ArticleError where it cannot be read or is not UTF-8."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise ArticleError(f"{path}: byte {error.start} is not UTF-8; expected UTF-8 text; save it as UTF-8") from error
    except OSError as error:
        raise ArticleError(f"{path}: cannot be read ({error.strerror}); expected a readable file") from error


def line_of(content: str, text: str, otherwise: int = 1) -> int:
    """The first line of a TOML file that holds the text as a quoted string; `otherwise` where none does."""
    lines = content.splitlines()
    return next(
        (number for number, line in enumerate(lines, 1) if f'"{text}"' in line or f"'{text}'" in line), otherwise
    )


def _mistake(path: Path, content: str, detail: object) -> str:
    assert isinstance(detail, dict)  # noqa: S101 -- pydantic's ErrorDetails
    *_, name = where = [str(part) for part in detail["loc"]]
    lines = [line.partition("#")[0].strip() for line in content.splitlines()]
    # The lines of the [[table]] that the mistake is in, and in them the line of the field.
    starts = [number for number, line in enumerate(lines, 1) if line == f"[[{where[0]}]]"]
    starts = starts[int(where[1]) :] if where[1:2] and where[1].isdigit() else []
    first, end = starts[0] if starts else 1, starts[1] - 1 if starts[1:] else len(lines)
    field = next((part for part in reversed(where) if not part.isdigit()), name)
    numbered = enumerate(lines[first - 1 : end], first)
    line = next((number for number, line in numbered if line.partition("=")[0].strip() == field), first)
    if detail["type"] == "missing":
        return f'{path}:{line}: "{name}" is missing; expected a line "{name} = …" in this entry; add it'
    found = f'"{name}" of {".".join(where)}'
    return f"{path}:{line}: {found} does not fit ({detail['msg']}); expected the form of corpus/README.md; correct it"
