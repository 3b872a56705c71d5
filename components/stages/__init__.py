"""The entry points of ``dvc.yaml``: ``python -m emoflow.stages.NAME``.

Thin: each reads params.yaml, the environment and the artifacts of the stages before it, calls the room that does the
work, and writes its artifacts. These modules alone know what lies under data/ and reports/, through `artifacts`.
"""
