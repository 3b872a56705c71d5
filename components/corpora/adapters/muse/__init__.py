"""The packages of the MuSe challenges: labels and features over time, without recordings."""

from .adapter import ADAPTER

__all__ = ["ADAPTER"]
