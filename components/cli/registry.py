"""The commands around the model registry: publish, promote, rollback, models, predict, lineage."""

from pathlib import Path
from typing import Annotated

import typer

from .. import errors
from .shared import default_model, environment, no_registry_yet, places, require_workspace, show, spinner

app = typer.Typer()


@app.command(epilog="Example: `emoflow publish`")
def publish() -> None:
    """Send the finished experiment to MLflow: metrics, trials, plots, the model. Twice is once."""
    from ..registry.publish import publish

    with spinner("publishing to MLflow"):
        published = publish(**places(), landmark_model=environment().landmark_model)
    print(published.sentence())


@app.command(
    epilog="Example: `emoflow promote emotion-emotion7 --version 3 --expected 2 --reason 'more speakers'`"
)
def promote(
    name: Annotated[
        str | None, typer.Argument(help="the registered model; params.yaml's where left out")
    ] = None,
    version: Annotated[int | None, typer.Option(help="the challenger where left out")] = None,
    expected: Annotated[int | None, typer.Option(help="refuse unless this version is champion now")] = None,
    waive: Annotated[list[str] | None, typer.Option(help="a gate that may fail; needs --reason")] = None,
    reason: Annotated[str, typer.Option(help="kept in the ledger")] = "",
) -> None:
    """Make a version champion, if it passes the gates. Exit status 1 says that it did not."""
    from ..registry.promotion import ANY, promote

    with spinner("asking the gates"):
        done = promote(
            name or default_model(),
            version,
            expected=ANY if expected is None else expected,
            waive=waive or [],
            reason=reason,
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
        str | None, typer.Argument(help="the registered model; params.yaml's where left out")
    ] = None,
) -> None:
    """Give the alias back to the last earlier champion that still loads."""
    from ..registry.promotion import rollback

    with spinner("looking for an earlier champion that loads"):
        done = rollback(name or default_model(), reason=reason, **places())
    print(f"models:/{done.name}@champion is version {done.version} again; it was version {done.before}")


@app.command(epilog="Example: `emoflow models`")
def models(
    name: Annotated[str | None, typer.Argument(help="one registered model; all where left out")] = None,
) -> None:
    """What is registered: versions, who is champion, protocol, figures, whether the lineage is clean."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from ..registry.promotion import models

    where = places()
    if no_registry_yet(where["tracking_uri"]):
        print("no model is registered yet: `dvc repro`, then `emoflow publish`")
        return
    with spinner("asking MLflow"):
        rows = models(name, **where)
    if not rows:
        print("no model is registered yet: `dvc repro`, then `emoflow publish`")
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


@app.command(epilog="Example: `emoflow predict clip.mp4 --text 'I did not expect that'`")
def predict(
    files: Annotated[list[Path] | None, typer.Argument(help="recordings: sound or film")] = None,
    text: Annotated[str | None, typer.Option(help="what is said")] = None,
    model: Annotated[str | None, typer.Option(help="models:/NAME@champion or models:/NAME/VERSION")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON list instead of a table")] = False,
) -> None:
    """Pull a model from the registry and ask it. It takes any subset of sound, words and face."""
    from ..registry.predict import predict

    uri = model or f"models:/{default_model()}@champion"
    where = places(lineage=False)
    if no_registry_yet(where["tracking_uri"]):
        raise errors.RegistryError("no model is registered yet: `dvc repro`, then `emoflow publish`")
    with spinner(f"loading {uri}"):
        found = predict(uri, files or [], text=text, **where)
    if as_json:
        print(found.to_json(orient="records", force_ascii=False))
    else:
        for row in found.to_dict(orient="records"):
            show(_answer(row, uri))
    if found["label"].isna().any():
        raise typer.Exit(1)


@app.command(epilog="Example: `emoflow lineage emotion-emotion7@champion`")
def lineage(
    uri: Annotated[str | None, typer.Argument(help="NAME@champion or NAME/VERSION")] = None,
    speaker: Annotated[
        str | None, typer.Option(help="which models heard this speaker? e.g. ravdess/07")
    ] = None,
) -> None:
    """What a model came from, down to the raw recordings; or which models heard a speaker."""
    from ..lineage import Store, tree

    require_workspace()
    store = Store(environment().lineage_uri, root=Path())
    if speaker:
        heard = store.models_of_speaker(speaker)
        for row in heard:
            print(f"{row['name']}/{row['version']}: {row['role']}, {row['utterances']} utterances")
        if not heard:
            print(f"no registered model heard {speaker}")
        return
    show(tree(uri or f"{default_model()}@champion", store=store))


def _answer(row: dict, uri: str):
    """One prediction for a terminal: the label, what it was told from, and the probabilities as bars."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    classes = {key.removeprefix("p_"): row[key] for key in row if key.startswith("p_")}
    title = Text(str(row["file"] or "text"), style="bold")
    if row["label"] is None:
        return Group(title, Text(str(row["reason"])))
    shown = Table.grid(padding=(0, 1))
    for name, probability in sorted(classes.items(), key=lambda item: -item[1]):
        bar = Text("█" * round(30 * probability), style="cyan")
        shown.add_row(Text(name, style="bold" if name == row["label"] else ""), f"{probability:.2f}", bar)
    below = [Text(f"from {row['modalities_used']}, by {uri}", style="dim")]
    if row["unused"]:
        below.append(Text(f"not used: {row['unused']}", style="yellow"))
    return Group(title, shown, *below)
