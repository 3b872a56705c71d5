"""Lineage: what each published model came from, collected from the files of the run and kept in a database.

>>> from emoflow.lineage import Store, tree
>>> print(tree("models:/emotion-emotion7@champion", store=Store("sqlite:///.emoflow/lineage.db")))

- ``harvest``: ``dvc.lock``, git, the verdicts and the folds → ``Facts``.
- ``Store``: keeps facts, who is in which model, and the ledger of promotions.
- ``parse``: a model's name as users write it (``models:/NAME@champion``, ``NAME/3``) → ``ModelReference``.
- ``speakers``: who is known by which name, and which versions heard them.
- ``withdrawal``: what is left to do once a speaker withdrew consent.
- ``graph`` and ``tree``: a model back to its raw files, as plain data and for a terminal.
"""

from .harvest import harvest
from .reference import ModelReference, parse
from .store import Facts, LedgerRow, Store
from .tree import graph, tree

__all__ = ["Facts", "LedgerRow", "ModelReference", "Store", "graph", "harvest", "parse", "tree"]
