"""The block between the `---` lines of an article, checked field by field with the line of each mistake."""

import datetime
from dataclasses import dataclass
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from indexer.articles import AUDIENCES, PLATFORMS

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]

_EXPECTED = {
    "title": "the article's title as text",
    "topic": "a topic id from topics.toml",
    "updated": "a date such as 2026-11-22",
    "order": "a whole number",
    "platforms": "a list out of [" + ", ".join(PLATFORMS) + "]",
    "audiences": "a list out of [" + ", ".join(AUDIENCES) + "]",
    "internal": "true or false",
    "featured": "a list of at most two section ids",
}


class FrontMatter(BaseModel):
    """The fields of an article's front matter; corpus/README.md tells what each says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Text
    topic: Text
    updated: datetime.date
    order: int = 100
    platforms: tuple[Text, ...] = ()
    audiences: tuple[Text, ...] = ()
    keywords: tuple[Text, ...] = ()
    related: tuple[Text, ...] = ()
    featured: Annotated[tuple[Text, ...], Field(max_length=2)] = ()
    aliases: tuple[Text, ...] = ()
    facts: tuple[Text, ...] = ()
    internal: bool = False

    @field_validator("platforms")
    @classmethod
    def _known_platforms(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        return _known(values, PLATFORMS)

    @field_validator("audiences")
    @classmethod
    def _known_audiences(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        return _known(values, AUDIENCES)


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with a front matter: the line (from 1, the opening `---`) and the message."""

    line: int
    message: str


class _Loader(yaml.SafeLoader):
    """Leaves dates as text, so that a wrong one («2026-13-01») is found by field and line instead of failing here."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse(source: str) -> tuple[FrontMatter | None, list[Mistake]]:
    """The checked front matter, or None and the mistakes in it. `source` is what stands between the `---` lines."""
    try:
        node = yaml.compose(source, Loader=_Loader)
        values: Any = yaml.load(source, Loader=_Loader)  # noqa: S506 -- a SafeLoader  # nosec B506
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: «!!int x»
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "unreadable"
        return None, [
            Mistake(mark.line + 2 if mark else 1, f"not YAML ({problem}); expected field: value; mend the line")
        ]
    if not isinstance(node, yaml.MappingNode):
        return None, [Mistake(1, "front matter holds no fields; expected title, topic and updated; add them")]
    lines = {key.value: key.start_mark.line + 2 for key, _ in node.value}
    if len(lines) < len(node.value):
        return None, [Mistake(1, "a field stands twice in the front matter; expected each once; remove one")]
    try:
        return FrontMatter.model_validate(values), []
    except ValidationError as error:
        return None, [_mistake(detail, lines) for detail in error.errors(include_url=False)]


def _known(values: tuple[str, ...], known: tuple[str, ...]) -> tuple[str, ...]:
    if unknown := [value for value in values if value not in known]:
        raise ValueError(f"{unknown[0]} is unknown")
    return values


def _mistake(detail: Any, lines: dict[str, int]) -> Mistake:  # noqa: ANN401 -- a dict of pydantic's
    name = str(detail["loc"][0])
    expected = _EXPECTED.get(name, "a list of texts: [one, two]")
    if detail["type"] == "missing":
        return Mistake(1, f'"{name}" is missing; expected {expected}; add the line "{name}: …"')
    if detail["type"] == "extra_forbidden":
        fields = ", ".join(FrontMatter.model_fields)
        return Mistake(lines.get(name, 1), f'field "{name}" is unknown; expected one of {fields}; correct or remove it')
    if detail["input"] is None:
        return Mistake(lines.get(name, 1), f'"{name}" is empty; expected {expected}; fill it in')
    found = detail["input"]
    return Mistake(lines.get(name, 1), f'"{name}" is {found!r}; expected {expected}; correct it')
