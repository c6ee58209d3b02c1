"""Metrics of several processes: counted together, in a folder that only its maker removes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from server import metrics

ROOT = Path(__file__).parents[1]

# prometheus-client decides when it is imported whether processes count together: each case in a process of its own.
COUNT = """
import os, sys
from server import metrics, tracing

def count(made, times):
    for _ in range(times):
        made.started()
        trace = tracing.begin("one")
        with tracing.stage("read"):
            pass
        tracing.looked_up("vectors", True)
        made.answered("/v1/search", "answered", trace, 0.003)

with metrics.shared():
    folder = os.environ["PROMETHEUS_MULTIPROC_DIR"]
    made = metrics.Metrics()
    children = []
    for times in (1, 2):
        if not (child := os.fork()):
            count(made, times)
            os._exit(0) if times == 1 else sys.exit(0)  # the second one leaves the block, as gunicorn's workers do
        os.waitpid(child, 0)
        children.append(child)
    assert os.path.isdir(folder)
    print(made.text("2026-11-28", "0.1.0")[0].decode())
    for child in children:
        metrics.forget_worker(child)
    lines = made.text("", "")[0].decode().splitlines()
    print("left", [line for line in lines if line.startswith("spravka_requests_in")])
assert not os.path.exists(folder)
"""


@pytest.fixture(scope="module")
def printed():
    done = subprocess.run([sys.executable, "-c", COUNT], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    "line",
    [
        'spravka_requests_total{outcome="answered",route="/v1/search"} 3.0',
        'spravka_stage_seconds_count{route="/v1/search",stage="read"} 3.0',
        'spravka_stage_seconds_bucket{le="0.002",route="/v1/search",stage="whole"} 0.0',
        'spravka_stage_seconds_bucket{le="0.004",route="/v1/search",stage="whole"} 3.0',
        'spravka_cache_lookups_total{cache="vectors",result="hit"} 3.0',
        "spravka_requests_in_flight 3.0",
        'spravka_index_info{generation="2026-11-28",version="0.1.0"} 1.0',
    ],
)
def test_processes_count_together(printed, line):
    assert line in printed


def test_requests_of_a_worker_that_ended_are_in_flight_no_more(printed):
    assert printed[-1] in ("left []", "left ['spravka_requests_in_flight 0.0']")


def test_the_folder_is_gone_after_a_failure_too():
    with pytest.raises(ZeroDivisionError), metrics.shared():
        folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
        assert folder.is_dir()
        raise ZeroDivisionError
    assert not folder.exists()
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ
