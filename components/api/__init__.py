"""What ``import emoflow`` gives: the pipeline's steps as functions, on tables and tensors, in a script or a notebook.

corpora     a corpus on disk as an utterance table; folds by a protocol
features    recordings to tokens
training    a fold's rows; populations of configurations
evaluation  figures with intervals
models      a registered model
"""
