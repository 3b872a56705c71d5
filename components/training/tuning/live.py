"""Rows whose tokens are made anew, with gradient, by encoders that learn; the rest comes from the feature store."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...errors import FeatureError
from ...fusion.preparation import Layout, Preparation
from ..data import Rows
from .learner import Learner

TOLERANCE = 1e-2
"""By how much, relative and absolute, an encoder may differ from the features that it made on another machine."""


@dataclass(frozen=True)
class Stored:
    """Rows as the feature store has them, before preparation.

    Attributes:
        ids: the utterances.
        rows: of them.
    """

    ids: tuple[str, ...]
    rows: Rows


class Live:
    """Makes the tokens of some encoders anew.

    Args:
        learners: the encoders by name.
        layouts: ``{modality: [(encoder, size), …]}`` of the stored tokens; those of the strategy's modalities.
        preparation: fitted on the frozen encoders' features, and fixed.
        device: "cpu" or "cuda".
    """

    def __init__(
        self,
        learners: Mapping[str, Learner],
        layouts: Mapping[str, Layout],
        preparation: Preparation,
        device: str,
    ):
        self.learners = learners
        self.preparation = deepcopy(preparation).to(device)
        self.device = device
        self.places: dict[str, tuple[str, int, int]] = {}
        """Encoder → its modality, and from where to where its features lie."""
        for modality, layout in layouts.items():
            at = 0
            for encoder, size in layout:
                if encoder in learners:
                    self.places[encoder] = (modality, at, at + size)
                at += size

    def lengths(self, stored: Stored) -> Tensor:
        """How much the encoders read of each row: int64 ``[N]``."""
        total = torch.zeros(len(stored.ids), dtype=torch.int64)
        for encoder, (modality, _, _) in self.places.items():
            there = stored.rows.present[modality].any(1)
            for i in there.nonzero().squeeze(-1).tolist():
                total[i] += self.learners[encoder].length(stored.ids[i])
        return total

    def rows(self, stored: Stored, index: Tensor) -> Rows:
        """Prepared rows on the device.

        Args:
            stored: all rows.
            index: which of them, int64 ``[B]``.
        """
        part = stored.rows.at(index).to(self.device)
        ids = [stored.ids[i] for i in index.tolist()]
        tokens = dict(part.tokens)
        for encoder in self.places:
            modality, start, stop = self.places[encoder]
            own = self._made(encoder, tokens[modality], part.present[modality], ids)
            tokens[modality] = torch.cat(
                [tokens[modality][..., :start], own, tokens[modality][..., stop:]], dim=-1
            )
        prepared = self.preparation(tokens, part.present)
        of = self.preparation
        return replace(part, tokens=prepared, layers=of.layers, posteriors=of.posteriors)

    def check(self, stored: Stored, rows: int = 4) -> None:
        """Hold the encoders against some of the features that they made.

        Raises:
            FeatureError: they give others.
        """
        for encoder, (modality, start, stop) in self.places.items():
            index = stored.rows.present[modality].any(1).nonzero().squeeze(-1)[:rows]
            part = stored.rows.at(index).to(self.device)
            ids = [stored.ids[i] for i in index.tolist()]
            with torch.no_grad():
                made = self._made(encoder, part.tokens[modality], part.present[modality], ids)
            there = part.present[modality].unsqueeze(-1)
            before = torch.where(there, part.tokens[modality][..., start:stop], 0.0)
            if not torch.allclose(made, before, rtol=TOLERANCE, atol=TOLERANCE):
                raise FeatureError(
                    f"the encoder {encoder} gives other features than those that are stored (by up to "
                    f"{float((made - before).abs().max()):.3g}): make them again with: dvc repro -f features"
                )

    def _made(self, encoder: str, tokens: Tensor, present: Tensor, ids: Sequence[str]) -> Tensor:
        """An encoder's features ``[B, T, size]`` for stored tokens ``[B, T, D]``; zeros where there is no token."""
        _, start, stop = self.places[encoder]
        made = tokens.new_zeros(*tokens.shape[:2], stop - start)
        there = present.any(1).nonzero().squeeze(-1)
        if not len(there):
            return made
        x, mask = self.learners[encoder].tokens([ids[i] for i in there.tolist()])
        if x.shape[1] == 1:  # pooled: the same for all tokens of encoders beside it
            x, mask = x.expand(-1, tokens.shape[1], -1), present[there]
        if not torch.equal(mask.sum(1), present[there].sum(1)) or x.shape[-1] != stop - start:
            raise FeatureError(
                f"the encoder {encoder} gives tokens of another shape than those that are stored: make them again "
                "with: dvc repro -f features"
            )
        x = torch.where(mask.unsqueeze(-1), x, 0.0)
        x = torch.nn.functional.pad(x, (0, 0, 0, tokens.shape[1] - x.shape[1]))
        return made.index_put((there,), x)
