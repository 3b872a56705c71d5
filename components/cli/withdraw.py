"""`emoflow withdraw`: a speaker withdraws consent."""

import getpass
from pathlib import Path
from typing import Annotated

import typer

from ..errors import LineageError, redacted
from .shared import environment, require_workspace

app = typer.Typer()


@app.command(epilog="Example: `emoflow withdraw ravdess/07 --reason 'letter of 3 May'`")
def withdraw(
    speaker: Annotated[str, typer.Argument(help="CORPUS/SPEAKER, e.g. ravdess/07")],
    reason: Annotated[str, typer.Option(help="kept for good, with the time and your login name")],
) -> None:
    """Record that a speaker withdrew consent, for good, and say what is left to do. Nothing is deleted.

    No version that learned from the speaker can be promoted or rolled back to from then on.
    """
    from ..lineage import Store
    from ..lineage.speakers import heard, known
    from ..lineage.withdrawal import plan

    require_workspace()
    if not reason.strip():
        raise LineageError("a withdrawal needs a reason: --reason '…', which is kept")
    settings = environment()
    with Store(settings.lineage_uri, root=Path()) as store:
        speaker = known(speaker, store=store)
        before = store.withdrawal(speaker)
        kept = store.withdraw(speaker, who=getpass.getuser(), reason=reason)
        versions = heard(speaker, store=store)
    word = "was recorded already" if before else "is recorded"
    print(f"the withdrawal of {speaker} {word}: {kept.at}, by {kept.who}: {kept.reason}")
    learned = [version for version in versions if version.learned]
    scored = [version for version in versions if not version.learned]
    print("\nlearned from the speaker:" if learned else "\nno registered version learned from the speaker")
    for version in learned:
        print(f"  {version}")
    if scored:
        print("only scored on the speaker:")
    for version in scored:
        print(f"  {version}")
    steps = plan(
        speaker,
        files=_files(speaker),
        heard=versions,
        cache=settings.cache,
        tracking_uri=redacted(settings.mlflow_tracking_uri),
    )
    print("\nleft to do:")
    for number, step in enumerate(steps, 1):
        print(f"{number}. {step.what}")
        for line in step.lines:
            print(f"     {line}")


def _files(speaker: str):
    """The speaker's recordings, where the workspace has an utterance table of the corpus."""
    from ..artifacts.utterances import UTTERANCES
    from ..lineage.withdrawal import files_of

    corpus = speaker.partition("/")[0]
    if not UTTERANCES.path(corpus=corpus).is_file():
        return None
    return files_of(UTTERANCES.read(corpus=corpus, columns=["speaker", "audio", "video"]), speaker)
