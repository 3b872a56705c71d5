"""Types of a layout's writer: utterances in, recordings and documents in the corpus's own layout out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

RESOURCE_FORK = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        "
"""How the ``._*`` files begin that macOS leaves beside others (AppleDouble)."""


@dataclass(frozen=True)
class Take:
    """One utterance of a control corpus, in no corpus's layout yet.

    Attributes:
        number: its place among all takes, from 0. Takes are sorted by speaker, or by dialogue and turn.
        speaker: from 0; women and men in turn (speaker 0 is a woman).
        take: within the speaker, from 0.
        session: of the speaker (or of the pair), from 0.
        dialogue, turn: in a layout of dialogues, from 0; else None. The two speakers of a dialogue are a pair: 2k
            and 2k+1.
        emotion: what is planted, one of EMOTIONS.
        label: what the corpus is to call it: the raters' consensus where there are raters and the layout is not
            ``acted``, else the emotion. A layout's row has this label, or none.
        displays: what each modality displays, one of EMOTIONS; only the modalities that this take has. A text that
            is one of the layout's fixed sentences displays nothing and is there all the same.
        text: what a transcript says, None where the take has no text; spoken: what is said (they differ where words
            would tell the text's display).
        seconds: how long the sound will be, before it is made: an upper bound; slots in a dialogue are this long.
        valence, arousal, dominance: -1 to 1, in quarters.
        intensity: normal, strong.
        raters: rater (``r1``, ``r2``, …) → labels (words of EMOTIONS); empty without label noise.
    """

    number: int
    speaker: int
    gender: str
    take: int
    session: int
    dialogue: int | None
    turn: int | None
    emotion: str
    label: str
    displays: dict[str, str]
    text: str | None
    spoken: str
    language: str
    seconds: float
    valence: float
    arousal: float
    dominance: float
    intensity: str
    raters: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Recording:
    """A media file to be rendered from takes.

    Attributes:
        takes: their numbers, with the second at which each begins; one take at 0.0 in most layouts.
        seconds: how long the file is; None: as long as the sound of its one take, which may be shorter than
            ``Take.seconds``.
        sound, picture: what it holds. The container follows the path's suffix: .wav, .flac, .mp4, .avi, .flv.
        rate: of the sound, in Hz; channels: 1 or 2.
        fps: of the pictures.
        split: the take's number → "left" or "right", for two speakers in one picture; the other half is still.
        cut_s: a fault: only this much of it is there.
    """

    takes: tuple[tuple[int, float], ...]
    seconds: float | None = None
    sound: bool = True
    picture: bool = False
    rate: int = 16000
    channels: int = 1
    fps: float = 25.0
    split: dict[int, str] = field(default_factory=dict)
    cut_s: float | None = None


@dataclass(frozen=True)
class Irregularity:
    """A planted fault of the corpus, which must be reported when the corpus is read."""

    path: str
    kind: str
    """In a few words, as the tests name it: ``resource file``, ``malformed transcript line``, ``no sound``, …"""
    seen_by: str
    """What reports it: ``adapter`` (Reading.unread names the path) or ``validation`` (the media's facts)."""


@dataclass(frozen=True)
class Plan:
    """A control corpus in one corpus's layout.

    Attributes:
        recordings: relative POSIX path → what is recorded there.
        documents: relative POSIX path → bytes: annotations, transcripts, features, faulty files.
        rows: the utterance table that reading must give, as dictionaries without the digests; ids begin with the
            corpus's name.
        ids: take number → utterance id, for the takes that are an utterance of the table.
    """

    recordings: dict[str, Recording]
    documents: dict[str, bytes]
    rows: list[dict]
    ids: dict[int, str]
    irregularities: list[Irregularity] = field(default_factory=list)


@dataclass(frozen=True)
class LayoutSpec:
    """What a control corpus in a corpus's layout can contain, and the function that lays it out.

    Attributes:
        labels: the words of EMOTIONS that it can write.
        modalities: those of a take that it ships as media or text.
        sentences: language → the only sentences that its actors speak (the text then tells nothing); None: any. A
            speaker's takes of an emotion go through them in turn, in normal intensity first, then in strong
            (neutral is always normal).
        speakers_at_most: None: any number.
        clips_at_most: of each emotion by each speaker; None: any number.
        acted: the label is what the actor was asked for, whatever raters hear in it.
        majority: a row has no label where not more than half of the raters agree.
        languages: what may be asked for; the first is the default.
        dialogues: takes come as turns of two people's dialogues.
        plan: (takes, corpus name, seed, clean) → Plan. ``clean`` leaves the known irregularities out.
    """

    labels: tuple[str, ...]
    modalities: tuple[str, ...]
    plan: Callable[[Sequence[Take], str, int, bool], Plan]
    sentences: dict[str, tuple[str, ...]] | None = None
    speakers_at_most: int | None = None
    clips_at_most: int | None = None
    acted: bool = False
    majority: bool = False
    languages: tuple[str, ...] = ("en", "fi", "de")
    dialogues: bool = False
