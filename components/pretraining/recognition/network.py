"""AV-HuBERT with a head for the characters of what is said, and one for the emotion of how."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from ...encoders.av_hubert.configuration import AvHubertConfig
from ...encoders.av_hubert.network import AvHubert
from .vocabulary import Vocabulary


class Recognised(NamedTuple):
    """What the network says of a batch.

    Attributes:
        characters: log probabilities at each of S steps a frame, ``[B, S · T, V]``; V counts the blank.
        emotions: logits of each clip, ``[B, C]``.
        embedding: the mean of the output over each clip, ``[B, D]``.
    """

    characters: Tensor
    emotions: Tensor
    embedding: Tensor


class AvHubertRecogniser(AvHubert):
    """Linear heads on the output: of each frame for characters, of the mean over the clip for emotions.

    CTC gives one character at a step at the most, and fast speech has more than the 25 a second that there are frames:
    a frame has several steps. What the heads' outputs stand for is in the configuration, as ``characters``,
    ``emotions`` and ``steps_per_frame``. The weights without the heads are an encoder as any other.
    """

    def __init__(self, config: AvHubertConfig):
        super().__init__(config)
        self.characters_head = nn.Linear(
            config.hidden_size, config.steps_per_frame * len(vocabulary_of(config))
        )
        self.emotions_head = nn.Linear(config.hidden_size, len(config.emotions))
        self.post_init()

    @classmethod
    def from_encoder(
        cls, encoder: AvHubert, vocabulary: Vocabulary, emotions: tuple[str, ...], *, steps_per_frame: int = 1
    ) -> AvHubertRecogniser:
        """New heads on an encoder's weights, which are copied."""
        config = AvHubertConfig.from_dict(encoder.config.to_dict())
        config.characters, config.emotions = list(vocabulary.characters), list(emotions)
        config.steps_per_frame = steps_per_frame
        made = cls(config)
        made.load_state_dict(encoder.state_dict(), strict=False)
        return made

    def forward(  # type: ignore[override]  # a model with heads answers, as those of transformers do
        self,
        audio: Tensor | None,
        video: Tensor | None,
        audio_present: Tensor | None,
        video_present: Tensor | None,
        attention_mask: Tensor,
    ) -> Recognised:
        """Recognise; arguments as `AvHubert.forward` takes them."""
        states = super().forward(audio, video, audio_present, video_present, attention_mask).last_hidden_state
        there = attention_mask.unsqueeze(-1)
        mean = (states * there).sum(1) / there.sum(1)
        each = self.characters_head(states).unflatten(-1, (self.config.steps_per_frame, -1))
        characters = each.flatten(1, 2).float().log_softmax(-1)
        return Recognised(characters, self.emotions_head(mean).float(), mean.float())


def vocabulary_of(config: AvHubertConfig) -> Vocabulary:
    """The characters that a model's head tells apart."""
    return Vocabulary(tuple(config.characters))
