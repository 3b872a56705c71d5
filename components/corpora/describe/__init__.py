"""What a corpus holds, for people: the list of known corpora, one corpus's statistics, and its figure."""
