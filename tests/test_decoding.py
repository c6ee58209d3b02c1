"""From the bytes of somebody else's file to text, whatever encoding it was written in."""

import codecs
import encodings
import pkgutil
import random
import time

import pytest
from helpers import assert_linear
from hypothesis import example, given
from hypothesis import strategies as st

from indexer.readers.decoding import Decoded, decode

TEXT = """Как сменить пароль

Откройте настройки и выберите раздел Безопасность. Введите прежний пароль, затем дважды новый.
Если прежний пароль забыт, нажмите Не помню: письмо со ссылкой придёт через минуту.
"""

RUSSIAN = ["cp1251", "koi8-r", "cp866", "mac-cyrillic", "iso8859-5"]
WIDE = ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]


def page(declared: str) -> str:
    """A web page whose head says this of its encoding."""
    return f"<!doctype html><html><head>{declared}<title>Пароль</title></head><body><p>{TEXT}</p></body></html>"


def text_of(content: bytes) -> str | None:
    decoded = decode(content)
    return decoded.text if decoded else None


# Known by their bytes


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", *RUSSIAN, *WIDE])
@pytest.mark.parametrize("text", [TEXT, page(""), TEXT * 200], ids=["text", "page", "long text"])
def test_text_is_read_in_any_encoding_of_russian(encoding: str, text: str):
    decoded = decode(text.encode(encoding))
    assert decoded is not None
    assert (decoded.text, decoded.unreadable) == (text, 0)


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
def test_byte_order_mark_tells_the_encoding_and_goes(mark: bytes, encoding: str):
    # Two words: too little to be detected.
    assert text_of(mark + "Новый код".encode(encoding)) == "Новый код"


@pytest.mark.parametrize(
    ("content", "text"), [(b"", ""), (b"\xef\xbb\xbf", ""), (b"\xff\xfe", ""), (b"\xff\xfe\0\0", ""), (b"\n", "\n")]
)
def test_empty_file_is_empty_text(content: bytes, text: str):
    assert text_of(content) == text


@pytest.mark.parametrize("text", ["Open the settings.\n", "«Код» – 30 ₽ 🙂\n", "a\r\nb\rc\n", "\x0c\x1b[0m" + TEXT])
def test_utf_8_is_read_as_it_stands(text: str):
    assert decode(text.encode()) == Decoded(text, "utf-8")


@pytest.mark.parametrize("encoding", RUSSIAN)
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"], ids=["unix", "windows", "mac"])
@pytest.mark.parametrize("text", ["Вход\n\nВведите номер и Код.\n", "я введу номер\nи моя почта\n", TEXT])
def test_line_ends_do_not_mislead(text: str, ends: str, encoding: str):
    text = text.replace("\n", ends)
    assert text_of(text.encode(encoding)) == text


def test_byte_without_meaning_does_not_change_the_encoding():
    decoded = decode(TEXT.encode("cp1251") + b"\x98")
    assert decoded == Decoded(TEXT + "\ufffd", "windows-1251", 1)


def test_short_text_with_a_few_letters_is_read():
    assert text_of("Настройки принтера".encode("cp1251")) == "Настройки принтера"


def test_text_after_much_ascii_is_detected():
    # A script of 200 kB in the head: what tells the encoding stands behind it.
    script = "<script>" + "var shown = false;\n" * 10_000 + "</script>"
    assert text_of((script + TEXT).encode("cp1251")) == script + TEXT


def test_text_of_another_language_is_read():
    text = "Öffnen Sie die Einstellungen und wählen Sie «Töne». Für alle Geräte übernehmen.\n"
    assert text_of(text.encode("cp1252")) == text


# Declared


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        ('<meta charset="windows-1251">', "cp1251"),
        ("<META CHARSET=KOI8-R>", "koi8-r"),
        ("<meta charset = 'cp866' >", "cp866"),
        ('<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-5">', "iso8859-5"),
        ('<meta\n  http-equiv="Content-Type"\n  content="text/html; charset=mac-cyrillic"/>', "mac-cyrillic"),
        ('<?xml version="1.0" encoding="windows-1251"?>', "cp1251"),
    ],
)
def test_declared_encoding_is_believed_where_the_text_is_too_short_to_tell(declared: str, encoding: str):
    text = f"{declared}<p>Ещё</p>"
    decoded = decode(text.encode(encoding))
    assert decoded == Decoded(text, codecs.lookup(encoding).name)


@pytest.mark.parametrize("declared", ["utf-8", "windows-1252", "iso-8859-1", "utf-16", "us-ascii", "win-1251", "hex"])
@pytest.mark.parametrize("encoding", RUSSIAN)
def test_declaration_that_cannot_be_right_is_passed_over(declared: str, encoding: str):
    text = page(f'<meta charset="{declared}">')
    assert text_of(text.encode(encoding)) == text


@pytest.mark.parametrize("declared", ["windows-1251", "koi8-r", "utf-16", "big5"])
def test_utf_8_is_read_whatever_the_page_declares(declared: str):
    text = page(f'<meta charset="{declared}">')
    assert decode(text.encode()) == Decoded(text, "utf-8")


@pytest.mark.parametrize("name", sorted(module.name for module in pkgutil.iter_modules(encodings.__path__)))
def test_no_declared_name_stops_the_reading(name: str):
    assert decode(f"<meta charset={name}>{TEXT}".encode("cp1251")) is not None


# Broken


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8], ids=["without a mark", "with a mark"])
def test_broken_bytes_of_utf_8_are_replaced_and_counted(mark: bytes):
    content = mark + (TEXT + "\ufffd").encode() + b"\xff" + TEXT.encode() + b"\xd0"
    decoded = decode(content)
    assert decoded is not None
    assert decoded.text == f"{TEXT}\ufffd\ufffd{TEXT}\ufffd"
    assert decoded.encoding.startswith("utf-8")
    assert 2 <= decoded.unreadable <= 3  # what was replaced before cannot be told apart


def test_broken_utf_8_is_read_as_utf_8_whatever_the_page_declares():
    decoded = decode(page('<meta charset="windows-1251">').encode() + b"\xff")
    assert decoded is not None
    assert (decoded.encoding, decoded.unreadable) == ("utf-8", 1)


def test_paragraph_in_another_encoding_costs_no_other():
    decoded = decode(TEXT.encode() * 20 + "Код не пришёл".encode("cp1251") + TEXT.encode())
    assert decoded is not None
    assert decoded.encoding == "utf-8"
    assert decoded.text.startswith(TEXT * 20)
    assert decoded.text.endswith(TEXT)
    assert decoded.unreadable == 11


@pytest.mark.parametrize("encoding", ["utf-8", "cp1251"])
def test_lone_nul_makes_no_text_binary(encoding: str):
    assert text_of((TEXT + "\0" + TEXT).encode(encoding)) == f"{TEXT}\0{TEXT}"


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)),
        b"PK\x03\x04\x14\0\0\0\x08\0" + bytes(range(255, -1, -1)) * 3,
        b"\x7fELF\x02\x01\x01" + b"\0" * 500,
        b"\0" * 1000,
        b"\x01\x02\x03" * 100,
        random.Random(1).randbytes(5000),
        codecs.BOM_UTF8 + random.Random(2).randbytes(5000),
        codecs.BOM_UTF16_LE + b"\x01\xdc" * 300,  # halves of characters
    ],
    ids=["image", "archive", "program", "nuls", "controls", "noise", "noise with a mark", "halves"],
)
def test_what_is_no_text_is_none(content: bytes):
    assert decode(content) is None


# Anything


@given(st.binary(max_size=300))
@example(b"<meta charset=" + b"x" * 41)
@example(b"<meta" * 50)
@example(b"\xff\xfe\x00")
@example(b"\xff\xfe\x00\xd8\x00\xd8\x00\xd8")
def test_any_bytes_are_text_or_none(content: bytes):
    decoded = decode(content)
    assert decoded is None or (
        len(decoded.text) <= len(content) and 0 <= decoded.unreadable <= decoded.text.count("\ufffd")
    )


SHAPES = {
    "Russian in UTF-8": "Откройте настройки. ".encode(),
    "Russian in cp1251": "Откройте настройки. ".encode("cp1251"),
    "Russian in UTF-16": "Откройте настройки. ".encode("utf-16-le"),
    "one letter of cp866": b"\xe0",
    "half a letter of UTF-8": b"\xd0",
    "an open declaration": b"<meta ",
    "a declaration of nothing": b"<meta charset=>\xff",
    "controls": b"\x1b\xff",
    "nuls": b"\0",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_time_grows_with_the_size(shape: str):
    def content(size: int) -> bytes:
        return (SHAPES[shape] * (size // len(SHAPES[shape]) + 1))[:size] + b"\xff"

    assert_linear(decode, content(1_000_000), content(4_000_000))
    start = time.process_time()
    decode(content(10_000_000))
    assert time.process_time() - start < 5
