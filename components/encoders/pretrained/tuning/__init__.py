"""Encoders whose models are trained with the fusion, from the frozen model on: of text, speech and pictures.

inputs.py     what is asked of a modality: its media as a model's inputs, and tokens of a batch of them
text.py       texts, padded
speech.py     recordings, one after another
pictures.py   faces, in batches of pictures
weights.py    which weights are trained: low-rank updates, or all
model.py      a model with weights that learn
members.py    a published model's encoder, once, with the weights of each member
opener.py     what a process needs to open an encoder for training
"""
