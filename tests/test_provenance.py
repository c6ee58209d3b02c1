"""Where numbers come from: the commit and the machine."""

import subprocess
from pathlib import Path

import pytest

from evaluation import provenance


def git(folder: Path, *arguments: str) -> str:
    settings = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *settings, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_commit_tells_whether_anything_was_changed_since(tmp_path: Path):
    git(tmp_path, "init", "-q")
    (tmp_path / "code.py").write_text("1\n")
    (tmp_path / ".gitignore").write_text("build/\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "First")
    commit = git(tmp_path, "rev-parse", "HEAD")
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "made").write_text("")
    assert provenance.git_commit(tmp_path) == commit
    # Installed into an ignored folder of somebody's repository, the code is not of that commit.
    assert provenance.git_commit(tmp_path / "build") == "unknown"
    (tmp_path / "new.py").write_text("")
    assert provenance.git_commit(tmp_path) == f"{commit}+changes"


def test_commit_outside_git_and_without_git_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert provenance.git_commit(tmp_path) == "unknown"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance.git_commit() == "unknown"


def test_machine_is_the_processor_and_its_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(provenance, "_CPU_INFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(provenance.os, "sched_getaffinity", lambda process: {0, 3}, raising=False)
    monkeypatch.setattr(provenance.platform, "processor", lambda: "")
    monkeypatch.setattr(provenance.platform, "machine", lambda: "riscv64")
    assert provenance.machine() == "riscv64, 2 cores"
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Some CPU: fast\nmodel name\t: another\n")
    assert provenance.machine() == "Some CPU: fast, 2 cores"
    monkeypatch.setattr(provenance.os, "sched_getaffinity", lambda process: {0})
    assert provenance.machine() == "Some CPU: fast, 1 core"
