"""Training: losses, metrics, the population trainer. No files, no Ray, no tracking; ``train`` is the stage."""
