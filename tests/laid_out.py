"""Control corpora laid out without media: a layout's documents as they are, its recordings as empty files."""

from pathlib import Path

from emoflow.synthesis import utterance_sampling as made
from emoflow.synthesis.layouts.plan import LayoutSpec, Plan, Take


def takes(
    speakers: int, clips: int, spec: LayoutSpec, seed: int = 7, *, language: str | None = None, **truth
) -> list[Take]:
    """Takes for a layout.

    Args:
        clips: of each emotion by each speaker.
        truth: ``raters``, ``missing``, … as ``emoflow.synthesis.utterance_sampling.planted`` has them.
    """
    held = made.planted(spec, **truth)
    return made.make(spec, held, speakers=speakers, clips=clips, seed=seed, language=language)


def lay_out(plan: Plan, folder: Path) -> Path:
    """Write what is planned into a folder, which is made, and return it."""
    for path, content in plan.documents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    for path in plan.recordings:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()
    return folder
