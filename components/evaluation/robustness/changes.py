"""Which of a strategy's modalities a condition changes: all that are made from the medium that it makes worse."""

from collections.abc import Mapping

from ...artifacts.model import Modality
from ...schema import CONDITIONS

RECOGNISED_WORDS = "recognised_words"
"""The condition by which a recogniser's words take the transcripts' place."""


def changed(condition: str, modalities: Mapping[str, Modality]) -> tuple[str, ...]:
    """The modalities that a condition changes, sorted; empty where no one modality is changed, or none of these.

    Sound is read by audio, by the recogniser of words, and by an AV-HuBERT of films.

    Args:
        condition: one of ``schema.CONDITIONS``.
        modalities: those that the strategy takes.
    """
    medium = CONDITIONS[condition].modality
    return tuple(
        name
        for name, how in sorted(modalities.items())
        if name == medium or (medium == "audio" and (bool(how.recogniser) or how.hears_films))
    )
