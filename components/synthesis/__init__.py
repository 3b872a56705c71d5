"""Control corpora: recordings with planted truth, in the layout of every adapter, and their Bayes ceilings."""
