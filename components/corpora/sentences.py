"""Sentences for the control corpus: something everyday that is said, and two words that tell an emotion.

What is spoken is the everyday part alone, as in corpora whose actors speak one carrier sentence in every
emotion (RAVDESS, CREMA-D). Were the telling words spoken too, a recogniser of words would read the text's
display off the sound, and the ceiling of audio alone would no longer hold.
"""

from dataclasses import dataclass

import numpy as np

LEXICON = {
    "anger": ("infuriating", "outrageous", "maddening", "irritating"),
    "disgust": ("disgusting", "revolting", "nauseating", "filthy"),
    "fear": ("frightening", "terrifying", "scary", "menacing"),
    "happiness": ("wonderful", "delightful", "lovely", "fantastic"),
    "sadness": ("heartbreaking", "sad", "depressing", "tragic"),
    "surprise": ("astonishing", "unexpected", "surprising", "startling"),
    "neutral": ("ordinary", "usual", "typical", "routine"),
}
"""The telling words of each emotion; every speaker uses all of them. Few, so that two hundred sentences of which
a third mislead are enough to learn them."""

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
FRAMES = ("{} and {}, I thought: {said}", "{said}, so {}, so {}", "{said}; that was {}, even {}")


@dataclass(frozen=True)
class Sentence:
    text: str
    spoken: str


def compose(emotion: str, generator: np.random.Generator) -> Sentence:
    """A sentence that displays ``emotion`` by two different telling words."""
    spoken = " ".join(str(generator.choice(part)) for part in (WHO, WHAT, WHEN))
    words = generator.choice(LEXICON[emotion], size=2, replace=False)
    text = str(generator.choice(FRAMES)).format(*words, said=spoken)
    return Sentence(text=text[0].upper() + text[1:] + ".", spoken=spoken[0].upper() + spoken[1:] + ".")
