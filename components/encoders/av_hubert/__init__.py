"""AV-HuBERT (Shi et al. 2022): speech from sound and lips, by one transformer over both; written without fairseq.

AvHubertConfig.base()                 the sizes of a published model
AvHubert(config)                      the network: filter-bank frames and mouths to states at 25 Hz
filterbank.stacked_filterbank(sound)  the frames of sound that it takes
encoder.AvHubertFilms, .AvHubertSpeech   as encoders of faces and of speech
"""
