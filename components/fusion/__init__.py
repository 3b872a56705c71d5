"""Fusion strategies: one family a file, pure ``torch.nn``. Imported lazily: the names need no torch."""
