"""What fuzzing kept (tests/fuzzing): each input that reached new code, or was a finding, keeps its promise still."""

import base64
from time import process_time

import pytest
from fuzzing.targets import SEEDS, TARGETS, check_harmless

LONGEST = 5.0  # seconds of one input: a hundred times what the slowest takes


def seeds(target: str) -> list[bytes]:
    """The kept inputs of a target."""
    text = (SEEDS / f"{target}.txt").read_text(encoding="ascii")
    return [base64.b64decode(line, validate=True) for line in text.splitlines()]


@pytest.mark.parametrize("target", TARGETS)
def test_kept_inputs_are_read_or_refused(target: str):
    run = TARGETS[target]
    run(b"")  # opens the dictionary, builds the index
    kept = seeds(target)
    assert len(kept) > 20
    for content in kept:
        start = process_time()
        try:
            run(content)
        except Exception as error:
            pytest.fail(f"{type(error).__name__}: {error}\n{target}: {content!r}")
        assert process_time() - start < LONGEST, content


def test_every_kept_file_is_of_a_target():
    assert {path.name for path in SEEDS.iterdir()} == {f"{target}.txt" for target in TARGETS}


@pytest.mark.parametrize(
    "written",
    [
        "<script>alert(1)</script>",
        "<p onclick='alert(1)'>а</p>",
        '<p onclick="alert(1)">а</p>',
        '<a href="javascript:alert(1)">а</a>',
        '<a href="java\nscript&colon;alert(1)">а</a>',
        "<p><img src=x></p>",
    ],
)
def test_markup_that_runs_or_loads_is_noticed(written: str):
    """The check of the targets that read articles can fail."""
    with pytest.raises(AssertionError):
        check_harmless(written)


def test_our_own_markup_is_let_be():
    check_harmless('<p>а <a href="https://example.ru/?data:=1">б</a></p><ol><li>javascript: в</li></ol>')
