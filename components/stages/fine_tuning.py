"""The stage ``fine-tuning`` of ``pretrain/dvc.yaml``: a pre-trained model learns what was said, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import settings
from ..artifacts import pretraining as artifact
from ..encoders import installed
from ..files import file_digest, replacing, write_table
from ..pretraining import stated
from ..pretraining.held_out import held_out
from ..pretraining.recognition.fine_tune import Labelled, Trained, fine_tune
from ..pretraining.recognition.objective import UNKNOWN
from ..pretraining.recognition.over_seeds import over_seeds
from ..pretraining.recognition.vocabulary import spoken
from ..pretraining.stated import FineTuningStated
from ..pretraining.store import InputStore
from .entry import run
from .pretraining_models import labels, read_model, write_model
from .pretraining_work import unfinished

if TYPE_CHECKING:
    import pandas as pd

    from ..encoders.av_hubert.network import AvHubert

STAGE, SCRATCH = "fine-tuning", "from first weights"
FIGURES = {"cer": -1, "wer": -1, "wa": 1, "ua": 1}
"""Figure → whether more of it is better (1) or worse (-1)."""


def main() -> None:
    whole, device = stated.load(), settings.load().torch_device()
    of = whole.fine_tuning
    stated.require_listed(whole, STAGE, of.corpora)
    folders = [artifact.INPUTS / corpus for corpus in of.corpora]
    store, table = InputStore(folders), labels(of.corpora)
    labelled, speakers = _labelled(store, table, of.held_out)
    encoder = read_model(of.model, stated="fine-tuning.model")
    work = unfinished(
        STAGE,
        of.corpora,
        device=device,
        params=of.model_dump(exclude={"seeds", "from_scratch", "beam"}),
        model=file_digest(Path(of.model) / installed.WEIGHTS),
        labels=[list(labelled.said), labelled.emotions.tolist(), labelled.tested.tolist()],
    )

    def trained(seed: int, start: AvHubert, name: str) -> Trained:
        return fine_tune(
            store,
            labelled,
            of,
            encoder=start,
            seed=seed,
            state=work / f"{name}.{seed}.safetensors",
            what=f"{name}, seed {seed}",
            device=device,
        )

    first, *others = ((seed, trained(seed, encoder, STAGE)) for seed in of.seeds)
    scores = [_scores(*each) for each in (first, *others)]
    scratch = []
    if of.from_scratch:
        scratch = [_scores(seed, trained(seed, _first_weights(encoder, seed), SCRATCH)) for seed in of.seeds]
    results = artifact.FineTuningResults(
        corpora=of.corpora,
        model=of.model,
        sha256=file_digest(Path(of.model) / installed.WEIGHTS),
        streams=of.streams,
        speakers=speakers,
        clips=(first[1].scored.clips, int(labelled.tested.sum())),
        too_fast=first[1].scored.too_fast,
        sentences_seen=_sentences_seen(labelled),
        scores=scores,
        from_scratch=scratch,
        summary=_summary(scores),
        gain=_gain(scores, scratch),
    )
    with replacing(artifact.FINE_TUNED) as folder:
        # With its heads; as an encoder it is used without them.
        write_model(
            first[1].network, folder, name="fine-tuned", pretrained_on=of.corpora, begun_with=of.model
        )
        write_table(folder / artifact.ANSWERS.path().name, _answers(first[1], store, labelled, of))
        results.write_file(folder / results.path().name)
    print("\n".join(_lines(results)))


def _labelled(store: InputStore, table: pd.DataFrame, share: float) -> tuple[Labelled, list[str]]:
    """What is known of the clips, and the speakers who are held out."""
    rows = table.loc[store.ids]
    tested = held_out(sorted(rows["speaker"].unique()), share)
    classes = tuple(sorted(rows["label"].dropna().unique()))
    numbers = {name: number for number, name in enumerate(classes)}
    return (
        Labelled(
            [spoken(text) if isinstance(text, str) else "" for text in rows["text"]],
            np.array([numbers.get(label, UNKNOWN) for label in rows["label"]], np.int64),
            classes,
            rows["speaker"].isin(tested).to_numpy(bool),
        ),
        tested,
    )


def _first_weights(encoder: AvHubert, seed: int) -> AvHubert:
    """A network of the same sizes that has learned nothing."""
    import torch

    torch.manual_seed(seed)
    return type(encoder)(encoder.config)


def _scores(seed: int, done: Trained) -> artifact.SeedScores:
    rates = done.scored.rates
    return artifact.SeedScores(
        seed=seed,
        cer=rates.characters if rates else None,
        wer=rates.words if rates else None,
        wa=done.scored.wa,
        ua=done.scored.ua,
    )


def _sentences_seen(labelled: Labelled) -> float | None:
    """The share of tested clips whose sentence is also said in training."""
    said = np.array(labelled.said)
    tested = said[labelled.tested & (said != "")]
    return float(np.isin(tested, said[~labelled.tested]).mean()) if len(tested) else None


def _summary(scores: Sequence[artifact.SeedScores]) -> dict[str, artifact.OverSeeds]:
    return {
        name: _over_seeds([getattr(each, name) for each in scores])
        for name in FIGURES
        if getattr(scores[0], name) is not None
    }


def _gain(
    scores: Sequence[artifact.SeedScores], scratch: Sequence[artifact.SeedScores]
) -> dict[str, artifact.OverSeeds]:
    if not scratch:
        return {}
    return {
        name: _over_seeds(
            [
                sign * (getattr(one, name) - getattr(other, name))
                for one, other in zip(scores, scratch, strict=True)
            ]
        )
        for name, sign in FIGURES.items()
        if getattr(scores[0], name) is not None
    }


def _over_seeds(values: Sequence[float]) -> artifact.OverSeeds:
    mean, low, high = over_seeds(values)
    return artifact.OverSeeds(mean=mean, low=low, high=high)


def _answers(done: Trained, store: InputStore, labelled: Labelled, of: FineTuningStated) -> pd.DataFrame:
    import pandas as pd

    tested = np.flatnonzero(labelled.tested)
    names: Mapping[int, str | None] = dict(enumerate(labelled.classes)) | {UNKNOWN: None}
    found = done.answers
    return pd.DataFrame(
        {
            "utterance_id": [store.ids[clip] for clip in tested],
            "said": [labelled.said[clip] or None for clip in tested],
            "recognised": found.texts if of.speech else None,
            "label": [names[int(labelled.emotions[clip])] for clip in tested],
            "predicted": [names[int(each)] for each in found.emotions.argmax(-1)] if of.emotion else None,
        }
    )


def _lines(results: artifact.FineTuningResults) -> list[str]:
    train, test = results.clips
    lines = [
        f"trained on {train} clips, tested on {test} of {len(results.speakers)} speakers held out; "
        f"{len(results.scores)} seed(s)"
    ]
    if results.too_fast:
        lines.append(
            f"of {results.too_fast} training clips what is said was not learned: it has more characters than there are "
            "steps (fine-tuning.steps_per_frame)"
        )
    if results.sentences_seen and "cer" in results.summary:
        lines.append(
            f"{results.sentences_seen:.0%} of the tested clips have a sentence that training says as well"
        )
    for name, over in results.summary.items():
        line = f"{name.upper()} {_percent(over)}"
        if gain := results.gain.get(name):
            line += f"; better than from first weights by {_percent(gain)} points"
        lines.append(line)
    return lines


def _percent(over: artifact.OverSeeds) -> str:
    mean = f"{100 * over.mean:.1f}"
    if over.low is None or over.high is None:
        return mean
    return f"{mean} (95 % interval over seeds {100 * over.low:.1f} to {100 * over.high:.1f})"


if __name__ == "__main__":
    run(STAGE, main)
