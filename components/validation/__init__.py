"""Validation: data contracts (``contract``, ``check``) and the leakage gate (``leakage``), which guards the folds.

Nothing is imported here: the gate costs pandas alone, a contract seconds of Great Expectations.
"""
