"""Adaptation to affect: go on pre-training with those clips of an unlabelled pool that are like emotional ones.

embedding   clips as vectors
retrieval   the pool's clips that are nearest to labelled ones
probe       what a model's vectors tell of emotions, before and after
page        the retrieved clips, to look through
"""
