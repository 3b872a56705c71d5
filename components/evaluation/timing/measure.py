"""Time the stages of an answer, as a registered model gives one: on the processor, one utterance at a time."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...encoders.base import merge
from ...encoders.registry import encode_each
from .machine import Latency, Machine
from .stopwatch import AUDIO, Stopwatch, time_decoding, time_encoder

if TYPE_CHECKING:
    from ...encoders.base import Encoder
    from ...encoders.dialogue import Turn
    from ...encoders.pretrained.recogniser import SpeechRecogniser
    from ...fusion.model import EmotionModel
    from ...schema import Join
    from ...training.data import Rows

ENCODED = 3
"""How often each recording is encoded, after a pass that is not timed."""
FUSED = 100
"""How often an utterance is fused, after a tenth as many passes that are not timed."""
BATCH = 64
"""The utterances of a batch that the throughput is of."""
BATCHES = 10


@dataclass(frozen=True)
class Encoding:
    """What encodes a modality.

    Attributes:
        sources: what the encoders decode, of each of the utterances that are timed; the recordings to recognise words
            in where there is a recogniser.
        recogniser: of the words that the encoders read, where they read no transcripts.
    """

    encoders: list[Encoder]
    join: Join
    sources: Sequence[str | Path | Turn]
    recogniser: SpeechRecogniser | None = None


@dataclass(frozen=True)
class Passes:
    """The passes over a modality's recordings, one after another.

    Attributes:
        stages: ``decode audio``, ``encode audio/egemaps``, … → seconds of each pass.
        totals: seconds of each pass.
    """

    stages: dict[str, list[float]]
    totals: list[float]


@dataclass(frozen=True)
class StrategyTimes:
    """How long a strategy takes.

    Attributes:
        modalities: that it looks at.
        fuse: of one utterance: preparation and all members.
        fused_per_s: utterances that are fused in a second, in batches of `BATCH`.
        answer: decoding and encoding its modalities, and fusing them; None where a modality came as features.
        answers_per_s: one utterance at a time.
        real_time_factor: seconds that an answer takes for a second of recording; None without recordings.
    """

    modalities: tuple[str, ...]
    fuse: Latency
    fused_per_s: float
    answer: Latency | None
    answers_per_s: float | None
    real_time_factor: float | None


@dataclass(frozen=True)
class Timings:
    """What was timed, and where.

    Attributes:
        utterances: whose recordings were encoded.
        duration_s: of their recordings, on average; None without recordings.
        stages: of decoding and encoding → their latency.
        peak_memory_bytes: the most that the process held that timed all of them.
    """

    machine: Machine
    utterances: int
    duration_s: float | None
    stages: dict[str, Latency]
    strategies: dict[str, StrategyTimes]
    peak_memory_bytes: int


def time_encoding(modality: str, encoding: Encoding, *, repeat: int = ENCODED) -> Passes:
    """Encode each utterance alone, as a registered model does.

    Args:
        modality: audio, text or face.
        encoding: what encodes it; its encoders are timed from now on.
        repeat: how often each is encoded.

    Raises:
        MediaError: a recording cannot be used.
        OSError: one is not there.
    """
    watch, recogniser = Stopwatch(), encoding.recogniser
    for each in encoding.encoders:
        time_encoder(each, modality, watch)
    if recogniser:
        time_decoding(recogniser, AUDIO, watch)

    def encode(source: str | Path | Turn) -> None:
        read = source
        if recogniser:
            with watch.stage("recognise text"):
                read = recogniser.words(recogniser.decode(source))
        merge(encode_each(encoding.encoders, read, join=encoding.join).parts, encoding.join)

    for source in encoding.sources:
        encode(source)  # weights and libraries are loaded here
    names = list(watch.seconds)
    passes, totals = [], []
    for source in [*encoding.sources] * repeat:
        watch.reset()
        began = time.perf_counter()
        encode(source)
        totals.append(time.perf_counter() - began)
        passes.append(dict(watch.seconds))
    return Passes({name: [each.get(name, 0.0) for each in passes] for name in names}, totals)


def time_strategy(
    model: EmotionModel,
    typical: Rows,
    encoded: Mapping[str, Passes],
    *,
    duration_s: float | None,
    repeat: int = FUSED,
) -> StrategyTimes:
    """Time a strategy's fusion, and its answers, which begin with what its modalities took to encode.

    Args:
        model: as it would be registered; what it has learned changes no time.
        typical: one unprepared row of the model's modalities.
        encoded: modality → its passes; a modality that came as features, or is encoded by each member, has none.
        duration_s: of the utterances that were encoded, on average.
        repeat: how often it is fused.
    """
    fused = _seconds(model, typical, repeat)
    many = replace(
        typical,
        tokens={name: x.expand(BATCH, *x.shape[1:]) for name, x in typical.tokens.items()},
        present={name: x.expand(BATCH, *x.shape[1:]) for name, x in typical.present.items()},
    )
    batch = Latency.of(_seconds(model, many, BATCHES)).p50_s
    fuse = Latency.of(fused)
    answer = answers_per_s = factor = None
    if set(model.modalities) <= set(encoded):
        passes = zip(*(encoded[name].totals for name in model.modalities), strict=True)
        answers = [sum(each) + fused[n % len(fused)] for n, each in enumerate(passes)]
        answer, mean = Latency.of(answers), sum(answers) / len(answers)
        answers_per_s = 1 / mean
        factor = mean / duration_s if duration_s else None
    return StrategyTimes(tuple(model.modalities), fuse, BATCH / batch, answer, answers_per_s, factor)


def _seconds(model: EmotionModel, rows: Rows, repeat: int) -> list[float]:
    """What each of the model's passes over the rows takes."""
    import torch

    seconds = []
    with torch.inference_mode():
        for n in range(-max(1, repeat // 10), repeat):
            began = time.perf_counter()
            model(rows.tokens, rows.present).numpy()
            if n >= 0:
                seconds.append(time.perf_counter() - began)
    return seconds
