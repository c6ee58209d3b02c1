"""Trains a low-rank adapter of an embedding model on pairs, by contrast within each batch; resumes where it stopped."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from indexer.adaptation.contrast import in_order, last_checkpoint, loss, reporting, without_dropout
from indexer.encoder import cpu_has_bfloat16, quiet
from indexer.errors import ModelError
from indexer.models import Model

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Weights = dict[str, tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]  # path -> A (rank, in), B (out, rank)

_PASSAGE = "passage"  # the first column of the training data; the others are anchors

# A step: passages, and for each the anchors that it answers, equally many.
Batch = Sequence[tuple[str, Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Settings:
    """How an adapter is trained. What these were chosen from stands in docs/design.md."""

    epochs: int = 3
    max_pairs: int = 4000  # of all that the sections give
    batch_size: int = 32  # passages, which contend for each anchor
    anchors: int = 4  # a passage
    hard_share: float = 0.5  # of a batch, filled with sections that BM25 takes for the others' answers
    rank: int = 8
    alpha: int = 16
    learning_rate: float = 5e-4
    temperature: float = 0.02  # of the softmax over cosines
    warm_up: float = 0.1  # share of the steps in which the learning rate rises
    max_tokens: int = 96  # of an anchor or passage in training; longer ones are cut
    checkpoints: int = 10  # in the whole training
    seed: int = 20261122


def train(
    model: Model,
    batches: Sequence[Batch],
    settings: Settings,
    folder: Path,
    device: str,
    progress: Callable[[int, int, float], None] = lambda done, total, loss: None,
) -> Weights:
    """The low-rank changes of every linear layer that learnt something, alpha / rank folded into B.

    The loss is multiple negatives ranking (InfoNCE; van den Oord, Li and Vinyals, 2018) over the passages of a batch;
    `progress` gets (steps done, steps in all, mean loss since the last call). Checkpoints go to `folder`; where it has
    some of the same training, that goes on from the last. Raises ModelError where PEFT or the device is missing.
    """
    peft = require_peft()
    require_device(device)
    from datasets import Dataset
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from transformers import PrinterCallback

    _seed(settings.seed)
    network = open_model(model, device)
    without_dropout(network)
    network.model_card_data.widget = [{}]  # else examples are computed for a description that nobody reads
    network.max_seq_length = min(int(network.max_seq_length or settings.max_tokens), settings.max_tokens)
    # Sentence Transformers puts the adapter into the transformer module itself.
    network.add_adapter(
        peft.LoraConfig(r=settings.rank, lora_alpha=settings.alpha, lora_dropout=0.0, target_modules="all-linear")
    )
    columns = _columns(batches)
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(folder),
        num_train_epochs=1,  # the batches of all epochs are planned beforehand
        per_device_train_batch_size=len(batches[0]),
        learning_rate=settings.learning_rate,
        warmup_steps=settings.warm_up,  # below 1: a share of the steps
        seed=settings.seed,
        batch_sampler=in_order,
        prompts={name: prompt_of(network, "passage" if name == _PASSAGE else "query") for name in columns},
        bf16=device == "cuda" or cpu_has_bfloat16(),
        use_cpu=device == "cpu",
        logging_steps=max(1, len(batches) // 100),
        save_steps=max(1, len(batches) // settings.checkpoints),
        save_total_limit=1,
        report_to="none",
        disable_tqdm=True,
    )
    with quiet():
        trainer = SentenceTransformerTrainer(
            model=network,
            args=arguments,
            train_dataset=Dataset.from_dict(columns),
            loss=loss(network, settings.temperature),
            callbacks=[reporting(progress)],
        )
        trainer.remove_callback(PrinterCallback)  # prints to stdout, which is for results
        trainer.train(resume_from_checkpoint=last_checkpoint(folder))
    return _weights(network, settings)


def open_model(model: Model, device: str) -> "SentenceTransformer":
    """The model in float32 on the device. Raises ModelError where it cannot be loaded."""
    from safetensors import SafetensorError
    from sentence_transformers import SentenceTransformer

    try:
        with quiet():
            return SentenceTransformer(str(model.folder), device=device, local_files_only=True)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise ModelError(
            f"{model.folder}: cannot be loaded as a Sentence Transformers model ({error}); "
            "expected a folder that SentenceTransformer.save wrote; copy it again"
        ) from error


def prompt_of(network: "SentenceTransformer", side: Literal["query", "passage"]) -> str:
    """What the model reads before a query or a passage, as `indexer.encoder` has it."""
    prompts = network.prompts or {}
    return prompts.get(side) or (prompts.get("document") if side == "passage" else "") or ""


def require_peft() -> Any:  # noqa: ANN401 -- a module
    """PEFT. Raises ModelError where it, or what trains with it, is not installed."""
    try:
        import accelerate  # noqa: F401
        import datasets  # noqa: F401
        import peft
    except ImportError as error:
        raise ModelError(
            f"{error.name} is not installed; expected the extra adapt, which training needs (serving does not); "
            "install it: pip install 'spravka-search[adapt]'"
        ) from error
    return peft


def require_device(device: str) -> None:
    """Raises ModelError where the device is not to be had."""
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise ModelError(
            "--device cuda: PyTorch finds no GPU here; expected one; leave --device out to train on the CPU"
        )


def _columns(batches: Sequence[Batch]) -> dict[str, list[str]]:
    """The columns of the data set, a row a passage: the passage, and an anchor each."""
    rows = [row for batch in batches for row in batch]
    columns = {_PASSAGE: [passage for passage, _ in rows]}
    for number in range(len(rows[0][1])):
        columns[f"anchor{number}"] = [anchors[number] for _, anchors in rows]
    return columns


def _weights(network: "SentenceTransformer", settings: Settings) -> Weights:
    """A and B of each adapted layer by its path inside the transformer module; alpha / rank folded into B."""
    transformer: Any = network[0]
    found: Weights = {}
    for path, module in transformer.model.named_modules():
        if hasattr(module, "lora_A") and "default" in module.lora_A:
            low = module.lora_A["default"].weight.detach().float().cpu().numpy()
            high = module.lora_B["default"].weight.detach().float().cpu().numpy()
            if high.any():  # a layer that the vectors do not pass through (BERT's pooler) learns nothing
                found[path] = low, high * (settings.alpha / settings.rank)
    return found


def _seed(seed: int) -> None:
    from transformers import set_seed

    set_seed(seed)
