"""The TOML files of a content editor: what is read, and the line of each mistake."""

from pathlib import Path

import pytest

from indexer.errors import ArticleError
from indexer.knowledge import FILES, KnownErrors, Support, Synonyms, Topics, line_of, read


def table(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_file_that_is_not_there_is_none(tmp_path: Path):
    assert read(tmp_path, "topics.toml", Topics) is None


def test_topics_keep_their_order(corpus_folder: Path):
    topics = read(corpus_folder, "topics.toml", Topics)
    assert topics is not None
    assert [(topic.id, topic.title) for topic in topics.topic][:2] == [
        ("start", "Начало работы"),
        ("chats", "Чаты и файлы"),
    ]


def test_errors_are_read(corpus_folder: Path):
    errors = read(corpus_folder, "errors.toml", KnownErrors)
    assert errors is not None
    assert [(error.text, error.section, error.distinctive) for error in errors.error] == [
        ("Пользователь не найден", "errors#user-not-found", True),
        ("chat_not_found", "errors#chat-not-found", True),
        ("0x80070005", "errors#no-access", True),
        ("Отказано в доступе", "errors#no-access", False),
    ]


def test_one_way_synonyms_are_read_by_the_names_of_the_file(corpus_folder: Path):
    synonyms = read(corpus_folder, "synonyms.toml", Synonyms)
    assert synonyms is not None
    assert synonyms.two_way[1].words == ("айфон", "iphone")
    assert (synonyms.one_way[0].from_, synonyms.one_way[0].to) == (("самсунг", "xiaomi"), ("android",))


def test_support_is_read(corpus_folder: Path):
    support = read(corpus_folder, "support.toml", Support)
    assert support is not None
    assert support.hours["desk"].weekdays == ("09:00", "18:00")
    assert support.hours["contract"].weekdays is None
    assert [day.isoformat() for day in support.holidays.extra_days_off] == ["2026-12-31"]
    assert [(route.id, bool(route.address)) for route in support.route] == [
        ("portal", True),
        ("in-app", False),
        ("manager", True),
    ]


def test_test_corpus_has_every_table(corpus_folder: Path):
    assert {path.name for path in corpus_folder.glob("*.toml")} == set(FILES)


@pytest.mark.parametrize("dress", ["bom", "crlf"])
def test_file_of_another_editor_reads_the_same(corpus_folder: Path, tmp_path: Path, dress: str):
    content = (corpus_folder / "errors.toml").read_text(encoding="utf-8")
    table(tmp_path, "errors.toml", "\ufeff" + content if dress == "bom" else content.replace("\n", "\r\n"))
    assert read(tmp_path, "errors.toml", KnownErrors) == read(corpus_folder, "errors.toml", KnownErrors)


ERROR = '[[error]]\ntext = "a"\nsection = "b#c"\ndistinctive = true\n'


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("topics.toml", "[[topic]]\nid = 1\ntitle = 'a'\n", ['2: "id" of topic.0.id does not fit']),
        ("topics.toml", "[[topic]]\nid = 'a'\n", ['1: "title" is missing; expected a line "title = …"']),
        ("topics.toml", "[[topic]]\ntitle = 'a'\n[[topic]]\nid = 'b'\ntitle = 'b'\n", ['1: "id" is missing']),
        ("topics.toml", "# пусто\n", ['1: "topic" is missing']),
        ("errors.toml", ERROR + "code = 5\n", ['5: "code" of error.0.code does not fit (Extra inputs']),
        ("errors.toml", ERROR + "\n" + ERROR.replace("true", "'да'"), ['9: "distinctive" of error.1.distinctive']),
        ("errors.toml", ERROR + "\n" + ERROR.replace('"a"', '" "'), ['7: "text" of error.1.text']),
        # A note beside the name of the table, as the README writes it, does not put the count of lines out.
        (
            "synonyms.toml",
            "[[two_way]]  # раз\nwords = ['a', 'b']\n[[two_way]]\nwords = ['c', '']\n",
            ['4: "1" of two_way.1.words.1'],
        ),
        ("synonyms.toml", "[[one_way]]\nfrom = ['a']\n", ['1: "to" is missing']),
        ("synonyms.toml", "[[one_way]]\nfrom_ = ['a']\nto = ['b']\n", ['1: "from" is missing', '2: "from_" of']),
        ("topics.toml", "[[topic]]\nid = \n", ["2: not TOML (Invalid value (at line 2"]),
        # found by fuzzing (tests/fuzzing): a name of digits alone, brackets and a number without end
        ("topics.toml", "topic = []\n12 = 'a'\n", ['2: "12" of 12 does not fit (Extra inputs']),
        ("topics.toml", "topic = " + "[" * 5000, ["1: not TOML (maximum recursion depth"]),
        ("topics.toml", "topic = " + "9" * 5000, ["1: not TOML (Exceeds the limit"]),
    ],
)
def test_mistake_is_named_with_its_line(tmp_path: Path, name: str, content: str, expected: list[str]):
    path = table(tmp_path, name, content)
    with pytest.raises(ArticleError) as raised:
        read(tmp_path, name, FILES[name])
    message = str(raised.value)
    assert len(message.splitlines()) == len(expected)
    for line, part in zip(message.splitlines(), expected, strict=True):
        assert line.startswith(f"{path}:{part}")
        assert "; expected " in line


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('address = ""', "address = 5", '"address" of route.1.address'),
        ('audience = ["admin"]', 'audience = ["boss"]', '"0" of route.2.audience.0'),
        ('weekdays = ["09:00", "18:00"]', 'weekdays = ["9:00", "18:00"]', '"0" of hours.desk.weekdays.0'),
        ('extra_days_off = ["2026-12-31"]', 'extra_days_off = ["31.12"]', '"0" of holidays.extra_days_off.0'),
        ('danger = ["signs_out"]', 'danger = ["fire"]', '"0" of ladder.1.danger.0'),
        ('time_zone = "Europe/Moscow"\n', "", '"time_zone" is missing'),
    ],
)
def test_mistake_in_the_contacts_is_named_with_its_line(
    corpus_folder: Path, tmp_path: Path, old: str, new: str, expected: str
):
    content = (corpus_folder / "support.toml").read_text(encoding="utf-8")
    line = content[: content.index(old)].count("\n") + 1
    path = table(tmp_path, "support.toml", content.replace(old, new, 1))
    with pytest.raises(ArticleError) as raised:
        read(tmp_path, "support.toml", Support)
    assert str(raised.value).startswith(f"{path}:{line}: {expected}")


def test_file_that_is_not_utf_8_is_named(tmp_path: Path):
    path = table(tmp_path, "topics.toml", "[[topic]]\nid = 'вход'\n".encode("cp1251"))
    with pytest.raises(
        ArticleError, match=r"topics\.toml: byte 16 is not UTF-8; expected UTF-8 text; save it as UTF-8"
    ):
        read(tmp_path, path.name, Topics)


def test_file_that_cannot_be_read_is_named(tmp_path: Path):
    (tmp_path / "topics.toml").mkdir()
    with pytest.raises(ArticleError, match=r"topics\.toml: cannot be read \(Is a directory\)"):
        read(tmp_path, "topics.toml", Topics)


@pytest.mark.parametrize(("text", "line"), [("b", 2), ("d", 3), ("x", 1), ("", 1)])
def test_line_of_a_text_is_the_first_that_quotes_it(text: str, line: int):
    assert line_of('a = "bb"\nc = "b"\ne = \'d\'\nf = "b"\n', text) == line
