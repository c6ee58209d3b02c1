"""How a query was read: what kind it is, what was searched for, what was changed."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from indexer.knowledge import KnownErrors, Synonyms
from indexer.lemmas import Lemmatizer
from indexer.wordlist import WordList
from indexer.words import clean
from server.reading import latin, layout, spelling
from server.reading.changes import Change
from server.reading.cues import Audience, Platform, audience_of, platform_of
from server.reading.known import KnownTexts
from server.reading.lexicon import Lexicon, folded_words
from server.reading.pasted import Pasted, read_pasted
from server.reading.synonyms import Expansion, Thesaurus, words_of

Kind = Literal["keywords", "question", "error"]

# What reading can do beyond white space and invisible characters; each can be switched off.
Ability = Literal["layout", "translit", "typo", "synonym", "error", "platform", "audience"]
AS_TYPED: frozenset[Ability] = frozenset(("layout", "translit", "typo", "synonym"))

_REPAIRS: Mapping[Ability, Callable[[str, Lexicon], tuple[str, tuple[Change, ...]]]] = {
    "layout": layout.repair,
    "translit": latin.repair,
    "typo": spelling.repair,
}

LONGEST_TYPED = 300  # characters; longer text was pasted, and repairing it would cost more than it gives
_TOLD = 1  # synonyms of a word that the model is told; more of them say nothing new and take time
_UNSURE = 0.8  # changes less sure than this leave the typed words in the search

_QUESTION = re.compile(
    r"(?:а |и |но )?(?:как|что|чем|где|куда|откуда|когда|почему|отчего|зачем|кто|кому|чей|сколько|"
    r"какой|какая|какое|какие|можно ли|нужно ли|есть ли|надо ли|могу ли|подскажите)\b(?!-)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Interpretation:
    """How a query was read."""

    kind: Kind
    read_as: str  # what is searched for
    typed: str  # the query, white space joined
    changes: tuple[Change, ...] = ()
    error: Pasted | None = None
    platform: Platform | None = None
    audience: Audience | None = None
    explained_in: tuple[str, ...] = ()  # section_ids that explain an error text of the query
    expansions: tuple[Expansion, ...] = ()  # words of the query that others find the same as

    @property
    def synonyms(self) -> tuple[str, ...]:
        """Words that find the same as some of the query, each once."""
        return tuple(dict.fromkeys(word for expansion in self.expansions for word in expansion.meant))

    @property
    def sense(self) -> str:
        """What the model reads: the query, and after it the help's own words for slang in it."""
        # Without brackets and commas, which said nothing and took 1.5 of some 34 tokens.
        meant = dict.fromkeys(word for expansion in self.expansions for word in expansion.meant[:_TOLD])
        return " ".join((self.read_as, *meant))

    @property
    def is_sure(self) -> bool:
        """Whether what was typed need not be searched for beside what was read."""
        return all(change.confidence >= _UNSURE for change in self.changes if change.kind != "synonym")


class Reader:
    """Reads queries against the words, synonyms and error texts of a help."""

    def __init__(
        self,
        errors: KnownErrors,
        synonyms: Synonyms,
        word_list: WordList,
        lemmatizer: Lemmatizer,
        share: Callable[[tuple[str, ...]], float] = lambda lemmas: 0.0,
        quoted: Iterable[tuple[str, str]] = (),
    ) -> None:
        """`share` tells in which share of the help's sections all of some lemmas stand.

        `quoted` are messages that sections quote, as known.quoted_errors gives them.
        """
        self._lemmatizer = lemmatizer
        self._thesaurus = Thesaurus(synonyms, lemmatizer, share)
        slang = (part for word in words_of(synonyms) for part in folded_words(word))
        self._lexicon = Lexicon(word_list, slang, lemmatizer)
        self._known = KnownTexts(errors, quoted, lemmatizer)

    def read(self, query: str, without: Collection[Ability] = (), untouched: Collection[str] = ()) -> Interpretation:
        """The query as it was probably meant; `without` switches abilities off (AS_TYPED: all that change words).

        `untouched` are words that stay as they are, named as `from_` of a change names them.
        """
        cleaned = clean(query)
        typed = " ".join(cleaned.split())
        pasted = None if "error" in without else read_pasted(cleaned)
        text = pasted.searched if pasted else typed
        changes: tuple[Change, ...] = ()
        if len(text) <= LONGEST_TYPED:
            text, changes = self._repaired(text, without, untouched)
        lemmas = self._lemmatizer.lemmas(text)
        found = [] if "synonym" in without else self._thesaurus.found_in(text)
        found = [each for each in found if each.typed not in untouched]
        held = self._known.held(text) or (self._known.held(typed) if text != typed else [])
        return Interpretation(
            kind="error" if pasted or held else _kind(text),
            read_as=text,
            typed=typed,
            changes=(*changes, *(Change("synonym", each.typed, ", ".join(each.meant), 1.0) for each in found)),
            error=pasted,
            platform=None if "platform" in without else platform_of({*lemmas, *self._meant(found)}),
            audience=None if "audience" in without else audience_of(lemmas),
            explained_in=tuple(section for section, decides in held if decides),
            expansions=tuple(found),
        )

    def _repaired(
        self, text: str, without: Collection[Ability], untouched: Collection[str]
    ) -> tuple[str, tuple[Change, ...]]:
        changes: tuple[Change, ...] = ()
        kept = re.compile(rf"((?<!\w)(?:{'|'.join(map(re.escape, untouched))})(?!\w))") if untouched else None
        for ability, repair in _REPAIRS.items():
            if ability not in without:
                parts = kept.split(text) if kept else [text]
                for place in range(0, len(parts), 2):  # between them stand the words that are kept
                    parts[place], found = repair(parts[place], self._lexicon)
                    changes += found
                text = "".join(parts)
        # The model reads capitals as other words, and who writes in capitals alone means nothing by them.
        return (text.lower() if text.isupper() and " " in text else text), changes

    def _meant(self, found: Iterable[Expansion]) -> Iterator[str]:
        for expansion in found:
            for word in expansion.meant:
                yield from self._lemmatizer.lemmas(word)


def _kind(text: str) -> Kind:
    return "question" if text.endswith("?") or _QUESTION.match(text) else "keywords"
