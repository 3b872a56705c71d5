"""Linear probes: what each encoder's and the fusion's layers tell of a target: `emoflow probe`.

inputs       what is read: utterances, folds, the feature store, the models of the folds
blocks       the features of one encoder or layer, as the mean over an utterance's tokens
targets      what is probed for, with what is left out and why
control      the control task of a target
splits       training and test rows, where they are not the protocol's folds
recordings   duration and level of each utterance's sound
probe        the linear models: fitted on training rows, predicting test rows
figures      UA or R² of the predictions, the control task's, and the selectivity
findings     the result, typed
model_layers what the layers of a fold's model make of utterances
model_splits training and test rows for a fold's model
models       every probe of every layer of the folds' models
run          every probe of every block and layer
sentences    what can be read from the embedding, in words
table        the result for a terminal
figure       the result as a picture
"""
