"""Worse sound of films, for an encoder of faces that hears it too."""

from dataclasses import dataclass, replace
from pathlib import Path

from ... import media
from ...encoders.av_hubert.clip import AudioVisualClip, frames_of_sound, joined
from .perturbation import Perturbation
from .sound import RATE


@dataclass(frozen=True)
class WorseFilmSound:
    """Changes the sound of a clip, and leaves its pictures as they are.

    Attributes:
        film: the recording.
        how: what becomes of its sound.
    """

    film: Path
    how: Perturbation

    def __call__(self, clip: AudioVisualClip) -> AudioVisualClip:
        """The clip with the changed sound, as many frames of it as before; one without sound as it is."""
        if clip.audio is None:
            return clip
        (worse,) = self.how(media.sound_blocks(self.film, rate=RATE))
        heard = joined(frames_of_sound([worse]), clip.pictures, clip.present)
        return replace(clip, audio=heard.audio)
