"""The running server goes from generation to generation: no failed or mixed reply, a bad one refused, nothing kept."""

import gc
import hashlib
import json
import logging
import re
import shutil
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from helpers import CORPUS, HashEncoder, build_index

from indexer import artifact, generations
from indexer.artifact import current
from server import live as live_module
from server.app import create_app
from server.live import Live

RELOAD = "/admin/index/reload"


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index with two generations whose every text and page says which it is: the first is live."""
    folder = tmp_path_factory.mktemp("two")
    for name in ("первая", "вторая"):
        corpus = folder / name
        shutil.copytree(CORPUS, corpus)
        for article in (corpus / "articles").rglob("*.md"):
            text = article.read_text(encoding="utf-8")
            head, body = text.split("\n---\n", 1)
            title = re.sub(r"(?m)^title: (.*)$", rf"title: \1 {name}", head)
            article.write_text(f"{title}\n---\n{body}", encoding="utf-8")
        topics = corpus / "topics.toml"
        text = re.sub(r"(?m)^site = .*\n", "", topics.read_text(encoding="utf-8"))
        topics.write_text(f'site = "Справка {name}"\n{text}', encoding="utf-8")
        build_index(corpus, folder / "index")
    first, _ = artifact.list_generations(folder / "index")
    switch(folder / "index", first)
    return folder / "index"


@pytest.fixture
def index(two: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(two, tmp_path / "index", symlinks=True))


@pytest.fixture
def app(index: Path) -> Flask:
    return create_app(index, HashEncoder())


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def switch(index: Path, generation: str) -> None:
    with generations.locked(index):
        generations.switch(index, generation, "none")


def other(index: Path) -> str:
    """The generation that is not current."""
    (found,) = set(artifact.list_generations(index)) - {generations.live(index)}
    return found


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


# By request


def test_reload_serves_what_is_current_on_disk_and_says_what_served_before(index: Path, client: FlaskClient):
    first, second = generations.live(index), other(index)
    assert client.post(RELOAD).json == {"before": first, "after": first, "changed": False}
    switch(index, second)
    assert client.post(RELOAD).json == {"before": first, "after": second, "changed": True}
    for path in ("/readyz", "/version"):
        assert client.get(path).json["generation"] == second
    assert "Справка вторая" in client.get("/").text
    switch(index, first)
    assert client.post(RELOAD).json["after"] == first
    assert "Справка первая" in client.get("/").text


def test_reload_is_no_get(client: FlaskClient):
    response = client.get(RELOAD)
    assert (response.status_code, response.json["error"]["code"]) == (405, "method_not_allowed")


@pytest.mark.parametrize(
    ("address", "headers", "code"),
    [
        ("192.0.2.7", {}, "forbidden"),
        ("", {}, "forbidden"),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, "forbidden"),
        ("127.0.0.1", {"Forwarded": "for=192.0.2.7"}, "forbidden"),
        ("::1", {"X-Real-IP": "192.0.2.7"}, "forbidden"),
        ("127.0.0.1", {"Sec-Fetch-Site": "cross-site"}, "other_site"),
    ],
)
def test_reload_is_for_programs_on_the_machine_itself(
    index: Path, client: FlaskClient, address: str, headers: dict[str, str], code: str
):
    switch(index, other(index))
    response = client.post(RELOAD, environ_base={"REMOTE_ADDR": address}, headers=headers)
    assert (response.status_code, response.json["error"]["code"]) == (403, code)
    assert client.get("/readyz").json["generation"] != generations.live(index)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2", "::1"])
def test_every_loopback_address_is_the_machine_itself(client: FlaskClient, address: str):
    assert client.post(RELOAD, environ_base={"REMOTE_ADDR": address}).status_code == 200


def test_second_reload_at_the_same_time_is_refused(index: Path, app: Flask, monkeypatch: pytest.MonkeyPatch):
    switch(index, other(index))
    inside, go_on = threading.Event(), threading.Event()
    load = artifact.load
    monkeypatch.setattr(artifact, "load", lambda index: (inside.set(), go_on.wait(20), load(index))[2])
    done: list[int] = []
    thread = threading.Thread(target=lambda: done.append(app.test_client().post(RELOAD).status_code))
    thread.start()
    assert inside.wait(20)
    response = app.test_client().post(RELOAD)
    assert (response.status_code, response.json["error"]["code"]) == (409, "reload_running")
    assert app.test_client().get("/v1/search?q=фото").status_code == 200  # nobody waits for it
    go_on.set()
    thread.join()
    assert done == [200]


# By itself


def test_changed_pointer_is_noticed_by_the_next_requests(
    index: Path, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(live_module, "INTERVAL", 0.0)
    second = other(index)
    switch(index, second)
    until(lambda: client.get("/readyz").json["generation"] == second)


def test_process_that_nobody_asks_switches_as_well(index: Path, app: Flask, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(live_module, "INTERVAL", 0.02)
    live, second = app.extensions["live"], other(index)
    live.watch()
    switch(index, second)
    until(lambda: live._now.generation == second)


def test_process_started_anew_does_without_the_generation_that_its_parent_loaded(index: Path, app: Flask):
    first, second = generations.live(index), other(index)
    switch(index, second)
    shutil.rmtree(index / "generations" / str(first))
    app.extensions["live"].catch_up()
    assert app.test_client().get("/readyz").json["generation"] == second


def test_pointer_is_not_looked_at_for_every_request(client: FlaskClient, monkeypatch: pytest.MonkeyPatch):
    looked: list[bool] = []
    monkeypatch.setattr(Live, "look", lambda self: looked.append(True))
    for _ in range(5):
        client.get("/readyz")
    assert looked == []


# A bad generation


def break_file(folder: Path) -> None:
    with (folder / "vocabulary").open("a") as file:
        file.write("лишнее\n")


def break_format(folder: Path) -> None:
    path = folder / "manifest.json"
    path.write_text(re.sub(r'"format": \d+', '"format": 0', path.read_text()))


def break_model(folder: Path) -> None:
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace(HashEncoder.fingerprint, "another"))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (break_file, "vocabulary: checksum differs from the manifest"),
        (break_format, "format 0, this version reads"),
        (break_model, "changed since it was written"),
        (lambda folder: (folder / "sections.jsonl").unlink(), "sections.jsonl: missing"),
        (shutil.rmtree, "no manifest.json in it"),
    ],
)
def test_bad_generation_is_refused_and_the_old_one_serves_on(
    index: Path,
    client: FlaskClient,
    damage: Callable[[Path], object],
    reason: str,
    caplog: pytest.LogCaptureFixture,
):
    first, second = generations.live(index), other(index)
    damage(index / "generations" / second)
    switch(index, second)
    response = client.post(RELOAD)
    assert (response.status_code, response.json["error"]["code"]) == (503, "index_refused")
    assert reason in response.json["error"]["message"]
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json["ready"], ready.json["generation"]) == (200, True, first)
    assert ready.json["refused"]["generation"] == second
    assert reason in ready.json["refused"]["reason"]
    assert str(index.parent) not in ready.text  # where it lies on the disk is nobody's business
    assert reason in caplog.text
    assert client.get("/v1/search?q=фото").json["index"]["generation"] == first
    switch(index, str(first))
    assert client.post(RELOAD).json == {"before": first, "after": first, "changed": False}
    assert client.get("/readyz").json["refused"] is None


def test_refused_generation_is_tried_again_only_when_the_pointer_changes(
    index: Path, app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    live, second = app.extensions["live"], other(index)
    first = live.now().generation
    break_file(index / "generations" / second)
    switch(index, second)
    live.look()
    until(lambda: live.refused is not None and not live._lock.locked())
    for _ in range(3):
        live.look()
    assert len(re.findall(f"generation {second} is refused", caplog.text)) == 1
    assert not live._lock.locked()
    switch(index, first)
    live.look()
    until(lambda: live.refused is None)
    assert live.now().generation == first


def test_generation_of_another_model_is_refused(index: Path, client: FlaskClient):
    folder = index / "generations" / other(index)
    break_model(folder)
    digest = hashlib.sha256((folder / "manifest.json").read_bytes().removesuffix(b"\n")).hexdigest()
    another = folder.rename(folder.with_name(folder.name[:-8] + digest[:8]))  # a whole one, as that model makes it
    switch(index, another.name)
    assert "put that model back" in client.post(RELOAD).json["error"]["message"]
    assert client.get("/v1/search?q=фото").status_code == 200


def test_anything_that_a_generation_makes_go_wrong_is_a_refusal(
    index: Path, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: object) -> None:
        raise MemoryError("no room")

    switch(index, other(index))
    monkeypatch.setattr("server.live.probes.probe", fail)
    assert "MemoryError: no room" in client.post(RELOAD).json["error"]["message"]
    assert client.get("/v1/search?q=фото").status_code == 200


# While requests come in


def test_every_reply_is_of_one_generation_while_they_change(index: Path, app: Flask):
    names = {str(generations.live(index)): "первая", other(index): "вторая"}
    stop, seen, wrong = threading.Event(), set(), []

    def ask(number: int) -> None:
        client = app.test_client()
        while not stop.is_set():
            found = client.post("/v1/search", json={"query": f"фото {number}", "abstain": False})
            body = found.json
            name = names[body["index"]["generation"]]
            titles = {hit["title"].rpartition(" ")[2] for hit in body["hits"]}
            if found.status_code != 200 or titles != {name}:
                wrong.append(found.text)
            page = client.get("/?q=фото").text
            if len(set(re.findall("первая|вторая", page))) != 1:
                wrong.append(page)
            seen.add(name)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            switch(index, other(index))
            done = app.test_client().post(RELOAD)
            assert done.status_code == 200, done.text
            assert done.json["changed"]
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert seen == {"первая", "вторая"}


def test_request_keeps_its_generation_to_its_end(index: Path, app: Flask):
    first = generations.live(index)
    with app.test_request_context("/"):
        before = live_module.serving()
        switch(index, other(index))
        app.extensions["live"].reload()
        assert live_module.serving() is before
        assert live_module.serving().generation == first
    with app.test_request_context("/"):
        assert live_module.serving().generation == generations.live(index) != first


def test_old_generation_is_released(index: Path, app: Flask):
    client = app.test_client()
    client.get("/v1/search?q=фото")
    client.get("/?q=фото")
    client.get("/v1/suggest?q=фото")
    serving = app.extensions["live"].now()
    kept = [
        weakref.ref(each) for each in (serving.searcher, serving.searcher.artifact.lexical, serving.searcher.reader)
    ]
    del serving
    switch(index, other(index))
    assert client.post(RELOAD).json["changed"]
    until(lambda: all(each() is None for each in kept))


def test_generation_that_was_frozen_before_a_fork_is_released_too(index: Path):
    live = Live(index, HashEncoder())
    kept = weakref.ref(live.now().searcher.lemmatizer)  # its caches refer to it
    gc.freeze()
    try:
        switch(index, other(index))
        live.reload()
        until(lambda: kept() is None)
        until(lambda: gc.get_freeze_count() > 0)
    finally:
        gc.unfreeze()


def test_replies_remembered_of_one_generation_are_not_given_by_the_next(index: Path, client: FlaskClient):
    def hits() -> str:
        return json.dumps(client.get("/v1/search?q=фото&abstain=false").json["hits"], ensure_ascii=False)

    first = hits()
    assert first == hits()
    switch(index, other(index))
    client.post(RELOAD)
    assert "вторая" in hits()
    assert "первая" in first
    assert "вторая" not in first


def test_switch_is_said_in_the_log(index: Path, client: FlaskClient, caplog: pytest.LogCaptureFixture):
    first, second = generations.live(index), other(index)
    switch(index, second)
    with caplog.at_level(logging.WARNING):
        client.post(RELOAD)
    assert f"generation {second} serves now, before it {first}" in caplog.text
    assert current(index).name == second
