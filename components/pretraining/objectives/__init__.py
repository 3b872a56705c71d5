"""What a network can learn of recordings without labels: one file an objective."""
