"""Pre-computed feature tables that come with a corpus: reading them, and joining them to its utterances."""
