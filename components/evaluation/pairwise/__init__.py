"""Two experiments of one protocol, compared on the utterances that both were tested on: `emoflow compare`.

sides        what is compared; which utterances both have; what cannot be compared
statistics   figures, paired differences, tests, effect size: pure functions of two `Predictions`
findings     the result, typed
answer       the result in a sentence or two
table        the result for a terminal
figure       the result as a picture
"""
