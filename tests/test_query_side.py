"""The query side of an index: trimmed, exported, compared, taken over, and what a server does without it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers import HashEncoder, QuietReporter
from tokenizers import Tokenizer
from tokenizers import models as tokenizer_models

from indexer import artifact, exporting, graphs, models, query_encoder, query_side, trimming
from indexer.build import build
from indexer.encoder import SentenceEncoder
from indexer.encoder import open_encoder as open_model
from indexer.errors import ArtifactError
from indexer.late import Known, LateEncoder
from indexer.opening import open_encoder
from indexer.query_encoder import CARD, EMBEDDINGS, FOLDER, GRAPH, TOKENIZER, Card, OnnxEncoder

PIECES = [
    "<s>",
    "<pad>",
    "</s>",
    "<unk>",
    "▁",
    "▁при",
    "вет",
    "▁hel",
    "lo",
    "▁Pro",
    "▁12",
    "日本",
    "ação",
    "ß",
    "日",
    "!",
]


def unigram(pieces: list[str] = PIECES) -> Tokenizer:
    return Tokenizer(tokenizer_models.Unigram([(piece, -1.0 - i / 100) for i, piece in enumerate(pieces)], 3, False))


def test_rows_are_those_of_the_file_and_those_in_use_are_read_once(tmp_path: Path, monkeypatch):
    matrix = np.arange(60, dtype=np.float16).reshape(12, 5)
    np.save(tmp_path / "rows.npy", matrix)
    monkeypatch.setattr(query_encoder, "_ROWS", 4)
    rows, read = query_encoder._Rows(tmp_path / "rows.npy"), []
    pread = os.pread
    monkeypatch.setattr(os, "pread", lambda *where: read.append(where) or pread(*where))
    for wanted in ([3, 0, 3, 11], [11, 0], [7, 8, 9, 10], [3]):  # the last four in use are kept
        assert rows.read(wanted).tolist() == matrix[wanted].tolist()
    assert len(read) == 3 + 0 + 4 + 1


@pytest.fixture
def exported(real_index: Path) -> OnnxEncoder:
    return OnnxEncoder(artifact.current(real_index) / FOLDER)


def test_pieces_of_russian_signs_and_asked_words_are_kept_and_those_of_other_scripts_are_not():
    _, kept = trimming.trimmed(unigram(), [], ["hello"])
    assert kept is not None
    names = [PIECES[number] for number in kept]
    assert {"<s>", "<pad>", "</s>", "<unk>", "▁", "▁при", "вет", "▁12", "!", "lo"} <= set(names)
    assert not {"日本", "ação", "日"} & set(names)


def test_a_tokenizer_of_another_kind_is_not_trimmed():
    tokenizer = Tokenizer(tokenizer_models.WordPiece({"[UNK]": 0}, unk_token="[UNK]"))
    assert trimming.trimmed(tokenizer, [], []) == (tokenizer.to_str(), None)


def test_pieces_of_every_word_are_kept_however_many_words_there_are():
    words = [f"word{n}end" for n in range(1000)]
    tokenizer = unigram([*PIECES, *words, "word0other"])
    _, kept = trimming.trimmed(tokenizer, words, [])
    assert kept is not None
    assert [number for number in kept if number >= len(PIECES)] == [len(PIECES) + n for n in range(1000)]


def test_a_trimmed_tokenizer_cuts_into_the_same_pieces():
    whole = unigram()
    form, kept = trimming.trimmed(whole, ["hello"], [])
    assert kept is not None and len(kept) < len(PIECES)
    cut = Tokenizer.from_str(form)
    for text in ("▁привет", "▁hello!", "▁12"):
        assert cut.encode(text).tokens == whole.encode(text).tokens
        assert [kept[number] for number in cut.encode(text).ids] == whole.encode(text).ids
    assert cut.encode("日本").ids == [cut.token_to_id("<unk>")]
    assert whole.encode("日本").ids == [PIECES.index("日本")]


@pytest.mark.model
def test_the_manifest_tells_how_near_the_exported_side_comes_to_the_model(real_index: Path):
    about = artifact.read_manifest(artifact.current(real_index)).query_side
    card = Card.model_validate(about)
    assert card.kind == "onnx, int8"
    assert card.pieces < card.pieces_of_model / 3
    assert card.compared is not None
    assert card.compared.queries == exporting.SAMPLE
    assert card.compared.cosine > 0.99
    assert card.compared.overlap > 0.8


@pytest.mark.model
def test_queries_together_have_the_unit_vectors_that_they_have_alone(exported: OnnxEncoder):
    queries = ["не приходят уведомления", "VPN", "как сменить фото профиля на айфоне " * 8]
    together = exported.encode_queries(queries)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(together, [exported.encode_query(query) for query in queries])
    assert exported.encode_queries([]).shape == (0, exported.dimension)


@pytest.mark.model
def test_attention_has_no_mask_since_a_query_has_no_padding(real_index: Path):
    import onnx

    graph = onnx.load(artifact.current(real_index) / FOLDER / GRAPH).graph
    assert [given.name for given in graph.input] == ["inputs_embeds"]
    attending = [node for node in graph.node if node.op_type == "QAttention"]
    assert len(attending) == 12
    assert not any(node.input[5] for node in attending)  # the mask's place in QAttention


FORKED = """
import os, sys
from pathlib import Path
from indexer.query_encoder import OnnxEncoder
encoder = OnnxEncoder(Path(sys.argv[1]))
queries = ["не приходят уведомления", "VPN", "как сменить фото профиля на айфоне"]
threads = len(os.listdir("/proc/self/task"))
before = [encoder.encode_query(query).tobytes() for query in queries]
assert len(os.listdir("/proc/self/task")) == threads, "a thread of ONNX Runtime's: its telemetry?"
children = []
for _ in range(2):
    if not (child := os.fork()):
        another = OnnxEncoder(Path(sys.argv[1]))
        same = [each.encode_query(query).tobytes() for each in (encoder, another) for query in queries] == 2 * before
        del encoder, another
        sys.exit(0 if same else 1)  # no thread is waited for that did not come along
    children.append(child)
sys.exit(any(os.waitpid(child, 0)[1] for child in children))
"""


@pytest.mark.model
def test_processes_forked_after_the_first_query_share_its_session(real_index: Path):
    folder = artifact.current(real_index) / FOLDER
    done = subprocess.run([sys.executable, "-c", FORKED, str(folder)], timeout=60, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.model
def test_a_query_of_any_length_is_cut_at_what_the_model_reads(exported: OnnxEncoder):
    vector = exported.encode_query("слово " * 5000)
    assert vector.shape == (384,)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


@pytest.mark.model
@pytest.mark.parametrize("name", [CARD, GRAPH, TOKENIZER, EMBEDDINGS])
def test_a_damaged_file_is_named_with_what_to_do(real_index: Path, tmp_path: Path, name: str):
    folder = Path(shutil.copytree(artifact.current(real_index) / FOLDER, tmp_path / FOLDER))
    (folder / name).write_bytes(b"\x00damaged")
    with pytest.raises(ArtifactError, match=r"unreadable query encoder .*; rebuild the index"):
        OnnxEncoder(folder).encode_query("проверка")


@pytest.fixture
def known(real_index: Path) -> Known:
    model = models.adapted(models.resolve(models.DEFAULT_MODEL), Path("corpus"))
    found = Known.of(real_index, model)
    assert found.query_folder
    return found


def late(open_encoder: Callable[[models.Model], SentenceEncoder], known: Known) -> tuple[models.Model, LateEncoder]:
    model = models.adapted(models.resolve(models.DEFAULT_MODEL), Path("corpus"))
    return model, LateEncoder(model, known.encoder, open_encoder)


@pytest.mark.model
def test_a_rebuild_of_the_same_words_takes_the_query_side_over_and_opens_no_model(
    known: Known, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(trimming, "digest_of", lambda english, texts: known.query_side["words"])
    model, encoder = late(lambda model: pytest.fail("was opened"), known)
    side = query_side.prepare(known, model, encoder, tmp_path, english=[], texts=[], queries=["проверка"])
    assert side.about == known.query_side
    assert side.draft is None
    assert known.query_folder and side.folder
    for name in (CARD, GRAPH, TOKENIZER, EMBEDDINGS):
        assert (side.folder / name).read_bytes() == (known.query_folder / name).read_bytes()


@pytest.mark.model
def test_other_words_change_the_vocabulary_and_not_the_graph(
    known: Known, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(exporting, "write_graph", lambda *given, **named: pytest.fail("was written anew"))
    model, encoder = late(open_model, known)
    side = query_side.prepare(known, model, encoder, tmp_path, english=[], texts=["Zimbra"], queries=["проверка"])
    assert known.query_folder and side.folder
    assert (side.folder / GRAPH).read_bytes() == (known.query_folder / GRAPH).read_bytes()
    assert (side.folder / TOKENIZER).read_bytes() != (known.query_folder / TOKENIZER).read_bytes()
    side.compare(encoder.opened.encode_passages(["проверка"]))
    assert side.folder is not None


def test_an_encoder_that_is_no_sentence_transformers_model_answers_itself(built_index: Path):
    about = artifact.read_manifest(artifact.current(built_index)).query_side
    assert about == {"kind": "sentence-transformers", "reason": "the encoder is no Sentence Transformers model"}
    assert artifact.load(built_index).query_side is None


@pytest.mark.model
def test_where_the_export_fails_the_model_itself_answers_and_the_manifest_says_why(tmp_path: Path, monkeypatch):
    def fails(*given: object, **named: object) -> None:
        raise exporting.NotExportable("it has no embeddings")

    monkeypatch.setattr(exporting, "write_graph", fails)
    monkeypatch.setattr(graphs, "folder", lambda: tmp_path / "graphs")  # where none was kept
    corpus = Path(shutil.copytree("tests/corpus", tmp_path / "corpus"))
    quiet = QuietReporter()
    build(corpus, tmp_path / "index", reporter=quiet)
    loaded = artifact.load(tmp_path / "index")
    assert loaded.manifest.query_side == {"kind": "sentence-transformers", "reason": "it has no embeddings"}
    assert "Queries are encoded by the model itself: it has no embeddings" in quiet.said
    assert isinstance(open_encoder(loaded), SentenceEncoder)


def test_vectors_that_differ_too_much_are_refused(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(exporting, "OnnxEncoder", lambda folder: HashEncoder())
    draft = exporting.Draft(tmp_path, Card.model_construct(), ["проверка"], np.ones((1, 64), dtype=np.float32) / 8.0)
    with pytest.raises(exporting.NotExportable, match="its vectors differ too much: cosine"):
        exporting.compared(draft, np.zeros((5, 64), dtype=np.float32))


SERVES = """
import json, sys
from server.app import create_app
client = create_app(__import__("pathlib").Path(sys.argv[1])).test_client()
reply = client.post("/v1/search", json={"query": "не приходят уведомления"}).get_json()
print(json.dumps({
    "answered": bool(reply["hits"]),
    "encoder": client.get("/version").get_json()["encoder"],
    "heavy": sorted({"torch", "transformers", "sentence_transformers"} & sys.modules.keys()),
}))
"""


@pytest.mark.model
def test_a_server_answers_without_torch_and_transformers(real_index: Path):
    told = subprocess.run(
        [sys.executable, "-c", SERVES, str(real_index)], capture_output=True, text=True, check=True, timeout=120
    )
    assert json.loads(told.stdout) == {"answered": True, "encoder": "onnx, int8", "heavy": []}
