"""The ensemble of each configuration's seeds: the mean of their probabilities on validation rows, scored each epoch."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..training.metrics import log_loss, unweighted_recall, weighted_accuracy


class Ensembles:
    """Gathers what the seeds of each configuration say of the validation rows, and scores their ensemble.

    The seeds of a configuration come in their order, though not all in one population where memory holds fewer. Only of
    a configuration that is not complete are probabilities kept.

    Args:
        target: classes of the validation rows, ``[N]``.
        seeds: of each configuration.
    """

    def __init__(self, target: Tensor, seeds: int):
        self.target, self.seeds = target, seeds
        self.sums: dict[tuple[int, int], Tensor] = {}

    def add(
        self, ids: Sequence[tuple[int, int]], epoch: int, logits: Tensor
    ) -> list[tuple[int, dict[str, float]]]:
        """Take what a population says after an epoch.

        Args:
            ids: configuration and seed (from 0) of each member.
            epoch: its number.
            logits: of the validation rows, ``[K, N, C]``.

        Returns:
            The configurations whose last seed was among them, each with the ensemble's ``wa``, ``ua`` and ``loss``.
        """
        whole = []
        for (i, seed), each in zip(ids, logits.log_softmax(-1), strict=True):
            before = self.sums.pop((i, epoch), None)
            total = each if before is None else torch.logaddexp(before, each)
            if seed == self.seeds - 1:
                whole.append((i, total))
            else:
                self.sums[i, epoch] = total
        if not whole:
            return []
        sums = torch.stack(
            [total for _, total in whole]
        )  # log of S times the mean: as logits they are the mean
        scores = zip(
            weighted_accuracy(sums, self.target).tolist(),
            unweighted_recall(sums, self.target).tolist(),
            log_loss(sums, self.target).tolist(),
            strict=True,
        )
        return [
            (i, {"wa": wa, "ua": ua, "loss": loss})
            for (i, _), (wa, ua, loss) in zip(whole, scores, strict=True)
        ]
