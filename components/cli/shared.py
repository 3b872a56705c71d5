"""What the commands share: where they run, what they print with."""

import sys
from pathlib import Path

from ..errors import EvaluationError, RegistryError

PUBLISH_FIRST = "`dvc repro`, then `emoflow publish`"


def environment():
    from ..settings import load

    return load()


def places(*, lineage: bool = True) -> dict:
    """Where the experiment is and where its records go, as the registry's functions take it."""
    settings = environment()
    if lineage or not settings.mlflow_tracking_uri.startswith(("http://", "https://")):
        require_workspace()
    where = {"root": Path(), "tracking_uri": settings.mlflow_tracking_uri}
    return where | ({"lineage_uri": settings.lineage_uri} if lineage else {})


def no_registry_yet(tracking_uri: str) -> bool:
    """Whether MLflow's SQLite file is still to be made, which asking MLflow would do."""
    path = tracking_uri.removeprefix("sqlite:///")
    return path != tracking_uri and not Path(path).is_file()


def published_models() -> dict:
    """Where published models are, as the registry's functions take it.

    Raises:
        RegistryError: nothing was published yet.
    """
    where = places(lineage=False)
    if no_registry_yet(where["tracking_uri"]):
        raise RegistryError(f"no model is registered yet: {PUBLISH_FIRST}")
    return where | {"lineage_uri": environment().lineage_uri}


def require_workspace() -> None:
    from .. import workspace

    workspace.require()


def stated_layout(corpus: str):
    """What params.yaml, where there is one, states of a corpus's layout."""
    from .. import params
    from ..schema import UNSTATED

    return params.load().layout(corpus) if params.PATH.is_file() else UNSTATED


def experiment_params():
    """params.yaml of this workspace."""
    from .. import params

    require_workspace()
    return params.load()


def default_model() -> str:
    """The name of the registered model that params.yaml states."""
    return experiment_params().model_name()


def model_reference(name: str | None):
    """The registered model that a user names; params.yaml's where they name none."""
    from ..lineage.reference import parse

    return parse(name or default_model())


def spinner(what: str):
    from rich.console import Console

    return Console(stderr=True).status(f"{what} …")


def show(renderable) -> None:
    from rich.console import Console

    Console(file=sys.stdout).print(renderable)


def confidence_in_words(confidence: float) -> str:
    """A calibrated confidence."""
    return f"calibrated confidence {share_in_words(confidence)}"


def share_in_words(share: float) -> str:
    """A calibrated probability, which is never shown as a certainty."""
    return "> 0.99" if share > 0.99 else f"{share:.2f}"


def report_skipped(skipped: dict[Path, str]) -> None:
    """Name the files that are no recordings, each with the reason, on stderr."""
    for path, reason in skipped.items():
        print(f"skipped {path}: {reason}", file=sys.stderr)


def require_png(figure: Path | None) -> None:
    """Raises EvaluationError where the file for a picture is named as another kind of file."""
    if figure is not None and figure.suffix.lower() != ".png":
        raise EvaluationError(f"--figure {figure}: the picture is a PNG file: name it NAME.png")


def show_or_write(found, json: str | None, rendered) -> None:
    """Show a document as a table, and write it to a JSON file where one is named; - is stdout, without the table.

    Args:
        found: a pydantic model.
        json: the file's name.
        rendered: makes the table of it.
    """
    if json:
        write_out(json, found.model_dump_json(indent=2) + "\n")
    if json != "-":
        show(rendered(found))


def write_out(target: str, text: str) -> None:
    """Write to a file, whole or not at all, or to stdout where ``target`` is ``-``."""
    from ..files import write_text

    if target == "-":
        sys.stdout.write(text)
    else:
        write_text(Path(target), text)
