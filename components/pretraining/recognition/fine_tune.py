"""Fine-tuning with each seed, from a pre-trained model and from first weights, scored on speakers held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from ...encoders.av_hubert.network import AvHubert
from ...errors import PretrainingError
from ..batches import Batches
from ..stated import FineTuningStated
from ..store import InputStore
from ..trainer import Schedule, Trainer
from .errors import ErrorRates, error_rates
from .network import AvHubertRecogniser
from .objective import UNKNOWN, FineTuning, Targets
from .recognise import Answers, recognise
from .vocabulary import Vocabulary, steps_needed


@dataclass(frozen=True)
class Labelled:
    """What is known of the clips of a store, by their number.

    Attributes:
        said: transcripts, as `vocabulary.spoken` gives them; empty where there is none.
        emotions: a class's number, `UNKNOWN` where there is none.
        classes: the emotions.
        tested: bool [clips], those of the speakers held out.
    """

    said: Sequence[str]
    emotions: np.ndarray
    classes: tuple[str, ...]
    tested: np.ndarray


@dataclass(frozen=True)
class Scored:
    """One training's scores on the speakers held out; None of what was not learned or is not known.

    Attributes:
        rates: of wrong characters and words.
        wa: the share of clips whose emotion is right.
        ua: the mean of the classes' recalls.
        clips: that were trained on.
        too_fast: training clips whose text is not learned, since it has more characters than there are steps.
        curve: of the training.
    """

    clips: int
    too_fast: int
    rates: ErrorRates | None
    wa: float | None
    ua: float | None
    curve: list[dict[str, float]]


@dataclass(frozen=True)
class Trained:
    """One training.

    Attributes:
        network: on the CPU.
        answers: on the tested clips, in the order of `InputStore`.
        scored: what they are worth.
    """

    network: AvHubertRecogniser
    answers: Answers
    scored: Scored


def fine_tune(
    store: InputStore,
    labelled: Labelled,
    stated: FineTuningStated,
    *,
    encoder: AvHubert,
    seed: int,
    state: Path,
    what: str,
    device: str,
) -> Trained:
    """Train on the clips of all other speakers, and score those held out.

    Nothing is chosen by the clips that are tested: the number of updates is stated.

    Args:
        store: of all clips.
        labelled: what is known of them.
        stated: what is learned, and how.
        encoder: the model that training begins with, which is left as it is.
        seed: of the heads' first weights, batches and dropout.
        state: the file of the state, from which training is taken up.
        what: the progress line's name.
        device: ``cpu`` or ``cuda``.

    Raises:
        PretrainingError: a clip is longer than `longest`, nothing can be learned, or the loss is not finite.
    """
    too_fast = _too_fast(store, labelled, stated) & ~labelled.tested
    if too_fast.any():
        labelled = replace(
            labelled, said=["" if skip else text for text, skip in zip(labelled.said, too_fast, strict=True)]
        )
    training = np.flatnonzero(~labelled.tested & _useful(labelled, stated))
    _check(store, labelled, stated, training)
    vocabulary = Vocabulary.of([labelled.said[clip] for clip in training.tolist()])
    torch.manual_seed(seed)
    network = AvHubertRecogniser.from_encoder(
        encoder, vocabulary, labelled.classes, steps_per_frame=stated.steps_per_frame
    ).to(device)
    learned = store.only(training.tolist())
    targets = Targets(
        [vocabulary.numbers(labelled.said[clip]) for clip in training.tolist()],
        labelled.emotions[training].tolist(),
        learned.begins,
    )
    objective = FineTuning(
        network,
        targets,
        streams=stated.streams,
        speech=stated.speech,
        emotion=stated.emotion,
        contrast=stated.contrast,
        layer_decay=stated.layer_decay,
        frozen=int(stated.frozen * stated.steps),
    )
    how = stated.training
    trainer = Trainer(
        objective,
        Batches(learned, frames=how.frames, longest=how.longest, seed=seed),
        Schedule.of(how, stated.steps),
        seed=seed,
        device=device,
        state=state,
        what=what,
        rates=objective,
    )
    curve = trainer.run()
    tested = np.flatnonzero(labelled.tested).tolist()
    answers = recognise(network, store, tested, streams=stated.streams, width=stated.beam, device=device)
    return Trained(
        network.cpu(),
        answers,
        _scored(answers, labelled, tested, stated, curve, len(training), int(too_fast.sum())),
    )


def _too_fast(store: InputStore, labelled: Labelled, stated: FineTuningStated) -> np.ndarray:
    """Which clips say more than CTC can give in their steps."""
    needed = np.array([steps_needed(text) for text in labelled.said])
    found: np.ndarray = (needed > store.lengths * stated.steps_per_frame) & (stated.speech > 0)
    return found


def _useful(labelled: Labelled, stated: FineTuningStated) -> np.ndarray:
    """Which clips have something to learn."""
    spoken = np.array([bool(text) for text in labelled.said]) & (stated.speech > 0)
    felt = (labelled.emotions != UNKNOWN) & (stated.emotion + stated.contrast > 0)
    useful: np.ndarray = spoken | felt
    return useful


def _check(store: InputStore, labelled: Labelled, stated: FineTuningStated, training: np.ndarray) -> None:
    if not len(training) or not labelled.tested.any():
        raise PretrainingError(
            "fine-tuning: no clip to train on, or none to test: the corpora need transcripts or emotions, as `speech`, "
            "`emotion` and `contrast` of pretrain/params.yaml ask for them, of two speakers or more"
        )
    longest = int(store.lengths[training].max())
    if stated.speech and longest > stated.training.longest:
        raise PretrainingError(
            f"fine-tuning: a clip has {longest} frames, and what is said in it can only be learned whole: state "
            f"fine-tuning.training.longest of {longest} or more in pretrain/params.yaml"
        )


def _scored(
    answers: Answers,
    labelled: Labelled,
    tested: Sequence[int],
    stated: FineTuningStated,
    curve: list[dict[str, float]],
    clips: int,
    too_fast: int,
) -> Scored:
    rates = wa = ua = None
    if stated.speech:
        pairs = [
            (found, labelled.said[clip])
            for found, clip in zip(answers.texts, tested, strict=True)
            if labelled.said[clip]
        ]
        if pairs:
            found, said = zip(*pairs, strict=True)
            rates = error_rates(found, said)
    if stated.emotion:
        truth = labelled.emotions[list(tested)]
        known = truth != UNKNOWN
        right = answers.emotions.argmax(-1)[known] == truth[known]
        if known.any():
            wa = float(right.mean())
            ua = float(np.mean([right[truth[known] == each].mean() for each in np.unique(truth[known])]))
    return Scored(clips, too_fast, rates, wa, ua, curve)
