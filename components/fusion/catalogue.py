"""The fusion strategies under their names in the literature: what each is, where it comes from, what may vary.

Plain data, read without torch.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import ParamsError, listed
from ..schema import MODALITIES
from .axes import Choice, Log, Uniform

if TYPE_CHECKING:
    from .strategy import Strategy


@dataclass(frozen=True)
class Entry:
    """A line of the registry: where a strategy is and where it comes from."""

    module: str
    attribute: str
    source: str
    description: str

    def load(self) -> type[Strategy]:
        kind: type[Strategy] = getattr(
            importlib.import_module(f".{self.module}", __package__), self.attribute
        )
        return kind


TRAINING_SPACE: dict[str, Choice | Uniform | Log] = {
    "learning_rate": Log(5e-4, 4e-3),
    "weight_decay": Log(1e-3, 1e-1),
    "dropout": Uniform(0.2, 0.6),
    "input_dropout": Uniform(0.0, 0.4),
    "smoothing": Uniform(0.0, 0.2),
    "mixup": Choice((0.0, 0.2, 0.4)),
}
"""What every strategy's training may vary. A strategy's own ``space`` adds to it, and may replace entries."""

UNIMODAL = Entry("unimodal", "Unimodal", "baseline", "the masked mean of a perceptron over its tokens")

REGISTRY: dict[str, Entry] = {
    "majority": Entry(
        "baselines", "Majority", "baseline", "the most frequent class of the training rows, whatever the row"
    ),
    "chance": Entry("baselines", "Chance", "baseline", "a class drawn evenly for each row, by the seed"),
    "early-summation": Entry(
        "early",
        "EarlySummation",
        "feature-level fusion: D'Mello & Kory, ACM Computing Surveys 47(3), 2015",
        "prepared features, pooled over time, mapped to one width and averaged, into one perceptron",
    ),
    "early-concatenation": Entry(
        "early",
        "EarlyConcatenation",
        "feature-level fusion: D'Mello & Kory, ACM Computing Surveys 47(3), 2015",
        "prepared features, pooled over time and concatenated, into one perceptron",
    ),
    "resampled-concatenation": Entry(
        "early",
        "ResampledConcatenation",
        "early fusion transformer: Liang et al., MultiBench, NeurIPS 2021; EF-LSTM: Tsai et al., ACL 2019",
        "prepared features resampled to a common rate and concatenated at each step, into a transformer",
    ),
    "late-average": Entry(
        "late",
        "LateAverage",
        "sum rule: Kittler et al., On Combining Classifiers, TPAMI 20(3), 1998",
        "each modality's own classifier; the mean of their probabilities",
    ),
    "late-maximum": Entry(
        "late",
        "LateMaximum",
        "max rule: Kittler et al., TPAMI 20(3), 1998",
        "each modality's own classifier; for each class the largest probability",
    ),
    "late-product": Entry(
        "late",
        "LateProduct",
        "product rule: Kittler et al., TPAMI 20(3), 1998",
        "each modality's own classifier; the product of their probabilities",
    ),
    "late-weighted": Entry(
        "late",
        "LateWeighted",
        "logarithmic opinion pool: Heskes, NIPS 10, 1998; weights of largest likelihood",
        "each modality's own classifier; the product of their probabilities, each to a power fitted on validation rows",
    ),
    "late-stacking": Entry(
        "late",
        "LateStacking",
        "stacked generalisation: Wolpert, Neural Networks 5(2), 1992",
        "each modality's own classifier; a linear classifier over their log-probabilities, fitted on validation rows",
    ),
    "late-ensemble": Entry(
        "ensemble",
        "LateEnsemble",
        "deep ensembles: Lakshminarayanan, Pritzel & Blundell, NeurIPS 2017; sum rule: Kittler et al. 1998",
        "several classifiers a modality, of other initial weights; the mean of all their probabilities",
    ),
    "intermediate-concatenation": Entry(
        "intermediate",
        "IntermediateConcatenation",
        "Ngiam et al., Multimodal Deep Learning, ICML 2011",
        "each modality's encoder; their embeddings concatenated into one classifier",
    ),
    "gradual": Entry(
        "gradual",
        "Gradual",
        "slow fusion: Karpathy et al., CVPR 2014",
        "each modality's encoder; embeddings joined one after another, in a stated order or as they correlate",
    ),
    "gated": Entry(
        "gated",
        "Gated",
        "gated multimodal units: Arevalo et al., ICLR 2017 workshop",
        "each modality's encoder; embeddings summed under gates that all modalities decide",
    ),
    "tensor": Entry(
        "tensor",
        "TensorFusion",
        "TFN: Zadeh et al., EMNLP 2017",
        "each modality's encoder; the outer product of their embeddings with 1, into one layer",
    ),
    "low-rank-tensor": Entry(
        "tensor",
        "LowRankTensor",
        "LMF: Liu et al., ACL 2018",
        "each modality's encoder; the same outer product by factors of low rank",
    ),
    "multiplicative": Entry(
        "tensor",
        "Multiplicative",
        "Jayakumar et al., Multiplicative Interactions, ICLR 2020",
        "each modality's encoder; bilinear in the embeddings, one modality after another",
    ),
    "shared-private": Entry(
        "shared_private",
        "SharedPrivate",
        "MISA: Hazarika, Zimmermann & Poria, ACM MM 2020",
        "each modality's embedding split in a shared and a private part by losses of their own, all concatenated",
    ),
    "cross-attention": Entry(
        "cross_attention",
        "CrossAttention",
        "Tsai et al., Multimodal Transformer (MulT), ACL 2019; Xu, Zhu & Clifton, TPAMI 2023, row 5",
        "each modality queries the tokens of the others; the results pooled and concatenated",
    ),
    "transformer-summation": Entry(
        "transformer",
        "EarlySummation",
        "early summation: Xu, Zhu & Clifton, TPAMI 2023, table 1, row 1",
        "tokens resampled to one grid and summed, into a transformer",
    ),
    "single-stream": Entry(
        "transformer",
        "SingleStream",
        "early concatenation: Xu, Zhu & Clifton, TPAMI 2023, table 1, row 2",
        "all tokens as one sequence, into a transformer",
    ),
    "many-to-one": Entry(
        "transformer",
        "ManyToOne",
        "hierarchical, multi to one stream: Xu, Zhu & Clifton, TPAMI 2023, table 1, row 3",
        "a transformer layer for each modality, then one transformer over all tokens",
    ),
    "one-to-many": Entry(
        "transformer",
        "OneToMany",
        "hierarchical, one to multi stream: Xu, Zhu & Clifton, TPAMI 2023, table 1, row 4",
        "one transformer over all tokens, then a layer for each modality; pooled and concatenated",
    ),
    "cross-concatenation": Entry(
        "transformer",
        "CrossConcatenation",
        "cross-attention to concatenation: Xu, Zhu & Clifton, TPAMI 2023, table 1, row 6; MulT, ACL 2019",
        "each modality queries the tokens of the others; the results as one sequence, into a transformer",
    ),
    "bottleneck": Entry(
        "transformer",
        "Bottleneck",
        "attention bottlenecks: Nagrani et al., MBT, NeurIPS 2021",
        "a transformer for each modality; they exchange nothing but four tokens",
    ),
    "hybrid-stream": Entry(
        "transformer",
        "HybridStream",
        "hybrid-stream: Xu, Zhu & Clifton, TPAMI 2023, section 4",
        "a transformer for each modality beside one over all tokens; pooled and concatenated",
    ),
}


def entry(name: str, modalities: Sequence[str]) -> Entry:
    """The registry's line for a name: a fusion strategy, or a modality's name for that modality alone.

    Args:
        name: as ``search.strategies`` of params has it.
        modalities: those that params.yaml names.

    Raises:
        ParamsError: for a modality that is none of them, or an unknown name, with the nearest that is known.
    """
    if name in modalities:
        return UNIMODAL
    if name in REGISTRY:
        return REGISTRY[name]
    if name in MODALITIES:
        raise ParamsError(
            f"strategy {name!r} is the modality {name!r} alone, and modalities in params.yaml names "
            f"{listed(modalities)}: add {name} there, or take it out of the strategies"
        )
    known = [*modalities, *REGISTRY]
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    hint = f"did you mean {close[0]!r}?" if close else f"it may be: {', '.join(known)}"
    raise ParamsError(f"strategy {name!r} is not known; {hint}")
