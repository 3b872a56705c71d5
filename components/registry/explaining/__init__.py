"""Why a registered model decides as it does on one clip: Shapley values of its modalities, occlusion over time.

- `asking`: one answer of a loaded model, and what the model says without a part of the clip.
- `occlusion`: the parts that are left out: windows of sound and face, words.
- `explanation`: what is found.
- `explain`: finds it.
- `profile`: what overlapping windows say together.
- `figure`: draws it.
"""
