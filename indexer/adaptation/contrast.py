"""What contrastive training adds to the trainer of Sentence Transformers: loss, order, progress, checkpoints."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_TOGETHER = 32  # anchors encoded at once


def loss(network: "SentenceTransformer", temperature: float) -> Any:  # noqa: ANN401 -- a torch module
    """Multiple negatives ranking (InfoNCE; van den Oord, Li and Vinyals, 2018): each anchor against all passages.

    The first column holds the passages, the others an anchor for each; the loss is the mean over those columns.
    """
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    class Loss(MultipleNegativesRankingLoss):
        """The mean over the columns of anchors, each against the one column of passages."""

        def forward(self, sentence_features: Any, labels: Any) -> Any:  # noqa: ANN401 -- tensors
            passages, *anchors = sentence_features
            vectors = self.model(passages)["sentence_embedding"]
            columns = embedded(self.model, anchors).split(len(vectors))
            losses = [self.compute_loss_from_embeddings([each, vectors], labels) for each in columns]
            return sum(losses) / len(losses)

    return Loss(network, scale=1 / temperature)


def embedded(network: Any, columns: Sequence[Any]) -> Any:  # noqa: ANN401 -- tensors
    """The vectors of the texts of all columns, one after another; texts of like length together, for little padding."""
    import torch
    from torch.nn.utils.rnn import pad_sequence

    rows = [
        {"input_ids": ids[mask.bool()], "attention_mask": mask[mask.bool()]}
        for column in columns
        for ids, mask in zip(column["input_ids"], column["attention_mask"], strict=True)
    ]
    order = sorted(range(len(rows)), key=lambda row: len(rows[row]["input_ids"]))
    vectors = []
    for start in range(0, len(order), _TOGETHER):
        some = [rows[row] for row in order[start : start + _TOGETHER]]
        padded = {name: pad_sequence([row[name] for row in some], batch_first=True) for name in some[0]}
        vectors.append(network(padded)["sentence_embedding"])
    return torch.cat(vectors)[torch.tensor(order).argsort()]


def without_dropout(network: "SentenceTransformer") -> None:
    """Leaves out noise that so small an adapter can do without, and that takes a CPU half as long as all the rest."""
    import torch

    for module in network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0


def in_order(dataset: Any, batch_size: int, drop_last: bool, **others: Any) -> Any:  # noqa: ANN401
    """The sampler that takes the rows as they stand: the batches are planned."""
    from sentence_transformers.base.sampler import DefaultBatchSampler
    from torch.utils.data import SequentialSampler

    return DefaultBatchSampler(
        SequentialSampler(dataset),
        batch_size=batch_size,
        drop_last=drop_last,
        valid_label_columns=others.get("valid_label_columns"),
        generator=others.get("generator"),
        seed=others.get("seed", 0),
    )


def reporting(progress: Callable[[int, int, float], None]) -> Any:  # noqa: ANN401 -- a TrainerCallback
    """A callback of the trainer that passes on (steps done, steps in all, loss)."""
    from transformers import TrainerCallback

    class Reporting(TrainerCallback):
        """Passes on how far the training is."""

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **others: Any) -> None:  # noqa: ANN401
            if logs and "loss" in logs:
                progress(int(state.global_step), int(state.max_steps), float(logs["loss"]))

    return Reporting()


def last_checkpoint(folder: Path) -> str | None:
    """The last checkpoint that is whole: its `trainer_state.json` is written after everything else."""
    whole = (path.parent for path in folder.glob("checkpoint-*/trainer_state.json") if _is_json(path))
    last = max(whole, key=lambda path: int(path.name.partition("-")[2]), default=None)
    return str(last) if last else None


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return True
