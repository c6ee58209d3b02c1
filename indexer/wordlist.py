"""The words that queries are read against: those of the sections with their counts, and common ones of the language.

The common words come from wordfreq (Speer, 2022) when the index is built and lie in the artifact, so that a server
needs neither that package nor time to read its lists.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from indexer.errors import ArtifactError
from indexer.words import clean, word_texts

FILE = "words.tsv"


@dataclass(frozen=True, slots=True)
class WordList:
    """Word forms in lower case, ё folded to е."""

    corpus: Mapping[str, int]  # form -> how often it stands in the sections
    russian: Mapping[str, float]  # form -> Zipf frequency: log10 of its uses in a billion words; 3.0 and more
    english: Mapping[str, float]  # the same of English

    def save(self, folder: Path) -> None:
        """Writes the list as a table, sorted: form, count, Zipf frequency as Russian, as English; 0 where unknown."""
        forms = sorted(self.corpus.keys() | self.russian.keys() | self.english.keys())
        lines = (
            f"{form}\t{self.corpus.get(form, 0)}\t{self.russian.get(form, 0.0):g}\t{self.english.get(form, 0.0):g}\n"
            for form in forms
        )
        (folder / FILE).write_text("".join(lines), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "WordList":
        """Reads what `save` wrote. Raises ArtifactError where the file is damaged."""
        path = folder / FILE
        corpus: dict[str, int] = {}
        russian: dict[str, float] = {}
        english: dict[str, float] = {}
        try:
            for line in path.read_text(encoding="utf-8").split("\n")[:-1]:
                form, count, as_russian, as_english = line.split("\t")
                if count != "0":
                    corpus[form] = int(count)
                if as_russian != "0":
                    russian[form] = float(as_russian)
                if as_english != "0":
                    english[form] = float(as_english)
        except (OSError, ValueError) as error:
            raise ArtifactError(
                f"{path}: unreadable ({error}); expected the table of words; rebuild the index"
            ) from error
        return cls(corpus, russian, english)


def word_list(texts: Iterable[str]) -> WordList:
    """The words of the texts, with the common words of Russian and English."""
    from wordfreq import get_frequency_dict

    corpus = Counter(folded(word) for text in texts for word in word_texts(clean(text)))

    def common(language: str) -> dict[str, float]:
        found: dict[str, float] = {}
        for form, share in get_frequency_dict(language, "small").items():
            key = folded(form)
            # «еще» and «ещё» are one word here; the more frequent spelling speaks for it.
            if key.isalpha() and key.isascii() == (language == "en"):
                found[key] = max(found.get(key, 0.0), round(math.log10(share) + 9, 2))
        return found

    return WordList(dict(corpus), common("ru"), common("en"))


def folded(word: str) -> str:
    """The word with ё as е."""
    return word.replace("ё", "е")
