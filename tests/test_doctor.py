"""`python -m server doctor`: one line a check, with what to do; exits 1 where something has to be mended."""

import os
import re
import shutil
import socket
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import packages_distributions
from pathlib import Path
from unittest import mock

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from serving import served

from indexer.errors import ModelError
from server import doctor
from server.__main__ import main
from server.app import create_app
from server.journal import FILE, Journal

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def model(monkeypatch, encoder):
    monkeypatch.setattr(doctor, "open_encoder", lambda loaded: encoder)


@pytest.fixture(autouse=True)
def free_port(monkeypatch):
    """Where a server would be looked for: nothing listens there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setenv("SPRAVKA_PORT", str(port))
    return port


def found(index, *arguments, **options):
    own = {"own_url": f"http://127.0.0.1:{os.environ['SPRAVKA_PORT']}"}
    return {check.name: check for check in doctor.examine(index, *arguments, **own | options)}


def test_what_is_well_is_said_in_a_line_each_and_exits_0(built_index, tmp_path, capsys):
    assert main(["doctor", "--index", str(built_index), "--data", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(re.match(r"(ok      |warning |failed  ) \S[^:]*: \S", line) for line in lines)
    names = [line[9:].partition(":")[0] for line in lines]
    assert names == [
        "configuration", "python", "packages", "index", "query side", "calibration", "model", "memory",
        "disk of the index", "--data", "disk of --data", "port", "clock", "time zone", "browser",
    ]  # fmt: skip
    assert not any(line.startswith("failed") for line in lines)


def test_settings_of_the_server_are_looked_over_too(built_index, tmp_path, capsys, monkeypatch, free_port):
    monkeypatch.delenv("SPRAVKA_PORT")
    file = tmp_path / "spravka.toml"
    file.write_text(f'index = "{built_index}"\ndata = "data"\nhost = "0.0.0.0"\nport = {free_port}\n')
    assert main(["doctor", "--config", str(file)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"ok       configuration: {file}, 4 settings given" in lines
    assert f"ok       --data: {tmp_path / 'data'}: writable, no journal yet" in lines
    assert f"ok       port: {free_port} is free" in lines
    file.write_text("prot = 1\nworkers = 'x'\n")
    assert main(["doctor", "--config", str(file)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(f"{file}:")[0] for line in lines] == ["failed   configuration: "] * 2


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:81"),
        ("0.0.0.0", "http://127.0.0.1:81"),
        ("::", "http://[::1]:81"),
        ("[::1]", "http://[::1]:81"),
        ("help.example", "http://help.example:81"),
    ],
)
def test_a_server_is_looked_for_where_it_can_be_reached(host, url):
    assert doctor._own_url(host, 81) == url


@pytest.mark.parametrize(
    ("damage", "advice"),
    [
        (lambda index: shutil.rmtree(index), "build it: python -m indexer build"),
        (lambda index: (index / "current" / "vectors.faiss").write_bytes(b"no"), "checksum differs"),
        (lambda index: (index / "current" / "sections.jsonl").unlink(), "missing"),
    ],
)
def test_bad_index_fails_and_the_other_checks_go_on(index_copy, capsys, damage, advice):
    damage(index_copy)
    assert main(["doctor", "--index", str(index_copy)]) == 1
    (failed,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("failed"))
    assert advice in failed
    assert {"memory", "port", "time zone"} <= found(index_copy).keys()


def test_query_side_that_was_not_exported_is_told_with_its_reason(built_index):
    check = found(built_index)["query side"]
    assert check.status == "warning"
    assert "no Sentence Transformers model" in check.found
    assert "build again" in check.advice


def test_missing_calibration_is_told_with_the_command_that_fits_it(built_index):
    check = found(built_index)["calibration"]
    assert (check.status, "evaluation calibrate" in check.advice) == ("warning", True)


def test_missing_model_fails(built_index, monkeypatch):
    def fail(loaded):
        raise ModelError("model hash: not found; name one that is there")

    monkeypatch.setattr(doctor, "open_encoder", fail)
    assert (found(built_index)["model"].status, found(built_index)["model"].found[:10]) == ("failed", "model hash")


@pytest.mark.parametrize("version", ["0.0.1", None])
def test_missing_or_old_package_fails(built_index, version):
    real = doctor.metadata.version

    def installed(name):
        if name != "flask":
            return real(name)
        if version is None:
            raise doctor.metadata.PackageNotFoundError(name)
        return version

    with mock.patch.object(doctor.metadata, "version", installed):
        check = found(built_index)["package"]
    assert check.status == "failed"
    assert check.found.startswith(f"flask {version or 'not installed'}, expected >=3")
    assert "pip install" in check.advice


def test_package_that_only_building_needs_may_be_missing(built_index):
    real = doctor.metadata.version

    def installed(name):
        if name == "torch":
            raise doctor.metadata.PackageNotFoundError(name)
        return real(name)

    with mock.patch.object(doctor.metadata, "version", installed):
        checks = found(built_index)
    assert "package" not in checks
    assert checks["packages"].found.endswith("no index can be built here: without torch")


def test_server_starts_without_the_packages_that_only_building_needs():
    """deploy/Dockerfile leaves them out of the image: whatever the server imports has to be among its needs."""
    needed = {canonicalize_name(Requirement(need).name) for need in doctor.needs_of_serving()}
    assert needed.isdisjoint(doctor._BUILDING)
    modules = [
        module
        for module, names in packages_distributions().items()
        if any(canonicalize_name(name) in doctor._BUILDING for name in names)
    ]
    assert {"torch", "transformers", "yaml"} <= set(modules)
    code = (
        "import sys\n"
        f"for module in {modules!r}: sys.modules[module] = None\n"  # importing one of them fails
        "import pathlib, pkgutil, importlib, server\n"
        "for module in pkgutil.iter_modules(server.__path__): importlib.import_module(f'server.{module.name}')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_old_python_fails(built_index, monkeypatch):
    monkeypatch.setattr(doctor.sys, "version_info", (3, 9, 1))
    assert found(built_index)["python"].status == "failed"


@pytest.mark.parametrize(("available", "status"), [(50, "warning"), (None, "warning"), (100_000, "ok")])
def test_little_or_unknown_memory_is_told(built_index, monkeypatch, available, status):
    monkeypatch.setattr(doctor, "_available_memory", lambda: available)
    assert found(built_index)["memory"].status == status


def test_full_disk_is_told(built_index, tmp_path, monkeypatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: mock.Mock(free=10**6))
    check = found(built_index, tmp_path)["disk of --data"]
    assert (check.status, check.found) == ("warning", "1 MB free, expected 100 MB")


def test_data_folder_that_cannot_be_written_fails(built_index, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    check = found(built_index, tmp_path / "file")["--data"]
    assert (check.status, "nothing can be written" in check.found) == ("failed", True)


def test_damaged_journal_fails_and_a_sound_one_is_counted(built_index, tmp_path):
    journal = Journal(tmp_path)
    journal.add_query("q1", "вопрос", answerable=True, relevance=0.5, sections=[])
    journal.close()
    assert "1 queries, 0 votes" in found(built_index, tmp_path)["--data"].found
    (tmp_path / FILE).write_bytes(b"no database at all, but long enough to be taken for something else")
    assert found(built_index, tmp_path)["--data"].status == "failed"


def test_nothing_is_made_or_changed(built_index, tmp_path):
    found(built_index, tmp_path / "data")
    assert list(tmp_path.iterdir()) == []


def test_port_that_something_else_took_fails(built_index, free_port):
    with socket.socket() as other:
        other.bind(("127.0.0.1", free_port))
        other.listen()
        with mock.patch.object(doctor, "_PATIENCE", 0.2):
            check = found(built_index)["port"]
    assert (check.status, check.found) == ("failed", f"{free_port} is taken by something else")


def test_server_of_the_same_generation_is_well_and_of_another_is_told(built_index, encoder, index_copy):
    with served(create_app(built_index, encoder)) as address:
        same = found(built_index, url=address)["server"]
        generation = (index_copy / "current").resolve()
        other_name = f"2026-01-01T00-00-00-000000-{generation.name[-8:]}"
        generation.rename(generation.with_name(other_name))
        (index_copy / "current").unlink()
        (index_copy / "current").symlink_to(f"generations/{other_name}")
        other = found(index_copy, url=address)["server"]
    assert same.status == "ok"
    assert (other.status, "the index is at 2026-01-01" in other.found) == ("warning", True)
    assert "restart" in other.advice


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "ftp://127.0.0.1", "file:///etc"])
def test_server_that_cannot_be_reached_fails(built_index, url):
    check = found(built_index, url=url)["server"]
    assert (check.status, "not reachable" in check.found) == ("failed", True)


def test_clock_behind_the_index_fails():
    def early():
        return datetime(2020, 1, 1, tzinfo=UTC)

    assert doctor._clock("2026-11-27T23-45-01-413739-db2fa615", early).status == "failed"
    assert doctor._clock(None, early).status == "ok"


def test_missing_time_zone_data_fails(built_index, monkeypatch):
    def missing(name):
        raise KeyError(name)

    monkeypatch.setattr(doctor, "ZoneInfo", missing)
    check = found(built_index)["time zone"]
    assert (check.status, "tzdata" in check.advice) == ("failed", True)
