"""Attribute lines of our own form: `{platform=android,ios audience=admin}`."""

import re
import shlex

from indexer.articles import AUDIENCES, DANGERS, PLATFORMS

_KNOWN = {"platform": PLATFORMS, "audience": AUDIENCES, "danger": DANGERS, "internal": ("true",)}

HEADING_KEYS = ("platform", "audience", "related", "alias", "keywords", "internal")
STEP_KEYS = ("platform", "audience", "danger")

TRAILING = re.compile(r"\s*\{([^{}]*=[^{}]*)\}\s*$")


def parse(source: str, allowed: tuple[str, ...]) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """The attributes of what stands between the braces, and the mistakes in it as «found; expected; what to do»."""
    values: dict[str, tuple[str, ...]] = {}
    mistakes: list[str] = []
    try:
        parts = shlex.split(source)
    except ValueError:
        return {}, [f"{{{source}}} has an open quotation mark; expected name=value; close it"]
    for part in parts:
        name, _, value = part.partition("=")
        items = tuple(item.strip() for item in value.split(",") if item.strip())
        if name not in allowed:
            mistakes.append(
                f'attribute "{name}" is unknown here; expected one of {", ".join(allowed)}; correct the name'
            )
        elif not items:
            mistakes.append(f'attribute "{name}" is empty; expected {name}=value; add the value or remove it')
        else:
            known = _KNOWN.get(name)
            mistakes += [
                f'{name} "{item}" is unknown; expected one of {", ".join(known)}; correct it'
                for item in items
                if known and item not in known
            ]
            values[name] = items
    return values, mistakes
