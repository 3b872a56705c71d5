"""A Whisper model of CTranslate2 as a Hugging Face folder."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import EncoderError
from ...files import read_json, write_json
from . import ctranslate2
from .tensors import save

SCALARS = re.compile(
    r"(en|de)coder/(activation|alibi\w*|alignment_\w+|num_heads|pre_norm|scale_\w+|start_from_zero_embedding)"
)
"""What a CTranslate2 model says of itself beside its weights."""
GELU = 3
"""CTranslate2's number for the exact GELU."""
LAYER = re.compile(r"(encoder|decoder)/layer_(\d+)/(.+)/(weight|bias|gamma|beta)")
WHOLE = {
    "encoder/conv1": "encoder.conv1",
    "encoder/conv2": "encoder.conv2",
    "encoder/position_encodings": "encoder.embed_positions",
    "encoder/layer_norm": "encoder.layer_norm",
    "decoder/embeddings": "decoder.embed_tokens",
    "decoder/position_encodings": "decoder.embed_positions",
    "decoder/layer_norm": "decoder.layer_norm",
}
PARTS: dict[str, tuple[str, ...]] = {
    "self_attention/layer_norm": ("self_attn_layer_norm",),
    "self_attention/linear_0": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "self_attention/linear_1": ("self_attn.out_proj",),
    "attention/layer_norm": ("encoder_attn_layer_norm",),
    "attention/linear_0": ("encoder_attn.q_proj",),
    "attention/linear_1": ("encoder_attn.k_proj", "encoder_attn.v_proj"),
    "attention/linear_2": ("encoder_attn.out_proj",),
    "ffn/layer_norm": ("final_layer_norm",),
    "ffn/linear_0": ("fc1",),
    "ffn/linear_1": ("fc2",),
}
"""A layer's blocks in CTranslate2, which stacks projections of one input, and in transformers."""
ENGLISH_END = 50256
"""The number of ``<|endoftext|>`` in English models, whose words are GPT-2's; multilingual ones have one more."""
KINDS = {"weight": "weight", "bias": "bias", "gamma": "weight", "beta": "bias", "encodings": "weight"}
LONGEST = 448
"""Tokens of one transcript; Whisper's decoder has as many positions."""


def convert(source: Path, target: Path) -> None:
    """Write ``model.bin``, ``config.json`` and ``tokenizer.json`` of CTranslate2 as a Hugging Face folder.

    Weights are widened to 32 bits, which is exact.

    Args:
        source: the folder of these three files.
        target: an existing folder.

    Raises:
        EncoderError: it is another model, its weights are integers, or a variable is unknown.
    """
    model = ctranslate2.read(source / "model.bin")
    if model.specification != "WhisperSpec":
        raise EncoderError(f"model.bin is a {model.specification}, not a WhisperSpec")
    tensors = _tensors(model.variables)
    tokens = {each["content"]: each["id"] for each in read_json(source / "tokenizer.json")["added_tokens"]}
    generation = _generation(tokens, read_json(source / "config.json"))
    write_json(target / "config.json", _config(tensors, model.variables, generation))
    write_json(target / "generation_config.json", generation)
    write_json(
        target / "preprocessor_config.json", _preprocessor(tensors["model.encoder.conv1.weight"].shape[1])
    )
    (target / "tokenizer.json").write_bytes((source / "tokenizer.json").read_bytes())
    end = "<|endoftext|>"
    words = {f"{use}_token": end for use in ("bos", "eos", "unk", "pad")}
    write_json(
        target / "tokenizer_config.json",
        {"tokenizer_class": "WhisperTokenizer", "model_max_length": LONGEST, "add_prefix_space": False}
        | words,
    )
    save(tensors, target / "model.safetensors")


def _tensors(variables: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The weights under transformers' names, as float32."""
    tensors: dict[str, np.ndarray] = {}
    for name, array in variables.items():
        if SCALARS.fullmatch(name):
            continue
        if not np.issubdtype(array.dtype, np.floating):
            raise EncoderError(
                f"model.bin: {name} is {array.dtype}; only weights in floating point are converted"
            )
        block, _, kind = name.rpartition("/")
        if layer := LAYER.fullmatch(name):
            side, number, block, kind = layer.groups()
            names = [f"{side}.layers.{number}.{part}" for part in PARTS.get(block, ())]
        else:
            names = [WHOLE[block]] if block in WHOLE else []
        if not names or kind not in KINDS or len(array) % len(names):
            raise EncoderError(f"model.bin: {name} of shape {list(array.shape)} is no variable of Whisper's")
        for part, piece in zip(names, np.split(array, len(names)), strict=True):
            tensors[f"model.{part}.{KINDS[kind]}"] = piece.astype(np.float32)
    for name in [name for name in tensors if name.endswith("k_proj.bias")]:
        if tensors.pop(name).any():  # Whisper's keys have no bias; CTranslate2 stacks zeros for it
            raise EncoderError(
                f"model.bin: {name} is not zero, so the projections are stacked in another order"
            )
    return tensors


def _config(
    tensors: Mapping[str, np.ndarray], variables: Mapping[str, np.ndarray], generation: dict
) -> dict[str, Any]:
    """``config.json``, from the shapes of the weights."""

    def layers(side: str) -> int:
        return sum(name.startswith(f"model.{side}.") and name.endswith(".fc1.bias") for name in tensors)

    if int(variables["decoder/activation"]) != GELU:
        raise EncoderError(f"model.bin: activation {int(variables['decoder/activation'])} is not Whisper's")
    embeddings, conv = tensors["model.decoder.embed_tokens.weight"], tensors["model.encoder.conv1.weight"]
    return {
        "architectures": ["WhisperForConditionalGeneration"],
        "model_type": "whisper",
        "dtype": "float32",
        "vocab_size": embeddings.shape[0],
        "d_model": embeddings.shape[1],
        "num_mel_bins": conv.shape[1],
        "encoder_layers": layers("encoder"),
        "decoder_layers": layers("decoder"),
        "encoder_attention_heads": int(variables["encoder/num_heads"]),
        "decoder_attention_heads": int(variables["decoder/num_heads"]),
        "encoder_ffn_dim": tensors["model.encoder.layers.0.fc1.bias"].shape[0],
        "decoder_ffn_dim": tensors["model.decoder.layers.0.fc1.bias"].shape[0],
        "max_source_positions": tensors["model.encoder.embed_positions.weight"].shape[0],
        "max_target_positions": tensors["model.decoder.embed_positions.weight"].shape[0],
        **{
            f"{use}_token_id": generation[f"{use}_token_id"] for use in ("decoder_start", "bos", "eos", "pad")
        },
    }


def _generation(tokens: Mapping[str, int], stated: Mapping[str, Any]) -> dict[str, Any]:
    """``generation_config.json``, from the tokenizer's own tokens and CTranslate2's ``config.json``."""
    end, start = tokens["<|endoftext|>"], tokens["<|startoftranscript|>"]
    multilingual = end != ENGLISH_END
    languages = {
        word: number for word, number in tokens.items() if number in set(stated["lang_ids"]) and multilingual
    }
    tasks = {task: tokens[f"<|{task}|>"] for task in ("transcribe", "translate") if multilingual}
    return {
        "decoder_start_token_id": start,
        "bos_token_id": end,
        "eos_token_id": end,
        "pad_token_id": end,
        "prev_sot_token_id": tokens["<|startofprev|>"],
        "no_timestamps_token_id": tokens["<|notimestamps|>"],
        "is_multilingual": multilingual,
        "max_initial_timestamp_index": 50,
        "max_length": LONGEST,
        "return_timestamps": False,
        "suppress_tokens": stated["suppress_ids"],
        "begin_suppress_tokens": stated["suppress_ids_begin"],
        "alignment_heads": stated["alignment_heads"],
        # Without a task, a multilingual model is prompted with a language alone, and repeats words without end.
        **({"lang_to_id": languages, "task_to_id": tasks, "task": "transcribe"} if multilingual else {}),
    }


def _preprocessor(bands: int) -> dict[str, Any]:
    """Whisper's log-mel spectrogram: windows of 25 ms every 10 ms of 30 s at 16 kHz."""
    return {
        "feature_extractor_type": "WhisperFeatureExtractor",
        "processor_class": "WhisperProcessor",
        "feature_size": bands,
        "sampling_rate": 16000,
        "hop_length": 160,
        "n_fft": 400,
        "chunk_length": 30,
        "n_samples": 480000,
        "nb_max_frames": 3000,
        "padding_side": "right",
        "padding_value": 0.0,
        "return_attention_mask": False,
    }
