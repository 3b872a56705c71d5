"""Linear probes of the stored features: what each encoder, and each of its layers, tells of a target: `emoflow probe`.

inputs       what is read: utterances, folds, the feature store
blocks       the features of one encoder or layer, as the mean over an utterance's tokens
targets      what is probed for, with what is left out and why
control      the control task of a target
splits       training and test rows, where they are not the protocol's folds
recordings   duration and level of each utterance's sound
probe        the linear models: fitted on training rows, predicting test rows
figures      UA or R² of the predictions, the control task's, and the selectivity
findings     the result, typed
run          every probe of every block
table        the result for a terminal
figure       the result as a picture
"""
