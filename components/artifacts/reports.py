"""The stage ``evaluate``: metrics, figures and the report."""

from pathlib import Path

STAGE = "evaluate"
METRICS = Path("reports/metrics.json")
HEADLINE = Path("reports/headline.json")
"""The few figures that ``dvc exp show`` lists side by side."""
COMPARISON = Path("reports/comparison.csv")
REPORT = Path("reports/index.html")
PLOTS = Path("reports/plots")
