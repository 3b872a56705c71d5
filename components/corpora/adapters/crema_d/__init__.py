"""CREMA-D: acted clips of 91 actors with each rater's votes."""

from .adapter import ADAPTER

__all__ = ["ADAPTER"]
