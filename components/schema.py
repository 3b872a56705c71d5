"""The words that every room shares: modalities, emotions, label spaces, and the utterance table."""

from dataclasses import dataclass, field

MODALITIES = ("audio", "text", "face")
"""The modalities that emoflow makes from media. A corpus may bring further ones as features."""

EMOTIONS = (
    "anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral",
    "calm", "contempt", "excitement", "frustration", "boredom",
)  # fmt: skip
"""What the column ``label`` of the utterance table may hold: a corpus's own label in the field's common word."""


@dataclass(frozen=True)
class LabelSpace:
    """The classes that a model tells apart, and which of an utterance table's labels counts as which class.

    A label that is not in ``mapping`` is outside the space: its utterances are left out, and counted.
    """

    name: str
    classes: tuple[str, ...]
    mapping: dict[str, str] = field(default_factory=dict)

    def __post_init__(self):
        if not self.mapping:
            object.__setattr__(self, "mapping", {label: label for label in self.classes})


EMOTION7 = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")

LABEL_SPACES = {
    space.name: space
    for space in (
        LabelSpace("emotion7", EMOTION7),
        LabelSpace(
            "emotion4",
            ("anger", "happiness", "neutral", "sadness"),
            {label: label for label in ("anger", "happiness", "neutral", "sadness")}
            | {"excitement": "happiness"},
        ),
        LabelSpace(
            "ravdess8", ("neutral", "calm", "happiness", "sadness", "anger", "fear", "disgust", "surprise")
        ),
    )
}

UTTERANCE_COLUMNS = {
    "utterance_id": "str",  # unique in everything we hold: "<corpus>/<its id there>"
    "corpus": "str",
    "speaker": "str",  # "<corpus>/<speaker>": the same number in two corpora is not the same person
    "speaker_gender": "str",  # female, male
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
    "label": "str",  # one of EMOTIONS
    "valence": "float64",
    "arousal": "float64",
    "dominance": "float64",
    "intensity": "str",  # normal, strong
    "raters": "str",  # JSON: {"rater": ["label", …]}
    "audio_digest": "str",  # SHA-256 of the file's bytes, or of the text as UTF-8
    "video_digest": "str",
    "text_digest": "str",
    "split_official": "str",  # train, validation, test
}
"""The utterance table: one row an utterance, sorted by ``utterance_id``. What a corpus lacks is null."""


@dataclass(frozen=True)
class Corpus:
    """What is known of a corpus before a file of it is read."""

    name: str
    title: str
    modalities: tuple[str, ...]
    label_space: str
    protocol: str
    licence: str
    obtain: str
    """Where it comes from and what to do to have it."""


CORPORA = {
    corpus.name: corpus
    for corpus in (
        Corpus(
            "control",
            "emoflow's own: synthetic speech, words and face, with planted truth",
            MODALITIES,
            "emotion7",
            "kfold4",
            "free of rights: made on the spot",
            "emoflow corpora synthesise control",
        ),
        Corpus(
            "ravdess",
            "Ryerson Audio-Visual Database of Emotional Speech and Song (Livingstone & Russo 2018)",
            MODALITIES,
            "ravdess8",
            "ravdess8.luna5",
            "CC BY-NC-SA 4.0",
            "Zenodo record 1188976: Audio_Speech_Actors_01-24.zip (and Video_Speech_Actor_*.zip), unpacked; "
            "then: emoflow corpora add ravdess DIR",
        ),
    )
}
