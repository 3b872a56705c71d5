"""Zero-shot: classes that nobody showed in training, recognised by what they are called.

With ``align_weight`` a strategy's modalities learn to lie where the words of the same clip lie. A class is then the
place of its prompts, and a clip's score for it the cosine between the two (see `fusion.prompts`). Every class is scored
so, the seen ones too, which is the generalised task (Xian et al. 2019); what is chosen before is chosen by the seen
classes' own classifier, on validation.

What carries over is what the transcripts say: a class's own words, where clips say them, and what other modalities have
in common with words. Where transcripts never name an emotion, as in corpora of carrier sentences, the words of a prompt
are strangers to the model, and unseen classes are expected at chance.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..errors import SearchError, listed
from ..fusion.preparation import Preparation
from ..fusion.prompts import WORDS, encoded_size, prompt_logits
from ..fusion.strategy import BASELINES, REGISTRY, build
from .data import Rows
from .population import Population

if TYPE_CHECKING:
    import pandas as pd

TEMPLATES = {
    "en": ("{}", "i feel {}", "this is {}"),
    "de": ("{}", "ich fühle {}", "das ist {}"),
    "fi": ("{}", "tunnen {}", "tämä on {}"),
}
CALLED = {
    "en": {
        "anger": ("anger", "angry"),
        "boredom": ("boredom", "boring"),
        "calm": ("calm", "peaceful"),
        "contempt": ("contempt", "pathetic"),
        "disgust": ("disgust", "disgusting"),
        "excitement": ("excitement", "exciting"),
        "fear": ("fear", "frightening"),
        "frustration": ("frustration", "frustrating"),
        "happiness": ("happiness", "happy"),
        "neutral": ("neutral", "ordinary"),
        "sadness": ("sadness", "sad"),
        "surprise": ("surprise", "surprising"),
    },
    "de": {
        "anger": ("Ärger", "wütend"),
        "boredom": ("Langeweile", "langweilig"),
        "calm": ("Ruhe", "ruhig"),
        "contempt": ("Verachtung", "verächtlich"),
        "disgust": ("Ekel", "ekelhaft"),
        "excitement": ("Aufregung", "aufregend"),
        "fear": ("Angst", "beängstigend"),
        "frustration": ("Frust", "frustrierend"),
        "happiness": ("Freude", "fröhlich"),
        "neutral": ("neutral", "gewöhnlich"),
        "sadness": ("Trauer", "traurig"),
        "surprise": ("Überraschung", "überraschend"),
    },
    "fi": {
        "anger": ("viha", "vihaista"),
        "boredom": ("ikävystyminen", "tylsää"),
        "calm": ("rauha", "rauhallista"),
        "contempt": ("halveksunta", "säälittävää"),
        "disgust": ("inho", "inhottavaa"),
        "excitement": ("innostus", "jännittävää"),
        "fear": ("pelko", "pelottavaa"),
        "frustration": ("turhautuminen", "turhauttavaa"),
        "happiness": ("ilo", "iloista"),
        "neutral": ("neutraali", "tavallista"),
        "sadness": ("suru", "surullista"),
        "surprise": ("yllätys", "yllättävää"),
    },
}
"""Language → class → the noun, and what is so."""
FALLBACK = "en"


def languages_of(utterances: "pd.DataFrame", ids: Iterable[str]) -> list[str]:
    """The languages, sorted, that the utterance table has for these utterances."""
    rows = utterances.loc[utterances["utterance_id"].isin(set(ids)), "language"]
    return sorted(rows.dropna().unique())


@dataclass(frozen=True)
class Prompts:
    """Sentences that name the classes, as the text encoder gives them.

    Attributes:
        tokens: float32 ``[P, T, D]``; present: bool ``[P, T]``.
        of: the class ``[P]`` that each names; every class has one at least.
    """

    tokens: np.ndarray
    present: np.ndarray
    of: tuple[int, ...]


def sentences(classes: Sequence[str], languages: Iterable[str]) -> list[tuple[int, str]]:
    """(class, prompt): what each class is called in each language, in that language's templates.

    A language without words here speaks English; a class without words is called by its name.
    """
    known = sorted({language if language in TEMPLATES else FALLBACK for language in languages}) or [FALLBACK]
    made = [
        (i, template.format(word))
        for language in known
        for i, name in enumerate(classes)
        for word in CALLED[language].get(name, (name.replace("_", " ").replace("-", " "),))
        for template in TEMPLATES[language]
    ]
    return sorted(set(made))


def encoded(named: Sequence[tuple[int, str]], encode: Callable[[str], np.ndarray]) -> Prompts:
    """Encode prompts with the experiment's own text encoders.

    Args:
        named: (class, prompt) pairs, as from `sentences`.
        encode: sentence → tokens ``[T, D]``.
    """
    parts = [encode(sentence) for _, sentence in named]
    tokens = np.zeros((len(parts), max(map(len, parts)), parts[0].shape[1]), dtype=np.float32)
    present = np.zeros(tokens.shape[:2], dtype=bool)
    for i, part in enumerate(parts):
        tokens[i, : len(part)], present[i, : len(part)] = part, True
    return Prompts(tokens, present, tuple(i for i, _ in named))


@dataclass(frozen=True)
class Places:
    """Where each member's common space has the classes' prompts, and what is usually said.

    Attributes:
        prompts: of length 1, ``[K, C, E]``.
        usual: mean direction of the training rows' words, ``[K, E]``.
    """

    prompts: torch.Tensor
    usual: torch.Tensor


def places(population: Population, prompts: Prompts, preparation: Preparation, rows: Rows) -> Places:
    """Encode prompts and the training rows' words.

    A class's prompts are averaged as directions, as in Radford et al. (2021), section 3.1.4.

    Args:
        population: K trained members.
        prompts: encoded, as from `encoded`.
        preparation: the one that the population's rows were prepared with.
        rows: those that it was trained on, prepared.
    """
    present = {WORDS: torch.from_numpy(prompts.present)}
    tokens = preparation({WORDS: torch.from_numpy(prompts.tokens)}, present)
    of = torch.tensor(prompts.of)
    each = _directions(population, Rows(tokens, present, of))  # [K, P, E]
    hot = torch.nn.functional.one_hot(of, population.classes).to(each.dtype)
    there = rows.present[WORDS].any(-1).cpu().to(each.dtype)
    usual = torch.einsum("kne,n->ke", _directions(population, rows), there) / there.sum().clamp(min=1)
    return Places(torch.nn.functional.normalize(torch.einsum("kpe,pc->kce", each, hot), dim=-1), usual)


def _directions(population: Population, rows: Rows) -> torch.Tensor:
    return torch.nn.functional.normalize(population.embed(rows)[WORDS].cpu(), dim=-1)


def probabilities(population: Population, rows: Rows, known: Places) -> torch.Tensor:
    """Score rows by their similarity to the classes' prompts.

    Args:
        population: K trained members.
        rows: N prepared rows.
        known: of `places`.

    Returns:
        Probabilities, float64 ``[K, N, C]``, each row summing to 1.
    """
    embeddings = {name: x.cpu() for name, x in population.embed(rows).items()}
    present = {name: mask.cpu() for name, mask in rows.present.items()}
    logits = [
        prompt_logits(
            {name: x[k] for name, x in embeddings.items()}, present, known.prompts[k], known.usual[k]
        )
        for k in range(len(population))
    ]
    return torch.stack(logits).double().softmax(-1)


def require(
    unseen: Sequence[str], configs: Mapping[str, Sequence[dict[str, Any]]], *, modalities: Sequence[str]
) -> None:
    """Check that a search can yield models that recognise unseen classes; without unseen classes anything can.

    Args:
        unseen: names of the classes that no training row shows.
        configs: strategy → its configurations.
        modalities: those that the corpora have.

    Raises:
        SearchError: without words, for a strategy that does not encode each modality for itself, or for
            configurations that do not align them.
    """
    if not unseen:
        return
    zero = f"the protocol is zero-shot ({listed(unseen)})"
    if WORDS not in modalities or len(modalities) < 2:
        raise SearchError(
            f"{zero}: classes are recognised by words, and the modalities here are {listed(modalities)}; params.yaml "
            "needs text and another one under modalities"
        )
    learned = {name: own for name, own in configs.items() if name not in BASELINES}
    unsuited = [
        name for name, own in learned.items()
        if name in modalities or not _encodes_separately(name, modalities, own[0])
    ]  # fmt: skip
    if unsuited:
        suited = [name for name in REGISTRY if name in learned and name not in unsuited]
        instead = f"of those there {listed(suited)} can" if suited else "late-average or cross-attention can"
        raise SearchError(
            f"{zero}: {listed(unsuited)} cannot be compared with a prompt, since it does not encode words and another "
            f"modality separately; take it out of search.strategies ({instead})"
        )
    unaligned = [
        name for name, own in learned.items() if not all(each.get("align_weight", 0) > 0 for each in own)
    ]
    if unaligned:
        raise SearchError(
            f"{zero}: nothing aligns the modalities with the words in {listed(unaligned)}; let params.yaml say "
            "search.space: {align_weight: {uniform: [0.2, 1.0]}}, or another range above 0"
        )


def _encodes_separately(strategy: str, modalities: Sequence[str], config: dict[str, Any]) -> bool:
    return (
        encoded_size(build(strategy, dimensions=dict.fromkeys(modalities, 4), classes=2, config=config))
        is not None
    )
