"""Pack a model with everything that inference imports, under a name of its own.

MLflow puts a model's code on ``sys.path``. A package called ``emoflow`` there would meet the installed one, or that of
another version; so the sources are copied as ``emotion_<digest>``, of what is in it: two versions live in one
process, and the same version loaded twice is the same package.

A package carries a manifest with the SHA-256 of each of its files, and its entry refuses to load it where a file
differs. That finds an accident, and a change by somebody who does not know of the manifest; whoever can rewrite the
manifest, too, is found out by the digest that `publish` records elsewhere.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..artifacts.model import CALIBRATION, WEIGHTS, EncoderModel, ModelCard, ProbabilityCalibration
from ..encoders.base import Encoder
from ..encoders.model_files import NO_MODELS, ModelFiles
from ..encoders.registry import libraries
from ..errors import ParamsError, RegistryError, SettingsError
from ..files import digest_of, file_digest, write_json
from . import manifest
from .closure import ENTRY, SOURCE, Closure, closure, providers, requirements
from .inference import encoders_of, recogniser_of

MODEL_FILES = (ModelCard.path().name, WEIGHTS.name)

ENTRY_CHECK = """
import json

_folder = Path(__file__).resolve().parent
_problems = package_differences(_folder, json.loads((_folder / MANIFEST).read_text(encoding="utf-8")))
if _problems:
    raise RuntimeError(
        f"this model is not as it was published ({'; '.join(_problems[:5])}): do not use it; publish it again"
    )

import mlflow

from {name}.registry.pyfunc import EmotionPyfunc

mlflow.models.set_model(EmotionPyfunc())
"""
"""What the entry does after `manifest`, whose source comes before it."""


@dataclass(frozen=True)
class Package:
    """A packed model, laid out as MLflow lays out what it is given.

    Attributes:
        name: of the package of code.
        folder: the folder of all that is packed.
        requirements: the distributions that it imports, pinned.
    """

    name: str
    folder: Path
    requirements: list[str]

    @property
    def entry(self) -> Path:
        """The models-from-code entry."""
        return self.folder / "entry.py"

    @property
    def code(self) -> Path:
        """The package to import, whose folder has to be on ``sys.path``."""
        return self.folder / "code" / self.name

    @property
    def model(self) -> Path:
        """The folder of ``model.json`` and the weights."""
        return self.folder / "artifacts" / "model"

    @property
    def manifest(self) -> Path:
        """The digests of all the other files."""
        return self.folder / manifest.MANIFEST


def pack(
    model: Path,
    out: Path,
    *,
    models: ModelFiles = NO_MODELS,
    calibration: ProbabilityCalibration | None = None,
) -> Package:
    """Pack a model.

    Args:
        model: the folder of ``model.json`` and the weights.
        out: the empty folder to pack into.
        models: where the models are that the encoders run; each that this model uses is packed, once.
        calibration: of its probabilities; a model without one gives neither a confidence nor prediction sets.

    Returns:
        What was packed.

    Raises:
        RegistryError: where something to be packed is missing.
    """
    files = {name: model / name for name in MODEL_FILES}
    missing = [str(path) for path in files.values() if not path.is_file()]
    if missing:
        raise RegistryError(f"{' and '.join(missing)} not found: run `dvc repro`, which makes the model")
    card = ModelCard.read_file(files[ModelCard.path().name])
    encoders: list[Encoder] = []
    try:
        of_modalities = encoders_of(card, models)
        if recogniser := recogniser_of(card, models):
            of_modalities["text"] = [*of_modalities["text"], recogniser]
        for modality, of_modality in of_modalities.items():
            for encoder in of_modality:
                _check_weights(encoder, card.modalities[modality].models.get(encoder.name))
                files |= encoder.files()
            encoders += of_modality
    except (ParamsError, SettingsError) as error:
        raise RegistryError(f"a model that an encoder runs cannot be packed: {error}") from None
    needed = closure(ENTRY)
    pins = requirements(_needed_by(needed, encoders))
    sources = {path: (SOURCE / path).read_text(encoding="utf-8") for path in needed.modules}
    sources |= {(folder / "__init__.py").as_posix(): "" for folder in Path(ENTRY).parents}
    stated = calibration and calibration.model_dump()
    digest = digest_of([sources, {name: file_digest(path) for name, path in files.items()}, pins, stated])
    package = Package(f"emotion_{digest[:16]}", out, pins)
    for path, text in sources.items():
        target = package.code / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    check = ENTRY_CHECK.replace("{name}", package.name)
    package.entry.write_text(Path(manifest.__file__).read_text(encoding="utf-8") + check, encoding="utf-8")
    package.model.mkdir(parents=True)
    for file_name, path in files.items():
        (package.model / file_name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, package.model / file_name)
    if stated:
        write_json(package.model / CALIBRATION, stated)
    write_json(package.manifest, manifest.file_digests(out))
    return package


def _check_weights(encoder: Encoder, trained_on: EncoderModel | None) -> None:
    """Raise RegistryError where the encoder's model is not the one whose features the model was trained on."""
    if trained_on is not None and encoder.weights != trained_on.sha256:
        raise RegistryError(
            f"{encoder.name} is not the model that the features were made with: sha256 {encoder.weights}, then "
            f"{trained_on.sha256}; put that one back, or make the features again: dvc repro -f features"
        )


def _needed_by(needed: Closure, encoders: Sequence[Encoder]) -> set[str]:
    """Others' packages that this model imports: without those that only encoders it does not run ask for.

    An encoder names its libraries by distribution; what is imported outside the encoders is always needed, but for the
    detector of landmarks, which encoders alone run.
    """
    known = providers()
    run = {name for encoder in encoders for name in (*encoder.libraries, *encoder.tuning_libraries)}
    idle = libraries() - run
    always = needed.imported(outside=("encoders/", "media/landmark_detector.py"))
    return {
        name
        for name in needed.imported()
        if name in always or not set(known.get(name, ())) <= idle or name not in known
    }
