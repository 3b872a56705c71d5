"""Pack a model with everything that inference imports, under a name of its own.

MLflow puts a model's code on ``sys.path``. A package called ``emoflow`` there would meet the installed one, or that of
another version; so the sources are copied as ``emotion_<digest>``, of what is in it: two versions live in one
process, and the same version loaded twice is the same package.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from ..artifacts.model import WEIGHTS, ModelCard
from ..encoders.registry import ENCODERS
from ..errors import RegistryError
from ..files import digest_of, file_digest
from .closure import ENTRY, SOURCE, Closure, closure, providers, requirements
from .inference import LANDMARK_MODEL

MODEL_FILES = (ModelCard.path().name, WEIGHTS.name)

ENTRY_TEXT = """import mlflow

from {name}.registry.pyfunc import EmotionPyfunc

mlflow.models.set_model(EmotionPyfunc())
"""


@dataclass(frozen=True)
class Package:
    """What MLflow is given: ``entry`` (models-from-code), ``code`` (a package to import) and ``model`` (a folder)."""

    name: str
    entry: Path
    code: Path
    model: Path
    requirements: list[str]


def pack(model: Path, out: Path, *, landmark_model: Path | None = None) -> Package:
    """Pack the model in folder ``model`` into the new folder ``out``.

    Args:
        landmark_model: the file that the encoder ``landmarks`` runs; packed where the model uses it.

    Raises:
        RegistryError: where something to be packed is missing.
    """
    files = {name: model / name for name in MODEL_FILES}
    missing = [str(path) for path in files.values() if not path.is_file()]
    if missing:
        raise RegistryError(f"{' and '.join(missing)} not found: run `dvc repro`, which makes the model")
    used = {
        encoder
        for modality in ModelCard.read_file(files[ModelCard.path().name]).modalities.values()
        for encoder in modality.encoders
    }
    if "landmarks" in used:
        if landmark_model is None or not landmark_model.is_file():
            raise RegistryError(
                f"the model runs face landmarks, and {landmark_model} is not there to be packed with it: "
                "`emoflow assets add face-landmarker FILE`"
            )
        files[LANDMARK_MODEL] = landmark_model
    needed = closure(ENTRY)
    pins = requirements(_needed_by(needed, used))
    sources = {path: (SOURCE / path).read_text(encoding="utf-8") for path in needed.modules}
    sources |= {(folder / "__init__.py").as_posix(): "" for folder in Path(ENTRY).parents}
    digest = digest_of([sources, {name: file_digest(path) for name, path in files.items()}, pins])
    name = f"emotion_{digest[:16]}"
    for path, text in sources.items():
        target = out / name / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    (out / "entry.py").write_text(ENTRY_TEXT.format(name=name), encoding="utf-8")
    (out / "model").mkdir()
    for file_name, path in files.items():
        shutil.copyfile(path, out / "model" / file_name)
    return Package(name, out / "entry.py", out / name, out / "model", pins)


def _needed_by(needed: Closure, used: set[str]) -> set[str]:
    """Others' packages that this model imports: without those that only encoders it does not run ask for.

    An encoder names its libraries by distribution; what is imported outside the encoders is always needed.
    """
    known = providers()
    wanted = {library for name, encoder in ENCODERS.items() if name in used for library in encoder.libraries}
    idle = {library for encoder in ENCODERS.values() for library in encoder.libraries} - wanted
    always = needed.imported(outside="encoders")
    return {
        name
        for name in needed.imported()
        if name in always or not set(known.get(name, ())) <= idle or name not in known
    }
