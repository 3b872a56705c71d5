"""Which conditions a registered strategy cannot be tested on, and why."""

from collections.abc import Mapping

from ...artifacts.model import Modality
from ...errors import listed
from ...schema import CONDITIONS, POSTERIORS
from .attacked import ATTACKS
from .changes import RECOGNISED_WORDS, changed


def why_not(condition: str, modalities: Mapping[str, Modality], *, tuned: bool = False) -> str | None:
    """Why a condition cannot be tested; None where it can.

    Args:
        condition: one of ``schema.CONDITIONS``.
        modalities: those that the strategy takes. A condition of another one changes nothing, and can be tested.
        tuned: whether each member of the strategy has encoders of its own.
    """
    medium = CONDITIONS[condition].modality
    if condition in ATTACKS and tuned:
        return "encoders were tuned with each member, and attacks move features that all members read"
    if condition in ATTACKS:
        given = [name for name, how in modalities.items() if POSTERIORS in how.encoders]
        return f"{listed(given)} came as posteriors, and attacks move features" if given else None
    if medium is None:
        only = next(iter(modalities))
        return f"the registered strategy takes {only} alone" if len(modalities) == 1 else None
    films = modalities.get("face")
    if medium == "audio" and films and films.parameters.get("follow") == "active-speaker":
        return "the face is chosen by the sound of films (features.face.follow: active-speaker), which is not changed"
    for name in changed(condition, modalities):
        how = modalities[name]
        if how.came_along:
            return f"{name} came as a table of features, not as recordings"
        if medium == "face" and how.parameters.get("track"):
            return "the face is followed through the whole film (features.face.track), which is not changed"
        if condition == RECOGNISED_WORDS and how.recogniser:
            return (
                "the words are recognised already (features.text.from: asr): conditions of sound change them"
            )
    return None
