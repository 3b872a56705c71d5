"""Fine-tuning on labelled clips: what was said, by connectionist temporal classification, and how.

vocabulary   the characters of the training texts
decoding     log probabilities of characters to a text
network      AV-HuBERT with a head for characters and one for emotions
objective    their losses, for the trainer
errors       rates of wrong characters and words, with intervals over speakers
"""
