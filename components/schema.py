"""The shared vocabulary: modalities, emotions, label spaces, layouts, known corpora, columns of the utterance table."""

import re
from dataclasses import dataclass, field
from typing import Literal

MODALITIES = ("audio", "text", "face")
"""The modalities that emoflow makes from media. A corpus may bring further ones as features."""

Join = Literal["concatenate", "streams"]
"""How the tokens of a modality's encoders become one sequence: at one rate side by side, or each as it is."""

ChooseBy = Literal["mean", "ensemble"]
"""How a configuration with several seeds is scored on validation: by the mean of the seeds' scores, or by the score of
their ensemble, the mean of their probabilities."""


@dataclass(frozen=True)
class Condition:
    """A way in which recordings are made worse, to test how robust a model is.

    Attributes:
        modality: the one that it changes; None: any of them.
        unit: of its levels.
        lowest, highest: the levels that it can have.
        falling: whether a lower level is a worse recording.
    """

    modality: str | None
    unit: str
    lowest: float
    highest: float
    falling: bool = False


CONDITIONS = {
    "noise": Condition("audio", "dB SNR", -60, 60, falling=True),
    "babble": Condition("audio", "dB SNR", -60, 60, falling=True),
    "reverberation": Condition("audio", "s RT60", 0.05, 10),
    "codec": Condition("audio", "kbit/s", 6, 128, falling=True),
    "pitch": Condition("audio", "semitones", -12, 12),
    "tempo": Condition("audio", "factor", 0.5, 2),
    "dropped_words": Condition("text", "rate", 0, 1),
    "wrong_words": Condition("text", "rate", 0, 1),
    "recognised_words": Condition("text", "dB SNR", -60, 100, falling=True),
    "blur": Condition("face", "share of the height", 0, 0.5),
    "occlusion": Condition("face", "share of the height", 0, 1),
    "brightness": Condition("face", "factor", 0, 10, falling=True),
    "frame_loss": Condition("face", "rate", 0, 1),
    "shift": Condition("audio", "ms", -2000, 2000),
    "missing": Condition(None, "rate", 0, 1),
    "fgsm": Condition(None, "SD of a feature", 0, 5),
    "pgd": Condition(None, "SD of a feature", 0, 5),
}
"""What ``robustness.conditions`` of params.yaml may name."""

TABLE = "table"
"""The encoder's name of features that came with a corpus: vectors for each utterance, made by others."""
POSTERIORS = "posteriors"
"""The encoder's name of class probabilities that came with a corpus: the answers of a model of others."""

OFF_BY = 1e-3
"""By how much a row of posteriors may miss the sum of 1: they are often written with few digits."""

BASELINES = ("majority", "chance")
"""Strategies that look at no modality, so that they need not two of them to fuse: shown beside the others, never
chosen over them."""

CLASSIFIERS = {"svm": "a support vector machine"}
"""What ``train.classifiers`` of params.yaml may name: scored beside the strategies, never chosen over them."""

EMOTIONS = (
    "anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral",
    "calm", "contempt", "excitement", "frustration", "boredom",
)  # fmt: skip
"""What the column ``label`` of the utterance table may hold: a corpus's own label in the field's common word."""


@dataclass(frozen=True)
class LabelSpace:
    """The classes that a model tells apart, and what of an utterance table counts as which class.

    What falls outside is left out, and counted.

    Attributes:
        classes: in the order of the model's outputs; () for the labels that the corpora themselves have.
        mapping: ``label`` → class.
        raw: corpus → ``label_raw`` → class; of such a corpus nothing but its raw labels is looked at.
        cuts: ``(low, high)``: the three classes are valence up to ``low``, between, and from ``high`` on; no label
            is looked at.
    """

    name: str
    classes: tuple[str, ...]
    mapping: dict[str, str] = field(default_factory=dict)
    raw: dict[str, dict[str, str]] = field(default_factory=dict)
    cuts: tuple[float, float] | None = None

    def __post_init__(self):
        if not (self.mapping or self.raw or self.cuts):
            object.__setattr__(self, "mapping", {label: label for label in self.classes})


def _space(name: str, *classes: str, **merged: str) -> LabelSpace:
    return LabelSpace(name, classes, {label: label for label in classes} | merged)


EMOTION7 = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
_SENTIMENT = ("negative", "neutral", "positive")

LABEL_SPACES = {
    space.name: space
    for space in (
        _space("emotion7", *EMOTION7, excitement="happiness", calm="neutral"),
        _space("emotion4", "anger", "happiness", "neutral", "sadness", excitement="happiness"),
        _space("iemocap4", "anger", "happiness", "neutral", "sadness", excitement="happiness"),
        _space("iemocap5", "anger", "happiness", "neutral", "sadness", "frustration", excitement="happiness"),
        _space("iemocap6", "happiness", "sadness", "neutral", "anger", "excitement", "frustration"),
        _space("ravdess8", "neutral", "calm", "happiness", "sadness", "anger", "fear", "disgust", "surprise"),
        _space(
            "ravdess7",
            "neutral",
            "happiness",
            "sadness",
            "anger",
            "fear",
            "disgust",
            "surprise",
            calm="neutral",
        ),
        _space("meld7", "neutral", "surprise", "fear", "sadness", "happiness", "disgust", "anger"),
        _space("crema-d6", "anger", "disgust", "fear", "happiness", "neutral", "sadness"),
        _space("emodb7", "anger", "boredom", "disgust", "fear", "happiness", "sadness", "neutral"),
        # Every utterance of MELD has a sentiment of its own, which the adapter keeps as a valence of -1, 0 or 1.
        LabelSpace("sentiment3", _SENTIMENT, cuts=(-0.5, 0.5)),
        # On a scale from 1 to 5: up to 2, between, from 4 on (Metallinou et al. 2012).
        LabelSpace("valence3", _SENTIMENT, cuts=(-0.5, 0.5)),
        LabelSpace("humour2", ("no humour", "humour"), raw={"muse": {"0": "no humour", "1": "humour"}}),
    )
}

UTTERANCE_COLUMNS = {
    "utterance_id": "str",  # unique in everything we hold: "<corpus>/<its id there>"
    "corpus": "str",
    "speaker": "str",  # "<corpus>/<speaker>": the same number in two corpora is not the same person
    "speaker_gender": "str",  # female, male
    "speaker_age": "Int64",  # in years
    "session": "str",
    "dialogue": "str",
    "turn": "Int64",  # place in the dialogue, from 0
    "start_s": "float64",  # of the utterance in its recording, in seconds
    "end_s": "float64",
    "audio": "str",  # paths are relative to the corpus's root
    "video": "str",
    "text": "str",
    "language": "str",  # ISO 639-1
    "label_raw": "str",  # as the corpus writes it
    "label": "str",  # one of EMOTIONS; null where the corpus's word is none of them
    "valence": "float64",  # -1 to 1, whatever the corpus's own scale is
    "arousal": "float64",
    "dominance": "float64",
    "intensity": "str",  # low, normal, strong
    "elicitation": "str",  # scripted, improvised, spontaneous
    "raters": "str",  # JSON: {"rater": ["label", …]}: words of EMOTIONS, else the corpus's own
    "audio_digest": "str",  # SHA-256 of the file's bytes, or of the text as UTF-8
    "video_digest": "str",
    "text_digest": "str",
    "split_official": "str",  # train, validation, test
}
"""The utterance table: one row an utterance, sorted by ``utterance_id``. What a corpus lacks is null."""

_NUMBER = r"(\d+(?:\.\d+)?)"
CUT = re.compile(rf"#t={_NUMBER},{_NUMBER}(?:&xywh=percent:{_NUMBER},{_NUMBER},{_NUMBER},{_NUMBER})?$")
"""How ``audio`` or ``video`` ends where the utterance is a part of a longer recording: W3C's Media Fragments URI 1.0
(2012), sections 4.2.1 and 4.2.2. From one second up to another; and left, top, width and height of the picture's part.
``film.avi#t=6.2901,8.2357&xywh=percent:50,0,50,100``"""


def file_of(path: str) -> str:
    """The file that what ``audio`` or ``video`` names lies in."""
    return CUT.sub("", path)


LAYOUTS = ("control", "iemocap", "meld", "ravdess", "lrs3", "muse", "crema-d", "emodb", "folder", "manifest")
"""What an adapter reads. A corpus that bears another name is a manifest or a folder, unless params.yaml says."""


@dataclass(frozen=True)
class Layout:
    """How a corpus lies on disk: ``layouts.<corpus>`` in params.yaml, for what its name and its files do not tell.

    Attributes:
        layout: one of LAYOUTS; ``auto``: the corpus's own by its name, else a manifest where there is one, else a
            folder.
        pattern: folder: a regular expression that a file's path in the corpus matches as a whole, with named groups
            (``label``; and ``id``, ``speaker``, ``gender``, ``session``, ``dialogue``, ``turn``, ``language``,
            ``intensity``).
        labels: the corpus's raw label → one of EMOTIONS, for words that are not known.
        language: ISO 639-1, of a corpus in one language.
        scale: what the corpus's lowest and highest valence, arousal and dominance are.
        raters: the label is what most raters say whose names begin with this (CREMA-D: ``audio``, ``face``, ``both``;
            IEMOCAP: ``C-E``); None: the corpus's own.
    """

    layout: str = "auto"
    pattern: str | None = None
    labels: dict[str, str] = field(default_factory=dict)
    language: str | None = None
    scale: tuple[float, float] = (-1.0, 1.0)
    raters: str | None = None


UNSTATED = Layout()
"""Nothing is said of the layout."""


@dataclass(frozen=True)
class Corpus:
    """What is known of a corpus before a file of it is read."""

    name: str
    title: str
    modalities: tuple[str, ...]
    labels: str
    size: str
    label_space: str
    protocol: str
    licence: str
    obtain: str
    """Where it comes from and how to get it."""


CORPORA = {
    corpus.name: corpus
    for corpus in (
        Corpus(
            "control",
            "emoflow's own: synthetic speech, words and face, with planted truth",
            MODALITIES,
            "seven emotions",
            "as asked for; 336 clips, 37 MB by default",
            "emotion7",
            "kfold4",
            "free of rights: made on the spot",
            "emoflow corpora synthesise control",
        ),
        Corpus(
            "crema-d",
            "Crowd-sourced Emotional Multimodal Actors Dataset (Cao et al. 2014)",
            MODALITIES,
            "six emotions in four levels; votes by ear, by eye and by both",
            "7,442 clips of 91 actors",
            "crema-d6",
            "crema-d6.actors5",
            "Open Database License",
            "emoflow corpora fetch crema-d",
        ),
        Corpus(
            "emodb",
            "Berlin Database of Emotional Speech (Burkhardt et al. 2005)",
            ("audio", "text"),
            "seven emotions, boredom among them",
            "535 clips of 10 actors, German",
            "emodb7",
            "loso",
            "free for research",
            "emodb.bilderbar.info: download.zip, unpacked; then: emoflow corpora add emodb DIR (it holds wav/)",
        ),
        Corpus(
            "iemocap",
            "Interactive Emotional Dyadic Motion Capture Database (Busso et al. 2008)",
            MODALITIES,
            "nine emotions by several raters; valence, arousal, dominance",
            "10,039 utterances of 10 actors in 5 sessions, 12 h",
            "iemocap4",
            "iemocap4.loso5.nested",
            "USC's end-user licence agreement",
            "ask USC SAIL (sail.usc.edu/iemocap, release form); then: emoflow corpora add iemocap IEMOCAP_full_release",
        ),
        Corpus(
            "lrs3",
            "Lip Reading Sentences 3 (Afouras et al. 2018)",
            MODALITIES,
            "none: for pre-training",
            "433 h of TED talks",
            "emotion7",
            "kfold5",
            "BBC and Oxford's agreement; access has been restricted",
            "ask Oxford VGG (robots.ox.ac.uk/~vgg/data/lip_reading); then: emoflow corpora add lrs3 DIR "
            "(it holds pretrain/, trainval/, test/)",
        ),
        Corpus(
            "meld",
            "Multimodal EmotionLines Dataset (Poria et al. 2019)",
            MODALITIES,
            "seven emotions, three sentiments",
            "13,708 utterances of 1,432 dialogues of Friends; without the films, text alone",
            "meld7",
            "meld7.official",
            "GPL-3.0 (annotations)",
            "emoflow corpora fetch meld",
        ),
        Corpus(
            "muse",
            "Multimodal Sentiment Analysis Challenge 2021-2023 (Christ et al. 2023, Stappen et al. 2021)",
            MODALITIES,
            "continuous valence and arousal, humour, mimicked emotions",
            "a package a sub-challenge, as features",
            "humour2",
            "humour2.muse-official",
            "end-user licence agreement",
            "ask muse-challenge.org (licence form, then Zenodo); then: emoflow corpora add muse c2_muse_humor",
        ),
        Corpus(
            "ravdess",
            "Ryerson Audio-Visual Database of Emotional Speech and Song (Livingstone & Russo 2018)",
            MODALITIES,
            "eight emotions in two intensities",
            "1,440 spoken and 1,012 sung clips of 24 actors, 24.8 GB with the films",
            "ravdess8",
            "ravdess8.luna5",
            "CC BY-NC-SA 4.0",
            "emoflow corpora fetch ravdess (Zenodo record 1188976; unpacked by hand: emoflow corpora add ravdess DIR)",
        ),
    )
}
