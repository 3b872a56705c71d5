"""Speech synthesis by espeak-ng through ctypes; the package espeakng-loader ships library and voices.

espeak-ng holds its state in static variables. So it is not thread-safe (one process each), and what it says
depends on what it said before: breath and flutter go on from one sentence to the next. A library loaded afresh
for each sentence says the same sentence the same way, to the sample; that costs 5 ms.
"""

import _ctypes
import ctypes
from dataclasses import dataclass

import numpy as np

from ..errors import SettingsError

SYNCHRONOUS = 2  # espeak_AUDIO_OUTPUT: hand the samples to the callback, return when all is said
RATE, VOLUME, PITCH, RANGE = 1, 2, 3, 4  # espeak_PARAMETER
CHARACTERS_UTF8 = 1
PHONEME_EVENTS = 1  # an option of espeak_Initialize
LIST_ENDS, PHONEME = 0, 7  # espeak_EVENT_TYPE


class _Event(ctypes.Structure):
    """``espeak_EVENT``; its last field is a union, of which a phoneme has a text of eight bytes."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("string", ctypes.c_char * 8),
    )


_Receive = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


@dataclass(frozen=True)
class Phone:
    """A phone by espeak-ng's name for it, and the sample that it begins with; it ends where the next begins.

    A pause has no name.
    """

    name: str
    begin: int


@dataclass(frozen=True)
class Voice:
    """How a sentence is said, in espeak-ng's own units.

    Attributes:
        name: language and variant, such as ``en+f2``.
        pitch: 0 to 99; 50 is the variant's own, and 50 more is an octave.
        range: 0 to 99; how far the pitch moves. 50 is the variant's own, 0 monotone.
        rate: words per minute, 80 to 450.
        volume: 0 to 200; 100 is the usual amplitude.
    """

    name: str
    pitch: int = 50
    range: int = 50
    rate: int = 175
    volume: int = 100


def longest(text: str) -> float:
    """How many seconds the sentence can last when a control corpus's speakers say it: an upper bound."""
    return round(1.0 + 0.1 * len(text), 1)


def say(text: str, voice: Voice, *, seed: int = 1) -> tuple[np.ndarray, int]:
    """The sentence as sound.

    Args:
        seed: of the noise in breath and frication.

    Returns:
        Samples, float32 [n] within ±1, and their rate in Hz.

    Raises:
        SettingsError: the library does not load, or does not know the voice.
    """
    sound, rate, _ = say_with_phones(text, voice, seed=seed)
    return sound, rate


def say_with_phones(text: str, voice: Voice, *, seed: int = 1) -> tuple[np.ndarray, int, list[Phone]]:
    """As `say`, and the phones that are said, in order."""
    import espeakng_loader

    heard: list[np.ndarray] = []
    phones: list[Phone] = []

    def receive(samples, count, events):
        if samples and count > 0:
            heard.append(np.ctypeslib.as_array(samples, (count,)).copy())
        place = 0
        while events and events[place].type != LIST_ENDS:
            if events[place].type == PHONEME:
                phones.append(Phone(events[place].string.decode(errors="replace"), events[place].sample))
            place += 1
        return 0

    callback = _Receive(receive)  # kept alive until the library is let go
    try:
        library = ctypes.CDLL(espeakng_loader.get_library_path())
    except OSError as error:
        raise SettingsError(f"espeak-ng does not load ({error}); reinstall espeakng-loader") from None
    try:
        rate = library.espeak_Initialize(
            SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), PHONEME_EVENTS
        )
        if rate <= 0:
            raise SettingsError("espeak-ng finds no voices; reinstall espeakng-loader")
        library.espeak_SetSynthCallback(callback)
        library.espeak_ng_SetRandSeed(ctypes.c_long(seed))
        if library.espeak_SetVoiceByName(voice.name.encode()) != 0:
            raise SettingsError(f"espeak-ng has no voice {voice.name!r}")
        for parameter, value in (
            (RATE, voice.rate),
            (VOLUME, voice.volume),
            (PITCH, voice.pitch),
            (RANGE, voice.range),
        ):
            library.espeak_SetParameter(parameter, int(value), 0)
        encoded = text.encode()
        status = library.espeak_Synth(
            encoded, ctypes.c_size_t(len(encoded) + 1), 0, 1, 0, CHARACTERS_UTF8, None, None
        )
        library.espeak_Synchronize()
        if status != 0 or not heard:
            raise SettingsError(f"espeak-ng does not say {text!r} (status {status})")
    finally:
        library.espeak_Terminate()
        _ctypes.dlclose(library._handle)
    return np.concatenate(heard).astype(np.float32) / 32768, rate, phones
