"""What became of an iteration of pre-training, as it is kept."""

from __future__ import annotations

from dataclasses import asdict

from ..artifacts import pretraining as artifact
from ..pretraining.objectives.av_hubert import Iterated


def iteration_written(each: Iterated) -> artifact.AvHubertIteration:
    """The artifact of an iteration."""
    about = {name: value for name, value in asdict(each).items() if name not in ("stated", "curve")}
    return artifact.AvHubertIteration(
        of=each.stated.of,
        clusters=each.stated.clusters,
        masking=each.stated.masking,
        curve=[artifact.CurvePoint.model_validate(point) for point in each.curve],
        **about,
    )
