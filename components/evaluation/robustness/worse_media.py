"""What is encoded again under a condition: changed sound and pictures, and texts with other words."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...encoders.jobs import Source
from ...errors import EvaluationError
from ...schema import CONDITIONS
from . import words
from .changes import RECOGNISED_WORDS, changed
from .extraction import Wanted
from .film_sound import WorseFilmSound
from .perturbation import Perturbation
from .talkers import talkers
from .tested import Tested

Said = Mapping[tuple[str, float], Mapping[str, str]]
"""(Condition, level) → utterance → the words that are recognised in it; an utterance without any is left out."""


def of(
    condition: str, level: float, ids: Sequence[str], tested: Tested, heard: Said, *, seed: int
) -> Iterator[Wanted]:
    """The recordings and texts that a condition changes, of each modality that it changes.

    Args:
        condition: one that changes a medium; of another one nothing is encoded.
        level: of the condition.
        ids: the utterances that are tested.
        tested: the models and what they read.
        heard: of `recognised.under`.
        seed: of the experiment.
    """
    for modality in changed(condition, tested.modalities):
        own = [name for name in ids if name in tested.there[modality]]
        if modality != "text":
            yield from _recordings(modality, condition, level, own, tested, seed=seed)
            continue
        if (condition, level) in heard:
            said = heard[condition, level]
        else:
            said = _other_words(condition, level, own, tested, seed=seed)
        for name in own:
            if name in said:
                yield Wanted(modality, condition, level, tested.transcripts.source(name, said))


def worse_sound(condition: str, level: float, utterance_id: str, tested: Tested, *, seed: int) -> Source:
    """An utterance's sound under a condition of sound; words are recognised in noise."""
    source = tested.recordings["audio"][utterance_id]
    if condition == RECOGNISED_WORDS:
        return _changed(source, Perturbation("noise", level, seed, utterance_id))
    return _changed(source, _perturbation(condition, level, utterance_id, tested, seed=seed))


def as_it_is(modality: str, utterance_id: str, tested: Tested) -> Source:
    """What the encoders of a modality read of an utterance that is not changed."""
    if modality == "text":
        return tested.transcripts.source(utterance_id, tested.transcripts.texts)
    return tested.recordings[modality][utterance_id]


def _recordings(
    modality: str, condition: str, level: float, ids: Sequence[str], tested: Tested, *, seed: int
) -> Iterator[Wanted]:
    for name in ids:
        if name not in tested.recordings[modality]:
            continue
        source = tested.recordings[modality][name]
        how = _perturbation(condition, level, name, tested, seed=seed)
        if modality == "face" and CONDITIONS[condition].modality == "audio":
            heard = _changed(source, how, WorseFilmSound(Path(str(source.source)), how))
            yield Wanted(modality, condition, level, heard, unheard=source)
        else:
            yield Wanted(modality, condition, level, _changed(source, how))


def _changed(source: Source, how: Perturbation, change: Any = None) -> Source:
    digest = how.digest(source.digest)
    return replace(source, digest=digest, change=change or how, unchanged=source.digest)


def _perturbation(
    condition: str, level: float, utterance_id: str, tested: Tested, *, seed: int
) -> Perturbation:
    if condition != "babble":
        return Perturbation(condition, level, seed, utterance_id)
    sound = tested.recordings["audio"]
    readers = changed(condition, tested.modalities)
    encoded = set[str]().union(*(tested.there[name] for name in readers))
    among = (tested.there["audio"] if "audio" in readers else encoded) & tested.test & sound.keys()
    others = [sound[each] for each in _others(utterance_id, condition, among, tested, seed=seed)]
    return Perturbation(
        condition,
        level,
        seed,
        utterance_id,
        tuple(Path(str(each.source)) for each in others),
        tuple(each.digest for each in others),
    )


def _other_words(
    condition: str, level: float, ids: Sequence[str], tested: Tested, *, seed: int
) -> dict[str, str]:
    """Utterance → what is said in it under a condition of words, of some utterances and of the turns before them."""
    texts = tested.transcripts.texts
    read = {name: texts[name] for name in tested.transcripts.read_for(ids)}
    others: dict[str, list[str]] = {}
    if condition == "wrong_words":
        among = texts.keys() & tested.test
        others = {
            name: [texts[each] for each in _others(name, condition, among, tested, seed=seed)]
            for name in read
        }
    return words.worse(condition, level, read, others, seed=seed)


def _others(utterance_id: str, condition: str, among: set[str], tested: Tested, *, seed: int) -> list[str]:
    """Utterances of other people. Raises EvaluationError where the corpus has none."""
    others = talkers(utterance_id, condition, tested.speakers, among, seed=seed)
    if not others:
        raise EvaluationError(
            f"robustness.conditions.{condition}: {utterance_id.partition('/')[0]} has one test speaker, and nobody "
            f"else whose {'sound' if condition == 'babble' else 'words'} could be taken; leave {condition} out"
        )
    return others
