"""Which conditions a registered strategy cannot be tested on, and why."""

from collections.abc import Mapping

from ...artifacts.model import Modality
from ...errors import listed
from ...schema import CONDITIONS, POSTERIORS
from .attacked import ATTACKS


def why_not(condition: str, modalities: Mapping[str, Modality]) -> str | None:
    """Why a condition cannot be tested; None where it can.

    Args:
        condition: one of ``schema.CONDITIONS``.
        modalities: those that the strategy takes. A condition of another one changes nothing, and can be tested.
    """
    changed = CONDITIONS[condition].modality
    if condition in ATTACKS:
        given = [name for name, how in modalities.items() if POSTERIORS in how.encoders]
        return f"{listed(given)} came as posteriors, and attacks move features" if given else None
    if changed is None:
        only = next(iter(modalities))
        return f"the registered strategy takes {only} alone" if len(modalities) == 1 else None
    text = modalities.get("text")
    if text and text.recogniser and changed in ("audio", "text"):
        return "the words are recognised in the sound, and are not recognised again in a changed recording"
    films = modalities.get("face")
    if changed == "audio" and films and films.hears_films:
        return "AV-HuBERT hears the sound of films as a part of face (streams: av), which is not changed"
    if changed == "audio" and films and films.parameters.get("follow") == "active-speaker":
        return "the face is chosen by the sound of films (features.face.follow: active-speaker), which is not changed"
    if changed not in modalities:
        return None
    how = modalities[changed]
    if how.came_along:
        return f"{changed} came as a table of features, not as recordings"
    if how.parameters.get("track"):
        return "the face is followed through the whole film (features.face.track), which is not changed"
    if how.context:
        return "the text encoder reads the turns before, too, which are not changed"
    return None
