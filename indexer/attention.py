"""Attention in bfloat16 on a CPU as plain products: where texts are short, half the time of PyTorch's fused kernel.

PyTorch's kernel is made for long sequences. Here the scores of few texts at a time are made, normalised and used while
they are in the cache. (docs/design.md has the figures.)
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

_NAME = "spravka"  # as transformers knows it
_SCORES = 1 << 18  # made at once for each thread: half a megabyte


def use(network: "SentenceTransformer") -> None:
    """Has the transformer of a model attend by `attend`, where it would by PyTorch's kernel."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    transformer: Any = getattr(network[0], "auto_model", None)
    if getattr(getattr(transformer, "config", None), "_attn_implementation", "") == "sdpa":
        AttentionInterface.register(_NAME, attend)
        AttentionMaskInterface.register(_NAME, sdpa_mask)
        transformer.set_attn_implementation(_NAME)


def attend(
    module: "torch.nn.Module",
    query: "torch.Tensor",
    key: "torch.Tensor",
    value: "torch.Tensor",
    attention_mask: "torch.Tensor | None",
    scaling: float | None = None,
    **others: Any,  # noqa: ANN401 -- whatever a model of transformers hands on
) -> tuple["torch.Tensor", None]:
    """What each token takes from the others: (texts, tokens, heads, size), of queries (texts, heads, tokens, size).

    Where not every token attends to every other, heads are grouped or a bias is added, that is left to PyTorch.
    """
    import torch
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    is_plain = (
        query.shape == key.shape == value.shape
        and attention_mask is None
        and not (others.get("is_causal") or getattr(module, "is_causal", True))
        and others.get("position_bias") is None
    )
    if not is_plain:
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **others)
    texts, heads, tokens, size = query.shape
    found = torch.empty(texts, tokens, heads, size, dtype=query.dtype)
    nothing = torch.empty(1, 1, 1, dtype=query.dtype)  # what would be added to the scores
    at_once = max(1, _SCORES * torch.get_num_threads() // (heads * tokens * tokens))
    for start in range(0, texts, at_once):
        few = slice(start, start + at_once)
        queries, keys, values = (part[few].reshape(-1, tokens, size) for part in (query, key, value))
        scores = torch.baddbmm(nothing, queries, keys.transpose(1, 2), beta=0, alpha=scaling or size**-0.5)
        taken = torch.bmm(scores.softmax(dim=-1), values)
        found[few] = taken.view(-1, heads, tokens, size).transpose(1, 2)
    return found, None
