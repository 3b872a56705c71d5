"""Networks of architectures that transformers does not have, written as its models are: a configuration and a module.

They are not registered with transformers, whose table is one for the whole process: two published models of different
versions of emoflow may run side by side in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def network(architecture: str | None) -> type[PreTrainedModel] | None:
    """The class of a network.

    Args:
        architecture: ``model_type`` of a ``config.json``.

    Returns:
        The class, whose ``config_class`` reads the configuration; None for an architecture that is not in this folder.
    """
    if architecture == "av_hubert":
        from ..av_hubert.network import AvHubert

        return AvHubert
    if architecture == "ge2e":
        from .ge2e import Ge2e

        return Ge2e
    if architecture == "face-expression":
        from .face_expression import FaceExpression

        return FaceExpression
    return None
