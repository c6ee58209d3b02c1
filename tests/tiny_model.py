"""A model with random weights that is small enough to be made in a test."""

import shutil
from pathlib import Path

PROMPTS = {"query": "запрос: ", "passage": "раздел: "}
LONGEST = 96  # tokens that the tiny model reads; each letter is one


def save_tiny_model(folder: Path, prompts: dict[str, str]) -> Path:
    """A BERT of two layers over letters, with random weights, as SentenceTransformer.save writes it."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers, processors
    from tokenizers.models import WordLevel
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    pieces = [*special.values(), *"абвгдеёжзийклмнопрстуфхцчшщъыьэюяabcdefghijklmnopqrstuvwxyz0123456789.,:?!"]
    tokenizer = Tokenizer(WordLevel({piece: number for number, piece in enumerate(pieces)}, "[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split(Regex("."), "isolated")]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    config = BertConfig(
        vocab_size=len(pieces),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=LONGEST,
        initializer_range=0.2,  # ten times the usual: texts are then further apart than bfloat16 rounds
    )
    parts = folder.with_name(f"{folder.name}-parts")
    with torch.random.fork_rng():
        torch.manual_seed(20261122)
        BertModel(config).save_pretrained(parts)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(parts)
    transformer = Transformer(str(parts), max_seq_length=LONGEST)
    modules = [transformer, Pooling(32, pooling_mode="mean")]
    SentenceTransformer(modules=modules, prompts=prompts, device="cpu").save(str(folder))
    shutil.rmtree(parts)
    return folder
