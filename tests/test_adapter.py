"""The adapter of a corpus: what is read and refused, what it adds to a model, what build and server make of it."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import FRONT_MATTER, QuietReporter, write_corpus
from safetensors.numpy import load_file, save_file
from tiny_model import PROMPTS, save_tiny_model

from indexer import artifact, models
from indexer.__main__ import main
from indexer.adaptation.adapter import Adapter, Card, Weights, apply, find_adapter, read_adapter, write_adapter
from indexer.articles import corpus_digest, read_articles
from indexer.build import build
from indexer.encoder import SentenceEncoder
from indexer.encoder import open_encoder as open_model
from indexer.errors import ArtifactError, ModelError
from indexer.models import Model, resolve, with_adapter
from indexer.opening import open_encoder
from server.app import create_app

RANK = 4
LAYERS = {  # path -> (out, in) in the tiny model
    "encoder.layer.0.attention.self.query": (32, 32),
    "encoder.layer.0.intermediate.dense": (64, 32),
    "encoder.layer.1.output.dense": (32, 64),
}
TEXTS = ["Как сбросить пароль?", "я", "0x80070005: отказано в доступе", "айфон молчит ночью"]


def random_weights(seed: int = 1, layers: dict[str, tuple[int, int]] = LAYERS) -> Weights:
    draw = np.random.default_rng(seed)
    return {
        path: (0.3 * draw.standard_normal((RANK, wide)), 0.3 * draw.standard_normal((high, RANK)))
        for path, (high, wide) in layers.items()
    }


def card_for(base: str, scale: float = 0.5) -> Card:
    return Card(
        base_model="tiny",
        base_fingerprint=base,
        scale=scale,
        rank=RANK,
        corpus_digest="c0",
        data_digest="da",
        seed=7,
        settings={"epochs": 3, "layers": ["query"]},
        figures={"before": {"nDCG@10": 0.5}, "after": {"nDCG@10": 0.6}},
        curve=[{"scale": 0.5, "nDCG@10": 0.6}],
        versions={"peft": "0"},
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A tiny model; its folder is not to be written to."""
    return resolve(str(save_tiny_model(tmp_path_factory.mktemp("models") / "tiny", PROMPTS)))


@pytest.fixture
def folder(tmp_path: Path, model: Model) -> Path:
    """The folder of an adapter for the tiny model, to be changed or damaged."""
    write_adapter(tmp_path / "corpus" / "adapter", card_for(model.fingerprint), random_weights())
    return tmp_path / "corpus" / "adapter"


@pytest.fixture
def adapter(folder: Path) -> Adapter:
    return read_adapter(folder)


def with_card(adapter: Adapter, **fields: object) -> Adapter:
    return replace(adapter, card=replace(adapter.card, **fields))


def network_of(model: Model):
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(model.folder), device="cpu", model_kwargs={"torch_dtype": "float32"})


# The folder.


def test_what_was_written_is_read_back(tmp_path: Path):
    weights = random_weights()
    written = write_adapter(tmp_path / "a", card_for("base"), weights)
    read = read_adapter(tmp_path / "a")
    assert read.card == written.card == replace(card_for("base"), weights_digest=read.card.weights_digest)
    assert list(read.weights) == list(written.weights) == sorted(weights)
    for path, pair in weights.items():
        for given, stored, found in zip(pair, written.weights[path], read.weights[path], strict=True):
            assert (found.dtype, found.tolist()) == (np.float16, given.astype(np.float16).tolist())
            assert stored.tolist() == found.tolist()
    assert {path.name for path in (tmp_path / "a").iterdir()} == {"adapter.safetensors", "card.json"}


def test_folder_has_the_form_that_its_description_gives(folder: Path):
    tensors = load_file(folder / "adapter.safetensors")
    assert {name: (str(each.dtype), each.shape) for name, each in tensors.items()} == {
        f"{path}.{name}": ("float16", shape)
        for path, (high, wide) in LAYERS.items()
        for name, shape in {"A": (RANK, wide), "B": (high, RANK)}.items()
    }
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    assert (card["format"], card["scale"], card["figures"]["after"]) == (1, 0.5, {"nDCG@10": 0.6})


def test_same_adapter_has_the_same_bytes_in_whatever_order_its_layers_come(tmp_path: Path):
    weights = random_weights()
    first = write_adapter(tmp_path / "a", card_for("base"), weights)
    second = write_adapter(tmp_path / "b", card_for("base"), dict(reversed(weights.items())))
    assert first.files() == second.files()
    for name, content in first.files().items():
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() == content


def test_new_adapter_takes_the_place_of_the_one_before(folder: Path):
    write_adapter(folder, card_for("other", 0.25), random_weights(2))
    found = read_adapter(folder)
    assert (found.card.base_fingerprint, found.card.scale) == ("other", 0.25)


def test_corpus_without_an_adapter_has_none(tmp_path: Path):
    assert find_adapter(tmp_path) is None
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "usb-c.md").write_text("# Адаптер питания")  # an article of that name
    assert find_adapter(tmp_path) is None


def test_adapter_of_a_corpus_is_found(folder: Path):
    found = find_adapter(folder.parent)
    assert found is not None
    assert found.source == str(folder)


def edit_card(folder: Path, change: Callable[[dict], object]) -> None:
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    change(card)
    (folder / "card.json").write_text(json.dumps(card), encoding="utf-8")


def edit_weights(folder: Path, change: Callable[[dict], object]) -> None:
    tensors = load_file(folder / "adapter.safetensors")
    change(tensors)
    save_file(tensors, folder / "adapter.safetensors")


def cut(path: Path, length: int) -> None:
    path.write_bytes(path.read_bytes()[:length])


QUERY = "encoder.layer.0.attention.self.query"


def with_value(tensors: dict, value: float) -> None:
    changed = tensors[f"{QUERY}.B"].copy()
    changed[3, 1] = value
    tensors[f"{QUERY}.B"] = changed


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no card": (lambda folder: (folder / "card.json").unlink(), r"card\.json: unreadable \(No such file"),
    "no weights": (lambda folder: (folder / "adapter.safetensors").unlink(), r"adapter\.safetensors: unreadable \(No "),
    "card cut short": (lambda folder: cut(folder / "card.json", 50), r"card\.json: unreadable \(.+ as JSON"),
    "card not UTF-8": (lambda folder: (folder / "card.json").write_bytes(b"\xff"), r"card\.json: unreadable \("),
    "card deep": (lambda folder: (folder / "card.json").write_text("[" * 10**5), r"card\.json: unreadable \("),
    "card a list": (lambda folder: (folder / "card.json").write_text("[]"), r"card\.json: format None; expected 1"),
    "format": (lambda folder: edit_card(folder, lambda card: card.update(format=2)), r"card\.json: format 2; expected"),
    "field missing": (
        lambda folder: edit_card(folder, lambda card: card.pop("rank")),
        r'json: "rank" does not fit \(F',
    ),
    "field of another type": (
        lambda folder: edit_card(folder, lambda card: card.update(curve=[1])),
        r'card\.json: "curve\.0" does not fit \(Input should be a valid dict',
    ),
    "unknown field": (
        lambda folder: edit_card(folder, lambda card: card.update(novelty=1)),
        r'card\.json: "novelty" does not fit \(',
    ),
    "scale below 0": (lambda folder: edit_card(folder, lambda card: card.update(scale=-1)), r'json: "scale" does not '),
    "scale not a number": (
        lambda folder: edit_card(folder, lambda card: card.update(scale=float("nan"))),
        r'card\.json: "scale" does not fit \(Input should be a finite number',
    ),
    "another rank": (
        lambda folder: edit_card(folder, lambda card: card.update(rank=8)),
        r'query\.A" of shape \(4, 32\); expected \(8, in\)',
    ),
    "another card's weights": (
        lambda folder: edit_card(folder, lambda card: card.update(weights_digest="0" * 64)),
        r'safetensors: digest [0-9a-f]{12}; expected "000000000000", the weights_digest of card\.json',
    ),
    "card without a digest": (
        lambda folder: edit_card(folder, lambda card: card.pop("weights_digest")),
        r'safetensors: digest [0-9a-f]{12}; expected "", the weights_digest',
    ),
    "weights cut short": (
        lambda folder: cut(folder / "adapter.safetensors", 2000),
        r"adapter\.safetensors: unreadable \(.+\); expected the weights of an adapter",
    ),
    "weights empty": (lambda folder: cut(folder / "adapter.safetensors", 0), r"safetensors: unreadable \("),
    "no tensors": (lambda folder: edit_weights(folder, dict.clear), r"no tensors; expected at least one layer"),
    "tensor missing": (
        lambda folder: edit_weights(folder, lambda tensors: tensors.pop(f"{QUERY}.A")),
        r'self\.query\.A" is missing; expected "<layer>\.A" and "\.B"',
    ),
    "stray tensor": (
        lambda folder: edit_weights(folder, lambda tensors: tensors.update({f"{QUERY}.C": np.ones(1)})),
        r'self\.query\.C" is there; expected "<layer>\.A" and "\.B"',
    ),
    "one dimension": (
        lambda folder: edit_weights(folder, lambda tensors: tensors.update({f"{QUERY}.A": np.ones(4, np.float16)})),
        r'self\.query\.A" of shape \(4,\); expected \(4, in\)',
    ),
    "B on its side": (
        lambda folder: edit_weights(
            folder, lambda tensors: tensors.update({f"{QUERY}.B": np.ones((4, 32), np.float16)})
        ),
        r'self\.query\.B" of shape \(4, 32\); expected \(out, 4\)',
    ),
    "no columns": (
        lambda folder: edit_weights(
            folder, lambda tensors: tensors.update({f"{QUERY}.A": np.ones((4, 0), np.float16)})
        ),
        r'self\.query\.A" of shape \(4, 0\)',
    ),
    "float32": (
        lambda folder: edit_weights(
            folder, lambda tensors: tensors.update({f"{QUERY}.A": np.ones((4, 32), np.float32)})
        ),
        r'self\.query\.A" of float32; expected float16',
    ),
    "NaN": (
        lambda folder: edit_weights(folder, lambda tensors: with_value(tensors, np.nan)),
        r'self\.query\.B" holds values that are no finite numbers',
    ),
    "infinite": (
        lambda folder: edit_weights(folder, lambda tensors: with_value(tensors, np.inf)),
        r'self\.query\.B" holds values that are no finite numbers',
    ),
    "one value changed": (
        lambda folder: edit_weights(folder, lambda tensors: with_value(tensors, 0.125)),
        r"adapter\.safetensors: digest",
    ),
    "layer renamed": (
        lambda folder: edit_weights(
            folder, lambda tensors: tensors.update({f"x.{each}": tensors.pop(f"{QUERY}.{each}") for each in "AB"})
        ),
        r"adapter\.safetensors: digest",
    ),
}


@pytest.mark.parametrize(("damage", "found"), DAMAGES.values(), ids=DAMAGES)
def test_damaged_adapter_is_refused_with_what_to_do(
    folder: Path, damage: Callable[[Path], object], found: str, recwarn: pytest.WarningsRecorder
):
    damage(folder)
    with pytest.raises(ModelError, match=found) as refusal:
        find_adapter(folder.parent)
    message = str(refusal.value)
    assert message.startswith(f"{folder}/")
    assert message.endswith("; train it again: python -m indexer adapt CORPUS, or build without it: --no-adapter")
    assert "; expected " in message


@pytest.mark.parametrize("value", [1e6, np.inf, np.nan], ids=["too large for float16", "infinite", "NaN"])
def test_weights_that_cannot_be_stored_are_not_written(tmp_path: Path, value: float):
    weights = dict(random_weights())
    weights[QUERY][0][0, 0] = value
    with pytest.raises(ModelError, match=r'self\.query\.A" holds values that are no finite numbers'):
        write_adapter(tmp_path / "a", card_for("base"), weights)
    assert not (tmp_path / "a").exists()


def test_folder_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "a").write_text("a file")
    with pytest.raises(ModelError, match=r"a: cannot be written \(File exists\); free space or"):
        write_adapter(tmp_path / "a", card_for("base"), random_weights())


def test_full_disk_leaves_the_adapter_that_was_there(folder: Path, monkeypatch: pytest.MonkeyPatch):
    def full(path: Path, content: bytes) -> None:
        path.touch()
        raise OSError(28, "No space left on device")

    before = read_adapter(folder).files()
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(ModelError, match=r"adapter: cannot be written \(No space left on device\)"):
        write_adapter(folder, card_for("other"), random_weights(2))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


# What is added to a model.


@pytest.mark.parametrize("scale", [0.25, 1.0])
def test_adapted_model_gives_what_peft_gives(model: Model, adapter: Adapter, scale: float):
    import torch
    from peft import LoraConfig

    ours, theirs = network_of(model), network_of(model)
    published = theirs.encode(TEXTS)
    apply(adapter, ours, scale)
    theirs.add_adapter(LoraConfig(r=RANK, lora_alpha=scale * RANK, target_modules=list(LAYERS)))
    modules = dict(theirs[0].auto_model.named_modules())
    for path, (low, high) in adapter.weights.items():
        modules[path].lora_A["default"].weight.data = torch.tensor(low, dtype=torch.float32)
        modules[path].lora_B["default"].weight.data = torch.tensor(high, dtype=torch.float32)
    theirs.eval()
    np.testing.assert_allclose(ours.encode(TEXTS), theirs.encode(TEXTS), atol=2e-5)
    assert np.abs(ours.encode(TEXTS) - published).max() > 0.05


def test_change_is_the_scale_times_the_product_worked_out_by_hand(model: Model, adapter: Adapter):
    low, high = np.zeros((RANK, 32), np.float16), np.zeros((32, RANK), np.float16)
    low[0, 5], low[1, 5], high[2, 0], high[2, 1] = 3, 1, 2, -4  # B @ A has 2 * 3 - 4 * 1 = 2 in row 2, column 5
    network, published = network_of(model), network_of(model)
    apply(replace(adapter, weights={QUERY: (low, high)}), network, 0.25)
    weights, before = network[0].auto_model.state_dict(), published[0].auto_model.state_dict()
    change = {name: (weights[name] - before[name]).numpy() for name in weights if (weights[name] != before[name]).any()}
    assert list(change) == [f"{QUERY}.weight"]
    assert np.argwhere(change[f"{QUERY}.weight"]).tolist() == [[2, 5]]
    assert change[f"{QUERY}.weight"][2, 5] == pytest.approx(0.5)


def test_without_another_scale_the_one_of_the_card_is_used(model: Model, adapter: Adapter):
    networks = [network_of(model) for _ in range(2)]
    apply(with_card(adapter, scale=0.75), networks[0])
    apply(adapter, networks[1], 0.75)
    np.testing.assert_array_equal(*(network.encode(TEXTS) for network in networks))


@pytest.mark.parametrize("bfloat16", [False, True])
def test_scale_0_changes_nothing_bit_for_bit(
    model: Model, adapter: Adapter, bfloat16: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("indexer.encoder.cpu_has_bfloat16", lambda: bfloat16)
    published = SentenceEncoder(model)
    same = SentenceEncoder(with_adapter(model, with_card(adapter, scale=0.0)))
    assert same.settings() == published.settings()
    np.testing.assert_array_equal(same.encode_passages(TEXTS), published.encode_passages(TEXTS))
    before, after = (encoder._model.state_dict() for encoder in (published, same))
    assert {name: (each.dtype, each.numel()) for name, each in after.items()} == {
        name: (each.dtype, each.numel()) for name, each in before.items()
    }


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_weights_are_added_in_float32_and_then_rounded_to_what_is_computed_with(
    model: Model, adapter: Adapter, dtype: str, monkeypatch: pytest.MonkeyPatch
):
    import torch

    monkeypatch.setattr("indexer.encoder.cpu_has_bfloat16", lambda: dtype == "bfloat16")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    encoder = SentenceEncoder(with_adapter(model, adapter))
    assert encoder.settings()["dtype"] == dtype
    encoder.encode_query("кэш")  # the weights are rounded by the first text
    merged = network_of(model)
    apply(adapter, merged)
    found, expected = encoder._model[0].auto_model.state_dict(), merged[0].auto_model.state_dict()
    assert found.keys() == expected.keys()
    for name, weight in expected.items():
        wanted = weight.to(getattr(torch, dtype)) if weight.is_floating_point() else weight
        assert found[name].dtype == wanted.dtype
        assert torch.equal(found[name], wanted)


def test_vectors_of_an_adapted_model_are_others(model: Model, adapter: Adapter):
    published, adapted = SentenceEncoder(model), SentenceEncoder(with_adapter(model, adapter))
    assert np.abs(adapted.encode_passages(TEXTS) - published.encode_passages(TEXTS)).max() > 0.05
    assert (adapted.name, adapted.fingerprint) != (published.name, published.fingerprint)


@pytest.mark.parametrize(
    ("layers", "found"),
    [
        (
            {"encoder.layer.2.output.dense": (32, 64)},
            r'layer "encoder\.layer\.2\.output\.dense"; expected the name of a ',
        ),
        ({"embeddings.LayerNorm": (32, 32)}, r'layer "embeddings\.LayerNorm"; expected the name of a linear layer'),
        (
            {QUERY: (32, 64)},
            r'layer "encoder\.layer\.0\.attention\.self\.query" gives a 32 x 64 matrix; expected \(32, 32\)',
        ),
        (
            {"encoder.layer.1.output.dense": (64, 64)},
            r'layer "encoder\.layer\.1\.output\.dense" gives a 64 x 64 matrix; expected \(32, 64\)',
        ),
    ],
    ids=["unknown layer", "no linear layer", "other width", "other height"],
)
def test_adapter_whose_layers_are_not_the_models_is_refused_and_no_weight_changed(
    model: Model, tmp_path: Path, layers: dict[str, tuple[int, int]], found: str
):
    fitting = {path: shape for path, shape in LAYERS.items() if path not in layers}
    adapter = write_adapter(tmp_path / "a", card_for(model.fingerprint), random_weights(1, fitting | layers))
    network = network_of(model)
    before = network.encode(TEXTS)
    with pytest.raises(ModelError, match=rf"a/adapter\.safetensors: {found}.*; train it again: .* --no-adapter"):
        apply(adapter, network)
    np.testing.assert_array_equal(network.encode(TEXTS), before)
    with pytest.raises(ModelError, match=found):
        SentenceEncoder(with_adapter(model, adapter))


# Fingerprints.


def test_fingerprint_is_another_for_other_weights_another_scale_and_another_model(model: Model, tmp_path: Path):
    card = card_for(model.fingerprint)
    first = write_adapter(tmp_path / "a", card, random_weights())
    weights = write_adapter(tmp_path / "b", card, random_weights(2))
    fewer = write_adapter(tmp_path / "c", card, {QUERY: random_weights()[QUERY]})
    found = {
        model.fingerprint,
        with_adapter(model, first).fingerprint,
        with_adapter(model, weights).fingerprint,
        with_adapter(model, fewer).fingerprint,
        with_adapter(model, with_card(first, scale=0.25)).fingerprint,
        with_adapter(model, with_card(first, scale=0.0)).fingerprint,
        with_adapter(replace(model, fingerprint="other"), first).fingerprint,
    }
    assert len(found) == 7


def test_fingerprint_is_the_same_wherever_the_adapter_lies_and_whatever_else_its_card_tells(
    model: Model, adapter: Adapter, tmp_path: Path
):
    scale = np.float64(adapter.card.scale)  # as NumPy computes it; equal, but written otherwise
    elsewhere = write_adapter(tmp_path / "b", replace(adapter.card, seed=8, figures={}, scale=scale), adapter.weights)
    assert with_adapter(model, elsewhere) == with_adapter(model, adapter)
    assert with_adapter(model, read_adapter(tmp_path / "b")) == with_adapter(model, adapter)


def test_encoder_that_is_kept_is_the_one_of_these_weights_and_this_scale(
    model: Model, adapter: Adapter, tmp_path: Path
):
    kept = open_model(with_adapter(model, adapter))
    elsewhere = write_adapter(tmp_path / "b", adapter.card, adapter.weights)
    assert open_model(with_adapter(model, elsewhere)) is kept
    half = open_model(with_adapter(model, with_card(adapter, scale=0.25)))
    assert half is not kept
    assert np.abs(half.encode_query("кэш") - kept.encode_query("кэш")).max() > 0.01
    assert open_model(model).fingerprint == model.fingerprint


# From a corpus with an adapter to a server.


@pytest.fixture
def corpus(tmp_path: Path, folder: Path) -> Path:
    """A small corpus of our form with an adapter for the tiny model."""
    articles = {
        "sign-in": FRONT_MATTER + "Введите адрес почты.\n\n## Нет кода {#no-code}\n\nПодождите минуту.\n",
        "cache": FRONT_MATTER + "Очистите кэш.\n",
    }
    return write_corpus(tmp_path / "corpus", articles)


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return tmp_path / "index"


def run_build(corpus: Path, index: Path, model: Model, *options: str) -> int:
    return main(["build", str(corpus), "--out", str(index), "--model", str(model.folder), *options])


def vectors_of(index: Path) -> np.ndarray:
    loaded = artifact.load(index)
    return np.stack(list(loaded.vectors.known_vectors().values()))


def test_build_adds_the_adapter_of_the_corpus_and_records_it(
    corpus: Path, index: Path, model: Model, adapter: Adapter, capsys: pytest.CaptureFixture[str]
):
    assert run_build(corpus, index, model) == 0
    assert f"{corpus}/adapter is added to the model at scale 0.5\n" in capsys.readouterr().err
    inputs = artifact.read_manifest(artifact.current(index)).inputs
    assert inputs.model == f"{model.folder}+adapter"
    assert inputs.model_fingerprint == with_adapter(model, adapter).fingerprint
    assert inputs.adapter == artifact.AdapterUsed(
        str(model.folder), model.fingerprint, adapter.card.weights_digest, adapter.card.scale
    )
    encoder = SentenceEncoder(with_adapter(model, adapter))
    expected = encoder.encode_passages(["Проба\nОчистите кэш."])[0]
    assert np.abs(vectors_of(index) - expected).max(axis=1).min() < 1e-2


def test_index_holds_the_adapter_byte_for_byte_and_watches_over_it(
    corpus: Path, index: Path, model: Model, folder: Path
):
    run_build(corpus, index, model)
    generation = artifact.current(index)
    for path in folder.iterdir():
        assert (generation / "adapter" / path.name).read_bytes() == path.read_bytes()
    assert {"adapter/adapter.safetensors", "adapter/card.json"} <= artifact.verify(generation).checksums.keys()
    (generation / "adapter" / "adapter.safetensors").write_bytes(b"")
    with pytest.raises(ArtifactError, match=r"adapter/adapter\.safetensors: checksum differs"):
        artifact.load(index)


def test_server_needs_the_index_alone_and_encodes_as_the_build_did(
    corpus: Path, index: Path, model: Model, adapter: Adapter
):
    run_build(corpus, index, model)
    shutil.rmtree(corpus)
    open_model.cache_clear()
    loaded = artifact.load(index)
    encoder = open_encoder(replace(loaded, query_side=None))
    expected = SentenceEncoder(with_adapter(model, adapter)).encode_query("кэш")
    np.testing.assert_array_equal(encoder.encode_query("кэш"), expected)
    assert encoder.fingerprint == loaded.manifest.inputs.model_fingerprint
    assert np.abs(SentenceEncoder(model).encode_query("кэш") - expected).max() > 0.02


def test_version_names_the_adapter(corpus: Path, index: Path, model: Model):
    run_build(corpus, index, model)
    app = create_app(index)
    assert app.test_client().get("/version").get_json()["model"] == f"{model.folder}+adapter"
    run_build(corpus, index, model, "--no-adapter")
    assert create_app(index).test_client().get("/version").get_json()["model"] == str(model.folder)


def test_without_the_adapter_a_build_is_that_of_a_corpus_that_has_none(
    corpus: Path, index: Path, model: Model, capsys: pytest.CaptureFixture[str]
):
    assert run_build(corpus, index, model, "--no-adapter") == 0
    assert "adapter" not in capsys.readouterr().err
    shutil.rmtree(corpus / "adapter")
    assert run_build(corpus, index, model) == 0
    assert "is up to date" in capsys.readouterr().out
    loaded = artifact.load(index)
    assert (loaded.adapter, loaded.manifest.inputs.adapter) == (None, None)
    assert loaded.manifest.inputs.model_fingerprint == model.fingerprint
    assert not (artifact.current(index) / "adapter").exists()
    assert open_encoder(loaded).fingerprint == model.fingerprint


def test_unchanged_adapter_is_up_to_date_and_a_changed_one_encodes_everything_anew(
    corpus: Path, index: Path, model: Model, adapter: Adapter
):
    def encoded(**options: bool) -> int | None:
        summary = build(corpus, index, reporter=QuietReporter(), model_name=str(model.folder), **options)
        return summary.counts["windows_encoded"] if summary.built else None

    assert encoded() == 3
    assert encoded() is None
    assert encoded(force=True) == 0
    published = vectors_of(index)
    for change in (
        lambda: write_adapter(corpus / "adapter", replace(adapter.card, scale=0.25), adapter.weights),
        lambda: write_adapter(corpus / "adapter", replace(adapter.card, scale=0.25), random_weights(2)),
        lambda: shutil.rmtree(corpus / "adapter"),
    ):
        change()
        assert encoded() == 3
        assert np.abs(vectors_of(index) - published).max() > 0.01
        assert encoded() is None
    write_adapter(corpus / "adapter", adapter.card, adapter.weights)
    assert encoded(adapter=False) is None
    assert encoded() == 3


def test_new_figures_in_the_card_alone_build_nothing(corpus: Path, index: Path, model: Model, adapter: Adapter):
    run_build(corpus, index, model)
    generation = artifact.current(index)
    write_adapter(corpus / "adapter", replace(adapter.card, figures={}), adapter.weights)
    run_build(corpus, index, model)
    assert artifact.current(index) == generation


def test_adapter_for_another_model_is_left_out_and_named(
    corpus: Path, index: Path, model: Model, adapter: Adapter, capsys: pytest.CaptureFixture[str]
):
    write_adapter(corpus / "adapter", replace(adapter.card, base_fingerprint="f00d" * 16), adapter.weights)
    said = (
        f"{corpus}/adapter: left out, it is for model tiny f00df00df00d; expected one for {model.folder} "
        f"{model.fingerprint[:12]}; build with that model, train one for this: python -m indexer adapt {corpus}, "
        "or say --no-adapter\n"
    )
    assert run_build(corpus, index, model) == 0
    assert said in capsys.readouterr().err
    assert artifact.load(index).manifest.inputs.model_fingerprint == model.fingerprint
    assert run_build(corpus, index, model) == 0  # every time, not once
    assert capsys.readouterr().err == said
    assert run_build(corpus, index, model, "--no-adapter") == 0
    assert capsys.readouterr().err == ""


def test_damaged_adapter_stops_the_build_and_the_old_index_stays(
    corpus: Path, index: Path, model: Model, capsys: pytest.CaptureFixture[str]
):
    run_build(corpus, index, model)
    generation = artifact.current(index)
    cut(corpus / "adapter" / "adapter.safetensors", 100)
    capsys.readouterr()
    assert run_build(corpus, index, model, "--force") == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(f"{corpus}/adapter/adapter.safetensors: unreadable (")
    assert output.err.endswith("or build without it: --no-adapter\n")
    assert artifact.current(index) == generation
    assert run_build(corpus, index, model, "--no-adapter") == 0


def test_adapter_that_does_not_fit_the_layers_stops_the_build(
    corpus: Path, index: Path, model: Model, capsys: pytest.CaptureFixture[str]
):
    write_adapter(corpus / "adapter", card_for(model.fingerprint), random_weights(1, {QUERY: (32, 64)}))
    assert run_build(corpus, index, model) == 1
    assert 'query" gives a 32 x 64 matrix; expected (32, 32); train it again' in capsys.readouterr().err
    assert not (index / "current").exists()


def test_server_refuses_a_base_model_that_was_changed_since(
    corpus: Path, index: Path, model: Model, adapter: Adapter, tmp_path: Path
):
    copy = resolve(str(shutil.copytree(model.folder, tmp_path / "copy")))
    assert copy.fingerprint == model.fingerprint
    run_build(corpus, index, copy)
    (copy.folder / "new.txt").write_text("")
    changed = resolve(str(copy.folder)).fingerprint
    with pytest.raises(
        ArtifactError,
        match=rf"model {copy.folder}: fingerprint {changed[:12]}, the index was made with {model.fingerprint[:12]}; ",
    ):
        open_encoder(replace(artifact.load(index), query_side=None))


def rewrite(index: Path, name: str, content: bytes) -> None:
    """Changes a file and its checksum, as a faulty build would."""
    import hashlib

    generation = artifact.current(index)
    (generation / name).write_bytes(content)
    manifest = json.loads((generation / "manifest.json").read_text())
    manifest["checksums"][name] = hashlib.sha256(content).hexdigest()
    text = json.dumps(manifest)
    (generation / "manifest.json").write_text(text)
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    renamed = generation.rename(generation.with_name(generation.name[:-8] + digest))
    (index / "current").unlink()
    (index / "current").symlink_to(renamed)


def test_adapter_in_the_index_that_is_none_or_another_is_refused(
    corpus: Path, index: Path, model: Model, adapter: Adapter, tmp_path: Path
):
    run_build(corpus, index, model)
    other = write_adapter(tmp_path / "other", replace(adapter.card, scale=1.0), adapter.weights)
    rewrite(index, "adapter/card.json", other.files()["card.json"])
    with pytest.raises(ArtifactError, match=r"\+adapter: fingerprint .*, the index was made with .* build again"):
        open_encoder(replace(artifact.load(index), query_side=None))
    rewrite(index, "adapter/card.json", b"{}")
    with pytest.raises(ArtifactError, match=r"/adapter: unreadable; expected the adapter that the manifest names; reb"):
        artifact.load(index)


# status


def test_status_tells_of_the_adapter_and_whether_it_is_still_the_one_of_the_corpus(
    corpus: Path, index: Path, model: Model, adapter: Adapter, capsys: pytest.CaptureFixture[str]
):
    def status(*options: str) -> tuple[int, dict[str, str]]:
        capsys.readouterr()
        code = main(["status", "--index", str(index), *options])
        return code, dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())

    of_corpus = ("--corpus", str(corpus))
    told = f"{adapter.card.weights_digest[:12]}, scale 0.5"
    run_build(corpus, index, model)
    code, lines = status(*of_corpus)
    assert (code, lines["adapter"], lines["corpus"]) == (0, told, "unchanged")
    assert lines["model"].startswith(f"{model.folder}+adapter ")
    write_adapter(corpus / "adapter", replace(adapter.card, scale=0.25), adapter.weights)
    code, lines = status(*of_corpus)
    assert (code, lines["adapter"], lines["corpus"]) == (1, f"{told}; changed since: build again", "unchanged")
    code, lines = status()  # nothing to compare with
    assert (code, lines["adapter"]) == (0, told)
    code, lines = status(*of_corpus, "--no-adapter")
    assert (code, lines["adapter"]) == (1, f"{told}; changed since: build again")
    shutil.rmtree(corpus / "adapter")
    assert status(*of_corpus)[0] == 1

    run_build(corpus, index, model)
    code, lines = status(*of_corpus)
    assert (code, "adapter" in lines) == (0, False)
    write_adapter(corpus / "adapter", adapter.card, adapter.weights)
    code, lines = status(*of_corpus)
    assert (code, lines["adapter"]) == (1, "none; changed since: build again")
    assert status(*of_corpus, "--no-adapter")[0] == 0
    # One that a build would leave out makes nothing stale.
    write_adapter(corpus / "adapter", replace(adapter.card, base_fingerprint="other"), adapter.weights)
    assert status(*of_corpus)[0] == 0


# Reading the corpus it lies in.


@pytest.mark.parametrize("below", ["", "articles"], ids=["beside the articles", "beside their folder"])
@pytest.mark.parametrize("form", ["help", "folder"])
def test_adapter_is_no_part_of_the_texts(tmp_path: Path, below: str, form: str):
    corpus = tmp_path / "corpus"
    (corpus / below).mkdir(parents=True)
    (corpus / below / "a.md").write_text(FRONT_MATTER + "Кошка спит.\n", encoding="utf-8")
    if form == "help":
        (corpus / "topics.toml").write_text('[[topic]]\nid = "start"\ntitle = "Начало"\n', encoding="utf-8")
    before, digest = read_articles(corpus), corpus_digest(corpus)
    write_adapter(corpus / "adapter", card_for("base"), random_weights())
    (corpus / "adapter" / "description.md").write_text("# Как обучен\n\nНа парах.\n", encoding="utf-8")
    assert before.form == form
    assert read_articles(corpus) == before
    assert corpus_digest(corpus) == digest


def test_validate_says_the_same_with_an_adapter(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    arguments = ["validate", str(corpus), "--index", str(tmp_path / "nowhere")]
    code = main(arguments)
    with_one = capsys.readouterr()
    shutil.rmtree(corpus / "adapter")
    assert main(arguments) == code == 0
    assert capsys.readouterr() == with_one


def test_articles_about_adapters_are_read(tmp_path: Path):
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "usb-c.md").write_text("# Адаптер\n\nВставьте его.\n", encoding="utf-8")
    (tmp_path / "guide" / "adapter").mkdir(parents=True)
    (tmp_path / "guide" / "adapter" / "card.md").write_text("# Карта\n\nВставьте её.\n", encoding="utf-8")
    (tmp_path / "guide" / "adapter" / "card.json").write_text("{}")
    assert [article.article_id for article in read_articles(tmp_path).articles] == [
        "adapter/usb-c",
        "guide/adapter/card",
    ]


def test_model_of_a_corpus_without_an_adapter_is_the_model(tmp_path: Path, model: Model):
    assert models.adapted(model, tmp_path) is model
