"""MELD: clips of a television series, labelled in one CSV per split."""

from .adapter import ADAPTER

__all__ = ["ADAPTER"]
