"""Any corpus described by a table, utterances.csv or utterances.parquet."""

from .adapter import ADAPTER

__all__ = ["ADAPTER"]
