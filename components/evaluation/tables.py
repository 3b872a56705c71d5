"""The metrics as the files that people read side by side."""

from typing import TYPE_CHECKING, Any

from .metrics import METRICS
from .summary import COLUMNS, ranked

if TYPE_CHECKING:
    import pandas as pd

ENDS = {"": "mean", "_low": "low", "_high": "high"}


def headline(metrics: dict[str, Any]) -> dict[str, Any]:
    """The few figures that one reads side by side (`dvc exp show`), each with its interval.

    ``<metric>_nested`` is of the pseudo-strategy ``chosen``: what each fold's own validation chose, strictly nested.
    ``<metric>_registered`` is of the strategy that is registered. The validation of all folds named it, whose speakers
    are other folds' test speakers, so it may be a little too high.

    Returns:
        protocol, inflated, best, alarms; of each metric and choice the figure, and its interval's bounds under
        ``…_low`` and ``…_high``.
    """
    choices = {"nested": "chosen", "registered": metrics["best"]}
    return {
        "protocol": metrics["protocol"],
        "inflated": metrics["inflated"] is not None,
        "best": metrics["best"],
        **{
            f"{metric}_{choice}{end}": metrics["strategies"][name][metric][key]
            for metric in COLUMNS
            for choice, name in choices.items()
            for end, key in ENDS.items()
        },
        "alarms": len(metrics["alarms"]),
    }


def comparison_table(metrics: dict[str, Any]) -> "pd.DataFrame":
    """One row a strategy, by descending UA: every figure with its interval, its folds and its seeds."""
    import pandas as pd

    ceiling = {} if metrics["ceiling"] is None else metrics["ceiling"]["strategies"]
    compared = {each["second"]: each for each in metrics["comparisons"]}
    rows = []
    for name, figures in ranked(metrics):
        row = {
            "protocol": metrics["protocol"],
            "strategy": name,
            "best": name == metrics["best"],
            "baseline": figures["baseline"],
            "modalities": "+".join(figures["modalities"]),
            "params": figures["params"],
        }
        for metric in METRICS:
            row |= {
                metric: figures[metric]["mean"],
                f"{metric}_low": figures[metric]["low"],
                f"{metric}_high": figures[metric]["high"],
                f"{metric}_fold_mean": figures["fold_mean"][metric]["mean"],
                f"{metric}_fold_sd": figures["fold_mean"][metric]["sd"],
            }
            row |= {
                f"{metric}_fold_{k}": value for k, value in enumerate(figures["fold_mean"][metric]["folds"])
            }
            row |= {
                f"{metric}_seed_mean": figures["single_seed"][metric]["mean"],
                f"{metric}_seed_sd": figures["single_seed"][metric]["sd"],
            }
            row |= {
                f"{metric}_over_folds{end}": figures["over_folds"][metric][key] for end, key in ENDS.items()
            }
        row |= _beside_best(compared.get(name)) | _searched(metrics["search"]["strategies"].get(name))
        row |= {f"recall_{label}": value for label, value in figures["recall"].items()}
        row |= {
            "oracle_wa": ceiling[name]["oracle"] if name in ceiling else None,
            "oracle_ua": ceiling[name]["oracle_ua"] if name in ceiling else None,
        }
        rows.append(row)
    return pd.DataFrame(rows).astype({"params": "Int64", "trials": "Int64", "epochs_trained": "Int64"})


def _beside_best(comparison: dict[str, Any] | None) -> dict[str, float | None]:
    """The best minus this one, in UA, with the corrected p-values of both tests."""
    comparison = comparison or dict.fromkeys(
        ("difference", "low", "high", "p_corrected", "folds", "folds_p_corrected")
    )
    folds = comparison["folds"] or dict.fromkeys(ENDS.values())
    return {
        "best_minus_ua": comparison["difference"],
        "best_minus_ua_low": comparison["low"],
        "best_minus_ua_high": comparison["high"],
        "best_minus_ua_p": comparison["p_corrected"],
        **{f"best_minus_ua_over_folds{end}": folds[key] for end, key in ENDS.items()},
        "best_minus_ua_over_folds_p": comparison["folds_p_corrected"],
    }


def _searched(searched: dict[str, Any] | None) -> dict[str, float | int | None]:
    """What the search spent on a strategy and the validation figures of its choices; nothing for ``chosen``."""
    searched = searched or {
        "validation": {"ua": None, "sd": None},
        "trials": None,
        "failed": None,
        "epochs_trained": None,
    }
    return {
        "validation_ua": searched["validation"]["ua"],
        "validation_ua_sd": searched["validation"]["sd"],
        "trials": searched["trials"],
        "epochs_trained": searched["epochs_trained"],
    }
