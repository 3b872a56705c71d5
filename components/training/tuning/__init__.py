"""Fine-tuning: encoder and fusion trained together, starting from the frozen encoder's model.

learner.py    what an encoder has to offer
live.py       rows whose tokens are made anew by encoders that learn
member.py     one member: its epochs, its scores, its state
jobs.py       members in worker processes
"""
