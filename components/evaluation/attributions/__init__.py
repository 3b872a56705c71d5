"""When in a clip, and by which words, a model is led to its answer: integrated gradients and attention roll-out.

- `gradients`: integrated gradients of an ensemble's log-probability with respect to its prepared tokens.
- `over_time`: what part of the clip a token is of; values of tokens as values of even parts.
- `by_word`: values of hashed columns as values of the words that were hashed.
- `recording`: a clip's length and waveform.
- `figures`: all of it, for the errors that the report lists.
- `shown`: what the report shows of it.
"""
