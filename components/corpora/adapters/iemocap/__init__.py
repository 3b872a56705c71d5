"""IEMOCAP: dyadic sessions, with transcripts and each rater's labels in documents of their own."""

from .adapter import ADAPTER

__all__ = ["ADAPTER"]
