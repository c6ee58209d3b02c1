"""«А на айфоне?», «не помогло», «и что дальше»: what says nothing by itself is read with the queries before it.

Nobody keeps a dialogue: the caller sends its earlier queries along. A query is a follow-up only where each of its words
is known to be one of a follow-up; any other word makes it a question of its own, which earlier ones do not touch.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from indexer.words import clean, words
from server.interpretation import LONGEST_TYPED
from server.reading.cues import PLATFORMS, Audience, platform_of
from server.search import Searcher

_MOST_WORDS = 9  # of a follow-up
_LONGEST = 120  # characters of one; more is not even read


def _lemmas(text: str) -> frozenset[str]:
    return frozenset(text.split())


# What begins a follow-up, and with it lets through words that by themselves would be a subject («а в приложении?»).
_LEADS = frozenset(("а", "и", "но", "ну", "или", "тогда", "если"))
_AFTER_LEAD = frozenset(
    ("приложение", "версия", "система", "устройство", "версий", "админка", "сервер", "случай", "другой", "сделать")
)
# Lemmas that add nothing.
_EMPTY = _lemmas(
    "а и но ну или да нет вот если то тогда же бы ли же уж еще там тут так такой это этот что как где у в во "
    "на для с со из по под от к за о об при через я мы ты вы он мой наш свой меня быть есть тоже также теперь "
    "сейчас сам самый делать пожалуйста спасибо обычный простой рядовой новый старый именно только просто"
)
_POLITE = _lemmas(
    "спасибо благодарить привет здравствуйте здравствовать добрый день вечер утро ок окей хорошо понятно "
    "понятный ясно ясный да нет ага угу пожалуйста извините извинить понять"
)

# Where a visitor is who names no platform that the help knows of.
_PLACES = {
    "телефон": "на телефоне", "смартфон": "на телефоне", "мобильный": "на телефоне", "мобилка": "на телефоне",
    "планшет": "на планшете", "сервер": "на сервере",
}  # fmt: skip
_ON = {
    "android": "на Android", "ios": "на iPhone", "web": "в браузере", "desktop": "на компьютере",
    "server": "на сервере",
}  # fmt: skip
# Names of those; any other («самсунг», «мак») says more than its platform does, and is kept as it was typed.
_GENERAL = _lemmas(
    "android андроид андройд ios айос iphone айфон браузер веб-версия веб web компьютер комп десктоп ноутбук ноут пк"
)
_AUDIENCES: dict[str, Audience] = {
    "админ": "admin", "администратор": "admin", "админка": "admin", "сотрудник": "admin",
    "пользователь": "user", "юзер": "user",
}  # fmt: skip
_FOR = {"admin": "для администратора", "user": "для пользователя"}

# «Не помогло» and its like, as texts of lemmas with a space around each.
_FAILED = re.compile(
    r" не (?:\w+ )?(?:помочь|помогать|работать|заработать|сработать|срабатывать|выйти|выходить|получиться|получаться|"
    r"измениться|меняться|решить|решиться|исправиться|пройти|пропасть) "
    r"| (?:то|все|всё) (?:же )?самое | то же самый | то же | проблема (?:\w+ )?остаться | ничто не "
    r"| уже (?:все |это |так )?(?:пробовать|попробовать|делать|сделать|проверить|проверять) "
    r"| (?:безрезультатно|безуспешно|никак) "
    r"| без (?:изменение|результат|толк) "
)
_OF_FAILED = _lemmas(
    "не помочь помогать работать заработать сработать срабатывать выйти выходить получиться получаться "
    "измениться меняться решить решиться исправиться пройти пропасть то же самый проблема остаться ничто "
    "ничего уже все пробовать попробовать делать сделать проверить проверять безрезультатно безуспешно никак "
    "без изменение результат толк равно опять снова по-прежнему прежний по шаг совет способ вариант ни один из "
    "этот помощь"
)
# «И что дальше», «что ещё»: the adverb has the lemma of an adjective.
_GOES_ON = re.compile(
    r" (?:далее|дальше|далекий|потом|затем|после это|еще (?:можно|попробовать|делать|сделать)|что еще) "
)
_OF_GOING_ON = _lemmas(
    "далее дальше далекий потом затем после можно попробовать сделать делать нужно надо мочь вариант способ"
)

# «А через VPN?»: a lead, a preposition, and one or two words that the subject is asked about once more with.
_MORE = re.compile(r"(?i)(?:а|и|но|ну а) (?P<more>(?:через|без|с|со|по|в|во|на|из|от|при|под|для) [\w-]+(?: [\w-]+)?)")
_PREPOSITIONS = _lemmas("на в во для с со из под по через у от о об при если я за к")
_BEFORE_PLACES = frozenset(("на", "для", "с", "под"))
_BEFORE_AUDIENCES = _PREPOSITIONS | _lemmas("я как что где куда делать")


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the caller has named apart from the words: there the dialogue changes nothing."""

    platform: bool = False
    audience: bool = False


@dataclass(frozen=True, slots=True)
class _Turn:
    """What a follow-up changes; one that changes nothing asks the same again."""

    place: str | None = None  # «на iPhone»
    audience: Audience | None = None
    more: str | None = None  # «через vpn»


@dataclass(frozen=True, slots=True)
class _Told:
    """A word of a text and what it says."""

    start: int
    stop: int
    lemma: str
    cue: Literal["place", "audience"] | None
    place: str | None = None  # of a place


def resolved(query: str, context: Sequence[str], searcher: Searcher, chosen: Chosen | None = None) -> str:
    """The query as it stands by itself: a follow-up becomes the last query with a subject, for its own platform.

    `context` are the earlier queries, the oldest first. Itself where it is no follow-up, or follows nothing.
    """
    chosen = chosen or Chosen()
    turn = _turn(query, searcher) if context else None
    if turn is None:
        return query
    turns = [turn]
    for earlier in reversed(context):
        if _is_polite(earlier, searcher):
            continue
        turn = _turn(earlier, searcher)
        if turn is None:
            return _changed(earlier, turns, searcher, chosen)
        turns.append(turn)
    return query


def _changed(subject: str, turns: Sequence[_Turn], searcher: Searcher, chosen: Chosen) -> str:
    """The subject, for the platform and the audience that were named last; `turns` begin with the last."""
    place = next((turn.place for turn in turns if turn.place), None)
    audience = next((turn.audience for turn in turns if turn.audience), None)
    more = next((turn.more for turn in turns if turn.more), None)
    cleaned = clean(subject).strip()
    # What was pasted is read by its lines, and says itself where it comes from.
    if "\n" in cleaned or len(cleaned) > LONGEST_TYPED or not (place or audience or more):
        return subject
    text = searcher.read(cleaned).read_as
    text = _without(text, {cue for cue, told in (("place", place), ("audience", audience)) if told}, searcher)
    mark = "?" if text.endswith("?") else ""
    added = [more, place if not chosen.platform else None, _FOR[audience] if audience and not chosen.audience else None]
    return " ".join([text.removesuffix("?").rstrip(" .,!"), *filter(None, added)]) + mark


def _without(text: str, cues: set[str], searcher: Searcher) -> str:
    """The text without the words that name a place or an audience; itself where nothing else would be left."""
    told = list(_told(text, searcher))
    # An audience is named as one («для пользователя», «я админ», «как админу»); else the word is what is asked about.
    named = {number for number, each in enumerate(told[1:], start=1) if told[number - 1].lemma in _BEFORE_AUDIENCES}
    gone = {n for n, each in enumerate(told) if each.cue in cues and (each.cue == "place" or n in named)}
    for number in sorted(gone):
        following = number + 1
        while following < len(told) and told[following].lemma.isdigit():  # «на windows 11»
            gone.add(following)
            following += 1
        while number and told[number - 1].lemma in _PREPOSITIONS and number - 1 not in gone:
            number -= 1
            gone.add(number)
    if all(number in gone or each.lemma in _EMPTY for number, each in enumerate(told)):
        return text
    parts, end = [], 0
    for number in sorted(gone):
        parts.append(text[end : told[number].start])
        end = told[number].stop
    return re.sub(r" ([,.?!])", r"\1", " ".join("".join([*parts, text[end:]]).split())).strip(" ,")


def _turn(query: str, searcher: Searcher) -> _Turn | None:
    """What a follow-up changes; None for a query with a subject of its own, and for one that asks nothing."""
    if len(query) > _LONGEST or "\n" in query.strip():
        return None
    told = list(_told(searcher.read(query).read_as.lower(), searcher))
    if not 0 < len(told) <= _MOST_WORDS:
        return None
    lemmas = [each.lemma for each in told]
    written = f" {' '.join(lemmas)} "
    failed, goes_on = _FAILED.search(written), _GOES_ON.search(written)
    known = _EMPTY | (_OF_FAILED if failed else set()) | (_OF_GOING_ON if goes_on else set())
    if lemmas[0] in _LEADS or " это сделать " in written:
        known |= _AFTER_LEAD
    if any(each.cue is None and not each.lemma.isdigit() and each.lemma not in known for each in told):
        more = _MORE.fullmatch(query.strip().rstrip("?!. "))
        return _Turn(more=more["more"]) if more and not any(each.cue for each in told) else None
    place = next((each.place for each in told if each.place), None)
    audience = next((_AUDIENCES[each.lemma] for each in told if each.cue == "audience"), None)
    return _Turn(place, audience) if failed or goes_on or place or audience else None


def _is_polite(query: str, searcher: Searcher) -> bool:
    """Whether a query is no more than a greeting, a thank-you, a yes."""
    return len(query) <= _LONGEST and all(each.lemma in _POLITE for each in _told(clean(query).lower(), searcher))


def _told(text: str, searcher: Searcher) -> Iterator[_Told]:
    """The words of a text and what each says; brands of phones are platforms by the synonyms of the help."""
    lemmatizer = searcher.lemmatizer
    brands = {
        lemma: platform
        for expansion in searcher.read(text).expansions
        if (platform := platform_of(lemma for word in expansion.meant for lemma in lemmatizer.lemmas(word)))
        for lemma in expansion.phrase
    }
    before = ""
    for word in words(text):
        form = word.text.lower()
        lemma = lemmatizer.lemma(form)
        platform = platform_of((lemma,)) or brands.get(lemma) or brands.get(form)
        if platform in PLATFORMS:
            place = _ON[platform] if lemma in _GENERAL else f"{before if before in _BEFORE_PLACES else 'на'} {form}"
            yield _Told(word.start, word.stop, lemma, "place", place)
        elif lemma in _PLACES:
            yield _Told(word.start, word.stop, lemma, "place", _PLACES[lemma])
        else:
            yield _Told(word.start, word.stop, lemma, "audience" if lemma in _AUDIENCES else None)
        before = form
