"""Masked prediction of clusters (AV-HuBERT, Shi et al. 2022): iteration after iteration of clusters and training."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ...encoders.av_hubert.configuration import AvHubertConfig
from ...encoders.av_hubert.network import AvHubert
from ...errors import PretrainingError
from ...files import replacing
from ...progress import track
from ..batches import Batch, Batches
from ..clusters import Clusters, clusters_of
from ..joint_features import joint_of
from ..masked_clusters import AvHubertForPretraining
from ..masking import masked_spans, other_spans
from ..quality import entropy, mutual_information, purity
from ..stated import AvHubertStated, Iteration
from ..store import InputStore
from ..trainer import Inputs, Losses, Schedule, Trainer

SHARE, SPAN = 0.8, 10
"""Of masked features, and of masked sound."""
PICTURES_SHARE, PICTURES_SPAN = 0.3, 5
PENALTY = 10.0
"""Weight of the mean square of the front ends' features."""


@dataclass(frozen=True)
class Iterated:
    """What became of one iteration.

    Attributes:
        stated: as pretrain/params.yaml has it.
        inertia: of k-means, for each frame.
        used: clusters that have a frame.
        entropy: of the clusters' frequencies, in nats.
        purity, mutual_information: against the units known of the frames; None where none are.
        curve: of the training.
    """

    stated: Iteration
    inertia: float
    used: int
    entropy: float
    purity: float | None
    mutual_information: float | None
    curve: list[dict[str, float]]


class MaskedClusters:
    """The objective: the cluster of each masked frame."""

    def __init__(self, network: AvHubertForPretraining, clusters: np.ndarray, stated: AvHubertStated):
        """The objective of one iteration.

        Args:
            network: what learns.
            clusters: int32 [frames of the store], -1 where there is none.
            stated: how often streams are left out, and what unmasked frames weigh.
        """
        self.network, self._clusters, self._stated = network, clusters, stated

    def inputs(self, batch: Batch, draws: np.random.Generator) -> Inputs:
        """See `Objective`: ``mask_emb`` replaces ``masked`` frames, and the loss is of those ``predicted``."""
        lengths, total = batch.lengths, batch.frames.shape[1]
        config = self.network.config
        audio, heard, seen = batch.audio, batch.heard, batch.seen
        pictures = None
        if batch.pictures is not None:
            pictures = (batch.pictures.astype(np.float32) / 255 - config.image_mean) / config.image_std
            pictures *= batch.there[..., None, None]
        masked = masked_spans(lengths, total, share=SHARE, span=SPAN, draws=draws)
        predicted = masked
        if self.network.masking == "input":
            alone = len(lengths) == 1  # then masked frames are zero (published so)
            if alone:
                audio = np.where(masked[..., None], np.float32(0), audio)
            if pictures is not None:
                also = masked_spans(lengths, total, share=PICTURES_SHARE, span=PICTURES_SPAN, draws=draws)
                if alone:
                    pictures[also] = 0
                else:
                    rows, taken = np.arange(len(also))[:, None], other_spans(also, lengths, draws)
                    pictures, seen = pictures[rows, taken], seen[rows, taken] & batch.there
                predicted = masked | also
            masked = masked & (not alone)
        heard, seen = self._dropped(heard, seen, draws)
        targets = np.where(batch.there, self._clusters[batch.frames], -1)
        given = {
            "audio": audio,
            "heard": heard,
            "seen": seen,
            "there": batch.there,
            "masked": masked,
            "predicted": predicted,
            "targets": targets.astype(np.int64),
        }
        if pictures is not None:
            given["pictures"] = pictures
        return {name: torch.from_numpy(np.ascontiguousarray(each)) for name, each in given.items()}

    def _dropped(
        self, heard: np.ndarray, seen: np.ndarray, draws: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Modality dropout: one draw for the batch; a clip that has one stream keeps it."""
        drop, audio = draws.random(2)
        if drop >= self._stated.modality_dropout:
            return heard, seen
        both = heard.any(axis=1, keepdims=True) & seen.any(axis=1, keepdims=True)
        if audio < self._stated.audio_dropout:
            return heard & ~both, seen
        return heard, seen & ~both

    def predictions(self, inputs: Inputs) -> int:
        """The masked frames, and the others where these count, too."""
        counted = inputs["targets"] >= 0
        if self._stated.unmasked_weight == 0:
            counted = counted & inputs["predicted"]
        return int(counted.sum())

    def losses(self, inputs: Inputs) -> Losses:
        """See `Objective`; what is logged is of masked frames."""
        prediction = self.network(
            inputs["audio"],
            inputs.get("pictures"),
            inputs["heard"],
            inputs["seen"],
            inputs["there"],
            inputs["masked"],
        )
        targets = inputs["targets"]
        each = functional.cross_entropy(
            prediction.logits.flatten(0, 1), targets.flatten(), ignore_index=-1, reduction="none"
        ).view_as(targets)
        known = targets >= 0
        masked, others = known & inputs["predicted"], known & ~inputs["predicted"]
        loss = (each * masked).sum()
        count = self.predictions(inputs)
        total = (
            loss + self._stated.unmasked_weight * (each * others).sum() + PENALTY * prediction.penalty * count
        )
        right = ((prediction.logits.argmax(-1) == targets) & masked).sum()
        logged = {"loss": loss, "masked_accuracy": right, "feature_penalty": prediction.penalty * count}
        return Losses(total, {name: value.detach() for name, value in logged.items()})

    def updated(self, step: int) -> None:
        """Nothing is to be done after an update."""


def pretrain(
    store: InputStore, stated: AvHubertStated, *, roi: str | None, work: Path, device: str
) -> tuple[AvHubert, list[Iterated]]:
    """Run all iterations, from where they were left.

    Args:
        store: of the clips.
        stated: the network and the iterations.
        roi: what the pictures show.
        work: the folder of unfinished work, which changes with all that the result depends on.
        device: ``cpu`` or ``cuda``.

    Returns:
        The model of the last iteration, on the CPU, and what became of each.

    Raises:
        PretrainingError: clips cannot be used, there are fewer frames than clusters, or the loss is not finite.
    """
    if not store.heard.any():
        raise PretrainingError(
            "no clip has sound, of which the first clusters are made: add recordings with sound"
        )
    config = getattr(AvHubertConfig, stated.size)(**({"roi": roi} if roi else {}))
    model: AvHubert | None = None
    done = []
    for number, iteration in enumerate(stated.iterations, 1):
        clusters = _clusters(store, model, iteration, number, stated.seed, work=work, device=device)
        model, curve = _trained(
            store, clusters.numbers, iteration, number, stated, config, work=work, device=device
        )
        done.append(_iterated(iteration, clusters, store.units, curve))
    assert model is not None  # noqa: S101  (there is one iteration at least)
    return model.cpu(), done


def continued(
    store: InputStore,
    model: AvHubert,
    iteration: Iteration,
    stated: AvHubertStated,
    *,
    work: Path,
    device: str,
) -> tuple[AvHubert, Iterated]:
    """Go on with a model that is there: one iteration, of clusters of its own states or of MFCC, from its weights.

    Args:
        store: of the clips.
        model: that is gone on with; it is left as it is.
        iteration: what is done.
        stated: how modalities are left out, and how it is trained.
        work: the folder of unfinished work.
        device: ``cpu`` or ``cuda``.

    Returns:
        The model, on the CPU, and what became of the iteration.

    Raises:
        PretrainingError: as `pretrain` does.
    """
    clusters = _clusters(store, model, iteration, 1, stated.seed, work=work, device=device)
    after, curve = _trained(
        store, clusters.numbers, iteration, 1, stated, model.config, work=work, device=device, start=model
    )
    return after.cpu(), _iterated(iteration, clusters, store.units, curve)


def _iterated(
    iteration: Iteration, clusters: Clusters, units: np.ndarray, curve: list[dict[str, float]]
) -> Iterated:
    numbers = clusters.numbers[clusters.numbers >= 0]
    both = (clusters.numbers >= 0) & (units >= 0)
    compared = clusters.numbers[both], units[both]
    return Iterated(
        iteration,
        clusters.inertia,
        len(np.unique(numbers)),
        entropy(numbers),
        purity(*compared) if both.any() else None,
        mutual_information(*compared) if both.any() else None,
        curve,
    )


def _trained(
    store: InputStore,
    clusters: np.ndarray,
    iteration: Iteration,
    number: int,
    stated: AvHubertStated,
    config: AvHubertConfig,
    *,
    work: Path,
    device: str,
    start: AvHubert | None = None,
) -> tuple[AvHubert, list[dict[str, float]]]:
    torch.manual_seed(stated.seed + number)
    network = AvHubertForPretraining(config, iteration.clusters, iteration.masking)
    if start is not None:
        network.load_state_dict(start.state_dict(), strict=False)  # what predicts clusters is new
    network = network.to(device)
    training = stated.training
    trainer = Trainer(
        MaskedClusters(network, clusters, stated),
        Batches(store, frames=training.frames, longest=training.longest, seed=stated.seed + number),
        Schedule.of(training, iteration.steps),
        seed=stated.seed + number,
        device=device,
        state=work / f"training.{number}.safetensors",
        what=f"iteration {number}",
    )
    curve = trainer.run()
    return network.without_heads(), curve


def _clusters(
    store: InputStore,
    model: AvHubert | None,
    iteration: Iteration,
    number: int,
    seed: int,
    *,
    work: Path,
    device: str,
) -> Clusters:
    """The clusters of an iteration: kept ones where there are some."""
    from safetensors.numpy import load_file, save_file

    path = work / f"clusters.{number}.safetensors"
    if not path.is_file():
        if iteration.of == "mfcc":
            features, known = mfcc_of(store), np.repeat(store.heard, store.lengths)
        elif iteration.of == "joint":
            features, known = joint_of(store)
        else:
            assert model is not None  # noqa: S101  (the first iteration is of mfcc)
            features = states_of(store, model, iteration.of, work / f"states.{number}.npy", device=device)
            known = np.ones(store.frames, bool)
        print(f"iteration {number}: {iteration.clusters} clusters of {_named(iteration.of)}", file=sys.stderr)
        found = clusters_of(features, known, count=iteration.clusters, seed=seed + number)
        with replacing(path) as temporary:
            save_file({"numbers": found.numbers, "inertia": np.array([found.inertia])}, temporary)
        (work / f"states.{number}.npy").unlink(missing_ok=True)
    kept = load_file(path)
    return Clusters(kept["numbers"], float(kept["inertia"][0]))


def _named(of: str | int) -> str:
    named = {"mfcc": "MFCC", "joint": "sound and pictures"}
    return named[of] if isinstance(of, str) else f"the states behind block {of}"


def mfcc_of(store: InputStore) -> np.ndarray:
    """MFCC of all frames, float32 [frames, 39]."""
    return np.concatenate([store.read("mfcc", clip) for clip in range(len(store))])


def states_of(store: InputStore, model: AvHubert, block: int, path: Path, *, device: str) -> np.ndarray:
    """The states behind a block of all frames, from both streams, memory-mapped.

    Args:
        store: of the clips.
        model: whose states.
        block: its number, from 1 on.
        path: of the file that is written.
        device: where the model runs.

    Returns:
        float32 [frames, D].

    Raises:
        PretrainingError: the model has no such block.
    """
    config = model.config
    if not 1 <= block <= config.num_hidden_layers:
        raise PretrainingError(
            f"iterations of {block}: a network of this size has blocks 1 to {config.num_hidden_layers}; state one of "
            "them in pretrain/params.yaml"
        )
    model = model.eval().to(device)
    with replacing(path) as temporary:
        kept = np.lib.format.open_memmap(
            temporary, mode="w+", dtype=np.float32, shape=(store.frames, config.hidden_size)
        )
        for clip in track(range(len(store)), total=len(store), what="states of clips"):
            begin = int(store.begins[clip])
            states = _states(store, clip, model, device)[block]
            kept[begin : begin + len(states)] = states.float().cpu().numpy()
        kept.flush()
    states_of_all: np.ndarray = np.load(path, mmap_mode="r")
    return states_of_all


@torch.no_grad()
def _states(store: InputStore, clip: int, model: AvHubert, device: str) -> list[Tensor]:
    """Before the first block and after each, [T, D]."""

    def tensor(array: np.ndarray) -> Tensor:
        return torch.from_numpy(array)[None].to(device)

    length, config = int(store.lengths[clip]), model.config
    audio = tensor(store.read("audio", clip).astype(np.float32))
    heard = torch.full((1, length), bool(store.heard[clip]), device=device)
    video = seen = None
    if store.pictures:
        pictures = store.read("pictures", clip).astype(np.float32)
        video = tensor((pictures / 255 - config.image_mean) / config.image_std)
        seen = tensor(store.read("present", clip))
    with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
        output = model(audio, video, heard, seen)
    return [each[0] for each in output.hidden_states]
