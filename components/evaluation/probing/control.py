"""The control task of a target.

It asks the same probe, on the same splits, for values that say nothing of the utterance: the target's own, dealt out
again at random over the utterances (Hewitt & Liang, "Designing and Interpreting Probes with Control Tasks",
EMNLP-IJCNLP 2019). Theirs gives each type of word a random value, which a probe can learn by memorising the types that
occur in training and in test. What recurs here are speakers and sentences. A random value for each speaker would be
learned from the voice, and one for each of a few sentences from the words: the control would be high where the
features hold these, and the selectivity low for no fault of the probe. An utterance does not recur, so that its random
value cannot be predicted where it is held out, and the control is at chance unless test rows were learned from.
"""

import numpy as np


def dealt_again(values: np.ndarray, known: np.ndarray, seed: int) -> np.ndarray:
    """The values of the known rows, dealt out again at random; the others stay."""
    dealt = values.copy()
    dealt[known] = np.random.default_rng(seed).permutation(values[known])
    return dealt
