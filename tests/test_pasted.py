"""Errors as they are pasted: what is found in traces, logs, error bodies, bounces and letters."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.reading.pasted import read_pasted

JAVA = """2026-03-12 08:15:44,120 ERROR [worker-3] r.e.Session - request failed
java.lang.RuntimeException: cannot open session
\tat ru.example.Session.open(Session.java:51)
\tat ru.example.Main.main(Main.java:10)
Caused by: java.net.SocketTimeoutException: Read timed out
\tat java.base/java.net.Socket.read(Socket.java:900)
\t... 12 more"""
PYTHON = """Traceback (most recent call last):
  File "/srv/bot/handlers.py", line 88, in send
    await bot.send(message)
  File "/srv/bot/client.py", line 12, in post
    raise ChatNotFoundError(chat_id)
pybotx.exceptions.ChatNotFoundError: chat 7f3a0c1e-22d9-4c1b-a0f1-1234567890ab not found"""
JAVASCRIPT = """Uncaught (in promise) TypeError: Cannot read properties of undefined (reading 'id')
    at send (https://web.example.ru/static/app.3f2a.js:10:512)
    at async run (https://web.example.ru/static/app.3f2a.js:99:1)"""
DOTNET = """System.IO.IOException: There is not enough space on the disk.
   at System.IO.FileStream.Write(Byte[] array)
   at Example.Cache.Save(String path) in Cache.cs:line 40"""
GO = """panic: runtime error: invalid memory address or nil pointer dereference
goroutine 1 [running]:
main.open(0x0)
\t/srv/app/main.go:17 +0x1d"""
NGINX = (
    "2026/03/12 08:15:44 [error] 31#31: *90412 connect() failed (111: Connection refused) while connecting to upstream,"
    ' client: 192.0.2.7, server: cts.example.ru, request: "GET / HTTP/1.1", upstream: "http://192.0.2.9:4000/"'
)
SYSTEMD = """Mar 12 08:15:44 cts01 systemd[1]: botx.service: Main process exited, code=exited, status=203/EXEC
Mar 12 08:15:44 cts01 systemd[1]: botx.service: Failed with result 'exit-code'."""
LOGCAT = """03-12 08:15:44.120  2201  2201 D ExampleNet: call=9f2b took=120ms
03-12 08:15:44.121  2201  2201 E ExampleClient: Не удалось подключиться к серверу
03-12 08:15:44.130  2201  2201 D ExampleNet: closed"""
BODY = (
    '{"status":"error","reason":"chat_not_found","error_data":{"group_chat_id":"7f3a0c1e-22d9-4c1b-a0f1-1234567890ab"}}'
)
BOUNCE = """This message was created automatically by mail delivery software.
A message that you sent could not be delivered:
  anna@example.ru
    host mx.example.ru [192.0.2.25]
    SMTP error from remote mail server after RCPT TO: 550 5.7.1 relaying denied"""
LETTER = """Добрый день!
У меня второй день не работает бот заявок, вот что вижу:
12.03.2026 08:15 ERROR botx: chat_not_found
Телефон +7 900 000-00-00, почта anna@example.ru.
Помогите, пожалуйста, очень срочно."""


@pytest.mark.parametrize(
    ("text", "codes", "message"),
    [
        pytest.param(JAVA, ("RuntimeException", "SocketTimeoutException"), "Read timed out", id="Java, the last cause"),
        pytest.param(
            PYTHON,
            ("ChatNotFoundError",),
            "pybotx.exceptions.ChatNotFoundError: chat 7f3a0c1e-22d9-4c1b-a0f1-1234567890ab not found",
            id="Python, the last line",
            marks=pytest.mark.xfail(strict=True, reason="where a mask is inside a line, the masked line is given"),
        ),
        pytest.param(
            JAVASCRIPT,
            ("TypeError",),
            "Uncaught (in promise) TypeError: Cannot read properties of undefined (reading 'id')",
            id="JavaScript, the line before the frames",
        ),
        pytest.param(DOTNET, ("IOException",), "There is not enough space on the disk.", id=".NET"),
        pytest.param(
            GO, (), "panic: runtime error: invalid memory address or nil pointer dereference", id="Go, no code"
        ),
        pytest.param(
            NGINX,
            (),
            "connect() failed (111: Connection refused) while connecting to upstream",
            id="nginx, bare of tail",
        ),
        pytest.param(
            SYSTEMD, ("203/EXEC",), "Main process exited, code=exited, status=203/EXEC", id="systemd, host and unit off"
        ),
        pytest.param(LOGCAT, (), "Не удалось подключиться к серверу", id="logcat, the line that says something"),
        pytest.param(BODY, ("chat_not_found",), "chat_not_found", id="JSON, the reason"),
        pytest.param(
            BOUNCE,
            ("5.7.1",),
            "SMTP error from remote mail server after RCPT TO: 550 5.7.1 relaying denied",
            id="a bounce, the diagnosis",
        ),
        pytest.param(LETTER, ("chat_not_found",), "botx: chat_not_found", id="a letter around a line of log"),
    ],
)
def test_code_and_message_of(text, codes, message):
    found = read_pasted(text)
    assert found is not None
    assert found.codes == codes
    assert found.message == message


@pytest.mark.parametrize(
    "text",
    [
        "как сменить фото",
        "Добрый день!\nПодскажите, как сменить фото в профиле?\nЗаранее спасибо.",
        "Пользователь не найден",
        "у меня 404 сотрудника",
        "",
    ],
)
def test_what_holds_no_error_is_none(text):
    assert read_pasted(text) is None


def test_prose_of_a_letter_is_what_a_person_wrote_with_nothing_personal():
    found = read_pasted(LETTER)
    assert found is not None
    assert found.prose.startswith("Добрый день! У меня второй день не работает бот заявок")
    assert "chat_not_found" in found.searched
    for personal in ("+7", "900", "anna", "example.ru"):
        assert personal not in found.searched


@pytest.mark.parametrize("text", [JAVA, PYTHON, NGINX, BODY, BOUNCE, LETTER])
def test_skeleton_is_the_same_for_another_occurrence_of_the_error(text):
    again = text
    for one, other in (
        ("08:15:44", "23:59:01"),
        ("7f3a0c1e", "00000000"),
        ("192.0.2.", "198.51.100."),
        ("90412", "77777"),
    ):
        again = again.replace(one, other)
    first, second = read_pasted(text), read_pasted(again)
    assert first
    assert second
    assert first.skeleton == second.skeleton


@given(st.text())
def test_reading_a_paste_never_fails_and_keeps_its_limits(text):
    if found := read_pasted(text):
        assert len(found.message) <= 300
        assert len(found.skeleton) <= 300
        assert len(found.prose) <= 600


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "_",
        "1.",
        "ab_",
        "[",
        "\\x",
        " ",
        "A1",
        "a=",
        "/x",
        "a.b@",
        "at a.b.c\n",
        "ab:",
        "[a] ",
        "x" * 40 + "\n",
        "12:30 ",
    ],
)
def test_time_grows_with_the_length_alone(piece):
    def seconds(length: int) -> float:
        text = (piece * length)[:length]
        taken = []
        for _ in range(3):
            started = time.perf_counter()
            read_pasted(text)
            taken.append(time.perf_counter() - started)
        return min(taken)

    # Four times the length: about four times the time, sixteen if it grew with the square.
    assert seconds(16_384) < 9 * seconds(4_096) + 0.005


@pytest.mark.parametrize(
    ("text", "searched", "reason"),
    [
        (
            "07-18 22:55:16.165  510  510 D ExampleNet: call=2d833670b5de3d4d took=831ms\n"
            "07-18 22:55:16.165  510  510 E ExampleClient: Account is locked\n"
            "07-18 22:55:16.165  510  510 D ExampleNet: closed host=node07.example.ru",
            "Account is locked",
            "the line that the log itself calls an error",
        ),
        (
            "2026/04/01 23:50:50 [error] 17417#77: *726 403 Forbidden, client: 192.0.2.35, server: node25.example.ru",
            "403 Forbidden",
            "of a single log line, what a log writes around a message is no part of it",
        ),
        (
            "502 на портале\nИдентификатор запроса: df218a2f-2349-4a59-a85d-41844fca816d\n"
            "Метка времени: 2026-10-22T22:40:15.805Z\nУзел: node21.example.ru",
            "502 на портале",
            "lines of ids, times and hosts are nothing to search for",
        ),
        (
            "[2026-06-08T14:55:38.576Z] request 8a37fd2e-414d-4ef5-a39f-64e02ee9484a\n404 not found nginx\n"
            "    at send (https://node08.example.ru/app.js:21:799)",
            "404 not found nginx",
            "a status with its words is no number of a process",
        ),
        (
            "2026-01-12 22:02:29,916 node27.example.ru app[18682] trace=3800ff991513e446\n"
            'Traceback (most recent call last):\n  File "/srv/app/session.py", line 20, in call\n'
            "Bus error (core dumped)",
            "Bus error (core dumped)",
            "a line that holds a time, a process and ids alone says nothing",
        ),
        (
            "07-18 22:55:16.165  510  510 D ExampleNet: took=831ms\n"
            "07-18 22:55:16.165  510  510 E ExampleClient: "
            'жму кнопку, а мне {"status":"error","reason":"file_gone"} почему\n'
            "07-18 22:55:16.165  510  510 D ExampleNet: closed host=node07.example.ru",
            "жму кнопку, а мне file_gone почему",
            "what a person wrote around an error body stays",
        ),
        (
            "07-18 22:55:16.165  510  510 E ExampleClient: "
            'жму кнопку {"status":"error","reason":"file_gone","data":"a\n'
            "07-18 22:55:16.165  510  510 D ExampleNet: closed host=node07.example.ru",
            "жму кнопку file_gone",
            "a body that was cut off is not said twice",
        ),
    ],
)
def test_noise_around_a_message_is_left_out(text, searched, reason):
    found = read_pasted(text)
    assert found, reason
    assert found.searched == searched, reason


def test_a_json_body_in_one_line_is_searched_once_by_what_it_says():
    found = read_pasted('скачиваю отчёт, а мне {"status":"error","reason":"file_deleted","id":"a41f"} кто его стёр?')
    assert found
    assert found.searched == "скачиваю отчёт, а мне file_deleted кто его стёр?"


@pytest.mark.parametrize(
    "before", ["", "03-12 10:22:31.120  4120  4120 E ExampleClient: ", "2026/03/12 10:22:31 [error] 71#4: "]
)
def test_the_part_of_the_product_that_speaks_stays_whatever_log_it_stands_in(before):
    found = read_pasted(f"{before}[SmartApp] getLocation rejected: permission_denied\n    at Example.run (app.js:12:3)")
    assert found
    assert found.message == "[SmartApp] getLocation rejected: permission_denied"


def test_a_message_without_an_error_word_is_searched_with_the_words_under_it_in_a_log_too():
    said = "User not available: no trust between the servers\nне находится партнёр"
    noisy = f"[2026-03-12T10:22:31.120Z] request 5d1f\n{said}\n    at send (https://a.example.ru/app.js:1:2)"
    found = read_pasted(noisy)
    assert found
    assert found.searched == "User not available: no trust between the servers не находится партнёр"


def test_of_a_long_dump_the_first_lines_are_enough():
    dump = "\n".join(f"column{number} value of a table" for number in range(40))
    found = read_pasted(f"Error: no space left on device (ENOSPC)\n{dump}")
    assert found
    assert "ENOSPC" in found.searched
    assert "column5" not in found.searched


def test_ids_alone_are_never_the_message():
    found = read_pasted(
        "D/Idle: app not in whitelist, network blocked\nИдентификатор запроса: 5d1f2c3b-1111-4222-a333-444455556666"
    )
    assert found
    assert found.message == "app not in whitelist, network blocked"
