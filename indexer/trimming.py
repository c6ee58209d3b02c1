"""The pieces of a tokenizer that Russian and English texts need: a multilingual vocabulary is mostly of others.

A Unigram tokenizer (Kudo, 2018) cuts a text into the likeliest pieces. As long as every piece that a text is cut into
is kept, it is cut in the same way; where one is missing, into smaller ones.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from indexer.encoder import by_parts

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_MARK = "▁"  # stands for the space before a word
_SIGNS = re.compile(r"[А-Яа-яЁё\x21-\x40\x5b-\x60\x7b-\x7e«»„“”’‘–—…№°€]+")  # Russian letters, digits, signs
_SHORT_LATIN = re.compile(r"[\x21-\x7e]{1,3}")
_SPECIAL = re.compile("<.+>")  # <unk>, </s>
_LATIN_WORD = re.compile(r"(?<!\S)[^\sA-Za-z]*+[A-Za-z]\S*+")
_LETTERS_OF_OTHERS = 0x530  # from here on: neither Latin, Greek nor Cyrillic


def trimmed(tokenizer: "Tokenizer", english: Iterable[str], texts: Iterable[str]) -> tuple[str, list[int] | None]:
    """The tokenizer as JSON with the pieces that are kept, numbered anew in their order, and what their ids were.

    None in place of the ids, and all pieces, where the tokenizer is no Unigram one. Kept are all of Russian letters,
    digits and signs, short Latin ones, single letters and signs; of the other Latin ones those that English words are
    cut into, in lower case and with a capital, and the Latin words of the texts.
    """
    whole = tokenizer.to_str()
    form = json.loads(whole)
    if form["model"]["type"] != "Unigram":
        return whole, None
    kept = sorted(_kept(form, tokenizer, set(_as_typed(english)) | _latin_words(texts)))
    new = {old: number for number, old in enumerate(kept)}
    vocabulary = form["model"]["vocab"]
    form["model"]["vocab"] = [vocabulary[number] for number in kept if number < len(vocabulary)]
    form["model"]["unk_id"] = new[form["model"]["unk_id"]]
    for token in form["added_tokens"]:
        token["id"] = new[token["id"]]
    for token in _special_tokens(form):
        token["ids"] = [new[number] for number in token["ids"]]
    return json.dumps(form, ensure_ascii=False), kept


def digest_of(english: Iterable[str], texts: Iterable[str]) -> str:
    """SHA-256 of what decides which pieces of a tokenizer are kept, hexadecimal: the same words keep the same."""
    return hashlib.sha256("\n".join([*sorted(english), "", *sorted(_latin_words(texts))]).encode()).hexdigest()


def _kept(form: dict[str, Any], tokenizer: "Tokenizer", words: Iterable[str]) -> set[int]:
    """The ids of the pieces to keep of a tokenizer in JSON; the words are cut by it."""
    kept = {token["id"] for token in form["added_tokens"]} | {form["model"]["unk_id"]}
    for token in _special_tokens(form):
        kept.update(token["ids"])

    def pieces(few: Sequence[str]) -> set[int]:
        return {number for cut in tokenizer.encode_batch_fast(few, add_special_tokens=False) for number in cut.ids}

    kept.update(*by_parts(list(words), pieces))
    for number, (piece, _) in enumerate(form["model"]["vocab"]):
        bare = piece.replace(_MARK, "")
        is_single = len(bare) <= 1 and _is_ours(bare)
        if is_single or _SIGNS.fullmatch(bare) or _SHORT_LATIN.fullmatch(bare) or _SPECIAL.fullmatch(piece):
            kept.add(number)
    return kept


def _special_tokens(form: dict[str, Any]) -> list[dict[str, Any]]:
    return list(((form.get("post_processor") or {}).get("special_tokens") or {}).values())


def _latin_words(texts: Iterable[str]) -> set[str]:
    return {word for text in texts for word in _LATIN_WORD.findall(text)}


def _as_typed(words: Iterable[str]) -> Iterator[str]:
    """The words at a beginning and, after a bracket, where something stands before them: those are other pieces."""
    for word in words:
        for each in (word, word[:1].upper() + word[1:]):
            yield each
            yield f"({each}"


def _is_ours(letter: str) -> bool:
    """Whether a single letter or sign may stand in a Russian or English text; pictures may."""
    return not letter or ord(letter) < _LETTERS_OF_OTHERS or not letter.isalpha()
