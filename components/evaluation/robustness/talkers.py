"""Other people's utterances: what is heard beside one in babble, and where wrong words are taken from."""

from collections.abc import Collection, Mapping

from .perturbation import generator

MOST = 4
"""People who talk at once; from about as many on, nobody can follow a single one of them."""


def talkers(
    utterance_id: str,
    condition: str,
    speakers: Mapping[str, str],
    among: Collection[str],
    *,
    seed: int,
) -> list[str]:
    """One utterance each of other speakers of the same corpus, drawn at random.

    Args:
        utterance_id: which they are drawn for.
        condition: the one that they are drawn for.
        speakers: utterance → who speaks.
        among: the utterances that they are drawn from.
        seed: of the experiment.

    Returns:
        At most `MOST` utterances, each of another speaker; none where the corpus has no other speaker.
    """
    corpus = utterance_id.partition("/")[0]
    others: dict[str, list[str]] = {}
    for each in sorted(among):
        if each.partition("/")[0] == corpus and speakers[each] != speakers[utterance_id]:
            others.setdefault(speakers[each], []).append(each)
    draws = generator(seed, condition, utterance_id)
    names = sorted(others)
    chosen = draws.choice(len(names), size=min(MOST, len(names)), replace=False)
    return [others[names[k]][draws.integers(len(others[names[k]]))] for k in chosen]
