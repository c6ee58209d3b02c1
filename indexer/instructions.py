"""Whether a list tells the reader what to do: «Перезапустите приложение», «Проверить сеть», «Не закрывайте окно»."""

import re
from collections.abc import Sequence
from functools import cache

import pymorphy3

from indexer.words import clean, words

# What may stand before the verb; «как», «где» and «можно» may not: «Как войти» is a topic.
_LEAD = re.compile(
    "и|или|также|пожалуйста|обязательно|просто|сначала|сперва|затем|потом|далее|теперь|наконец|снова|ещ[её]"
    "|временно|вручную|быстро|дважды"
)
_CONDITIONS = frozenset({"если", "чтобы", "когда", "пока"})

_CYRILLIC = re.compile(r"[а-яё-]+")  # pymorphy3 fails at letters without a Unicode name, such as Tangut
_BEFORE_WORDS = re.compile(r"[\W\d_]*")  # bullets, ticks, quotation marks, «1) »
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s")
_CLAUSE_END = re.compile(r"[,;]|:\s|\s[-–—]\s")
_NAME = re.compile(r"[\W\d_]*[«„“\"]|[^,;:.]*(?::|\s[-–—])\s")  # of a button: «„Удалить чат“ …», «Удалить чат — …»
_BEFORE_COLON = re.compile(r"[^,;:.]*:\s+(?=[а-яё])")  # a capital letter would begin something else


def are_instructions(items: Sequence[str]) -> bool:
    """Whether more than half of the items, and at least two, begin with an instruction; False for an empty list."""
    instructions = sum(map(begins_with_instruction, items))
    return instructions >= 2 and instructions * 2 > len(items)


def begins_with_instruction(text: str) -> bool:
    """Whether the first sentence opens with an imperative or a perfective infinitive; False for a question.

    Marks, numbers and words such as «затем» may stand before. So may, before an imperative, a circumstance («Для этого
    нажмите …»), a condition («Если не помогло, напишите …») or a name with its colon («iPhone: нажмите …»).
    """
    text = clean(text).strip()
    sentence = _SENTENCE_END.split(_BEFORE_WORDS.sub("", text, count=1), maxsplit=1)[0]
    clauses = list(filter(None, map(_opening, _CLAUSE_END.split(sentence))))  # «Пожалуйста,» is none
    if not clauses or sentence.endswith("?"):
        return False
    first, *others = clauses
    if _is_imperative(first[0]):
        return True
    if _is_infinitive(first):
        return not _NAME.match(text)
    follows = [_is_imperative(clause[0]) for clause in others]
    if _share(first[0], "PREP") > 0.5:
        # «вы»: «После входа вы включите …» tells what will be, in the same form.
        return any(follows) or ("вы" not in first and any(map(_is_imperative, first)))
    return any(follows[:1]) if _BEFORE_COLON.match(sentence) else first[0] in _CONDITIONS and any(follows)


def _opening(clause: str) -> list[str]:
    """The words of a clause from the first one that is no lead; «не» is left out before an imperative."""
    forms = [word.text for word in words(clause)]
    while forms and _LEAD.fullmatch(forms[0]):
        del forms[0]
    return forms[1:] if forms[:1] == ["не"] and len(forms) > 1 and _is_imperative(forms[1]) else forms


def _is_imperative(form: str) -> bool:
    # «Включите» is half an imperative, half a future; «мой» a quarter, beside the pronoun.
    return _share(form, "impr", "plur") >= 0.5 or _share(form, "impr", "sing") > 0.5


def _is_infinitive(opening: Sequence[str]) -> bool:
    """Whether a perfective infinitive, or any after «не», comes first and not alone, as on a button."""
    match opening:
        case ["не", form, *_]:
            return _share(form, "INFN") > 0.5
        case [form, _, *_]:
            return _share(form, "INFN", "perf") > 0.5  # «отправлять файлы» tells what can be done
    return False


@cache
def _share(form: str, *grammemes: str) -> float:
    """Share of the parses with all these grammemes, by score, in [0, 1]; 0 for abbreviations («см.»)."""
    if not _CYRILLIC.fullmatch(form):
        return 0.0
    parses = _analyzer().parse(form)
    having = (parse.score for parse in parses if {*grammemes} in parse.tag and "Abbr" not in parse.tag)
    return float(sum(having) / sum(parse.score for parse in parses))


@cache
def _analyzer() -> pymorphy3.MorphAnalyzer:
    return pymorphy3.MorphAnalyzer()
