"""Hugging Face models as encoders: hidden states of speech, text and picture models.

spec.py             what params.yaml says of one: model, revision, layers, pooling; and its name
folder.py           where its files are, what is refused, and their digests
architecture.py     which modality an architecture belongs to; loading its weights
layers.py           hidden states to tokens: the choice of layers, pooling over time
speech.py, text.py, pictures.py     one modality each
speaker.py, expressions.py     GE2E, and face-api's network of expressions
recogniser.py       words from speech
tuning/             encoders whose models are trained with the fusion
"""
