"""The metrics as the files that people read side by side."""

from typing import TYPE_CHECKING, Any

from ..artifacts.model import CHOSEN
from ..artifacts.reports import Comparison, Headline, Interval, Metrics, StrategySearch, Variation
from .metrics import METRICS
from .summary import COLUMNS, ranked

if TYPE_CHECKING:
    import pandas as pd


def headline(metrics: Metrics) -> Headline:
    """The few figures that one reads side by side (`dvc exp show`), each with its interval.

    Args:
        metrics: of the experiment.
    """
    figures: dict[str, float | None] = {}
    for metric in COLUMNS:
        for choice, name in (("nested", CHOSEN), ("registered", metrics.best)):
            strategy = metrics.strategies.get(name)
            figures |= _bounds(f"{metric}_{choice}", strategy.pooled(metric) if strategy else None)
    return Headline.model_validate(
        {
            "protocol": metrics.protocol,
            "inflated": metrics.inflated is not None,
            "best": metrics.best,
            "alarms": len(metrics.alarms),
        }
        | figures
    )


def comparison_table(metrics: Metrics) -> "pd.DataFrame":
    """Every strategy's figures, each with its interval, its folds and its seeds.

    Args:
        metrics: of the experiment.

    Returns:
        One row per strategy, by descending UA.
    """
    import pandas as pd

    ceiling = metrics.ceiling.strategies if metrics.ceiling else {}
    compared = {each.second: each for each in metrics.comparisons}
    rows = []
    for name, figures in ranked(metrics):
        row: dict[str, Any] = {
            "protocol": metrics.protocol,
            "strategy": name,
            "best": name == metrics.best,
            "baseline": figures.baseline,
            "modalities": "+".join(figures.modalities),
            "params": figures.params,
            "operations": figures.operations,
            "pareto": name in metrics.cost.front,
        }
        for metric in METRICS:
            folds, seeds = figures.fold_mean[metric], figures.single_seed[metric]
            row |= _bounds(metric, figures.pooled(metric))
            row |= {f"{metric}_fold_mean": folds.mean, f"{metric}_fold_sd": folds.sd}
            row |= {f"{metric}_fold_{k}": value for k, value in enumerate(folds.values)}
            row |= {f"{metric}_seed_mean": seeds.mean, f"{metric}_seed_sd": seeds.sd}
            row |= _bounds(f"{metric}_over_folds", figures.over_folds[metric])
        row |= _beside_best(compared.get(name)) | _searched(metrics.search.strategies.get(name))
        row |= {f"recall_{label}": value for label, value in figures.recall.items()}
        row |= {
            "oracle_wa": ceiling[name].oracle if name in ceiling else None,
            "oracle_ua": ceiling[name].oracle_ua if name in ceiling else None,
        }
        rows.append(row)
    return pd.DataFrame(rows).astype(
        dict.fromkeys(("params", "operations", "trials", "epochs_trained"), "Int64")
    )


def _bounds(name: str, interval: Interval | Variation | None) -> dict[str, float | None]:
    """A figure under its name, and the bounds of its interval under ``…_low`` and ``…_high``; None for no figure."""
    if interval is None:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    return {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}


def _beside_best(compared: Comparison | None) -> dict[str, float | None]:
    """The best minus this one, in UA, with the corrected p-values of both tests."""
    pooled = Interval(mean=compared.difference, low=compared.low, high=compared.high) if compared else None
    return {
        **_bounds("best_minus_ua", pooled),
        "best_minus_ua_p": compared.p_corrected if compared else None,
        **_bounds("best_minus_ua_over_folds", compared.folds if compared else None),
        "best_minus_ua_over_folds_p": compared.folds_p_corrected if compared else None,
    }


def _searched(searched: StrategySearch | None) -> dict[str, float | int | None]:
    """What the search spent on a strategy and the validation figures of its choices; nothing for ``chosen``."""
    return {
        "validation_ua": searched.validation.ua if searched else None,
        "validation_ua_sd": searched.validation.sd if searched else None,
        "trials": searched.trials if searched else None,
        "epochs_trained": searched.epochs_trained if searched else None,
    }
