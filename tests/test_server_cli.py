"""`python -m server` as its user runs it: serves under gunicorn, searches from a shell, refuses a bad index."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from indexer import artifact, generations
from server.__main__ import main
from server.journal import read_journals

ROOT = Path(__file__).parents[1]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda index: shutil.rmtree(index), "no such index"),
        (lambda index: (index / "current").unlink(), "no manifest.json"),
        (lambda index: (index / "current" / "manifest.json").write_text("{"), "unreadable"),
        (lambda index: (index / "current" / "vectors.faiss").write_bytes(b"no"), "checksum differs"),
        (lambda index: (index / "current" / "sections.jsonl").unlink(), "missing"),
    ],
)
def test_a_missing_or_damaged_index_is_refused_with_what_to_do(index_copy, capsys, damage, message):
    damage(index_copy)
    assert main(["--index", str(index_copy)]) == 1
    said = capsys.readouterr().err
    assert message in said
    assert "build" in said


def test_an_index_of_an_older_format_is_refused(index_copy, capsys):
    manifest = index_copy / "current" / "manifest.json"
    manifest.write_text(re.sub(r'"format": \d+', '"format": 0', manifest.read_text()))
    assert main(["search", "фото", "--index", str(index_copy)]) == 1
    assert "format 0" in capsys.readouterr().err


def test_an_index_of_a_model_that_is_not_here_is_refused(index_copy, capsys, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert main(["search", "фото", "--index", str(index_copy)]) == 1
    assert "--model" in capsys.readouterr().err


def test_a_data_folder_that_cannot_be_used_is_refused_with_what_to_do(built_index, tmp_path, capsys):
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert main(["--index", str(built_index), "--data", str(tmp_path / "file")]) == 1
    assert "check the rights" in capsys.readouterr().err


@pytest.mark.model
def test_search_prints_sections_for_people_and_for_programs(real_index, capsys):
    assert main(["search", "не приходит код из смс", "--index", str(real_index), "--limit", "2"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("1. Регистрация и вход в приложение › Не приходит СМС-код")
    assert main(["search", "????", "--index", str(real_index)]) == 0
    assert "В справке нет ответа" in capsys.readouterr().out
    assert main(["search", "смс", "--index", str(real_index), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["rank"] == 1


@pytest.mark.model
def test_server_answers_logs_no_query_counts_together_and_stops_when_asked(real_index, tmp_path, capsys):
    port = free_port()
    command = [sys.executable, "-m", "server", "--index", str(real_index), "--port", str(port)]
    command += ["--data", str(tmp_path / "data"), "--workers", "2"]
    (tmp_path / "temporary").mkdir()
    server = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path / "temporary")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        until_ready(port, server)
        url = f"http://127.0.0.1:{port}/v1/search?q=sekretnyj&abstain=false"
        with urllib.request.urlopen(url, timeout=60) as response:
            assert json.load(response)["hits"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/suggest?q=sekretnyj", timeout=60) as response:
            assert response.status == 200
        # A space that was not encoded makes the request malformed; gunicorn refuses it by itself.
        assert b"400 Bad Request" in sent(port, b"GET /?q=sekretnyj parol HTTP/1.1\r\nHost: localhost\r\n\r\n")
        # Each asking may meet either worker: they count together.
        for asked in range(1, 6):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as response:
                text = response.read().decode()
            assert 'spravka_requests_total{outcome="answered",route="/v1/search"} 1.0' in text
            assert (f'spravka_requests_total{{outcome="answered",route="/metrics"}} {asked - 1}.0' in text) == (
                asked > 1
            )
        assert main(["doctor", "--index", str(real_index), "--url", f"http://127.0.0.1:{port}"]) == 0
        assert "ok       server" in capsys.readouterr().out
    finally:
        server.send_signal(signal.SIGTERM)
        log, _ = server.communicate(timeout=60)
    assert server.returncode == 0
    lines = [json.loads(line) for line in log.splitlines()]
    assert [line["status"] for line in lines if line.get("route") == "/v1/search"] == [200]
    assert [line["message"] for line in lines if line["level"] == "warning"] == ["a malformed request was refused"]
    assert "sekretnyj" not in log
    assert list((tmp_path / "temporary").glob("spravka-metrics-*")) == []
    assert len(read_journals([tmp_path / "data"]).queries) == 1


@pytest.mark.model
def test_every_process_of_a_running_server_switches_without_a_failed_request(real_index, tmp_path):
    index = Path(shutil.copytree(real_index, tmp_path / "index", symlinks=True, copy_function=os.link))
    first = artifact.current(index).name
    second = f"2099-01-01T00-00-00-000000-{first[-8:]}"
    shutil.copytree(index / "generations" / first, index / "generations" / second, copy_function=os.link)
    for path in (index / "generations" / ".lock", index / "generations" / "history.json"):
        path.unlink()  # written to, and not the other index's
    port = free_port()
    command = [sys.executable, "-m", "server", "--index", str(index), "--port", str(port), "--workers", "2"]
    with (tmp_path / "log").open("w") as log:  # a pipe that nobody reads would fill up, and the server wait
        server = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    try:
        until_ready(port, server)
        assert {generation_of(port) for _ in range(8)} == {first}
        with generations.locked(index):
            generations.switch(index, second, "none")
        switched, said = f"generation {second} serves now, before it {first}", []
        end = time.monotonic() + 60
        while (tmp_path / "log").read_text().count(switched) < 2 and time.monotonic() < end:
            said.append(generation_of(port))  # raises where one fails
        assert set(said) <= {first, second}
        assert {generation_of(port) for _ in range(30)} == {second}
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=60)
    log = (tmp_path / "log").read_text()
    assert log.count(switched) == 2  # by each of both
    assert "terminate called" not in log


def generation_of(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/search?q=sms", timeout=60) as response:
        return json.load(response)["index"]["generation"]


def sent(port, request):
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(request)
        return connection.recv(4096)


def until_ready(port, server):
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1):
                return
        except OSError:
            assert server.poll() is None, server.communicate()[0]
            time.sleep(0.1)
    raise AssertionError("the server did not become ready within a minute")
