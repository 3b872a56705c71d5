"""The names in params.yaml that can be checked before anything is read: what later stages would refuse hours later.

Each check is the one of the stage that uses the name; stages and `emoflow doctor` call this one function.
"""

import difflib
from collections.abc import Iterator
from pathlib import Path

from .. import leakage
from ..artifacts.corpora import RAW
from ..corpora import attached_modalities
from ..encoders import ModelFiles
from ..encoders.pretrained.folder import find, near_encoder
from ..encoders.pretrained.spec import PretrainedSpec
from ..errors import ParamsError, SettingsError, listed
from ..params import PATH, Params
from ..protocols import check_corpora
from ..schema import MODALITIES
from ..search.strategies import check_strategies
from .stated_protocol import stated_protocol

LOCK = Path("dvc.lock")


def check_names(experiment: Params, models: ModelFiles, root: Path = Path()) -> None:
    """Check the names of modalities, strategies, hyper-parameters, protocol, leaks and encoders.

    Args:
        experiment: the parameters.
        models: where pre-trained encoders are kept.
        root: the workspace.

    Raises:
        EmoflowError: the first name that is not known, with the nearest that is.
    """
    _check_modalities(experiment, root)
    search = experiment.search
    check_strategies(search.strategies, experiment.modalities)
    if search.space:  # the architectures' keys are in classes that need torch
        from ..search.space import check

        check(search.strategies, modalities=experiment.modalities, stated=search.space)
    plan = stated_protocol(experiment)
    check_corpora(plan, experiment.labelled)
    if plan.space.classes:
        plan.scarcity.unseen_of(plan.space.classes, protocol=plan.id)
    leakage.check_kinds(experiment.folds.waivers)
    _check_encoders(experiment, models, root)


def pretrained_encoders(experiment: Params) -> Iterator[PretrainedSpec]:
    """The pre-trained encoders that the experiment's modalities run, each model once."""
    stated = [
        encoder
        for name in experiment.modalities
        for encoder in getattr(getattr(experiment.features, name, None), "encoders", ())
    ]
    specs = [PretrainedSpec.of(each.model_dump()) for each in stated if not isinstance(each, str)]
    if (recogniser := experiment.features.text.recogniser) and "text" in experiment.modalities:
        specs.append(PretrainedSpec(recogniser["hf"], pooling="none"))
    yield from {each.model: each for each in specs}.values()


def _check_modalities(experiment: Params, root: Path) -> None:
    """A modality that no encoder makes is a table that came with one of the corpora."""
    folders = [root / RAW / corpus for corpus in experiment.corpora]
    if not all(folder.is_dir() for folder in folders):
        return  # what comes with a corpus is not known yet
    attached: set[str] = set()
    for corpus, folder in zip(experiment.corpora, folders, strict=True):
        names = attached_modalities(corpus, folder, experiment.layout(corpus))
        if names is None:
            return
        attached.update(names)
    for name in experiment.modalities:
        if name not in MODALITIES and name not in attached:
            free = sorted({*MODALITIES, *attached} - set(experiment.modalities))
            close = difflib.get_close_matches(name, free, n=1)
            hint = f"did you mean {close[0]!r}? If not" if close else "if it is meant"
            raise ParamsError(
                f"{PATH}: modalities: {name!r} is none of {listed(MODALITIES)}, and no features of that name came with "
                f"{listed(experiment.corpora)}; {hint}, add them: emoflow corpora add {experiment.corpora[0]} DIR "
                f"--features {name}=PATH"
            )


def _check_encoders(experiment: Params, models: ModelFiles, root: Path) -> None:
    """A name that is like another's, and whose model is not here.

    An encoder that dvc.lock names has run: where its features are pulled, its model may be missing.
    """
    ran = (root / LOCK).read_text(encoding="utf-8") if (root / LOCK).is_file() else ""
    for spec in pretrained_encoders(experiment):
        if near_encoder(spec, models) is None or spec.hf in ran:
            continue
        try:
            find(spec, models)
        except SettingsError as error:
            raise ParamsError(f"{PATH}: features: {error}") from None
