"""The stage ``timings``: how long the strategies' answers take on this machine, shown beside the report.

It has no output that anything could depend on: times differ from one run to the next. What it writes, ``timings.js``,
is shown by the report's page and by nothing else. It runs after the other stages, so that none of them slows it down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import media, params, settings
from ..artifacts.corpora import RAW
from ..artifacts.model import Operations
from ..artifacts.reports import REPORT, Metrics
from ..artifacts.search import Best
from ..artifacts.utterances import UTTERANCES
from ..encoders import ModelFiles
from ..encoders.dialogue import Turn, turns
from ..encoders.extract import recipes_of
from ..encoders.jobs import sources
from ..encoders.pretrained.recogniser import SpeechRecogniser
from ..errors import MediaError, SettingsError, listed
from ..evaluation.timing import shown
from ..evaluation.timing.machine import Latency, peak_memory, this_machine
from ..evaluation.timing.measure import (
    Encoding,
    Passes,
    StrategyTimes,
    Timings,
    time_encoding,
    time_strategy,
)
from ..fusion.model import EmotionModel
from ..fusion.preparation import Preparation, plan
from ..fusion.strategy import BASELINES, uses
from ..progress import track
from ..schema import MODALITIES, POSTERIORS, TABLE
from ..training.operations import typical
from ..training.rows import fit_preparation, read
from .entry import run
from .training_inputs import Inputs
from .tuning import TunedEncoders

TIMED = 8
"""Utterances whose recordings are encoded, at most: spread evenly over those of the test that have all modalities, or,
where none has, over those that have one, for each modality."""


def main() -> None:
    experiment, environment, metrics = params.load(), settings.load(), Metrics.read()
    models = ModelFiles(environment.landmark_model, environment.encoders)
    inputs, machine = Inputs.of(experiment), this_machine()
    names = drawn({name: inputs.store.ids(name) for name in inputs.trainable}, inputs)
    if lacking := [name for name, ids in names.items() if not ids]:
        print(f"timings: not measured, since no utterance of the test has {listed(lacking)}")
        return
    try:
        encodings = _encodings(experiment, inputs, names, models)
        passes = {
            name: time_encoding(name, encodings[name])
            for name in track(encodings, total=len(encodings), what="timings, modalities encoded")
        }
        duration_s = _mean_duration(encodings)
    except (
        MediaError,
        SettingsError,
        OSError,
    ) as error:  # features may be here without what they were made of
        print(f"timings: not measured, since the recordings cannot be encoded here: {error}")
        return
    timings = Timings(
        machine=machine,
        utterances=max(map(len, names.values())),
        duration_s=duration_s,
        stages={
            stage: Latency.of(seconds) for each in passes.values() for stage, seconds in each.stages.items()
        },
        strategies=_strategies(
            experiment,
            inputs,
            passes,
            duration_s,
            tuned=TunedEncoders.of(experiment, inputs, models, environment.cache),
        ),
        peak_memory_bytes=peak_memory(),
    )
    shown.write(REPORT.parent, metrics, timings)


def drawn(stored: Mapping[str, Sequence[str]], inputs: Inputs) -> dict[str, list[str]]:
    """The utterances that are timed for each modality, sorted, as many of each.

    Args:
        stored: modality → utterances that have it.
        inputs: with the folds that test them.
    """
    tested = {name for fold in inputs.folds for name in fold.test.ids}
    with_all = tested.intersection(*stored.values())
    having = {modality: sorted(with_all or tested & set(ids)) for modality, ids in stored.items()}
    count = min(TIMED, *(len(ids) for ids in having.values() if ids))
    return {
        modality: [ids[n * len(ids) // count] for n in range(count if ids else 0)]
        for modality, ids in having.items()
    }


def _encodings(
    experiment: params.Params, inputs: Inputs, names: Mapping[str, Sequence[str]], models: ModelFiles
) -> dict[str, Encoding]:
    """What encodes each modality, of those that did not come as features, as on the processor of `emoflow predict`."""
    of_text = experiment.features.text
    stated = {
        name: getattr(experiment.features, name).model_dump()
        for name in inputs.trainable
        if name in MODALITIES and not {each for each, _ in inputs.store.layout(name)} & {TABLE, POSTERIORS}
    }
    found = {}
    for name, recipe in recipes_of(stated, models).items():
        recogniser = of_text.recogniser if name == "text" else None
        encoders = recipe.encoders()
        context = 0 if recogniser else max(each.context for each in encoders)
        media_of = _sources(inputs.corpora, "audio" if recogniser else name, names[name], context=context)
        heard = SpeechRecogniser(**recogniser, models=models) if recogniser else None
        found[name] = Encoding(encoders, recipe.join, [media_of[each] for each in names[name]], heard)
    return found


def _sources(
    corpora: Sequence[str], modality: str, names: Sequence[str], *, context: int
) -> dict[str, str | Path | Turn]:
    """Utterance → what the encoders of a modality decode; of texts with ``context`` turns before."""
    found: dict[str, str | Path | Turn] = {}
    for corpus in corpora:
        table = UTTERANCES.read(corpus=corpus)
        said = turns(table, context=context) if context else {}
        own = table[table["utterance_id"].isin(names)]
        found |= {each.utterance_id: each.source for each in sources(own, modality, RAW / corpus, said=said)}
    return found


def _mean_duration(encodings: Mapping[str, Encoding]) -> float | None:
    """Seconds of a recording, on average; None where there are only texts."""
    for name, facts in (("audio", media.audio_facts), ("face", media.video_facts)):
        if name in encodings:
            lengths = [facts(str(source)).duration_s for source in encodings[name].sources]
            return float(sum(lengths) / len(lengths))
    return None


def _strategies(
    experiment: params.Params,
    inputs: Inputs,
    passes: Mapping[str, Passes],
    duration_s: float | None,
    *,
    tuned: TunedEncoders,
) -> dict[str, StrategyTimes]:
    """What each strategy takes, of the fold's choice that takes the most operations."""
    best, operations = Best.read(), Operations.read()
    seen = inputs.folds[0].seen
    rows = read(inputs.store.tokens, seen, inputs.trainable)
    layouts = {name: inputs.store.layout(name) for name in inputs.trainable}
    state = fit_preparation(rows, layouts, inputs.reduction).state_dict()
    names = [name for name in best.strategies if name not in BASELINES]
    found = {}
    for name in track(names, total=len(names), what="timings, strategies"):
        counts = operations.strategies[name]
        config = best.strategies[name].folds[max(counts, key=counts.__getitem__)].config
        model = _model(experiment, inputs, name, config, layouts, state)
        found[name] = time_strategy(
            model,
            typical(rows.of(list(model.modalities))),
            {} if tuned.tunes(name) else passes,  # each member would encode by its own weights
            duration_s=duration_s,
        )
    return found


def _model(
    experiment: params.Params,
    inputs: Inputs,
    strategy: str,
    config: Mapping[str, Any],
    layouts: Mapping[str, Any],
    state: Mapping[str, Any],
) -> EmotionModel:
    """A strategy's model as it would be registered, with weights that learned nothing."""
    modalities = uses(strategy, inputs.trainable)
    own = {key: x for key, x in state.items() if key.split(".")[1] in modalities}
    preparation = Preparation.sized(plan({name: layouts[name] for name in modalities}, inputs.reduction), own)
    preparation.load_state_dict(own)
    return EmotionModel.empty(
        strategy,
        config,
        members=len(experiment.train.seeds),
        classes=len(inputs.protocol.classes),
        preparation=preparation,
        by_prompts=bool(inputs.protocol.unseen),
    )


if __name__ == "__main__":
    run("timings", main)
