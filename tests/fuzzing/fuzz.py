"""Coverage-guided fuzzing of one target: python tests/fuzzing/fuzz.py TARGET [-max_total_time=600] [FOLDER...].

Needs atheris (pip install atheris: Linux and macOS, CPython 3.11 or newer). An exception is a finding: it is printed,
and the input is left in the current folder. See README.md.
"""

import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[2]))

with atheris.instrument_imports(include=["indexer", "server"]):
    from indexer.readers import decoding, fields
    from indexer.readers.markdown import read_markdown
    from indexer.readers.text_dump import read_text
    from indexer.readers.web_page import read_page
    from server.personal import hide
    from server.reading.masks import mask
    from server.reading.pasted import read_pasted

TARGETS = {
    "markdown": lambda text: read_markdown(text, "a", "a.md"),
    "page": lambda text: read_page(text, "a", "a.html"),
    "dump": lambda text: read_text(text, "a", "a.txt"),
    "fields": fields.read_fields,
    "pasted": lambda text: (read_pasted(text), hide(text), mask(text)),
}


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] not in {*TARGETS, "decoding"}:
        sys.exit(f"no target; expected one of {', '.join([*TARGETS, 'decoding'])}; see tests/fuzzing/README.md")
    target = sys.argv.pop(1)

    def one(content: bytes) -> None:
        if target == "decoding":
            decoding.decode(content)
        else:
            TARGETS[target](content.decode("utf-8", "ignore"))

    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
