"""Emotion words, genders and intensities in several languages and codes, mapped to the utterance table's vocabulary."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache

from .names import nfc

_WORDS = {
    "anger": (
        "angry ang mad rage fury furious irritated "
        "ärger wut wütend zorn zornig ärgerlich aerger wuetend aergerlich "
        "viha vihainen suuttumus suuttunut raivo "
        "colère fâché fâchée "
        "ira enojo enojado enojada enfado enfadado enfadada rabia "
        "rabbia collera arrabbiato arrabbiata"
    ),
    "disgust": (
        "disgusted dis ekel angeekelt abscheu inho inhoava dégoût dégoûté dégoûtée "
        "asco repugnancia disgusto disgustato disgustata"
    ),
    "fear": (
        "fearful fea afraid scared frightened terrified angst ängstlich aengstlich furcht "
        "pelko peloissaan pelokas pelottava peur effrayé effrayée miedo temor asustado asustada "
        "paura spaventato spaventata"
    ),
    "happiness": (
        "happy hap joy joyful joyous freude fröhlich froehlich glück glücklich glueck gluecklich freudig "
        "ilo iloinen onnellinen onnellisuus joie joyeux joyeuse bonheur heureux heureuse "
        "alegría alegre felicidad feliz gioia felicità felice allegria allegro allegra"
    ),
    "sadness": (
        "sad sorrow sorrowful unhappy trauer traurig traurigkeit suru surullinen surullisuus "
        "tristesse triste tristeza tristezza"
    ),
    "surprise": (
        "surprised sur surprised_pleasant ps überraschung überrascht ueberraschung ueberrascht erstaunen erstaunt "
        "yllätys yllättynyt hämmästys hämmästynyt surpris sorpresa sorprendido sorprendida sorpreso"
    ),
    "neutral": (
        "neu neutrality neutrally neutraali neutre neutro neutra neutrale neutralität"
    ),
    "calm": (
        "calmness calmly ruhe ruhig gelassen rauhallinen rauhallisuus tyyni calme calma calmo calmato tranquilo "
        "tranquila"
    ),
    "contempt": (
        "contemptuous verachtung verächtlich veraechtlich halveksunta halveksiva halveksinta mépris "
        "desprecio disprezzo"
    ),
    "excitement": (
        "excited exc aufregung aufgeregt begeisterung begeistert innostus innostunut excitation excité excitée "
        "emocionado emocionada entusiasmo eccitazione eccitato eccitata"
    ),
    "frustration": (
        "frustrated fru frustriert turhautuminen turhautunut turhautuneisuus frustré frustrée "
        "frustración frustrado frustrada frustrazione frustrato frustrata"
    ),
    "boredom": (
        "bored bor langeweile gelangweilt tylsistyminen tylsistynyt ikävystynyt ikävystyminen pitkästynyt ennui "
        "ennuyé ennuyée aburrimiento aburrido aburrida noia annoiato annoiata"
    ),
}  # fmt: skip
"""English (with the field's codes of three letters), German, Finnish, French, Spanish, Italian."""

_WORD = re.compile(r"[^\W\d_](?:(?![A-ZÀ-ÖØ-Þ])[^\W\d_])+|[^\W\d_]+")
"""A run of letters; a capital after small letters begins another word."""
_QUALIFIERS = {
    *(
        "not",
        "no",
        "non",
        "never",
        "without",
        "un",
        "low",
        "nicht",
        "kein",
        "keine",
        "ohne",
        "ei",
        "ilman",
        "pas",
    ),
    *("sans", "sin", "senza", "hot", "cold"),
}
"""Words that make another class of the emotion beside them: its absence, or one of two kinds of it."""
_MOST_WORDS = 4
"""A label of more words is a sentence."""
_SHORTEST = 3
"""Codes of fewer letters may be anything in a longer name: ``ps`` is surprise only where it stands alone."""

_GENDERS = {
    "female": "f fem w woman weiblich frau nainen femme féminin mujer femenino donna femmina girl",
    "male": "m man männlich maennlich mann mies homme masculin hombre masculino uomo maschio boy",
}
_INTENSITIES = {"low": "lo weak", "normal": "md medium mid moderate", "strong": "hi high"}
_ELICITATIONS = {"scripted": "acted read script", "improvised": "impro induced", "spontaneous": "natural"}
_SPLITS = {"train": "training", "validation": "val valid dev devel development", "test": "testing eval"}


def emotion(word: str) -> str | None:
    """A corpus's word for an emotion as one of ``schema.EMOTIONS``.

    Case, accents and white space around do not matter: ``Ärger``, ``anger`` and ``ANG`` are anger.

    Args:
        word: as the corpus writes it.

    Returns:
        The emotion; None where the word is none of them.
    """
    return _emotions().get(_plain(word))


def label_of(word: str, stated: Mapping[str, str]) -> str | None:
    """A corpus's word as one of ``schema.EMOTIONS``: as params.yaml states it for the corpus, else as known.

    A name of several words is the emotion that they name, if they name one: ``OAF_Pleasant_surprise`` is surprise,
    ``happy_sad`` and ``not happy`` are none.

    Args:
        word: as the corpus writes it, in any Unicode normalisation form.
        stated: ``layouts.<corpus>.labels`` of params.yaml.

    Returns:
        The emotion; None where the word is none of them.
    """
    own = {nfc(each): label for each, label in stated.items()}
    return own.get(nfc(word)) or emotion(word) or _emotion_among(word)


def gender(word: str) -> str | None:
    """A corpus's word for a gender as the utterance table's.

    Args:
        word: as the corpus writes it.

    Returns:
        ``female`` or ``male``; None for what is neither.
    """
    return _synonyms("gender").get(_plain(word))


def intensity(word: str) -> str | None:
    """A corpus's word for an intensity as the utterance table's.

    Args:
        word: as the corpus writes it.

    Returns:
        ``low``, ``normal`` or ``strong``; None for what is none of them.
    """
    return _synonyms("intensity").get(_plain(word))


def elicitation(word: str) -> str | None:
    """A corpus's word for how an emotion came about as the utterance table's.

    Args:
        word: as the corpus writes it.

    Returns:
        ``scripted``, ``improvised`` or ``spontaneous``; None for what is none of them.
    """
    return _synonyms("elicitation").get(_plain(word))


def split(word: str) -> str | None:
    """A corpus's word for a split as the utterance table's.

    Args:
        word: as the corpus writes it.

    Returns:
        ``train``, ``validation`` or ``test``; None for what is none of them.
    """
    return _synonyms("split").get(_plain(word))


def _emotion_among(name: str) -> str | None:
    """The emotion that the words of a short name tell; None where they tell none, several, or one that is qualified."""
    words = [_plain(word) for word in _WORD.findall(nfc(name))]
    if len(words) > _MOST_WORDS or _QUALIFIERS & set(words):
        return None
    found = {_emotions().get(word) for word in words if len(word) >= _SHORTEST} - {None}
    return found.pop() if len(found) == 1 else None


@cache
def _synonyms(of: str) -> dict[str, str]:
    vocabulary = {
        "gender": _GENDERS,
        "intensity": _INTENSITIES,
        "elicitation": _ELICITATIONS,
        "split": _SPLITS,
    }[of]
    return {_plain(word): name for name, words in vocabulary.items() for word in (name, *words.split())}


@cache
def _emotions() -> dict[str, str]:
    return {_plain(word): label for label, words in _WORDS.items() for word in (label, *words.split())}


def _plain(word: str) -> str:
    apart = unicodedata.normalize("NFKD", word.strip().casefold())
    return "".join(letter for letter in apart if not unicodedata.combining(letter))
