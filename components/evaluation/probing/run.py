"""Every probe of every block, and of every layer of the fusion."""

from collections.abc import Iterator, Sequence

import numpy as np

from ...errors import EvaluationError
from ...progress import track
from .blocks import Block, blocks_of, features_of, of_every_fold
from .figures import figures_of
from .findings import Probed, ProbedBlock, Probing
from .inputs import Inputs
from .models import probe_models, why_not
from .probe import COMPONENTS, C, predict
from .targets import Target, speaker_codes, targets_of


def probing(inputs: Inputs, *, targets: Sequence[str] | None = None, seed: int = 0) -> Probing:
    """Probe every stored block of features and the fusion's layers for every target, showing how many are done.

    Args:
        inputs: of the workspace.
        targets: their names; None for all.
        seed: of splits, control tasks and randomised components.

    Raises:
        EvaluationError: a target that there is not, or none that these utterances can be probed for.
        FeatureError: features that are not finite.
    """
    from threadpoolctl import threadpool_limits

    wanted, left_out = targets_of(inputs, targets, seed=seed)
    if not wanted:
        reasons = "; ".join(f"{name}: {why}" for name, why in left_out.items())
        raise EvaluationError(f"there is nothing to probe for: {reasons}")
    by_fold = sorted(set(inputs.store.modalities) - set(of_every_fold(inputs.store)))
    left_out |= dict.fromkeys(
        by_fold, "its features differ by test fold, and a probe is of one set of features"
    )
    speakers = speaker_codes(inputs.utterances)
    found: dict[Block, dict[str, Probed | None]] = {}
    held: dict[Block, int] = {}
    total = len(wanted) * sum(len(blocks_of(inputs.store, name)) for name in of_every_fold(inputs.store))
    # Threads wait for one another longer than these small matrices take, and their number changes the last digits.
    with threadpool_limits(1):
        for block, features, target in track(_each(inputs, wanted), total=total, what="probing"):
            predictions = predict(features, target, seed=seed)
            figures = None if predictions is None else figures_of(target, predictions, speakers)
            found.setdefault(block, {})[target.name] = figures
            held[block] = int((~np.isnan(features).any(1)).sum())
        objection = why_not(inputs)
        fusion = (
            None
            if inputs.models is None or objection
            else probe_models(inputs, inputs.models, wanted, seed=seed)
        )
    if objection:
        left_out |= {"fusion": objection}
    return Probing(
        protocol=inputs.protocol.protocol,
        seed=seed,
        c=C,
        components=COMPONENTS,
        targets=[target.described() for target in wanted],
        left_out=left_out,
        blocks=[
            ProbedBlock(
                modality=block.modality,
                encoder=block.encoder,
                layer=block.layer,
                dimensions=block.dimensions,
                utterances=held[block],
                targets=figures,
            )
            for block, figures in found.items()
        ],
        fusion=fusion,
    )


def _each(inputs: Inputs, targets: Sequence[Target]) -> Iterator[tuple[Block, np.ndarray, Target]]:
    for block, features in features_of(inputs.store, list(inputs.utterances["utterance_id"])):
        for target in targets:
            yield block, features, target
