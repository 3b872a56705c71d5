"""The commands around the model registry: publish, promote, rollback, models, predict, lineage."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from .. import errors
from .shared import (
    PUBLISH_FIRST,
    confidence_in_words,
    default_model,
    environment,
    experiment_params,
    model_reference,
    no_registry_yet,
    places,
    published_models,
    report_skipped,
    require_workspace,
    share_in_words,
    show,
    spinner,
    write_out,
)

app = typer.Typer()


@app.command(epilog="Example: `emoflow publish`")
def publish() -> None:
    """Send the finished experiment to MLflow: metrics, trials, plots, the model. Twice is once."""
    from ..encoders import ModelFiles
    from ..registry.publish import publish

    models = ModelFiles(environment().landmark_model, environment().encoders)
    with spinner("publishing to MLflow"):
        published = publish(**places(), models=models)
    print(published.sentence())
    start = (
        ""
        if environment().mlflow_tracking_uri.startswith("http")
        else "`emoflow ui` starts the MLflow UI; then open "
    )
    print(f"its runs: {start}{published.page}")


@app.command(
    epilog="Example: `emoflow promote emotion-emotion7 --version 3 --expected 2 --reason 'more speakers'`"
)
def promote(
    name: Annotated[
        str | None,
        typer.Argument(help="NAME or NAME/VERSION, also behind models:/; params.yaml's name where left out"),
    ] = None,
    version: Annotated[int | None, typer.Option(help="the challenger where left out")] = None,
    expected: Annotated[int | None, typer.Option(help="refuse unless this version is champion now")] = None,
    waive: Annotated[list[str] | None, typer.Option(help="a gate that may fail; needs --reason")] = None,
    reason: Annotated[str, typer.Option(help="kept in the ledger")] = "",
) -> None:
    """Make a version champion, if it passes the gates. Exit status 1 says that it did not."""
    from ..registry.compare import Policy
    from ..registry.promotion import ANY, promote

    model, version = _to_promote(name, version)
    with spinner("checking the gates"):
        done = promote(
            model,
            version,
            expected=ANY if expected is None else expected,
            waive=waive or [],
            reason=reason,
            policy=Policy.of(experiment_params().registry),
            **places(),
        )
    if not done.changed:
        print(f"models:/{done.name}@champion is version {done.version} already")
        return
    for gate in done.report.gates:
        print(f"  {'✓' if gate.ok else 'waived'} {gate.gate}: {gate.found}")
    before = "nobody" if done.before is None else f"version {done.before}"
    print(f"models:/{done.name}@champion is version {done.version} now; before it was {before}")


@app.command(epilog="Example: `emoflow rollback emotion-emotion7 --reason 'fails on phone speech'`")
def rollback(
    reason: Annotated[str, typer.Option(help="kept in the ledger")],
    name: Annotated[
        str | None,
        typer.Argument(help="NAME or NAME@champion, also behind models:/; params.yaml's name where left out"),
    ] = None,
) -> None:
    """Give the alias back to the last earlier champion that still loads.

    Those that learned from a speaker who withdrew consent are skipped, and named.
    """
    from ..lineage.reference import CHAMPION
    from ..registry.promotion import rollback

    model = model_reference(name)
    if model.version is not None or model.alias not in (None, CHAMPION):
        raise errors.RegistryError(
            f"rollback goes back from {model.name}@champion to the last earlier champion, not to {name}: name the "
            "model alone, or use `emoflow promote NAME --version N`"
        )
    with spinner("looking for an earlier champion that loads"):
        done = rollback(model.name, reason=reason, **places())
    for version, why in done.skipped.items():
        print(f"version {version} was skipped: {why}")
    print(f"models:/{done.name}@champion is version {done.version} again; it was version {done.before}")


@app.command(epilog="Examples: `emoflow models`; `emoflow models --verify`")
def models(
    name: Annotated[
        str | None,
        typer.Argument(help="NAME, NAME@champion or NAME/VERSION, also behind models:/; all where left out"),
    ] = None,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="check the ledger and every model's files; exit status 1: differs"),
    ] = False,
) -> None:
    """What is registered: versions, who is champion, protocol, figures, whether the lineage is clean."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from ..registry.listing import models

    where = places()
    if no_registry_yet(where["tracking_uri"]):
        print(f"no model is registered yet: {PUBLISH_FIRST}")
        return
    if verify:
        _verify(name and model_reference(name).name, where)
        return
    with spinner("asking MLflow"):
        rows = models(name and model_reference(name), **where)
    if not rows:
        what = f"{name} is not registered" if name else "no model is registered yet"
        print(f"{what}: {PUBLISH_FIRST}")
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in ("model", "role", "protocol", "strategy", "UA %", "lineage"):
        table.add_column(
            column,
            no_wrap=column in ("model", "role"),
            justify="right" if column == "UA %" else "left",
            overflow="fold",
        )
    for row in rows:
        ua = "" if row["ua"] is None else f"{100 * row['ua']:.1f}"
        table.add_row(
            f"{row['name']}/{row['version']}",
            row["role"],
            row["protocol"],
            row["strategy"],
            ua,
            row["lineage"],
        )
    show(table)
    for row in rows:
        if row["note"]:
            print(f"{row['name']}/{row['version']}: {row['note']}")


@app.command(
    epilog="Examples: `emoflow predict clip.mp4 --text 'I did not expect that'`; "
    "`emoflow predict recordings/ 'more/*.wav' --csv predictions.csv`; `emoflow predict clip.wav --json -`"
)
def predict(
    recordings: Annotated[
        list[str] | None, typer.Argument(help="audio or video: files, folders, or glob patterns in quotes")
    ] = None,
    text: Annotated[str | None, typer.Option(help="what is said")] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="NAME, NAME@champion or NAME/VERSION, also behind models:/; the champion where left out"
        ),
    ] = None,
    csv: Annotated[str | None, typer.Option(help="a CSV file to write the table to; - for stdout")] = None,
    json: Annotated[str | None, typer.Option(help="a JSON file, a list of rows; - for stdout")] = None,
) -> None:
    """Predict with a model from the registry. It takes any subset of audio, text and face.

    A model that was trained on recognised words recognises them where no --text is given, and shows them.

    Exit status 1 says that there is a recording without a prediction; its reason stands in its place.
    """
    from ..progress import track
    from ..registry.predict import find, predict

    if csv == json == "-":
        raise errors.RegistryError("--csv - and --json - both write to stdout: give one of them a file")
    reference, found = model_reference(model), find(recordings or [])
    report_skipped(found.skipped)
    where = published_models()
    table = predict(
        reference,
        found.files,
        text=text,
        progress=lambda numbers, total: track(numbers, total=total, what="predict"),
        **where,
    )
    if csv:
        from ..files import csv_text

        write_out(csv, csv_text(table))
    if json:
        write_out(json, table.to_json(orient="records", force_ascii=False) + "\n")
    if not csv and not json:
        for row in table.to_dict(orient="records"):
            show(_answer(row))
    if table["label"].isna().any():
        raise typer.Exit(1)


@app.command(epilog="Example: `emoflow lineage emotion-emotion7@champion`")
def lineage(
    name: Annotated[
        str | None,
        typer.Argument(
            help="NAME, NAME@champion or NAME/VERSION, also behind models:/; params.yaml's champion where left out"
        ),
    ] = None,
    speaker: Annotated[
        str | None, typer.Option(help="which models heard this speaker? e.g. ravdess/07")
    ] = None,
) -> None:
    """What a model came from, down to the raw recordings; or which models heard a speaker."""
    from ..lineage import Store, tree
    from ..lineage.speakers import heard, known

    require_workspace()
    with Store(environment().lineage_uri, root=Path()) as store:
        if not speaker:
            show(tree(name or f"{default_model()}@champion", store=store))
            return
        speaker = known(speaker, store=store)
        versions, withdrawal = heard(speaker, store=store), store.withdrawal(speaker)
    for version in versions:
        print(version)
    if not versions:
        print(f"no registered model heard {speaker}")
    if withdrawal:
        print(f"{speaker} withdrew consent on {withdrawal.at[:10]}: {withdrawal.reason}")


def _verify(name: str | None, where: dict) -> None:
    """Print what is wrong with the ledger and the models' files; exit status 1 if anything is."""
    from ..registry.verification import verify

    with spinner("verifying"):
        found = verify(name, **where)
    for problem in found.problems:
        print(problem)
    for uri in found.unrecorded:
        print(f"{uri} was published before emoflow recorded the files of a model: not verified")
    how = f"{len(found.problems)} problems" if found.problems else "as published and promoted"
    rows = f"{found.rows} row{'s' if found.rows != 1 else ''}"
    versions = f"{found.versions} version{'s' if found.versions != 1 else ''}"
    print(f"{rows} of the ledger, the files of {versions}: {how}")
    if found.problems:
        raise typer.Exit(1)


def _to_promote(name: str | None, version: int | None) -> tuple[str, int | None]:
    """The model and the version to promote, from the argument and ``--version``; None: the challenger."""
    from ..lineage.reference import CHALLENGER

    model = model_reference(name)
    if model.alias not in (None, CHALLENGER):
        from ..lineage import Store
        from ..lineage.tree import resolve

        with Store(environment().lineage_uri, root=Path()) as store:
            model = replace(model, version=resolve(name, store)[1], alias=None)
    if None not in (version, model.version) and version != model.version:
        raise errors.RegistryError(f"{name} and --version {version} name different versions")
    return model.name, model.version if version is None else version


def _set(classes: str, confidence: float):
    """The prediction set, and the calibrated probability of its first class."""
    from rich.text import Text

    return Text(f"prediction set: {', '.join(classes.split('+'))}; {confidence_in_words(confidence)}")


def _answer(row: dict):
    """One prediction for a terminal: the probabilities as bars, what it rests on, and what the model was trained on.

    The bars are of the calibrated probabilities. Where there are none (the model was published without, or was not
    calibrated for the modalities that were given), they are of what the model gives, and this is said.
    """
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    classes = {key.removeprefix("p_"): row[key] for key in row if key.startswith("p_")}
    calibrated = {name: row.get(f"calibrated_{name}") for name in classes}
    known = all(isinstance(each, float) and each == each for each in calibrated.values())  # not NaN
    title = Text(str(row["file"] or "text"), style="bold")
    if row["label"] is None:
        return Group(title, Text(str(row["reason"])))
    shown = Table.grid(padding=(0, 1))
    for name, probability in sorted((calibrated if known else classes).items(), key=lambda item: -item[1]):
        bar = Text("█" * round(30 * probability), style="cyan")
        figure = share_in_words(probability) if known else f"{probability:.2f}"
        shown.add_row(Text(name, style="bold" if name == row["label"] else ""), figure, bar)
    below = [] if known else [Text("these probabilities are not calibrated", style="yellow")]
    below += [_set(row["prediction_set"], row["confidence"])] if row.get("prediction_set") else []
    below += [Text(f"recognised: {row['recognised_text']}")] if row.get("recognised_text") else []
    below += [
        Text(f"from {row['modalities_used']}, by {row['model']}", style="dim"),
        Text(f"trained on {row['trained_on']}", style="dim"),
    ]
    if row["unused"]:
        below.append(Text(f"not used: {row['unused']}", style="yellow"))
    if row.get("notices"):  # models of earlier versions give none
        below.append(Text(f"used in part: {row['notices']}", style="yellow"))
    return Group(title, shown, *below)
