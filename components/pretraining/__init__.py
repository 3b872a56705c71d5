"""Pre-training on recordings without labels.

store            clips as frames of sound and pictures, on disk
batches          the stream of batches
trainer          the training loop, resumed from its last saved state
objectives       what is learned
"""
