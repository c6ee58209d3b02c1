"""The sentences that may be quoted as an answer, cut out of the sections: a small index beside that of the sections.

Steps are no quotes: they are instructions, and answers show them as such.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import takewhile
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter
from razdel import sentenize

from indexer import reuse
from indexer.encoder import Encoder, Progress, Vectors
from indexer.errors import ArtifactError
from indexer.sections import Section

FOLDER = "sentences"  # of the artifact

_SENTENCES, _VECTORS = "sentences.jsonl", "vectors.npy"
_SHORTEST = 20  # characters; less says nothing by itself
_WHOLE = 200  # characters up to which sentences of one paragraph stay together
_LONGEST = 500  # characters of a quote: longer lists are quoted by their items alone
_CELLS = " | "  # between the cells of a table, whose rows are no sentences
_DASH = re.compile(r"\s— ")  # between a word and what it means
_MARK = re.compile(r"(?:•|\d+\.) ")  # before an item
_GOES_ON = re.compile("[а-яё]")
_ENDS = (".", "!", "?", "…", ".»", ")")

# What points back: a sentence that begins so lacks its sense without the one before it.
_POINTS_BACK = re.compile(
    r"(?:это|эта|эти|эту|этот|он|она|они|оно|его|её|их|им|ему|ей|так|такой|такая|такое|такие|там|тогда|потом|поэтому"
    r"|но|а|и|или|однако|зато|иначе|ещё|бывает|тот|та|то|те|тех"
    r"|(?:в|на|с|о|об|у|к|для|при|после|из|по) (?:нём|ней|них|ним|нему|этого|этом|этому))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """One or more sentences, an item of a list, or a short list: word for word as in its section."""

    section_id: str
    heading: str  # of the section
    lead: str  # what introduces the list that an item stands in; empty for anything else
    text: str  # of a list the line that introduces it, then a line an item

    @property
    def passage(self) -> str:
        """What the model reads: the sentence, and above it what it is said of."""
        return "\n".join(filter(None, (self.heading, self.lead, self.text)))


@dataclass(frozen=True, slots=True)
class SentenceIndex:
    """The sentences of all sections, in their order. Row i of the vectors is sentence i."""

    sentences: tuple[Sentence, ...]
    vectors: Vectors  # (sentences, dimension), unit length

    @classmethod
    def build(
        cls, sections: Iterable[Section], encoder: Encoder, known: Mapping[str, Vectors], progress: Progress
    ) -> "SentenceIndex":
        """The index of these sections; `known` are vectors by digest of a passage, which need not be made again."""
        sentences = tuple(sentence for section in sections for sentence in cut(section))
        passages = [sentence.passage for sentence in sentences]
        vectors, _ = reuse.encoded(passages, known, lambda new: encoder.encode_passages(new, progress))
        return cls(sentences, vectors)

    def known_vectors(self) -> dict[str, Vectors]:
        """The vectors by digest of their passages."""
        return reuse.by_digest((sentence.passage for sentence in self.sentences), self.vectors)

    def save(self, folder: Path) -> None:
        """Writes the sentences and their vectors into a new folder."""
        folder.mkdir()
        lines = (json.dumps(asdict(sentence), ensure_ascii=False) for sentence in self.sentences)
        (folder / _SENTENCES).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        np.save(folder / _VECTORS, self.vectors, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> "SentenceIndex":
        """Reads what `save` wrote, vectors memory-mapped. Raises ArtifactError where it does not belong together."""
        adapter = TypeAdapter(Sentence)
        try:
            with (folder / _SENTENCES).open("rb") as file:
                sentences = tuple(adapter.validate_json(line) for line in file)
            vectors: Vectors = np.asarray(np.load(folder / _VECTORS, mmap_mode="r", allow_pickle=False))
        except (OSError, ValueError) as error:
            raise ArtifactError(f"{folder}: unreadable sentences ({error}); rebuild the index") from error
        if len(sentences) != len(vectors):
            raise ArtifactError(
                f"{folder}: {len(sentences)} sentences, {len(vectors)} vectors; expected as many of each; "
                "rebuild the index"
            )
        return cls(sentences, vectors)


def cut(section: Section) -> Iterator[Sentence]:
    """What may be quoted of a section, in the order of its text; nothing where all of it is steps."""
    steps = [" ".join((step.text, *step.substeps)) for step in section.steps]

    def is_step(line: str) -> bool:
        return any(_body(line) in step for step in steps)

    lines = [line for line in section.text.split("\n") if line.strip()]
    place = 0
    while place < len(lines):
        line = lines[place]
        items = [] if _is_item(line) else list(takewhile(_is_item, lines[place + 1 :]))
        place += 1 + len(items)
        texts = [] if is_step(line) or _CELLS in line else _joined(_body(line))
        lead = texts.pop() if items and texts and not texts[-1].endswith(_ENDS) else ""
        told = [item for item in items if not is_step(item)]
        alone = [_body(item) for item in told if _stands_alone(_body(item))]
        if lead and told == items and len(alone) < len(items):
            texts.append("\n".join((lead, *items)))
        found = [("", text) for text in texts if not _POINTS_BACK.match(text)] + [(lead, text) for text in alone]
        for above, text in found:
            if _SHORTEST <= len(text) <= _LONGEST and not text.endswith(":"):
                yield Sentence(section.section_id, section.headings[-1] if section.headings else "", above, text)


def _joined(paragraph: str) -> list[str]:
    """The sentences of a paragraph; those that belong together as one: short ones, and what points back.

    What introduces a list or steps stands apart, as the last.
    """
    found: list[str] = []
    start = 0
    for sentence in sentenize(paragraph):
        text = paragraph[start : sentence.stop]
        introduces = not sentence.text.endswith(_ENDS)
        if found and not introduces and (len(text) <= _WHOLE or _POINTS_BACK.match(sentence.text)):
            found[-1] = text
        else:
            found.append(sentence.text)
            start = sentence.start
    return found


def _is_item(line: str) -> bool:
    return bool(_MARK.match(line))


def _body(line: str) -> str:
    """The line without its bullet or number."""
    mark = _MARK.match(line)
    return line[mark.end() if mark else 0 :].strip()


def _stands_alone(item: str) -> bool:
    """Whether an item says something without the sentence that introduces its list, which it may go on with."""
    return not _GOES_ON.match(item) and (not item.endswith((";", ",")) or bool(_DASH.search(item)))
