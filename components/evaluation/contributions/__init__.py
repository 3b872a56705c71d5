"""What each modality contributes: every subset of a strategy's modalities, Shapley values and interactions.

- `coalitions`: a strategy's test predictions with each subset of its modalities.
- `shapley`: Shapley values and pairwise interactions of any set function.
- `figures`: both, of UA with intervals and of single predictions.
- `shown`: what the report shows of them.
"""
