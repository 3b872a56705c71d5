"""The stage ``adaptation`` of ``pretrain/dvc.yaml``: pre-training goes on with clips that are like emotional ones.

The metric by which clips are compared is learned from labelled speakers who are not held out; those held out only probe
the models, before and after.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import settings
from ..artifacts import pretraining as artifact
from ..artifacts.corpora import RAW
from ..encoders import installed
from ..errors import PretrainingError, listed
from ..files import (
    file_digest,
    replacing,
    write_table,
    write_text,
)
from ..pretraining import stated
from ..pretraining.affect.embedding import embeddings
from ..pretraining.affect.page import Shown, page
from ..pretraining.affect.probe import by_speaker, recall, right_answers
from ..pretraining.affect.retrieval import Retrieved, retrieve
from ..pretraining.held_out import held_out
from ..pretraining.objectives.av_hubert import continued
from ..pretraining.recognition.fine_tune import Labelled, fine_tune
from ..pretraining.recognition.objective import UNKNOWN
from ..pretraining.stated import FineTuningStated, PretrainingParams
from ..pretraining.store import InputStore
from .entry import run
from .pretraining_history import iteration_written
from .pretraining_models import labels, read_model, write_model
from .pretraining_work import unfinished

if TYPE_CHECKING:
    import pandas as pd

    from ..encoders.av_hubert.network import AvHubert

STAGE = "adaptation"


def main() -> None:
    whole, device = stated.load(), settings.load().torch_device()
    of = whole.adaptation
    stated.require_listed(whole, STAGE, [*of.labelled, *of.pool])
    table = labels([*of.labelled, *of.pool])
    store = InputStore([artifact.INPUTS / corpus for corpus in [*of.labelled, *of.pool]])
    rows = table.loc[store.ids]
    emotional = (rows["corpus"].isin(of.labelled) & rows["label"].notna()).to_numpy(bool)
    speakers = held_out(sorted(rows.loc[emotional, "speaker"].unique()), of.held_out)
    tested = emotional & rows["speaker"].isin(speakers).to_numpy(bool)
    anchors = np.flatnonzero(emotional & ~tested)
    pool = np.flatnonzero(rows["corpus"].isin(of.pool).to_numpy(bool))
    if not len(anchors) or not len(pool):
        raise PretrainingError(
            f"adaptation: there are {len(anchors)} labelled clips of {listed(of.labelled)} to compare with, and "
            f"{len(pool)} clips in the pool of {listed(of.pool)}; of both there have to be some"
        )
    model = read_model(of.model, stated="adaptation.model")
    work = unfinished(
        STAGE,
        [*of.labelled, *of.pool],
        device=device,
        params=[of.model_dump(), whole.av_hubert.model_dump(exclude={"iterations", "licence"})],
        model=file_digest(Path(of.model) / installed.WEIGHTS),
        labels=rows[["speaker", "label", "corpus"]].astype("string").fillna("").to_numpy().tolist(),
    )

    metric = _metric(store, rows, anchors, tested, whole, model, work=work, device=device)
    vectors = embeddings(metric, store, range(len(store)), streams=of.streams, device=device)
    found = retrieve(vectors[pool], vectors[anchors], k=of.nearest)
    taken = store.only(pool[np.sort(found.clips)].tolist())
    after, iteration = continued(taken, model, of.iteration, whole.av_hubert, work=work, device=device)

    shown = rows.iloc[pool[found.clips]], rows.iloc[anchors[found.anchors]]
    results = _results(
        store, rows, np.flatnonzero(emotional), tested, (model, after), whole, device=device
    ) | {
        "model": of.model,
        "sha256": file_digest(Path(of.model) / installed.WEIGHTS),
        "labelled": len(anchors),
        "pool": len(pool),
        "retrieved": len(found.clips),
        "speakers": speakers,
        "iteration": iteration_written(iteration),
        **_precision(*shown, rows.iloc[pool]),
    }
    written = artifact.AdaptationResults.model_validate(results)
    with replacing(artifact.ADAPTED) as folder:
        write_model(
            after, folder, name="adapted", pretrained_on=[*of.labelled, *of.pool], begun_with=of.model
        )
        write_table(folder / artifact.RETRIEVED.path().name, _retrieved(*shown, found))
        title = f"Clips of {', '.join(of.pool)} that are like emotional ones"
        write_text(folder / "retrieved.html", page(_shown(*shown, found), title=title))
        written.write_file(folder / written.path().name)
    print("\n".join(_lines(written)))


def _metric(
    store: InputStore,
    rows: pd.DataFrame,
    anchors: np.ndarray,
    tested: np.ndarray,
    whole: PretrainingParams,
    model: AvHubert,
    *,
    work: Path,
    device: str,
) -> AvHubert:
    """The model, after clips of one emotion were drawn together."""
    of = whole.adaptation
    known = rows["label"].where(np.isin(np.arange(len(rows)), anchors))
    classes = tuple(sorted(known.dropna().unique()))
    numbers = {name: number for number, name in enumerate(classes)}
    emotions = np.array([numbers.get(label, UNKNOWN) for label in known], np.int64)
    how = FineTuningStated(
        corpora=of.labelled,
        model=of.model,
        streams=of.streams,
        speech=0.0,
        contrast=1.0,
        seeds=[of.seed],
        steps=of.metric_steps,
        training=whole.av_hubert.training,
    )
    done = fine_tune(
        store,
        Labelled([""] * len(rows), emotions, classes, tested),
        how,
        encoder=model,
        seed=of.seed,
        state=work / "metric.safetensors",
        what="metric",
        device=device,
    )
    return done.network.to(device)


def _results(
    store: InputStore,
    rows: pd.DataFrame,
    emotional: np.ndarray,
    tested: np.ndarray,
    models: tuple[AvHubert, AvHubert],
    whole: PretrainingParams,
    *,
    device: str,
) -> dict[str, float | None]:
    """What a linear classifier on each model's output has right of the speakers held out."""
    emotions, held = rows["label"].to_numpy(str)[emotional], tested[emotional]
    right = [
        right_answers(
            embeddings(
                each.to(device), store, emotional.tolist(), streams=whole.adaptation.streams, device=device
            ),
            emotions,
            tested=held,
        )
        for each in models
    ]
    models[1].cpu()
    gain = by_speaker(*right, rows["speaker"].to_numpy(str)[emotional][held].tolist())
    return {
        "ua_before": recall(right[0], emotions[held]),
        "ua_after": recall(right[1], emotions[held]),
        "gain": gain.mean,
        "low": gain.low,
        "high": gain.high,
    }


def _precision(taken: pd.DataFrame, anchors: pd.DataFrame, pool: pd.DataFrame) -> dict[str, float | None]:
    """How many retrieved clips have the emotion that they were taken for, beside clips drawn at random."""
    if taken["label"].isna().any():
        return {"precision": None, "chance": None}
    shares = pool["label"].value_counts(normalize=True)
    wanted = anchors["label"].to_numpy(str)
    return {
        "precision": float((taken["label"].to_numpy(str) == wanted).mean()),
        "chance": float(np.mean([shares.get(label, 0.0) for label in wanted])),
    }


def _retrieved(taken: pd.DataFrame, anchors: pd.DataFrame, found: Retrieved) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        {
            "utterance_id": taken.index,
            "score": found.scores.astype(np.float64),
            "anchor": anchors.index,
            "emotion": anchors["label"].to_numpy(str),
        }
    )


def _shown(taken: pd.DataFrame, anchors: pd.DataFrame, found: Retrieved) -> Sequence[Shown]:
    return [
        Shown(one.Index, _media(one), float(score), other.Index, _media(other), other.label)
        for one, other, score in zip(taken.itertuples(), anchors.itertuples(), found.scores, strict=True)
    ]


def _media(row) -> str | None:  # type: ignore[no-untyped-def]  # a row of pandas
    """Where a clip's film or sound lies, from the page on."""
    name = next((each for each in (row.video, row.audio) if isinstance(each, str)), None)
    return (
        None if name is None else Path(os.path.relpath(RAW / row.corpus / name, artifact.ADAPTED)).as_posix()
    )


def _lines(results: artifact.AdaptationResults) -> list[str]:
    lines = [f"{results.retrieved} of {results.pool} clips were taken, by {results.labelled} labelled ones"]
    if results.precision is not None and results.chance is not None:
        lines.append(
            f"{results.precision:.1%} of them have the emotion of the labelled clip, and of clips drawn at random "
            f"{results.chance:.1%} would"
        )
    interval = ""
    if results.low is not None and results.high is not None:
        interval = f" (95 % interval over speakers {100 * results.low:+.1f} to {100 * results.high:+.1f})"
    lines.append(
        f"a linear classifier on the output, {len(results.speakers)} speakers held out: UA {results.ua_before:.1%} "
        f"before and {results.ua_after:.1%} after; right answers {100 * results.gain:+.1f} points{interval}"
    )
    return lines


if __name__ == "__main__":
    run(STAGE, main)
