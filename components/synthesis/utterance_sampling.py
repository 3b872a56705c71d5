"""Sampling the utterances (takes) of a control corpus from a seed, independently of the corpus's layout."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..errors import CorpusError, listed
from ..schema import EMOTION7
from . import display_sampling, sentences, truth
from .espeak import longest
from .layouts.plan import LayoutSpec, Take
from .random_streams import Stream, draw

RELIABILITY = {"audio": 0.75, "text": 0.65, "face": 0.70}
SESSION = 2  # takes per emotion in one session of a speaker
TURNS = 8  # per dialogue, at most

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
    spec: LayoutSpec,
    *,
    reliability: Mapping[str, float] | None = None,
    relation: str = "redundant",
    missing: float = 0.0,
    raters: int = 0,
    agreement: float = 0.8,
) -> truth.Truth:
    """The generative model of a corpus in a layout; where the layout's sentences are fixed, its text is mute.

    Args:
        spec: the layout.
        reliability: modality → how often it displays what it means; ``RELIABILITY`` for those not named.
        relation, missing, raters, agreement: see ``truth.Truth``.

    Returns:
        The model that :func:`make` samples from.

    Raises:
        CorpusError: the layout does not have such a modality or fixes its content, or a value is out of range.
    """
    classes = spec.labels or EMOTION7
    mute = ("text",) if spec.sentences and "text" in spec.modalities else ()
    given = dict(reliability or {})
    strange = sorted(given.keys() - set(spec.modalities))
    if strange:
        raise CorpusError(
            f"reliability names {listed(strange)}; this layout has {', '.join(spec.modalities)}"
        )
    for modality in mute:
        if given.get(modality, 1 / len(classes)) > 1 / len(classes):
            raise CorpusError(
                f"reliability of {modality} is {given[modality]}, but in this layout everybody says the same "
                "sentences, which tell nothing; leave it out"
            )
    usual = {modality: RELIABILITY.get(modality, 0.7) for modality in spec.modalities} | {
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
        acted=spec.acted,
        majority=spec.majority,
    )


def make(
    spec: LayoutSpec,
    model: truth.Truth,
    *,
    speakers: int,
    clips: int,
    seed: int,
    language: str | None = None,
) -> list[Take]:
    """Sample the takes of a corpus. Asking for more speakers does not change the first ones.

    Args:
        spec: the layout.
        model: what :func:`planted` returns.
        speakers: the number of speakers.
        clips: the number of takes per speaker and emotion.
        seed: of all random streams, 0 or more.
        language: one of the layout's languages; None for its first.

    Returns:
        The takes, sorted by speaker, or by dialogue and turn where the layout has dialogues.

    Raises:
        CorpusError: the layout has no room for so many speakers or clips, or not the language.
    """
    language = language or spec.languages[0]
    _check(spec, speakers=speakers, clips=clips, seed=seed, language=language)
    used: set[str] = set()
    of_speaker = [
        _of_speaker(spec, model, speaker, clips=clips, seed=seed, language=language, used=used)
        for speaker in range(speakers)
    ]
    turns = _dialogues(of_speaker) if spec.dialogues else [each for one in of_speaker for each in one]
    return [Take(number=number, **each) for number, each in enumerate(turns)]


def _check(spec: LayoutSpec, *, speakers: int, clips: int, seed: int, language: str) -> None:
    if speakers < 1 or clips < 1:
        raise CorpusError(f"{speakers} speakers with {clips} clips of each emotion: both must be at least 1")
    if seed < 0:
        raise CorpusError(f"seed is {seed}; it must be 0 or more")
    if spec.speakers_at_most and speakers > spec.speakers_at_most:
        raise CorpusError(f"{speakers} speakers; this layout has room for {spec.speakers_at_most}")
    if spec.clips_at_most and clips > spec.clips_at_most:
        raise CorpusError(
            f"{clips} clips of each emotion; this layout has room for {spec.clips_at_most} by each speaker"
        )
    if spec.dialogues and speakers % 2:
        raise CorpusError(
            f"{speakers} speakers; in this layout they talk in pairs: give {speakers + 1} speakers"
        )
    if language not in spec.languages:
        raise CorpusError(f"language is {language!r}; this layout can be in {', '.join(spec.languages)}")


def _of_speaker(
    spec: LayoutSpec,
    model: truth.Truth,
    speaker: int,
    *,
    clips: int,
    seed: int,
    language: str,
    used: set[str],
) -> list[dict]:
    """One speaker's takes, not numbered yet; ``used`` collects the sentences of all speakers so far."""
    generator = draw(seed, Stream.PLAN, speaker)
    order = [
        (session, int(emotion))
        for session in range(-(-clips // SESSION))
        for emotion in generator.permutation(
            np.repeat(np.arange(len(model.classes)), min(SESSION, clips - session * SESSION))
        )
    ]
    made, so_far = [], [0] * len(model.classes)
    for number, (session, index) in enumerate(order):
        emotion = model.classes[index]
        shown = display_sampling.draw(model, index, generator)
        rating = draw(seed, Stream.RATING, speaker, number)
        strong = bool(rating.random() < 0.5) and emotion != "neutral"
        if spec.sentences:
            fixed = spec.sentences[language]
            text = spoken = fixed[so_far[index] % len(fixed)]
            strong = so_far[index] // len(fixed) % 2 == 1 and emotion != "neutral"
        else:
            sentence = _new(shown.get("text", "neutral"), language, generator, used)
            text, spoken = sentence.text, sentence.spoken
        so_far[index] += 1
        dimensions = _dimensions(emotion, strong, rating)
        votes = display_sampling.votes(model, index, rating)
        lost = _lost(model, draw(seed, Stream.LOSS, speaker, number))
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
                "label": display_sampling.consensus(votes) if votes and not model.acted else emotion,
                "displays": there,
                "text": text if spec.sentences or "text" in there else None,
                "spoken": spoken,
                "language": language,
                "seconds": longest(spoken),
                **dict(zip(("valence", "arousal", "dominance"), dimensions, strict=True)),
                "intensity": "strong" if strong else "normal",
                "raters": {f"r{rater}": [vote] for rater, vote in enumerate(votes, start=1)},
            }
        )
    return made


def _new(emotion: str, language: str, generator: np.random.Generator, used: set[str]) -> sentences.Sentence:
    """A sentence that no speaker has used yet, as far as there are enough."""
    for _ in range(100):
        sentence = sentences.compose(emotion, generator, language)
        if sentence.text not in used:
            break
    used.add(sentence.text)
    return sentence


def _dimensions(emotion: str, strong: bool, generator: np.random.Generator) -> list[float]:
    """Valence, arousal and dominance in quarters: the emotion's own, more when strong, a quarter off at most."""
    own = np.array(DIMENSIONS[emotion]) * (1.25 if strong else 1.0)
    off = generator.integers(-1, 2, size=3) / 4
    return (np.clip(np.round(own * 4) / 4 + off, -1, 1) + 0.0).tolist()


def _lost(model: truth.Truth, generator: np.random.Generator) -> set[str]:
    """The modalities missing from a take; never all of the informative ones."""
    if not model.missing:
        return set()
    while True:
        lost = {modality for modality in model.telling if generator.random() < model.missing}
        if len(lost) < len(model.telling):
            return lost


def _dialogues(of_speaker: list[list[dict]]) -> list[dict]:
    """The takes of each pair as turns: the two speak alternately, and a session has as many dialogues as it fills."""
    turns, dialogue = [], 0
    for first, second in zip(of_speaker[::2], of_speaker[1::2], strict=True):
        sessions = sorted({take["session"] for take in first})
        for session in sessions:
            alternating = [
                take
                for both in zip(
                    [take for take in first if take["session"] == session],
                    [take for take in second if take["session"] == session],
                    strict=True,
                )
                for take in both
            ]
            for begin in range(0, len(alternating), TURNS):
                part = alternating[begin : begin + TURNS]
                turns += [take | {"dialogue": dialogue, "turn": turn} for turn, take in enumerate(part)]
                dialogue += 1
    return turns
