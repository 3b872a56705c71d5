"""Takes: the utterances of a control corpus before any corpus's grammar, drawn from a seed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..errors import CorpusError, listed
from ..schema import EMOTION7
from . import displays, sentences, truth
from .layouts.plan import Grammar, Take
from .speech import longest
from .streams import Stream, draw

RELIABILITY = {"audio": 0.75, "text": 0.65, "face": 0.70}
SESSION = 2  # takes of each emotion in one session of a speaker
TURNS = 8  # of a dialogue, at most

DIMENSIONS = {
    "anger": (-0.5, 0.5, 0.25),
    "disgust": (-0.5, 0.25, 0.0),
    "fear": (-0.5, 0.5, -0.5),
    "happiness": (0.75, 0.5, 0.5),
    "sadness": (-0.75, -0.25, -0.25),
    "surprise": (0.25, 0.75, -0.25),
    "neutral": (0.0, 0.0, 0.0),
    "calm": (0.5, -0.5, 0.25),
    "contempt": (-0.25, 0.0, 0.25),
    "excitement": (0.5, 0.75, 0.25),
    "frustration": (-0.75, 0.5, 0.25),
    "boredom": (-0.5, -0.5, -0.25),
}
"""Roughly where each emotion lies: valence, arousal, dominance. The directions are Russell & Mehrabian's (1977),
*Evidence for a three-factor theory of emotions*, Journal of Research in Personality 11(3)."""


def planted(
    grammar: Grammar,
    *,
    reliability: Mapping[str, float] | None = None,
    relation: str = "redundant",
    missing: float = 0.0,
    raters: int = 0,
    agreement: float = 0.8,
) -> truth.Truth:
    """The truth that a grammar can hold. Where its sentences are fixed, its text is mute.

    Args:
        reliability: of the modalities that are named; the others have the usual one.

    Raises:
        CorpusError: a modality that the grammar does not have or that tells nothing there, a value that cannot be.
    """
    classes = grammar.labels or EMOTION7
    mute = ("text",) if grammar.sentences and "text" in grammar.modalities else ()
    given = dict(reliability or {})
    strange = sorted(given.keys() - set(grammar.modalities))
    if strange:
        raise CorpusError(
            f"reliability names {listed(strange)}; this layout has {', '.join(grammar.modalities)}"
        )
    for modality in mute:
        if given.get(modality, 1 / len(classes)) > 1 / len(classes):
            raise CorpusError(
                f"reliability of {modality} is {given[modality]}, but in this layout everybody says the same "
                "sentences, which tell nothing; leave it out"
            )
    usual = {modality: RELIABILITY.get(modality, 0.7) for modality in grammar.modalities} | {
        modality: 1 / len(classes) for modality in mute
    }
    return truth.Truth(
        usual | given,
        classes=classes,
        relation=relation,
        mute=mute,
        missing=missing,
        raters=raters,
        agreement=agreement if raters else 1.0,
        acted=grammar.acted,
        majority=grammar.majority,
    )


def make(
    grammar: Grammar,
    held: truth.Truth,
    *,
    speakers: int,
    clips: int,
    seed: int,
    language: str | None = None,
) -> list[Take]:
    """The takes of a corpus, sorted by speaker, or by dialogue and turn. More speakers leave the first ones alone.

    Args:
        clips: of each emotion by each speaker.
        language: one of the grammar's; None: its first.

    Raises:
        CorpusError: what the grammar cannot hold.
    """
    language = language or grammar.languages[0]
    _check(grammar, speakers=speakers, clips=clips, seed=seed, language=language)
    told: set[str] = set()
    of_speaker = [
        _of_speaker(grammar, held, speaker, clips=clips, seed=seed, language=language, told=told)
        for speaker in range(speakers)
    ]
    turns = _dialogues(of_speaker) if grammar.dialogues else [each for one in of_speaker for each in one]
    return [Take(number=number, **each) for number, each in enumerate(turns)]


def _check(grammar: Grammar, *, speakers: int, clips: int, seed: int, language: str) -> None:
    if speakers < 1 or clips < 1:
        raise CorpusError(f"{speakers} speakers with {clips} clips of each emotion: both must be at least 1")
    if seed < 0:
        raise CorpusError(f"seed is {seed}; it may be 0 or more")
    if grammar.speakers_at_most and speakers > grammar.speakers_at_most:
        raise CorpusError(f"{speakers} speakers; this layout has room for {grammar.speakers_at_most}")
    if grammar.clips_at_most and clips > grammar.clips_at_most:
        raise CorpusError(
            f"{clips} clips of each emotion; this layout has room for {grammar.clips_at_most} by each speaker"
        )
    if grammar.dialogues and speakers % 2:
        raise CorpusError(
            f"{speakers} speakers; in this layout they talk in pairs: give {speakers + 1} speakers"
        )
    if language not in grammar.languages:
        raise CorpusError(f"language is {language!r}; this layout can be in {', '.join(grammar.languages)}")


def _of_speaker(
    grammar: Grammar,
    held: truth.Truth,
    speaker: int,
    *,
    clips: int,
    seed: int,
    language: str,
    told: set[str],
) -> list[dict]:
    """One speaker's takes without their place among all; ``told``: the sentences that are used up."""
    generator = draw(seed, Stream.PLAN, speaker)
    order = [
        (session, int(emotion))
        for session in range(-(-clips // SESSION))
        for emotion in generator.permutation(
            np.repeat(np.arange(len(held.classes)), min(SESSION, clips - session * SESSION))
        )
    ]
    made, so_far = [], [0] * len(held.classes)
    for number, (session, index) in enumerate(order):
        emotion = held.classes[index]
        shown = displays.draw(held, index, generator)
        rating = draw(seed, Stream.RATING, speaker, number)
        strong = bool(rating.random() < 0.5) and emotion != "neutral"
        if grammar.sentences:
            fixed = grammar.sentences[language]
            text = spoken = fixed[so_far[index] % len(fixed)]
            strong = so_far[index] // len(fixed) % 2 == 1 and emotion != "neutral"
        else:
            sentence = _new(shown.get("text", "neutral"), language, generator, told)
            text, spoken = sentence.text, sentence.spoken
        so_far[index] += 1
        dimensions = _dimensions(emotion, strong, rating)
        votes = displays.votes(held, index, rating)
        lost = _lost(held, draw(seed, Stream.LOSS, speaker, number))
        there = {modality: word for modality, word in shown.items() if modality not in lost}
        made.append(
            {
                "speaker": speaker,
                "gender": "male" if speaker % 2 else "female",
                "take": number,
                "session": session,
                "dialogue": None,
                "turn": None,
                "emotion": emotion,
                "label": displays.consensus(votes) if votes and not held.acted else emotion,
                "displays": there,
                "text": text if grammar.sentences or "text" in there else None,
                "spoken": spoken,
                "language": language,
                "seconds": longest(spoken),
                **dict(zip(("valence", "arousal", "dominance"), dimensions, strict=True)),
                "intensity": "strong" if strong else "normal",
                "raters": {f"r{rater}": [vote] for rater, vote in enumerate(votes, start=1)},
            }
        )
    return made


def _new(emotion: str, language: str, generator: np.random.Generator, told: set[str]) -> sentences.Sentence:
    """A sentence that nobody has said, as far as there are enough."""
    for _ in range(100):
        sentence = sentences.compose(emotion, generator, language)
        if sentence.text not in told:
            break
    told.add(sentence.text)
    return sentence


def _dimensions(emotion: str, strong: bool, generator: np.random.Generator) -> list[float]:
    """Valence, arousal and dominance in quarters: the emotion's own, more when strong, a quarter off at most."""
    own = np.array(DIMENSIONS[emotion]) * (1.25 if strong else 1.0)
    off = generator.integers(-1, 2, size=3) / 4
    return (np.clip(np.round(own * 4) / 4 + off, -1, 1) + 0.0).tolist()


def _lost(held: truth.Truth, generator: np.random.Generator) -> set[str]:
    """The modalities that this take has not; never all that tell something."""
    if not held.missing:
        return set()
    while True:
        lost = {modality for modality in held.telling if generator.random() < held.missing}
        if len(lost) < len(held.telling):
            return lost


def _dialogues(of_speaker: list[list[dict]]) -> list[dict]:
    """The takes of each pair as turns: the two speak alternately, and a session has as many dialogues as it fills."""
    turns, dialogue = [], 0
    for first, second in zip(of_speaker[::2], of_speaker[1::2], strict=True):
        sessions = sorted({take["session"] for take in first})
        for session in sessions:
            said = [
                take
                for both in zip(
                    [take for take in first if take["session"] == session],
                    [take for take in second if take["session"] == session],
                    strict=True,
                )
                for take in both
            ]
            for begin in range(0, len(said), TURNS):
                part = said[begin : begin + TURNS]
                turns += [take | {"dialogue": dialogue, "turn": turn} for turn, take in enumerate(part)]
                dialogue += 1
    return turns
