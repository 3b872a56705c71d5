"""IEMOCAP: dyadic sessions with transcripts and each rater's labels."""

from .adapter import ADAPTER

__all__ = ["ADAPTER"]
