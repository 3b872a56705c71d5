"""Pre-computed features that come with a corpus: reading them and joining them to its utterances."""
