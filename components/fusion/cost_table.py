"""The cost of each strategy, written by `measuring`: not to be edited."""

from .costs import Cost

COSTS = {
    "one modality alone": Cost(varies=("width", "layers"), parameters=17415, operations=263936),
    "majority": Cost(varies=(), parameters=0, operations=0),
    "chance": Cost(varies=(), parameters=0, operations=0),
    "early-summation": Cost(
        varies=("width", "layers", "modality_dropout"), parameters=66951, operations=132864
    ),
    "early-concatenation": Cost(
        varies=("width", "layers", "modality_dropout"), parameters=50567, operations=100096
    ),
    "resampled-concatenation": Cost(
        varies=("width", "layers", "modality_dropout", "heads", "slots"), parameters=58951, operations=983936
    ),
    "late-average": Cost(varies=("width", "layers"), parameters=52245, operations=791808),
    "late-maximum": Cost(varies=("width", "layers"), parameters=52245, operations=791808),
    "late-product": Cost(varies=("width", "layers"), parameters=52245, operations=791808),
    "late-weighted": Cost(varies=("width", "layers"), parameters=52245, operations=791850),
    "late-stacking": Cost(varies=("width", "layers"), parameters=52245, operations=792102),
    "late-ensemble": Cost(varies=("width", "layers", "experts"), parameters=156735, operations=2375424),
    "intermediate-concatenation": Cost(
        varies=("width", "layers", "modality_dropout", "unimodal_weight"),
        parameters=102812,
        operations=891904,
    ),
    "gradual": Cost(
        varies=("width", "layers", "modality_dropout", "unimodal_weight", "order"),
        parameters=119324,
        operations=924672,
    ),
    "gated": Cost(
        varies=("width", "layers", "modality_dropout", "unimodal_weight"),
        parameters=250908,
        operations=1186816,
    ),
    "tensor": Cost(
        varies=("width", "layers", "modality_dropout", "unimodal_weight", "narrow"),
        parameters=150068,
        operations=986368,
    ),
    "low-rank-tensor": Cost(
        varies=("width", "layers", "modality_dropout", "unimodal_weight", "narrow", "rank"),
        parameters=116608,
        operations=916480,
    ),
    "multiplicative": Cost(
        varies=("width", "layers", "modality_dropout", "unimodal_weight", "narrow"),
        parameters=68188,
        operations=822752,
    ),
    "shared-private": Cost(
        varies=("width", "layers", "modality_dropout", "unimodal_weight", "auxiliary_weight"),
        parameters=80540,
        operations=544256,
    ),
    "cross-attention": Cost(
        varies=("width", "heads", "layers", "modality_dropout", "unimodal_weight"),
        parameters=128668,
        operations=2462976,
    ),
    "transformer-summation": Cost(
        varies=("width", "heads", "layers", "modality_dropout", "unimodal_weight"),
        parameters=60447,
        operations=962048,
    ),
    "single-stream": Cost(
        varies=("width", "heads", "layers", "modality_dropout", "unimodal_weight"),
        parameters=60444,
        operations=2117120,
    ),
    "many-to-one": Cost(
        varies=("width", "heads", "layers", "modality_dropout", "unimodal_weight"),
        parameters=160860,
        operations=3739136,
    ),
    "one-to-many": Cost(
        varies=("width", "heads", "layers", "modality_dropout", "unimodal_weight"),
        parameters=161756,
        operations=3740928,
    ),
    "cross-concatenation": Cost(
        varies=("width", "heads", "layers", "modality_dropout", "unimodal_weight"),
        parameters=161244,
        operations=4181504,
    ),
    "bottleneck": Cost(
        varies=("width", "heads", "layers", "modality_dropout", "unimodal_weight"),
        parameters=228956,
        operations=5338368,
    ),
    "hybrid-stream": Cost(
        varies=("width", "heads", "layers", "modality_dropout", "unimodal_weight"),
        parameters=162204,
        operations=3741824,
    ),
}
