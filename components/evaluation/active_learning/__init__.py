"""Active learning, simulated: which clips is it worth to label next? A model asks, and the corpus's labels answer."""
