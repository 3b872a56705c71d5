"""Every architecture as a tiny random model, in a folder as ``save_pretrained`` lays it out."""

import io
from functools import cache
from pathlib import Path

import numpy as np
import soundfile
import torch
import transformers
from emoflow.encoders import Encoder, ModelFiles, make
from emoflow.encoders.networks import network
from emoflow.encoders.parallel import Recipe
from emoflow.encoders.pretrained.spec import PretrainedSpec
from emoflow.encoders.pretrained.tuning.opener import Tunable
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers.utils import logging

RATE = 16_000
SIZE, DEPTH = 16, 3
"""Dimensions and layers of all these models."""

SPEECH = (
    "wav2vec2", "xls-r", "hubert", "wavlm", "data2vec-audio", "unispeech-sat", "whisper", "moonshine",
)  # fmt: skip
TEXT = ("bert", "roberta", "distilbert", "deberta", "deberta-v2", "xlm-roberta")
PICTURES = ("vit", "dinov2", "clip", "clip_vision_model", "siglip", "siglip_vision_model")
FILMS = ("videomae",)
OWN = ("ge2e", "face-expression")
"""Architectures that transformers does not have."""
LONGEST = 12
"""Tokens that the text models read."""

WORDS = "i hate this what a lovely day it is four o ' clock ! ? un ##happy happy".split()  # noqa: SIM905
_WIDTHS = {"hidden_size": SIZE, "num_hidden_layers": DEPTH, "num_attention_heads": 2, "intermediate_size": 32}
_WAVE = _WIDTHS | {
    "conv_dim": (8, 8, 8), "conv_stride": (5, 8, 8), "conv_kernel": (10, 8, 8), "num_feat_extract_layers": 3,
    "num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2,
}  # fmt: skip
"""As in the real models the first convolutions make 50 tokens a second; the receptive field is 360 samples."""
_TEXT = _WIDTHS | {"vocab_size": 40, "max_position_embeddings": LONGEST}
_SEEN = _WIDTHS | {"image_size": 28, "patch_size": 14}
_DISENTANGLED = {"relative_attention": True, "pos_att_type": ["c2p", "p2c"]}
_WHISPER = {
    "d_model": SIZE, "encoder_layers": DEPTH, "decoder_layers": 1, "encoder_attention_heads": 2,
    "decoder_attention_heads": 2, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "vocab_size": 60,
    "max_source_positions": 100, "pad_token_id": 1, "bos_token_id": 1, "eos_token_id": 1,
    "decoder_start_token_id": 1,
}  # fmt: skip


def _config(name: str) -> transformers.PretrainedConfig:
    t = transformers
    made = {
        "wav2vec2": lambda: t.Wav2Vec2Config(**_WAVE),
        "xls-r": lambda: t.Wav2Vec2Config(**_WAVE, feat_extract_norm="layer", do_stable_layer_norm=True),
        "hubert": lambda: t.HubertConfig(**_WAVE),
        "wavlm": lambda: t.WavLMConfig(**_WAVE, feat_extract_norm="layer"),
        "data2vec-audio": lambda: t.Data2VecAudioConfig(**_WAVE),
        "unispeech-sat": lambda: t.UniSpeechSatConfig(**_WAVE),
        "whisper": lambda: t.WhisperConfig(**_WHISPER),
        "moonshine": lambda: t.MoonshineConfig(
            hidden_size=SIZE, intermediate_size=32, encoder_num_hidden_layers=DEPTH, decoder_num_hidden_layers=1,
            encoder_num_attention_heads=2, decoder_num_attention_heads=2, vocab_size=50,
        ),
        "bert": lambda: t.BertConfig(**_TEXT),
        "roberta": lambda: t.RobertaConfig(**_TEXT | {"max_position_embeddings": LONGEST + 2}, pad_token_id=1),
        "distilbert": lambda: t.DistilBertConfig(
            vocab_size=40, dim=SIZE, n_layers=DEPTH, n_heads=2, hidden_dim=32, max_position_embeddings=LONGEST
        ),
        "deberta": lambda: t.DebertaConfig(**_TEXT, **_DISENTANGLED, position_biased_input=False),
        "deberta-v2": lambda: t.DebertaV2Config(**_TEXT, **_DISENTANGLED),
        "xlm-roberta": lambda: t.XLMRobertaConfig(
            **_TEXT | {"max_position_embeddings": LONGEST + 2}, pad_token_id=1
        ),
        "vit": lambda: t.ViTConfig(**_SEEN),
        "dinov2": lambda: t.Dinov2Config(
            hidden_size=SIZE, num_hidden_layers=DEPTH, num_attention_heads=2, image_size=28, patch_size=14
        ),
        "clip": lambda: t.CLIPConfig(text_config=_TEXT, vision_config=_SEEN, projection_dim=8),
        "clip_vision_model": lambda: t.CLIPVisionConfig(**_SEEN),
        "siglip": lambda: t.SiglipConfig(text_config=_TEXT, vision_config=_SEEN),
        "siglip_vision_model": lambda: t.SiglipVisionConfig(**_SEEN),
        "videomae": lambda: t.VideoMAEConfig(**_SEEN, num_frames=4),
        "ge2e": lambda: network(name).config_class(hidden_size=SIZE, num_hidden_layers=DEPTH),
        "face-expression": lambda: network(name).config_class(
            hidden_size=SIZE, num_hidden_layers=DEPTH, image_size=28
        ),
    }  # fmt: skip
    return made[name]()


@cache
def _processor(name: str):
    t = transformers
    if name == "whisper":
        return t.WhisperFeatureExtractor(chunk_length=2)
    if name in SPEECH:
        by_mask = name in (
            "xls-r",
            "wavlm",
        )  # as the real ones: those that are normalised over time get no mask
        return t.Wav2Vec2FeatureExtractor(
            do_normalize=name != "moonshine", return_attention_mask=by_mask or name == "moonshine"
        )
    if name in TEXT:
        return _tokenizer()
    size = {"height": 28, "width": 28}
    if name in FILMS:
        return t.VideoMAEImageProcessorPil(size={"shortest_edge": 28}, crop_size=size)
    if name.startswith("clip"):
        return t.CLIPImageProcessorPil(size={"shortest_edge": 28}, crop_size=size)
    if name.startswith("siglip"):
        return t.SiglipImageProcessorPil(size=size)
    return t.ViTImageProcessorPil(size=size)


def _tokenizer() -> transformers.PreTrainedTokenizerFast:
    special = ["[UNK]", "[PAD]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = {word: at for at, word in enumerate([*special, *WORDS])}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]",
        mask_token="[MASK]",
    )  # fmt: skip


def save(name: str, folder: Path, *, seed: int = 0) -> Path:
    """A tiny model of the architecture ``name`` in a new folder."""
    torch.manual_seed(seed)
    logging.disable_progress_bar()
    if name in OWN:
        made = network(name)(_config(name))
        for weight in made.parameters():  # transformers' own beginning is next to nothing
            torch.nn.init.normal_(weight, std=0.3)
        made.save_pretrained(folder)
        return folder
    transformers.AutoModel.from_config(_config(name)).save_pretrained(folder)
    _processor(name).save_pretrained(folder)
    return folder


def save_recogniser(folder: Path, *, seed: int = 3, languages: tuple[str, ...] = ()) -> Path:
    """A tiny Whisper with its decoder in a new folder, whose words depend on what it hears."""
    torch.manual_seed(seed)
    special = ["<|startoftranscript|>", "<|endoftext|>", *(f"<|{language}|>" for language in languages)]
    special += ["<|transcribe|>", "<|nospeech|>", "<|notimestamps|>"]
    words = [f"word{at}" for at in range(_WHISPER["vocab_size"] - len(special))]
    ids = {token: at for at, token in enumerate([*words, *special])}
    made = Tokenizer(models.WordLevel(ids, unk_token="<|endoftext|>"))
    made.add_special_tokens(special)
    start, end = ids["<|startoftranscript|>"], ids["<|endoftext|>"]
    marks = {"decoder_start_token_id": start, "bos_token_id": end, "eos_token_id": end, "pad_token_id": end}
    model = transformers.WhisperForConditionalGeneration(
        transformers.WhisperConfig(**_WHISPER | marks | {"init_std": 0.3})
    )
    spoken = {
        "lang_to_id": {f"<|{language}|>": ids[f"<|{language}|>"] for language in languages},
        "task_to_id": {"transcribe": ids["<|transcribe|>"]},
    }
    model.generation_config = transformers.GenerationConfig(
        **marks, no_timestamps_token_id=ids["<|notimestamps|>"], is_multilingual=bool(languages),
        max_length=8 if languages else 6, suppress_tokens=[ids[token] for token in special],
        return_timestamps=False, **spoken if languages else {},
    )  # fmt: skip
    model.save_pretrained(folder)
    _processor("whisper").save_pretrained(folder)
    ends = dict.fromkeys(("unk_token", "pad_token", "bos_token", "eos_token"), "<|endoftext|>")
    transformers.PreTrainedTokenizerFast(tokenizer_object=made, **ends).save_pretrained(folder)
    return folder


def save_blind(folder: Path) -> Path:
    """A BERT in a new folder whose tokens do not see one another, since its attention adds up zeros."""
    save("bert", folder)
    model = transformers.AutoModel.from_pretrained(folder)
    with torch.no_grad():
        for layer in model.encoder.layer:
            layer.attention.self.value.weight.zero_()
            layer.attention.self.value.bias.zero_()
            layer.attention.output.dense.weight.mul_(20)
    model.save_pretrained(folder)
    return folder


def one(
    folder: Path,
    *,
    pooling: str = "none",
    modality: str | None = None,
    layers=None,
    context: int = 0,
    **parameters,
) -> Encoder:
    """The encoder of a model's folder."""
    stated = {"hf": str(folder), "pooling": pooling, "layers": layers, "context": context}
    return make([stated], parameters, modality=modality, models=ModelFiles())[0]


def tunable_of(
    spec: PretrainedSpec,
    modality: str,
    sources,
    *,
    rank: int | None = 2,
    checkpointing: bool = False,
    cache: Path | None = None,
    **parameters,
) -> Tunable:
    """What opens a model for training; the parameters are those of the modality."""
    recipe = Recipe(modality, (spec.mapping(),), parameters, ModelFiles())
    return Tunable(recipe, spec.name, rank, checkpointing, sources, cache)


def wav(samples: np.ndarray) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format="WAV", subtype="FLOAT")
    return file.getvalue()


def voice(seconds: float, *, seed: int = 0) -> np.ndarray:
    """A tone that glides, in noise: float32 [samples]."""
    time = np.arange(round(seconds * RATE)) / RATE
    noise = np.random.default_rng(seed).normal(0, 0.02, len(time))
    return (0.3 * np.sin(2 * np.pi * (200 * time + 150 * time**2 / seconds)) + noise).astype(np.float32)
