"""Sentences for the control corpus: something everyday that is said, and a word or two that tell an emotion.

What is spoken is the everyday part alone, as in corpora whose actors speak one carrier sentence in every
emotion (RAVDESS, CREMA-D). Were the telling words spoken too, a recogniser of words would read the text's
display off the sound, and the ceiling of audio alone would no longer hold.
"""

from dataclasses import dataclass

import numpy as np

LEXICON = {
    "anger": ("infuriating", "outrageous", "maddening", "irritating", "hateful", "unforgivable"),
    "disgust": ("disgusting", "revolting", "nauseating", "filthy", "repulsive", "foul"),
    "fear": ("frightening", "terrifying", "scary", "menacing", "alarming", "threatening"),
    "happiness": ("wonderful", "delightful", "lovely", "joyful", "fantastic", "cheerful"),
    "sadness": ("heartbreaking", "sad", "mournful", "depressing", "tragic", "gloomy"),
    "surprise": ("astonishing", "unexpected", "surprising", "unbelievable", "startling", "amazing"),
    "neutral": ("ordinary", "usual", "regular", "typical", "routine", "normal"),
}
"""The telling words of each emotion; every speaker uses all of them."""

WHO = (
    "the neighbours", "my brother", "our teacher", "the driver", "a colleague", "the children",
    "the committee", "their cousin", "the baker", "the students", "a friend", "the manager",
)  # fmt: skip
WHAT = (
    "moved the table", "opened the window", "called the office", "brought the papers", "closed the shop",
    "changed the schedule", "painted the fence", "parked the car", "read the letter", "carried the boxes",
    "packed the bags", "answered the phone", "cleaned the kitchen", "watered the plants",
)  # fmt: skip
WHEN = (
    "this morning", "after lunch", "on Monday", "before the meeting", "last week", "at noon", "yesterday",
    "in the evening", "on the way home", "again",
)  # fmt: skip
ONE = (
    "it was {} that {said}", "{said}, and it was {}", "{said}, how {}", "I found it {} that {said}",
    "{said}; {}, I thought", "quite {}: {said}",
)  # fmt: skip
TWO = ("{} and {}, I thought: {said}", "{said}, so {}, so {}", "{said}; that was {}, even {}")


@dataclass(frozen=True)
class Sentence:
    text: str
    spoken: str


def compose(emotion: str, generator: np.random.Generator) -> Sentence:
    """A sentence that displays ``emotion``: one telling word, or (every other time) two different ones."""
    spoken = " ".join(str(generator.choice(part)) for part in (WHO, WHAT, WHEN))
    frames, count = (TWO, 2) if generator.random() < 0.5 else (ONE, 1)
    words = generator.choice(LEXICON[emotion], size=count, replace=False)
    text = str(generator.choice(frames)).format(*words, said=spoken)
    return Sentence(text=text[0].upper() + text[1:] + ".", spoken=spoken[0].upper() + spoken[1:] + ".")
