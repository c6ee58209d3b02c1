"""Every regular expression of the packages stays quick on the texts that would make it slow.

regexploit, the one keeper of such checks for Python, has been still since 2021 and knows neither possessive repeats nor
atomic groups, by which expressions are mended. So attacks are made here from the expressions themselves: each repeat
without an end is fed what it repeats, and what comes next fails.
"""

import ast
import dataclasses
import importlib
import re
import re._constants as ops
import re._parser as parser
import time
import types
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import TESTS

from server.schema import MAXIMUM_QUERY

ROOT = TESTS.parent
PACKAGES = ("indexer", "server", "evaluation")
CALLS = {"compile", "search", "match", "fullmatch", "split", "findall", "finditer", "sub", "subn"}

SHORT = (12, 20, 24, 28, 32, 36, 40, 60, 100, 400)  # characters: 2^n is noticed while it is still short
MOST = 30  # attacks on one expression
GROWS = 0.02  # seconds that none of these may take
LONGEST = 1.0  # seconds for one search in the longest query
SHORTER = {  # what is given less than the longest query
    "indexer.readers.markdown._CAPTIONS": 1000,  # lines are cut before
    "indexer.readers.markdown._DIRECTIVE": 1000,
    "evaluation.perturb._LATIN": 1000,  # our own judged queries
}


# What there is


def modules() -> Iterator[tuple[str, Path]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"), path


def held(value: object) -> Iterator[re.Pattern]:
    """The expressions in a value of a module: itself, or those in its collections, dataclasses and bound methods."""
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, tuple | list | set | frozenset):
        for each in value:
            yield from held(each)
    elif isinstance(value, dict):
        yield from held([*value, *value.values()])
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield from held([getattr(value, field.name, None) for field in dataclasses.fields(value)])
    elif isinstance(value, types.BuiltinMethodType):
        yield from held(value.__self__ if isinstance(value.__self__, re.Pattern) else ())


def values(module: types.ModuleType) -> Iterator[tuple[str, object]]:
    """What the names of a module and of its own classes stand for."""
    for name, value in vars(module).items():
        yield name, value
        if isinstance(value, type) and value.__module__ == module.__name__:
            for inner, each in vars(value).items():
                yield f"{name}.{inner}", each


def written(tree: ast.AST) -> Iterator[tuple[ast.Call, str | bytes | None]]:
    """The calls of `re` in a module, and the text of each expression; None where it is put together as it runs."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name("re"), attr=name), args=[first, *_]) if name in CALLS:
                yield node, first.value if isinstance(first, ast.Constant) else None


def flags_of(call: ast.Call) -> int:
    given = [keyword.value for keyword in call.keywords if keyword.arg == "flags"]
    named = [
        node.attr for node in [*call.args[1:], *given] for node in ast.walk(node) if isinstance(node, ast.Attribute)
    ]
    return sum(getattr(re, name) for name in set(named) if name.isupper() and hasattr(re, name))


Expression = tuple[re.Pattern, str]  # and how it is used: "match", "fullmatch" or, for all that looks further, "search"

SOURCES = {name: path.read_text(encoding="utf-8") for name, path in modules()}


def use(module: str, name: str) -> str:
    """How the expression of this name is used, in its own module where the name is private."""
    where = [SOURCES[module]] if name.startswith("_") else SOURCES.values()
    uses = {each for text in where for each in re.findall(rf"\b{name}\.(\w+)\(", text)}
    return min(uses) if uses and uses <= {"fullmatch", "match"} else "search"


def collected() -> dict[str, Expression]:
    """Place -> expression, of all packages: those of the modules once imported, and those written inside functions."""
    found: dict[tuple[str | bytes, int], tuple[str, Expression]] = {}
    for name, path in modules():
        for key, value in values(importlib.import_module(name)):
            for pattern in held(value):
                found.setdefault((pattern.pattern, pattern.flags), (f"{name}.{key}", (pattern, use(name, key))))
        for call, text in written(ast.parse(path.read_text(encoding="utf-8"))):
            if text is not None:
                pattern = re.compile(text, flags_of(call))
                found.setdefault((pattern.pattern, pattern.flags), (f"{name}:{call.lineno}", (pattern, "search")))
    return {f"{place} {number}": expression for number, (place, expression) in enumerate(found.values())}


# What would make it slow


def example(tree: object) -> str:
    """A short text that the parsed expression matches, or nearly: look-around is left out."""
    return "".join(example_of(op, given) for op, given in tree)


def example_of(op: object, given: object) -> str:
    if op in (ops.LITERAL,):
        return chr(given)
    if op is ops.NOT_LITERAL:
        return "!" if given != ord("!") else "a"
    if op is ops.ANY:
        return "a"
    if op is ops.IN:
        return of_class(given)[0]
    if op is ops.BRANCH:
        return example(given[1][0])
    if op is ops.SUBPATTERN:
        return example(given[3])
    if op is ops.ATOMIC_GROUP:
        return example(given)
    if op in REPEATS:
        return example(given[2]) * max(given[0], 0 if given[1] != ops.MAXREPEAT else 1)
    return ""


REPEATS = (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT)
SAMPLES = "a0 _-.\n\tZя:;,\"'<>()[]{}/\\=#*~|@%&+?!$^`«»‹›•—\u00a0"


def of_class(given: object) -> str:
    """Characters of a class, of each kind one."""
    source = parser.SubPattern(parser.State(), [(ops.IN, given)])
    compiled = re._compiler.compile(source, 0)
    return "".join(letter for letter in SAMPLES if compiled.fullmatch(letter)) or chr(next(singles(given), ord("a")))


def singles(given: object) -> Iterator[int]:
    for op, value in given:
        if op is ops.LITERAL:
            yield value
        elif op is ops.RANGE:
            yield value[0]


def pumps(tree: object, before: str = "") -> Iterator[tuple[str, str]]:
    """For each repeat that may go on for long: what comes before it, and what it repeats."""
    for op, given in tree:
        if op in REPEATS:
            _, most, inner = given
            if most == ops.MAXREPEAT or most >= 64:
                yield before, example(inner)
                if len(inner) == 1 and inner[0][0] is ops.IN:
                    for letter in of_class(inner[0][1])[:6]:
                        yield before, letter
            yield from pumps(inner, before)
        elif op is ops.SUBPATTERN:
            yield from pumps(given[3], before)
        elif op is ops.ATOMIC_GROUP:
            yield from pumps(given, before)
        elif op in (ops.ASSERT, ops.ASSERT_NOT):
            yield from pumps(given[1], before)
        elif op is ops.BRANCH:
            for branch in given[1]:
                yield from pumps(branch, before)
        before += example_of(op, given)


def attacks(pattern: re.Pattern) -> list[tuple[str, str, str]]:
    """Beginnings, repeated parts and ends."""
    tree = parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG)
    repeated = {pump for pump in pumps(tree) if pump[1]}
    # Two that stand side by side may overlap only in a text of both.
    parts = sorted({pump for _, pump in repeated if len(pump) < 3}, key=len)[:6]
    repeated |= {("", first + second) for first in parts for second in parts}
    repeated |= {("", before + pump) for before, pump in repeated if before}
    shortest = sorted(repeated, key=lambda pump: (len(pump[0] + pump[1]), pump))[:MOST]
    return [(before, pump, end) for before, pump in shortest for end in ("", "\x01")]


def seconds(expression: Expression, attack: tuple[str, str, str], length: int, tries: int = 1) -> float:
    pattern, name = expression
    run = getattr(pattern, name)
    before, pump, end = attack
    text = before + pump * (length // len(pump)) + end
    given = text.encode("utf-8", "replace") if isinstance(pattern.pattern, bytes) else text
    best = float("inf")
    for _ in range(tries):
        start = time.process_time()
        run(given)
        best = min(best, time.process_time() - start)
        if best < LONGEST / 32:
            break
    return best


def slowest(expression: Expression, longest: int = MAXIMUM_QUERY) -> tuple[float, str]:
    """Seconds of the worst attack of that many characters, and how it is made; infinite where it never ends.

    Measured on a quarter of the characters, since what grows by their square takes a sixteenth of the time then.
    """
    worst, chosen = -1.0, ("", "a", "")
    for attack in attacks(expression[0]):
        for length in SHORT:
            if (took := seconds(expression, attack, length)) > GROWS:
                return float("inf"), f"{attack}, {length} characters: {took:.2f} s"
        worst, chosen = max((worst, chosen), (took, attack))
    took = 16 * seconds(expression, chosen, longest // 4, tries=3)
    return took, f"{chosen}, {longest} characters: {took:.2f} s"


EXPRESSIONS = collected()


@pytest.mark.parametrize("place", EXPRESSIONS)
def test_no_text_of_the_length_of_a_query_takes_it_long(place: str):
    took, how = slowest(EXPRESSIONS[place], SHORTER.get(place.partition(" ")[0], MAXIMUM_QUERY))
    assert took < LONGEST, f"{how}\n{EXPRESSIONS[place][0].pattern!r}"


def test_expressions_that_are_put_together_as_they_run_are_known():
    """The others are checked above; these are of escaped words and plain alternatives alone.

    Those of `server.personal` are made by a function as it is imported, and checked above as well.
    """
    running = set()
    for name, path in modules():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        inside = {id(node) for each in ast.walk(tree) if isinstance(each, ast.FunctionDef) for node in ast.walk(each)}
        running |= {name for call, text in written(tree) if text is None and id(call) in inside}
    assert running == {"indexer.stores.milvus", "server.interpretation", "server.personal", "server.reading.translit"}


def test_expressions_are_written_so_that_they_are_found():
    """By `re.` alone: another name of the module, or another engine, would hide them from this file."""
    hidden = []
    for name, path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.ImportFrom(module="re" | "regex" | "re2" | "sre_compile"):
                    hidden.append(name)
                case ast.Import(names=names):
                    hidden += [name for each in names if each.name in ("regex", "re2")]
                    hidden += [name for each in names if each.name == "re" and each.asname]
    assert hidden == []


def test_expressions_are_found_wherever_a_module_keeps_them():
    @dataclasses.dataclass
    class Kind:
        pattern: re.Pattern

    module = types.ModuleType("sample")
    one = iter(range(100))

    def new() -> re.Pattern:
        return re.compile(f"a{next(one)}")

    module.itself, module.bound, module.kinds = new(), new().finditer, (Kind(new()), [new()], {new(): new()})
    module.Own = type("Own", (), {"__module__": "sample", "PATTERN": new()})
    found = {pattern.pattern for _, value in values(module) for pattern in held(value)}
    assert found == {f"a{number}" for number in range(next(one))}


@pytest.mark.parametrize("text", [r"(a+)+$", r"(a|a)*$", r"(\w|\d)+!", r"^(a|aa)+$", r"\s*a?\s*b?\s*$", r"(.*a){12}!"])
def test_catastrophic_ones_are_noticed(text: str):
    assert slowest((re.compile(text), "search"))[0] > LONGEST


@pytest.mark.parametrize("text", [r"a+", r"(?:a|b)+$", r"(?>a+)+!", r"(?:[^a]a)++$"])
def test_harmless_ones_are_let_be(text: str):
    assert slowest((re.compile(text), "search"))[0] < LONGEST


# Those of scripts, in the browser that runs them

_LITERAL = re.compile(
    r"(?:^|[=(,:!&|?;{\[]|return)\s*/((?![*/])(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+)/([dgimsuvy]*)", re.MULTILINE
)
TIMED = """([source, flags, attacks, lengths, grows]) => {
  const expression = new RegExp(source, flags.replace("y", ""));
  let worst = [0, ""];
  for (const [before, pump, end] of attacks) {
    for (const length of lengths) {
      const text = before + pump.repeat(length / pump.length) + end;
      let took = Infinity; // the best of three: others may be busy
      for (let tries = 0; tries < 3 && took > 1000 * grows; tries++) {
        const start = performance.now();
        text.replace(expression, "");
        took = Math.min(took, performance.now() - start);
      }
      if (took > worst[0]) worst = [took, `${JSON.stringify([before, pump, end])}, ${length} characters`];
      if (took > 1000 * grows) return worst;
    }
  }
  return worst;
}"""


def of_scripts() -> dict[str, tuple[str, str]]:
    """Place -> source and flags of each expression in a script of the pages."""
    found = {}
    for path in sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.js")):
        text = re.sub(r"^\s*//.*$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert "RegExp" not in text, f"{path}: an expression that is put together as it runs; write it out"
        for number, (source, flags) in enumerate(_LITERAL.findall(text)):
            found[f"{path.name} {number}"] = source, flags
    return found


def as_python(source: str) -> re.Pattern:
    """The like of a script's expression, from which attacks are made."""
    return re.compile(source.replace(r"\p{L}", "a-zа-я").replace(r"\p{N}", "0-9").replace("(?<n", "(?P<n"))


SCRIPTS = of_scripts()


def test_expressions_of_scripts_are_found():
    files = {place.partition(" ")[0] for place in SCRIPTS}
    assert {"recent.js", "suggestions.js", "widget-help.js", "widget-views.js", "judge.js"} <= files
    assert [each[0] for each in _LITERAL.findall("x = a / b / c; y.replace(/[/]+$/g, '') // w")] == ["[/]+$"]


@pytest.fixture
def scripts(chromium):
    context = chromium.new_context()
    yield context.new_page()
    context.close()


@pytest.mark.browser
@pytest.mark.parametrize("place", SCRIPTS)
def test_no_text_of_the_length_of_a_query_takes_a_script_long(scripts, place: str):
    source, flags = SCRIPTS[place]
    given = [source, flags, attacks(as_python(source)), [*SHORT, MAXIMUM_QUERY // 4], LONGEST / 16]
    took, how = scripts.evaluate(TIMED, given)
    assert took < 1000 * LONGEST / 16, f"{how}: {took:.0f} ms\n/{source}/{flags}"


@pytest.mark.browser
def test_catastrophic_ones_of_scripts_are_noticed(scripts):
    for source in (r"(a+)+$", r"\s*a?\s*b?\s*$"):
        given = [source, "", attacks(re.compile(source)), [*SHORT, MAXIMUM_QUERY // 4], LONGEST / 16]
        assert scripts.evaluate(TIMED, given)[0] > 1000 * LONGEST / 16
