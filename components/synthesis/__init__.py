"""Control corpora: recordings with planted truth, in every adapter's layout, and the Bayes ceilings of that truth."""
