"""Emotional prosody: acoustic cues of vocal emotion, applied to speech synthesised by espeak-ng.

The directions follow Juslin & Laukka (2003), *Communication of emotions in vocal expression and music
performance*, Psychological Bulletin 129(5), table 11: anger loud, fast, bright; sadness soft, slow, dull and
monotone; fear high, fast, trembling; happiness high and lively; and so on. Their sizes are ours.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .espeak import Voice, say_with_phones

RATE = 16000
STRESS, PAUSE = "',%=", "_"  # how espeak-ng's names of stressed phones, and of pauses, begin
ROOM = 10 ** (-66 / 20)  # a room is never silent
VARIANTS = {
    "female": ("f1", "f2", "f3", "f4", "f5"),
    "male": ("m1", "m2", "m3", "m4", "m7", "Alex"),
}


@dataclass(frozen=True)
class Prosody:
    """How an emotion changes a voice."""

    pitch: float  # semitones
    range: float  # times the voice's own
    rate: float  # times the voice's own
    loudness: float  # dB
    tilt: float  # dB an octave around 1 kHz: bright above 0, dull below
    tremor: float = 0.0  # depth of a 7 Hz waver in pitch and amplitude, 0 to 1
    roughness: float = 0.0  # depth of a 40 Hz creak, 0 to 1
    breath: float = 0.0  # noise that follows the voice, times its amplitude
    glide: float = 0.0  # semitones that the pitch rises from the first to the last sound


PROSODY = {
    "anger": Prosody(pitch=2, range=1.2, rate=1.12, loudness=8, tilt=3.5, roughness=0.35),
    "disgust": Prosody(pitch=-4, range=0.6, rate=0.85, loudness=1, tilt=0.0, roughness=0.7),
    "fear": Prosody(pitch=4, range=0.5, rate=1.20, loudness=-3, tilt=0.0, tremor=0.9),
    "happiness": Prosody(pitch=5, range=1.8, rate=1.08, loudness=3.5, tilt=0.5),
    "sadness": Prosody(pitch=-2, range=0.3, rate=0.82, loudness=-8, tilt=-4.0, breath=0.1),
    "surprise": Prosody(pitch=7, range=1.4, rate=0.95, loudness=1, tilt=-1.0, glide=13),
    "neutral": Prosody(pitch=0, range=0.7, rate=1.0, loudness=-2, tilt=-1.5),
    "calm": Prosody(pitch=-1, range=0.8, rate=0.86, loudness=-6, tilt=1.0),
    "contempt": Prosody(pitch=-3, range=1.1, rate=0.92, loudness=-1, tilt=2.5),
    "excitement": Prosody(pitch=8, range=1.9, rate=1.22, loudness=6, tilt=2.5),
    "frustration": Prosody(pitch=-1, range=1.0, rate=0.95, loudness=5, tilt=1.5, roughness=0.5, breath=0.1),
    "boredom": Prosody(pitch=-4, range=0.2, rate=0.74, loudness=-4, tilt=-2.5),
}


@dataclass(frozen=True)
class Timbre:
    """A speaker's voice, independent of the emotion."""

    variant: str
    pitch: float  # semitones from the variant's own
    rate: float  # words per minute
    loudness: float  # dB
    tilt: float  # dB an octave
    tract: float  # formants and pitch, times the variant's own


def timbre(number: int, gender: str, generator: np.random.Generator) -> Timbre:
    """Sample the voice of the ``number``-th speaker of a gender (from 0); espeak-ng's variants are used in turn."""
    variants = VARIANTS[gender]
    return Timbre(
        variant=variants[number % len(variants)],
        pitch=float(generator.uniform(-1.5, 1.5)),
        rate=float(generator.uniform(165, 185)),
        loudness=float(generator.uniform(-1, 1)),
        tilt=float(generator.uniform(-0.4, 0.4)),
        tract=float(generator.uniform(0.96, 1.04)),
    )


@dataclass(frozen=True)
class Speech:
    """A sentence as it was said.

    Attributes:
        sound: float32 [n] at 16 kHz, with silence before and after.
        phones: espeak-ng's names without marks of stress, and when each begins and ends, in seconds; without pauses.
    """

    sound: np.ndarray
    phones: list[tuple[str, float, float]]


def speak(
    text: str, emotion: str, voice: Timbre, generator: np.random.Generator, language: str = "en"
) -> np.ndarray:
    """Synthesise a sentence in a voice and an emotion: float32 [n] at 16 kHz, with silence before and after."""
    return speech(text, emotion, voice, generator, language).sound


def speech(
    text: str, emotion: str, voice: Timbre, generator: np.random.Generator, language: str = "en"
) -> Speech:
    """As `speak`, and when each phone is said."""
    import soxr

    prosody = PROSODY[emotion]
    jitter = generator.normal(size=6)
    semitones = voice.pitch + prosody.pitch + 0.6 * jitter[0]
    said, rate, phones = say_with_phones(
        text,
        Voice(
            name=f"{language}+{voice.variant}",
            pitch=int(np.clip(round(50 + semitones * 50 / 12), 0, 99)),
            range=int(np.clip(round(50 * prosody.range * np.exp(0.1 * jitter[1])), 0, 99)),
            rate=int(np.clip(round(voice.rate * prosody.rate * np.exp(0.04 * jitter[2])), 80, 450)),
        ),
        seed=int(generator.integers(1, 2**31)),
    )
    sound = soxr.resample(said, rate * voice.tract, RATE).astype(np.float64)
    begins = np.array([phone.begin for phone in phones]) / (rate * voice.tract) * RATE
    if prosody.glide:
        at = _gliding(len(sound), prosody.glide + 1.0 * jitter[4])
        sound, begins = np.interp(at, np.arange(len(sound)), sound), np.interp(begins, at, np.arange(len(at)))
    sound = _tilt(sound, voice.tilt + prosody.tilt + 0.3 * jitter[3])
    depth, phase = np.exp(0.15 * jitter[4]), generator.uniform(0, 2 * np.pi)
    if prosody.tremor:
        sound = _tremble(sound, prosody.tremor * depth, phase)
    if prosody.roughness:
        sound *= 1 + min(prosody.roughness * depth, 1) * _sine(len(sound), 40, phase)
    if prosody.breath:
        sound += prosody.breath * depth * _envelope(sound) * generator.normal(size=len(sound))
    level = -25 + voice.loudness + prosody.loudness + 0.8 * jitter[5]
    sound *= 10 ** (level / 20) / max(np.sqrt(np.mean(sound**2)), 1e-6)
    before, after = generator.uniform(0.1, 0.3, size=2)
    edges = [*begins, len(sound)]
    sound = np.pad(sound, (int(before * RATE), int(after * RATE)))
    sound += generator.normal(scale=ROOM, size=len(sound))
    timed = [
        (phone.name.lstrip(STRESS), float(before + begin / RATE), float(before + end / RATE))
        for phone, (begin, end) in zip(phones, pairwise(edges), strict=True)
        if not phone.name.startswith(PAUSE)
    ]
    return Speech(_within(sound), timed)


def silence(count: int, generator: np.random.Generator) -> np.ndarray:
    """Room noise without speech: float32 [count]."""
    return _within(generator.normal(scale=ROOM, size=count))


def noisy(sound: np.ndarray, snr: float, generator: np.random.Generator) -> np.ndarray:
    """Add pink noise, ``snr`` dB below the level of the speech (pauses not counted)."""
    frames = sound[: len(sound) // 400 * 400].reshape(-1, 400).astype(np.float64)  # 25 ms
    power = (frames**2).mean(axis=1)
    speech = power[power > power.max() / 1000].mean()
    spectrum = np.fft.rfft(generator.normal(size=len(sound)))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    spectrum[0] = 0
    noise = np.fft.irfft(spectrum, n=len(sound))
    noise *= np.sqrt(speech / 10 ** (snr / 10) / np.mean(noise**2))
    return _within(sound + noise)


def _within(sound: np.ndarray) -> np.ndarray:
    """Limited softly to ±0.97."""
    return (0.97 * np.tanh(sound / 0.97)).astype(np.float32)


def _tilt(sound: np.ndarray, slope: float) -> np.ndarray:
    """Tilt the spectrum by ``slope`` dB an octave around 1 kHz, between 125 Hz and 8 kHz."""
    spectrum = np.fft.rfft(sound)
    octaves = np.log2(np.clip(np.fft.rfftfreq(len(sound), 1 / RATE), 125, 8000) / 1000)
    return np.fft.irfft(spectrum * 10 ** (slope * octaves / 20), n=len(sound))


def _gliding(count: int, semitones: float) -> np.ndarray:
    """Where to read samples, so that the pitch rises by ``semitones`` from start to end, formants with it."""
    ratio = 2 ** (semitones / 12 * (np.arange(count) / count - 0.5))
    return np.cumsum(ratio) * (count - 1) / ratio.sum()


def _tremble(sound: np.ndarray, depth: float, phase: float) -> np.ndarray:
    """A 7 Hz waver: the pitch by up to ±4 %, the amplitude by up to ±50 %."""
    samples = np.arange(len(sound))
    delay = 0.04 * RATE / (2 * np.pi * 7) * _sine(len(sound), 7, phase)
    return np.interp(samples + depth * delay, samples, sound) * (
        1 + 0.5 * depth * _sine(len(sound), 7, phase + np.pi / 2)
    )


def _sine(count: int, hertz: float, phase: float) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(count) / RATE + phase)


def _envelope(sound: np.ndarray) -> np.ndarray:
    """The amplitude over 20 ms."""
    window = np.full(RATE // 50, 50 / RATE)
    return np.sqrt(np.convolve(sound**2, window, mode="same"))
