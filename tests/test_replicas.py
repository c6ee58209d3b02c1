"""Two replicas behind nginx as deploy/nginx.conf sets it up: restarts and new generations cost no request."""

import http.client
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest
from helpers import CORPUS, build_index

from evaluation.benching.servers import free_port, surroundings

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "tests" / "slow_server.py"
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
CALLERS = 3


class Replica:
    """A server on a port that stays through its restarts."""

    def __init__(self, index, folder):
        self.port = free_port()
        self._command = [sys.executable, str(SCRIPT), "--index", str(index), "--port", str(self.port)]
        self._folder, self._process = folder, None

    def start(self):
        self.begin()
        until(lambda: get(self.port, "/readyz")[0] == 200)

    def begin(self):
        with (self._folder / f"{self.port}.log").open("ab") as log:
            self._process = subprocess.Popen(self._command, env=surroundings({}), stdout=log, stderr=log)

    def stop(self):
        self._process.terminate()
        assert self._process.wait(40) == 0

    def kill(self):
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    @property
    def generation(self):
        return get(self.port, "/version")[1]["generation"]


def get(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def until(holds, seconds=60):
    end = time.monotonic() + seconds
    while True:
        try:
            if holds():
                return
        except OSError:
            pass
        assert time.monotonic() < end
        time.sleep(0.05)


@contextmanager
def nginx(folder, *ports):
    """The port at which nginx answers for these, by deploy/nginx.conf with what docs/replicas.md changes."""
    port = free_port()
    site = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    replicas = "\n".join(f"    server 127.0.0.1:{each} max_fails=0;" for each in ports)
    for old, new in (
        ("    server spravka:8000;", replicas),
        ("listen 8080;", f"listen 127.0.0.1:{port};"),
        ("/dev/stdout", f"{folder}/access.log"),
        ("/dev/stderr", f"{folder}/error.log"),
    ):
        assert old in site
        site = site.replace(old, new)
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = f"worker_processes 1;\npid {folder}/pid;\nevents {{}}\nhttp {{\n{temporary}{site}\n}}\n"
    (folder / "nginx.conf").write_text(whole, encoding="utf-8")
    command = [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", f"{folder}/error.log"]
    process = subprocess.Popen([*command, "-g", "daemon off;"])
    try:
        until(lambda: get(port, "/livez")[0] == 200)
        yield port
    finally:
        process.terminate()
        process.wait(20)


class Load:
    """Callers that search until the block ends, and what they got: statuses, and generations of replies."""

    def __init__(self, port):
        self.statuses, self.generations = Counter(), Counter()
        self._port, self._over, self._lock = port, threading.Event(), threading.Lock()

    def __enter__(self):
        self._threads = [threading.Thread(target=self._call, args=(number,)) for number in range(CALLERS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _call(self, caller):
        number = 0
        while not self._over.wait(0.02):
            number += 1
            status, generation = self._search(f"не приходят уведомления {caller} {number}")
            with self._lock:
                self.statuses[status] += 1
                self.generations[generation] += 1

    def _search(self, query):
        body = json.dumps({"query": query})
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        try:
            connection.request("POST", "/v1/search", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            content = response.read()
            return response.status, json.loads(content)["index"]["generation"] if response.status == 200 else None
        except OSError as error:
            return repr(error), None
        finally:
            connection.close()


def test_no_request_fails_while_replicas_are_restarted_and_move_to_a_new_generation(tmp_path):
    if NGINX is None:
        reason = "nginx is not installed (apt-get install nginx-light): replicas were not run behind it"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    corpus = shutil.copytree(CORPUS, tmp_path / "corpus")
    build_index(corpus, tmp_path / "index")
    first, second = replicas = [Replica(tmp_path / "index", tmp_path) for _ in range(2)]
    try:
        first.begin()
        second.start()
        until(lambda: get(first.port, "/readyz")[0] == 200)
        before = first.generation
        with nginx(tmp_path, first.port, second.port) as port, Load(port) as load:
            first.stop()
            time.sleep(0.5)  # the other one serves alone
            first.start()
            article = corpus / "articles" / "about.md"
            article.write_text(article.read_text(encoding="utf-8") + "\nНовое предложение.\n", encoding="utf-8")
            build_index(corpus, tmp_path / "index")
            until(lambda: before not in {first.generation, second.generation})
            after = second.generation
            second.stop()  # right after the first was back: it serves alone
        assert set(load.statuses) == {200}
        assert set(load.generations) == {before, after}
        assert min(load.generations.values()) > 20
        log = (tmp_path / "access.log").read_text(encoding="utf-8")
        assert log.count('"status":200') >= load.statuses[200]
        assert "уведомления" not in log
    finally:
        for replica in replicas:
            replica.kill()
