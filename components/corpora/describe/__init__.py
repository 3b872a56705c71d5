"""Corpora for people: the list of known corpora, the statistics of one, and its figure."""
