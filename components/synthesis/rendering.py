"""Rendering of utterances to audio and video, as a corpus's layout asks for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from ..errors import CorpusError
from ..files import replacing
from . import face_drawing, prosody
from .layouts.plan import Recording, Take
from .media_writer import SOUNDS, write_film, write_sound
from .random_streams import Stream, draw


@dataclass(frozen=True)
class Studio:
    """Renders the takes of a corpus to media files.

    Attributes:
        takes: number → take.
        seed: of the corpus.
        snr: signal-to-noise ratio of the speech in dB; None for a nearly silent room.
    """

    takes: Mapping[int, Take]
    seed: int
    snr: float | None = None

    def record(self, folder: Path, recordings: Mapping[str, Recording]) -> None:
        """Write recordings that show the same takes; each file gets its name only when it is complete."""
        sounds: dict[int, np.ndarray] = {}
        for path, recording in recordings.items():
            for number, _ in recording.takes:
                if number not in sounds:
                    sounds[number] = self.sound(self.takes[number])
            with replacing(folder / path) as temporary:
                self._write(temporary, recording, sounds)

    def sound(self, take: Take) -> np.ndarray:
        """Synthesise a take's speech: float32 [n] at 16 kHz. Without an audio display the voice is neutral."""
        return self.speech(take).sound

    def speech(self, take: Take) -> prosody.Speech:
        """A take's speech, with when each phone is said."""
        timbre = prosody.timbre(take.speaker // 2, take.gender, draw(self.seed, Stream.VOICE, take.speaker))
        return prosody.speech(
            take.spoken,
            take.displays.get("audio", "neutral"),
            timbre,
            draw(self.seed, Stream.SOUND, take.speaker, take.take),
            take.language,
        )

    def film(self, take: Take, sound: np.ndarray) -> Iterator[np.ndarray]:
        """A take's frames at 25 fps: uint8 [192, 192, 3]."""
        look = face_drawing.look(take.gender, draw(self.seed, Stream.LOOK, take.speaker))
        setting = face_drawing.setting(draw(self.seed, Stream.SETTING, take.speaker, take.session + 1))
        films = draw(self.seed, Stream.FILM, take.speaker, take.take)
        shown = face_drawing.express(take.displays.get("face", "neutral"), films)
        return face_drawing.film(shown, look, setting, openness(sound), films)

    def _still(self, take: Take) -> np.ndarray:
        """One frame of the take's speaker, listening."""
        look = face_drawing.look(take.gender, draw(self.seed, Stream.LOOK, take.speaker))
        setting = face_drawing.setting(draw(self.seed, Stream.SETTING, take.speaker, take.session + 1))
        films = draw(self.seed, Stream.FILM, take.speaker)
        return next(face_drawing.film(face_drawing.Expression(), look, setting, np.zeros(1), films))

    def _write(self, path: Path, recording: Recording, sounds: Mapping[int, np.ndarray]) -> None:
        sound = self._heard(recording, sounds)
        frames = self._seen(recording, sounds, len(sound)) if recording.picture else None
        if recording.rate != prosody.RATE:
            import soxr

            sound = soxr.resample(sound, prosody.RATE, recording.rate)
        if recording.cut_s is not None:
            sound = sound[: max(int(recording.cut_s * recording.rate), 1)]
            frames = frames and islice(frames, max(int(recording.cut_s * recording.fps), 1))
        if recording.channels > 1:
            sound = np.repeat(sound[:, None], recording.channels, axis=1)
        if path.suffix in SOUNDS:
            write_sound(path, sound, recording.rate)
            return
        write_film(
            path,
            frames=frames,
            fps=recording.fps,
            sound=sound if recording.sound else None,
            rate=recording.rate,
        )

    def _heard(self, recording: Recording, sounds: Mapping[int, np.ndarray]) -> np.ndarray:
        """The recording's audio, float32 [n] at 16 kHz: its takes at their times, room noise in between."""
        if recording.seconds is None:
            ((number, _),) = recording.takes
            return self._behind(number, sounds)
        first = self.takes[recording.takes[0][0]]
        room = draw(self.seed, Stream.ROOM, first.speaker, first.take)
        heard = prosody.silence(round(recording.seconds * prosody.RATE), room)
        ends = [begin for _, begin in recording.takes[1:]] + [recording.seconds]
        for (number, begin), end in zip(recording.takes, ends, strict=True):
            at, sound = round(begin * prosody.RATE), sounds[number]
            if at + len(sound) > round(end * prosody.RATE):
                raise CorpusError(
                    f"take {number} lasts {len(sound) / prosody.RATE:.2f} s, and the recording has room for "
                    f"{end - begin:.2f} s: the layout must leave it Take.seconds"
                )
            heard[at : at + len(sound)] = self._behind(number, sounds)
        return heard

    def _behind(self, number: int, sounds: Mapping[int, np.ndarray]) -> np.ndarray:
        """A take's audio with background noise."""
        if self.snr is None:
            return sounds[number]
        take = self.takes[number]
        noise = draw(self.seed, Stream.NOISE, take.speaker, take.take)
        return prosody.noisy(sounds[number], self.snr, noise)

    def _seen(
        self, recording: Recording, sounds: Mapping[int, np.ndarray], samples: int
    ) -> Iterator[np.ndarray]:
        """The frames of a recording of that many audio samples; two halves side by side where it is split."""
        if recording.seconds is None and not recording.split:
            ((number, _),) = recording.takes
            frames = self.film(self.takes[number], sounds[number])
        else:
            count = -(-samples * face_drawing.FPS // prosody.RATE)
            sides = ("left", "right") if recording.split else ("",)
            halves = [
                self._half(
                    [each for each in recording.takes if recording.split.get(each[0], "") == side],
                    sounds,
                    count,
                )
                for side in sides
            ]
            frames = (np.concatenate(pictures, axis=1) for pictures in zip(*halves, strict=True))
        return frames if recording.fps == face_drawing.FPS else _retimed(frames, recording.fps)

    def _half(
        self, takes: list[tuple[int, float]], sounds: Mapping[int, np.ndarray], count: int
    ) -> Iterator[np.ndarray]:
        """``count`` frames of the speaker on one side, who keeps still between takes."""
        still = (
            self._still(self.takes[takes[0][0]])
            if takes
            else np.zeros((face_drawing.SIZE,) * 2 + (3,), np.uint8)
        )
        done = 0
        for number, begin in takes:
            wait = round(begin * face_drawing.FPS) - done
            yield from [still] * wait
            done += wait
            for picture in islice(self.film(self.takes[number], sounds[number]), count - done):
                yield picture
                done += 1
        yield from [still] * (count - done)


def openness(sound: np.ndarray) -> np.ndarray:
    """How far the mouth is open in each frame, 0 to 1: the audio's envelope, normalised per clip.

    So the lips do not show the loudness of the speech, which is a cue of the audio's display.
    """
    step = prosody.RATE // face_drawing.FPS
    frames = np.pad(sound.astype(np.float64), (0, -len(sound) % step)).reshape(-1, step)
    envelope = np.convolve(np.sqrt((frames**2).mean(axis=1)), (0.25, 0.5, 0.25), mode="same")
    return np.clip(envelope / max(np.quantile(envelope, 0.95), 1e-6), 0, 1) ** 0.8


def _retimed(frames: Iterable[np.ndarray], fps: float) -> Iterator[np.ndarray]:
    """Convert frames at 25 fps to another frame rate, by repeating or dropping some."""
    shown = 0
    for number, picture in enumerate(frames, start=1):
        while shown * face_drawing.FPS < number * fps:
            yield picture
            shown += 1
