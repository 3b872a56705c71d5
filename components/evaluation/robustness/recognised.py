"""The words that a recogniser hears in changed sound, and how many of them are wrong."""

from collections.abc import Mapping, Sequence

from ...artifacts.robustness import WordErrors
from ...encoders.cache import Cache
from ...encoders.recognition import RecogniserRecipe, hear
from ...encoders.word_errors import word_errors
from ...errors import EvaluationError
from ...schema import CONDITIONS
from .changes import RECOGNISED_WORDS, changed
from .tested import Tested
from .worse_media import Said, worse_sound


def under(
    conditions: Mapping[str, Sequence[float]],
    ids: Sequence[str],
    tested: Tested,
    recogniser: RecogniserRecipe | None,
    *,
    seed: int,
    cache: Cache,
    workers: int,
    cluster: str | None,
) -> Said:
    """Recognise the words of changed recordings, and of the turns that are read before them, changed alike.

    Args:
        conditions: name → levels.
        ids: the utterances that are tested.
        tested: the models and what they read.
        recogniser: of words.
        seed: of the experiment.
        cache: each recording is recognised once under each condition at each level, and kept here.
        workers: processes of this machine.
        cluster: the address of a Ray cluster.

    Returns:
        What is said under each condition that changes the sound that words are recognised in.

    Raises:
        EvaluationError: no utterance has sound.
    """
    at = [
        (name, level)
        for name, levels in conditions.items()
        for level in levels
        if "text" in changed(name, tested.modalities)
        and (name == RECOGNISED_WORDS or CONDITIONS[name].modality == "audio")
    ]
    if not at or recogniser is None:
        return {}
    read = tested.transcripts.read_for(name for name in ids if name in tested.there["text"])
    spoken = [name for name in read if name in tested.recordings["audio"]]
    if not spoken:
        raise EvaluationError(
            f"robustness.conditions.{at[0][0]}: no utterance with text has sound to recognise words in; leave "
            f"{at[0][0]} out"
        )
    places = [(*each, name) for each in at for name in spoken]
    heard = hear(
        [worse_sound(*each, tested, seed=seed) for each in places],
        recogniser,
        cache=cache,
        workers=workers,
        cluster=cluster,
        what="robustness, speech recognition",
    )
    said: dict[tuple[str, float], dict[str, str]] = {each: {} for each in at}
    for (condition, level, name), each in zip(places, heard, strict=True):
        if each.text is not None:
            said[condition, level][name] = each.text
    return said


def errors(heard: Said, ids: Sequence[str], tested: Tested) -> list[WordErrors]:
    """The word error rate under each condition at each level.

    It is against the transcripts, where the tested utterances have any; otherwise against what was recognised in the
    recordings as they are, so that a rate says how much more is misheard.

    Args:
        heard: of `under`.
        ids: the utterances that are tested.
        tested: the models and what they read.
    """
    if not heard:
        return []
    sound = tested.recordings["audio"]
    among = dict.fromkeys((name for name in ids if name in tested.there["text"] and name in sound), "")
    table, reference = tested.utterances, "transcripts"
    if table.loc[table["utterance_id"].isin(among), "text"].isna().all():
        table = table.assign(text=table["utterance_id"].map(dict(tested.transcripts.texts)))
        reference = "recognised"
    found = []
    for (condition, level), said in heard.items():
        each = word_errors(table, said, among)
        if each:
            found.append(
                WordErrors(
                    condition=condition,
                    level=level,
                    rate=each.rate,
                    words=each.words,
                    utterances=each.utterances,
                    reference=reference,
                )
            )
    return found
