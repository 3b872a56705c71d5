"""What every fusion strategy returns."""

from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True)
class FusionOutput:
    """One batch, fused.

    Attributes:
        logits: ``[B, C]``, of the fused decision.
        embedding: ``[B, E]``, what the fused decision was made from.
        per_modality_logits: ``{modality: [B, C]}`` of each modality's own decision; None where there is none.
            Rows in which the modality is absent hold finite numbers without meaning.
        auxiliary: further tensors that the strategy's own loss needs.
        per_modality_embeddings: ``{modality: [B, E]}``, what each modality is encoded to before they meet, of one
            size for all; None where nothing is encoded for itself. Rows without the modality: as above.
    """

    logits: Tensor
    embedding: Tensor
    per_modality_logits: dict[str, Tensor] | None = None
    auxiliary: dict[str, Tensor] = field(default_factory=dict)
    per_modality_embeddings: dict[str, Tensor] | None = None

    def float(self) -> "FusionOutput":
        """The same in float32."""

        def each(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
            return {name: x.float() for name, x in tensors.items()}

        alone, encoded = self.per_modality_logits, self.per_modality_embeddings

        return FusionOutput(
            self.logits.float(),
            self.embedding.float(),
            per_modality_logits=None if alone is None else each(alone),
            auxiliary=each(self.auxiliary),
            per_modality_embeddings=None if encoded is None else each(encoded),
        )
