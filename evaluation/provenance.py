"""Where numbers come from: the commit and the machine."""

import os
import platform
import subprocess
from pathlib import Path

from indexer import cores

_CPU_INFO = Path("/proc/cpuinfo")


def git_commit(folder: Path = Path(__file__).parent) -> str:
    """The commit that the folder's repository is at, "+changes" after it where the tree differs; else "unknown".

    New files count as changes, ignored ones do not. Unknown too is a folder that lies in a repository which tracks
    nothing of it: installed into an environment there, our code is not of that commit.
    """
    try:
        if not _git(folder, "ls-files", "."):
            return "unknown"
        commit = _git(folder, "rev-parse", "HEAD").strip()
        return commit + ("+changes" if _git(folder, "status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


def machine() -> str:
    """The processor and how many cores this process may use, as in "AMD EPYC, 2 cores"; no name of the machine."""
    usable = cores.usable()
    return f"{_processor()}, {usable} core{'s' if usable > 1 else ''}"


def load_of_machine() -> list[float]:
    """How many processes ran or wanted to over the last 1, 5 and 15 minutes: others may be measured along."""
    return [round(each, 2) for each in os.getloadavg()]


def _processor() -> str:
    try:
        lines = _CPU_INFO.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine() or "unknown processor"
