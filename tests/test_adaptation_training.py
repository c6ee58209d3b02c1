"""Training on a tiny model: it learns, repeats itself, resumes; the command writes an adapter that a build can use."""

import builtins
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import FRONT_MATTER, QuietReporter, write_corpus
from tiny_model import PROMPTS, save_tiny_model

from indexer import models
from indexer.__main__ import main
from indexer.adaptation import contrast, training
from indexer.adaptation.adapt import FEWEST_SECTIONS, adapt
from indexer.adaptation.adapter import Adapter, apply, find_adapter, read_adapter
from indexer.adaptation.curve import curve_of
from indexer.adaptation.scale import SCALES, Encode, Point
from indexer.adaptation.training import Batch, Settings, Weights, open_model, prompt_of, train
from indexer.errors import ArticleError, ModelError
from indexer.models import Model

SETTINGS = Settings(batch_size=4, anchors=2, epochs=1, rank=4, alpha=8, learning_rate=5e-3, checkpoints=3)
WORDS = ["пароль", "звонок", "камера", "чат", "файл", "сервер", "кэш", "код", "бот", "гость", "экран", "архив"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return models.resolve(str(save_tiny_model(tmp_path_factory.mktemp("models") / "tiny", PROMPTS)))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def some_batches(steps: int) -> list[Batch]:
    """Each word's passage and two anchors of it, four words a step."""
    rows = [(f"Раздел {word}\nЗдесь всё о том, что такое {word}.", (word, f"где {word}?")) for word in WORDS]
    return [[rows[(4 * step + place) % len(rows)] for place in range(4)] for step in range(steps)]


def assert_same(one: Weights, other: Weights) -> None:
    assert one.keys() == other.keys()
    for path in one:
        for mine, theirs in zip(one[path], other[path], strict=True):
            np.testing.assert_allclose(mine, theirs, atol=1e-6)


def corpus_of(folder: Path, count: int) -> Path:
    """Articles of two sections each, each in words of its own."""

    def text(number: int) -> str:
        return " ".join(f"{WORDS[place]}{number}" for place in range(6)).capitalize() + "."

    articles = {
        f"a{number}": FRONT_MATTER.replace("Проба", f"{WORDS[number % 12]} {number}")
        + f"\n## Что такое {number} {{#what}}\n\n{text(2 * number)} Он нужен всем и каждому.\n"
        + f"\n## Где найти {number} {{#where}}\n\n1. Откройте меню номер {number}.\n2. {text(2 * number + 1)}\n"
        for number in range(count)
    }
    return write_corpus(folder, articles)


def test_every_linear_layer_that_the_vectors_pass_learns(model: Model, tmp_path: Path) -> None:
    weights = train(model, some_batches(3), SETTINGS, tmp_path, "cpu")
    layers = ["attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"]
    layers += ["intermediate.dense", "output.dense"]
    assert set(weights) == {f"encoder.layer.{number}.{layer}" for number in range(2) for layer in layers}
    low, high = weights["encoder.layer.0.intermediate.dense"]
    assert (low.shape, high.shape) == ((4, 32), (64, 4))


def test_training_brings_anchors_to_their_passages(model: Model, tmp_path: Path) -> None:
    losses: list[tuple[int, int, float]] = []
    batches = some_batches(20)
    train(model, batches, SETTINGS, tmp_path, "cpu", lambda *moved: losses.append(moved))
    assert [done for done, _, _ in losses] == list(range(1, 21))
    assert {total for _, total, _ in losses} == {20}
    assert np.mean([loss for *_, loss in losses[-5:]]) < 0.8 * np.mean([loss for *_, loss in losses[:5]])


def test_the_merged_weights_give_the_vectors_that_were_trained(model: Model, tmp_path: Path) -> None:
    """What PEFT computes at scale 1 and what `apply` adds to the weights are the same."""
    kept: list[Any] = []
    original = training._weights

    def keep(network: Any, settings: Settings) -> Weights:
        kept.append(network.eval())
        return original(network, settings)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "_weights", keep)
        patch.setattr(training, "cpu_has_bfloat16", lambda: False)  # rounding would hide what is compared
        weights = train(model, some_batches(10), SETTINGS, tmp_path, "cpu")
    plain = open_model(model, "cpu")
    texts = ["где пароль?", "камера"]
    before = plain.encode(texts)
    apply(Adapter(None, weights, "here"), plain, 1.0)  # type: ignore[arg-type]
    np.testing.assert_allclose(plain.encode(texts), kept[0].encode(texts), atol=1e-4)
    assert np.abs(plain.encode(texts) - before).max() > 0.01


def test_each_point_of_the_curve_is_that_scale_of_the_weights(model: Model) -> None:
    draw = np.random.default_rng(1)
    low, high = draw.standard_normal((2, 32)), draw.standard_normal((32, 2))
    adapter = Adapter(None, {"encoder.layer.0.output.dense": (low.repeat(2, 1), high)}, "here")  # type: ignore[arg-type]
    texts = ["где пароль?", "камера"]
    seen: list[np.ndarray] = []

    def figures(encode: Encode) -> tuple[float, float | None]:
        seen.append(encode(texts, "query"))
        return 0.1 * len(seen), None

    reporter = QuietReporter()
    curve = curve_of(model, adapter, "cpu", figures, reporter)
    assert curve == [Point(scale, pytest.approx(0.1 * number), None) for number, scale in enumerate(SCALES, start=1)]
    assert reporter.moves[-1] == ("Scales", 5, 5)
    for scale, vectors in zip(SCALES, seen, strict=True):
        network = open_model(model, "cpu")
        apply(adapter, network, scale)
        expected = network.encode(texts, prompt="запрос: ", normalize_embeddings=True)
        np.testing.assert_allclose(vectors, expected, atol=1e-4)


def test_the_same_seed_gives_the_same_weights_and_another_others(model: Model, tmp_path: Path) -> None:
    one = train(model, some_batches(4), SETTINGS, tmp_path / "a", "cpu")
    assert_same(one, train(model, some_batches(4), SETTINGS, tmp_path / "b", "cpu"))
    other = train(model, some_batches(4), replace(SETTINGS, seed=5), tmp_path / "c", "cpu")
    assert not np.allclose(other["encoder.layer.0.output.dense"][0], one["encoder.layer.0.output.dense"][0])


def stop_at(step: int) -> Callable[[int, int, float], None]:
    def progress(done: int, total: int, loss: float) -> None:
        if done == step:
            raise KeyboardInterrupt

    return progress


def test_a_stopped_training_goes_on_from_its_last_whole_checkpoint(model: Model, tmp_path: Path) -> None:
    batches = some_batches(9)
    whole = train(model, batches, SETTINGS, tmp_path / "whole", "cpu")
    with pytest.raises(KeyboardInterrupt):
        train(model, batches, SETTINGS, tmp_path / "stopped", "cpu", stop_at(8))
    assert (tmp_path / "stopped" / "checkpoint-6").is_dir()
    damaged = tmp_path / "stopped" / "checkpoint-8"  # as a process that was killed while writing leaves it
    damaged.mkdir()
    (damaged / "trainer_state.json").write_text("{", encoding="utf-8")
    steps: list[int] = []
    resumed = train(model, batches, SETTINGS, tmp_path / "stopped", "cpu", lambda done, *_: steps.append(done))
    assert steps == [7, 8, 9]
    assert_same(resumed, whole)


def test_texts_of_all_columns_keep_their_order(model: Model) -> None:
    """Anchors are encoded by length; each must come back to its own place."""
    network = open_model(model, "cpu").eval()
    columns = [["код", "а это очень длинный вопрос о коде", "бот"], ["я", "два слова", "где найти архив и экран?"]]
    vectors = contrast.embedded(network, [network.tokenize(texts) for texts in columns])
    expected = network.encode([text for texts in columns for text in texts])
    np.testing.assert_allclose(vectors.detach().numpy(), expected, atol=1e-5)


def test_the_prompts_are_those_of_the_encoder(model: Model) -> None:
    network = open_model(model, "cpu")
    assert (prompt_of(network, "query"), prompt_of(network, "passage")) == ("запрос: ", "раздел: ")
    network.prompts = {"document": "doc: "}
    assert (prompt_of(network, "query"), prompt_of(network, "passage")) == ("", "doc: ")


def test_prompts_are_read_in_training(model: Model, tmp_path: Path) -> None:
    """Other prompts, other weights."""
    one = train(model, some_batches(2), SETTINGS, tmp_path / "a", "cpu")
    original = training.prompt_of
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "prompt_of", lambda network, side: "" if side == "query" else original(network, side))
        other = train(model, some_batches(2), SETTINGS, tmp_path / "b", "cpu")
    path = "encoder.layer.0.output.dense"
    assert not np.allclose(one[path][1], other[path][1])


def test_the_command_writes_an_adapter_that_fits(
    model: Model, tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = corpus_of(tmp_path / "corpus", 12)
    arguments = ["adapt", str(corpus), "--model", str(model.folder), "--epochs", "1", "--max-pairs", "60"]
    assert main([*arguments, "--seed", "3"]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("Measured on pairs kept out of training:\n")
    assert "0.50" in printed.out
    assert "chosen" in printed.out
    assert f"Wrote {corpus / 'adapter'}" in printed.out
    assert "24 sections" in printed.err
    assert "loss" in printed.err
    adapter = find_adapter(corpus)
    assert adapter is not None
    card = adapter.card
    assert (card.base_fingerprint, card.scale, card.seed) == (model.fingerprint, 0.5, 3)
    assert [point["scale"] for point in card.curve] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert card.figures["after"]["nDCG@10"] == card.curve[2]["nDCG@10"]
    assert card.settings["epochs"] == 1
    assert list((cache / "spravka" / "adapt").iterdir()) == []  # no checkpoint is left
    digests = card.data_digest, card.weights_digest
    assert main([*arguments, "--seed", "3", "--out", str(tmp_path / "again")]) == 0
    again = read_adapter(tmp_path / "again").card
    assert (again.data_digest, again.weights_digest) == digests


def test_the_scale_is_chosen_on_judged_queries_which_are_not_learnt(
    model: Model, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = corpus_of(tmp_path / "corpus", 12)
    judged = tmp_path / "judged"
    (judged / "qrels").mkdir(parents=True)
    (judged / "queries.jsonl").write_text(
        '{"_id": "1", "text": "секретный запрос"}\n'
        '{"_id": "2", "text": "тайна", "answerable": false, "split": "tuning"}\n',
        encoding="utf-8",
    )
    (judged / "qrels" / "tuning.tsv").write_text("1\ta0#what\t2\n", encoding="utf-8")
    learnt: list[str] = []

    def spy(model: Model, batches: list[Batch], *others: Any) -> Weights:
        learnt.extend(text for batch in batches for passage, anchors in batch for text in (passage, *anchors))
        return train(model, batches[:2], *others)

    monkeypatch.setattr("indexer.adaptation.adapt.train", spy)
    figures = iter([(0.5, 0.7), (0.5, 0.9), (0.6, 0.9), (0.4, 1.0), (0.4, 1.0)])
    monkeypatch.setattr("indexer.adaptation.scale.judged_figures", lambda *_: next(figures))
    outcome = adapt(
        corpus,
        tmp_path / "out",
        reporter=QuietReporter(),
        settings=replace(SETTINGS, batch_size=8),
        model_name=str(model.folder),
        tuning=judged,
    )
    assert outcome.adapter is not None
    assert outcome.adapter.card.scale == 0.5
    assert outcome.adapter.card.figures["before"] == {"on": "judged, tuning", "nDCG@10": 0.5, "AUROC": 0.7}
    assert learnt
    assert not any("секрет" in text.lower() or "тайн" in text.lower() for text in learnt)


def test_nothing_is_written_where_no_scale_is_better(
    model: Model, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = corpus_of(tmp_path / "corpus", 12)
    (tmp_path / "judged" / "qrels").mkdir(parents=True)
    (tmp_path / "judged" / "queries.jsonl").write_text('{"_id": "1", "text": "код"}\n', encoding="utf-8")
    (tmp_path / "judged" / "qrels" / "tuning.tsv").write_text("1\ta0#what\t2\n", encoding="utf-8")
    monkeypatch.setattr("indexer.adaptation.scale.judged_figures", lambda *_: (0.5, 0.7))
    arguments = ["adapt", str(corpus), "--model", str(model.folder), "--epochs", "1", "--max-pairs", "50"]
    assert main([*arguments, "--tuning", str(tmp_path / "judged")]) == 1
    assert "Nothing was written" in capsys.readouterr().out
    assert not (corpus / "adapter").exists()


def test_ctrl_c_says_that_the_same_command_goes_on(
    model: Model, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(model: Model, batches: list[Batch], settings: Settings, folder: Path, *others: Any) -> Weights:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "mark").touch()
        raise KeyboardInterrupt

    arguments = ["adapt", str(corpus_of(tmp_path / "corpus", 12)), "--model", str(model.folder)]
    monkeypatch.setattr("indexer.adaptation.adapt.train", stopped)
    assert main(arguments) == 1
    assert "goes on from its last checkpoint" in capsys.readouterr().err
    marks = list((cache / "spravka" / "adapt").glob("*/mark"))
    assert len(marks) == 1
    assert main([*arguments, "--epochs", "9"]) == 1  # another training has a folder of its own
    assert len(list((cache / "spravka" / "adapt").glob("*/mark"))) == 2

    def fresh(model: Model, batches: list[Batch], settings: Settings, folder: Path, *others: Any) -> Weights:
        assert folder.exists() is kept
        raise KeyboardInterrupt

    monkeypatch.setattr("indexer.adaptation.adapt.train", fresh)
    kept = True
    assert main([*arguments, "--resume"]) == 1
    kept = False
    assert main([*arguments, "--fresh"]) == 1


def test_too_small_a_corpus_is_refused(model: Model, tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path / "corpus", (FEWEST_SECTIONS - 1) // 2)
    with pytest.raises(ArticleError, match=f"18 sections; expected {FEWEST_SECTIONS} or more"):
        adapt(corpus, tmp_path, reporter=QuietReporter(), settings=SETTINGS, model_name=str(model.folder))


def test_a_corpus_whose_sections_are_all_alike_is_refused(model: Model, tmp_path: Path) -> None:
    articles = {f"a{number}": FRONT_MATTER + "\nОдин и тот же текст стоит везде.\n" for number in range(30)}
    corpus = write_corpus(tmp_path / "corpus", articles)
    with pytest.raises(ArticleError, match=r"30 sections, too many of them alike"):
        adapt(corpus, tmp_path, reporter=QuietReporter(), settings=SETTINGS, model_name=str(model.folder))


def test_without_peft_the_extra_is_named(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    original = builtins.__import__

    def without(name: str, *others: Any, **more: Any) -> Any:
        if name == "peft":
            raise ImportError("No module named 'peft'", name="peft")
        return original(name, *others, **more)

    monkeypatch.delitem(sys.modules, "peft", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    assert main(["adapt", str(tmp_path), "--model", str(model.folder)]) == 1
    message = capsys.readouterr().err
    assert "peft is not installed" in message
    assert "spravka-search[adapt]" in message


def test_a_gpu_that_is_not_there_is_refused(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ModelError, match=r"--device cuda: PyTorch finds no GPU"):
        adapt(tmp_path, tmp_path, reporter=QuietReporter(), settings=SETTINGS, device="cuda")


@pytest.mark.parametrize("option", [["--epochs", "0"], ["--max-pairs", "-3"], ["--epochs", "x"]])
def test_a_number_that_makes_no_sense_is_wrong_usage(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["adapt", "corpus", *option])
    assert stopped.value.code == 2
    assert option[0] in capsys.readouterr().err
