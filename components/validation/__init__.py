"""Data contracts (``contract``, ``check``) and their pages.

Nothing is imported here: Great Expectations takes seconds.
"""
