"""Our own help with the default model: people's questions and error texts find their section."""

import json
import subprocess
import sys
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
from helpers import measured

from evaluation.judgments import read_judged
from evaluation.runs import run
from evaluation.systems import local_systems, open_searcher

pytestmark = pytest.mark.model

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"

# A question, and the section that answers it.
ANSWERED = {
    "не приходят уведомления на телефоне Android": "notifications#android",
    "Пользователь не найден": "sign-in#user-not-found",
    "чем отличается статус Передано в разработку от Заведено, ждём": "support-portal#statuses",
    "как запросить новую функцию": "support#feature-request",
}


def get(address):
    with urllib.request.urlopen(address, timeout=60) as response:
        return json.load(response)


@pytest.mark.parametrize("query", ANSWERED)
def test_the_right_section_comes_first_over_http(real_site, query):
    reply = get(f"{real_site}/v1/search?{urllib.parse.urlencode({'q': query})}")
    assert reply["hits"][0]["section_id"] == ANSWERED[query]


def test_every_known_error_text_brings_its_section_first(real_searcher):
    missed = {
        error.text: found[0].section_id if found else None
        for error in real_searcher.artifact.errors.error
        if not (found := real_searcher.search(error.text).hits) or found[0].section_id != error.section
    }
    assert missed == {}


def test_hybrid_is_better_than_either_half_on_the_tuning_queries(real_searcher):
    judged = read_judged(ROOT / "evaluation" / "judged", "tuning")
    gains = {
        found.name: measured(run(found, judged), judged)["nDCG@10"] for found in local_systems(real_searcher, judged)
    }
    assert gains["hybrid"] > max(gains["lexical"], gains["semantic"]) + 0.02


@pytest.mark.skipif(not SHARED.is_dir(), reason="the contract checker is not here (../shared)")
def test_the_running_server_keeps_the_contract(real_site):
    command = [sys.executable, SHARED / "tools" / "contract.py", "--url", real_site, "--level", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith(" 0 failed\n")


@pytest.mark.skipif(not SHARED.is_dir(), reason="rus-XQuAD is not here (../shared)")
@pytest.mark.parametrize(("folder", "bar"), [("sentences", 0.860), ("passages", 0.970)])
def test_rus_xquad_stays_above_its_bars(folder, bar, quiet, query_vectors):
    data = SHARED / "data" / "xquad-ru" / folder
    judged = read_judged(data)
    searcher = open_searcher(data, quiet)
    searcher.encoder = query_vectors(searcher.encoder)
    gains = {found.name: measured(run(found, judged), judged)["nDCG@10"] for found in local_systems(searcher, judged)}
    assert gains["hybrid"] >= bar
    assert gains["hybrid"] >= max(gains["lexical"], gains["semantic"]) + 0.010
