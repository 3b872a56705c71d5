"""Sentences of the control corpus: a neutral carrier phrase, and two words that express an emotion.

In English, Finnish and German. The subjects are singular and the telling words adjectives that stand alone, so
that any of them fits any other.

What is spoken is the everyday part alone, as in corpora whose actors speak one carrier sentence in every
emotion (RAVDESS, CREMA-D). Were the telling words spoken too, a recogniser of words would read the text's
display off the sound, and the ceiling of audio alone would no longer hold.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Language:
    """What a language's sentences are made of.

    Attributes:
        telling: emotion → the words that tell it; every speaker uses all of them. Few, so that two hundred
            sentences of which a third mislead are enough to learn them.
        who, what, when: the everyday part, in this order.
        frames: how two telling words go with it.
    """

    telling: dict[str, tuple[str, ...]]
    who: tuple[str, ...]
    what: tuple[str, ...]
    when: tuple[str, ...]
    frames: tuple[str, ...]


ENGLISH = Language(
    telling={
        "anger": ("infuriating", "outrageous", "maddening", "irritating"),
        "disgust": ("disgusting", "revolting", "nauseating", "filthy"),
        "fear": ("frightening", "terrifying", "scary", "menacing"),
        "happiness": ("wonderful", "delightful", "lovely", "fantastic"),
        "sadness": ("heartbreaking", "sad", "depressing", "tragic"),
        "surprise": ("astonishing", "unexpected", "surprising", "startling"),
        "neutral": ("ordinary", "usual", "typical", "routine"),
        "calm": ("peaceful", "soothing", "restful", "serene"),
        "contempt": ("pathetic", "laughable", "pitiful", "unworthy"),
        "excitement": ("thrilling", "exciting", "exhilarating", "electrifying"),
        "frustration": ("frustrating", "hopeless", "exasperating", "pointless"),
        "boredom": ("boring", "dull", "tedious", "monotonous"),
    },
    who=(
        "the neighbours", "my brother", "our teacher", "the driver", "a colleague", "the children",
        "the committee", "their cousin", "the baker", "the students", "a friend", "the manager",
    ),
    what=(
        "moved the table", "opened the window", "called the office", "brought the papers", "closed the shop",
        "changed the schedule", "painted the fence", "parked the car", "read the letter", "carried the boxes",
        "packed the bags", "answered the phone", "cleaned the kitchen", "watered the plants",
    ),
    when=(
        "this morning", "after lunch", "on Monday", "before the meeting", "last week", "at noon", "yesterday",
        "in the evening", "on the way home", "again",
    ),
    frames=("{} and {}, I thought: {carrier}", "{carrier}, so {}, so {}", "{carrier}; that was {}, even {}"),
)  # fmt: skip
FINNISH = Language(
    telling={
        "anger": ("raivostuttavaa", "törkeää", "suututtavaa", "ärsyttävää"),
        "disgust": ("inhottavaa", "ällöttävää", "kuvottavaa", "saastaista"),
        "fear": ("pelottavaa", "kauhistuttavaa", "karmivaa", "uhkaavaa"),
        "happiness": ("ihanaa", "ilahduttavaa", "suloista", "mahtavaa"),
        "sadness": ("sydäntäsärkevää", "surullista", "masentavaa", "traagista"),
        "surprise": ("hämmästyttävää", "odottamatonta", "yllättävää", "ällistyttävää"),
        "neutral": ("tavallista", "tavanomaista", "tyypillistä", "arkista"),
        "calm": ("rauhallista", "rauhoittavaa", "levollista", "tyyntä"),
        "contempt": ("säälittävää", "naurettavaa", "surkeaa", "halveksittavaa"),
        "excitement": ("jännittävää", "innostavaa", "huimaavaa", "sähköistävää"),
        "frustration": ("turhauttavaa", "toivotonta", "hermostuttavaa", "turhaa"),
        "boredom": ("tylsää", "ikävystyttävää", "pitkästyttävää", "yksitoikkoista"),
    },
    who=(
        "naapuri", "veljeni", "opettajamme", "kuljettaja", "työtoveri", "lapsi", "toimikunta", "serkku",
        "leipuri", "opiskelija", "ystävä", "johtaja",
    ),
    what=(
        "siirsi pöydän", "avasi ikkunan", "soitti toimistoon", "toi paperit", "sulki kaupan",
        "muutti aikataulua", "maalasi aidan", "pysäköi auton", "luki kirjeen", "kantoi laatikot",
        "pakkasi laukut", "vastasi puhelimeen", "siivosi keittiön", "kasteli kasvit",
    ),
    when=(
        "tänä aamuna", "lounaan jälkeen", "maanantaina", "ennen kokousta", "viime viikolla", "keskipäivällä",
        "eilen", "illalla", "kotimatkalla", "taas",
    ),
    frames=("{} ja {}, ajattelin: {carrier}", "{carrier}, niin {}, niin {}", "{carrier}; se oli {}, jopa {}"),
)  # fmt: skip
GERMAN = Language(
    telling={
        "anger": ("empörend", "unverschämt", "ärgerlich", "aufreizend"),
        "disgust": ("ekelhaft", "abstoßend", "widerlich", "eklig"),
        "fear": ("beängstigend", "furchterregend", "gruselig", "bedrohlich"),
        "happiness": ("wunderbar", "erfreulich", "herrlich", "fantastisch"),
        "sadness": ("herzzerreißend", "traurig", "betrüblich", "tragisch"),
        "surprise": ("erstaunlich", "unerwartet", "überraschend", "verblüffend"),
        "neutral": ("gewöhnlich", "üblich", "typisch", "alltäglich"),
        "calm": ("friedlich", "beruhigend", "erholsam", "gelassen"),
        "contempt": ("erbärmlich", "lächerlich", "armselig", "verächtlich"),
        "excitement": ("aufregend", "spannend", "mitreißend", "berauschend"),
        "frustration": ("frustrierend", "hoffnungslos", "nervig", "sinnlos"),
        "boredom": ("langweilig", "öde", "ermüdend", "eintönig"),
    },
    who=(
        "der Nachbar", "mein Bruder", "unsere Lehrerin", "der Fahrer", "eine Kollegin", "das Kind",
        "der Ausschuss", "die Cousine", "der Bäcker", "die Studentin", "ein Freund", "die Leiterin",
    ),
    what=(
        "verschob den Tisch", "öffnete das Fenster", "rief das Büro an", "brachte die Papiere",
        "schloss den Laden", "änderte den Plan", "malte den Zaun an", "parkte das Auto", "las den Brief",
        "trug die Kisten", "packte die Taschen", "hörte das Telefon", "putzte die Küche", "goss die Pflanzen",
    ),
    when=(
        "heute Morgen", "nach dem Essen", "am Montag", "vor der Sitzung", "letzte Woche", "am Mittag",
        "gestern", "am Abend", "auf dem Heimweg", "wieder",
    ),
    frames=("{} und {}, dachte ich: {carrier}", "{carrier}, so {}, so {}", "{carrier}; das war {}, sogar {}"),
)  # fmt: skip
LANGUAGES = {"en": ENGLISH, "fi": FINNISH, "de": GERMAN}


@dataclass(frozen=True)
class Sentence:
    text: str
    spoken: str


def compose(emotion: str, generator: np.random.Generator, language: str = "en") -> Sentence:
    """A sentence that displays ``emotion`` by two different telling words."""
    of = LANGUAGES[language]
    spoken = " ".join(str(generator.choice(part)) for part in (of.who, of.what, of.when))
    words = generator.choice(of.telling[emotion], size=2, replace=False)
    text = str(generator.choice(of.frames)).format(*words, carrier=spoken)
    return Sentence(text=text[0].upper() + text[1:] + ".", spoken=spoken[0].upper() + spoken[1:] + ".")
