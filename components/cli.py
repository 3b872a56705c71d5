"""``emoflow …``: thin commands over the rooms, which are imported only when a command needs them."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from . import errors

app = typer.Typer(
    help="From raw clips to a promoted emotion model, with its lineage. The experiment itself is `dvc repro`.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
corpora = typer.Typer(help="The recordings: what is known, what is here.", no_args_is_help=True)
assets = typer.Typer(help="Pinned downloads that some encoders need.", no_args_is_help=True)
app.add_typer(corpora, name="corpora")
app.add_typer(assets, name="assets")

RAW = Path("data/raw")


def _print_version(asked: bool) -> None:
    if asked:
        import importlib.metadata

        print(f"emoflow {importlib.metadata.version('emoflow')}")
        raise typer.Exit()


@app.callback()
def emoflow(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print it and exit.")
    ] = False,
) -> None:
    # no docstring: the help of the program is `app`'s
    pass


@corpora.command("list", epilog="Example: `emoflow corpora list`")
def corpora_list() -> None:
    """What emoflow knows to read, and your own: size, licence, labels, how to get it, and whether it is here."""
    from .corpora import listing

    _require_workspace()
    _print(listing.table(RAW))


@corpora.command(
    "add", epilog="Example: `emoflow corpora add ravdess ~/RAVDESS --features face=openface.csv`"
)
def corpora_add(
    corpus: Annotated[
        str, typer.Argument(help="its name, as in `emoflow corpora list`; or a name of your own")
    ],
    source: Annotated[Path, typer.Argument(help="the folder, as its owner ships it; it is only read")],
    features: Annotated[
        list[str] | None,
        typer.Option(help="MODALITY=PATH: pre-computed features, joined by the clips' names"),
    ] = None,
) -> None:
    """Put a corpus under data/raw without changing a byte, and let DVC track it.

    A corpus of your own is a folder of recordings by label (`LABEL/*.wav`), or one with a table `utterances.csv`;
    `layouts` in params.yaml says what names do not tell.
    """
    from .corpora import add

    _require_workspace()
    tables = {}
    for given in features or []:
        modality, equals, path = given.partition("=")
        if not equals:
            raise errors.CorpusError(f"--features {given!r}: give MODALITY=PATH, say face=openface.csv")
        if modality in tables:
            raise errors.CorpusError(
                f"--features {modality}=… is given twice, {tables[modality]} and {path}: give a modality once; several "
                "files of it go into one folder"
            )
        tables[modality] = Path(path)
    add.add(corpus, source, stated=_layout(corpus), features=tables, root=RAW)
    _print_next(corpus)


@corpora.command("fetch", epilog="Example: `emoflow corpora fetch ravdess --part speech --part video`")
def corpora_fetch(
    corpus: Annotated[
        str, typer.Argument(help="ravdess, crema-d, meld; of the others it says how to have them")
    ],
    part: Annotated[
        list[str] | None,
        typer.Option(help="what of it, as `emoflow corpora list` names them; the first where left out"),
    ] = None,
) -> None:
    """Download a corpus that its owner gives to anyone, check its digests, and put it under data/raw.

    Cut off, the same command goes on. Exit status 1 says that the corpus is not here: for one that is given on
    request alone it prints where to ask and what to place where.
    """
    from .corpora import fetch, listing
    from .corpora.sources import PARTS
    from .schema import CORPORA

    _require_workspace()
    if corpus in CORPORA and corpus not in PARTS:
        if (RAW / corpus).is_dir():
            print(f"{corpus} is here: {RAW / corpus}")
            return
        print(listing.gated(corpus, RAW))
        raise typer.Exit(1)
    fetch.fetch(corpus, part or (), root=RAW, stated=_layout(corpus))
    _print_next(corpus)


@corpora.command(
    "describe",
    epilog="Examples: `emoflow corpora describe ravdess`; "
    "`emoflow corpora describe ravdess --figure ravdess.png`",
)
def corpora_describe(
    corpus: Annotated[str, typer.Argument(help="one that is under data/raw")],
    figure: Annotated[
        Path | None, typer.Option(help="also draw it, into this file: .png, .svg or .pdf")
    ] = None,
) -> None:
    """Count what a corpus holds: hours, speakers, classes, what is missing, how far raters agree."""
    from .corpora import describe

    _require_workspace()
    found = describe.describe(
        corpus, RAW / corpus, stated=_layout(corpus), workers=_settings().worker_count()
    )
    _print(describe.shown(found))
    if figure is not None:
        from .corpora import portrait

        print(f"\nfigure     {portrait.save(found, figure)}")


@corpora.command(
    "synthesise",
    epilog="Examples: `emoflow corpora synthesise --speakers 4 --clips 2`; "
    "`emoflow corpora synthesise --relation interacting --reliability audio=0.9 --reliability text=0.9`; "
    "`emoflow corpora synthesise --layout iemocap --language fi --raters 3 --out /tmp/like-iemocap`",
)
def corpora_synthesise(
    corpus: Annotated[
        str, typer.Argument(help="control: speech, words and a face, with planted truth")
    ] = "control",
    layout: Annotated[
        str, typer.Option(help="whose layout to write it in: iemocap, meld, ravdess, folder, …; needs --out")
    ] = "control",
    out: Annotated[Path | None, typer.Option(help="where; data/raw/control where left out")] = None,
    speakers: Annotated[int, typer.Option(min=2, help="how many speakers")] = 12,
    clips: Annotated[int, typer.Option(min=1, help="per speaker and emotion")] = 4,
    seed: Annotated[int, typer.Option(help="of everything that is drawn at random")] = 7,
    language: Annotated[str | None, typer.Option(help="en, fi or de, where the layout is free to")] = None,
    clean: Annotated[bool, typer.Option("--clean", help="without that corpus's known faults")] = False,
    reliability: Annotated[
        list[str] | None,
        typer.Option(
            help="MODALITY=SHARE: how often it displays what it means; audio=0.75, text=0.65, face=0.7"
        ),
    ] = None,
    relation: Annotated[
        str,
        typer.Option(
            help="redundant: each display means the emotion; complementary: each tells apart a part of them; "
            "interacting: as glad words in an angry voice, neither alone tells it"
        ),
    ] = "redundant",
    raters: Annotated[
        int, typer.Option(min=0, help="who vote for the label, and err; 0: the label is what was planted")
    ] = 0,
    agreement: Annotated[float, typer.Option(help="how often a rater is right")] = 0.8,
    missing: Annotated[float, typer.Option(help="share of modalities that clips lack, say 0.1")] = 0.0,
    snr: Annotated[
        float | None,
        typer.Option(help="dB of speech to noise behind it; the planted ceilings are those without"),
    ] = None,
) -> None:
    """Make the control corpus: recordings whose best reachable accuracy is known. Needs no network.

    What any model can reach at best, for each subset of modalities, is in truth/ceilings.json.
    """
    from .corpora import control, placing
    from .settings import load

    if corpus != "control":
        raise errors.CorpusError(
            f"{corpus!r} cannot be synthesised; 'control' can, in its layout by --layout"
        )
    if out is None and layout != "control":
        raise errors.CorpusError(
            f"say where by --out: what has {layout}'s layout is put under data/raw by emoflow corpora add, "
            "under a name of its own"
        )
    if out is None:
        _require_workspace()
    made = control.synthesise(
        out or RAW / "control",
        layout=layout,
        speakers=speakers,
        clips=clips,
        seed=seed,
        language=language,
        clean=clean,
        reliability=_shares(reliability or []),
        relation=relation,
        missing=missing,
        raters=raters,
        agreement=agreement,
        snr=snr,
        workers=load().worker_count(),
    )
    if out is None:
        placing.track(made)
        return
    stated = f"layout: {layout}" + (f", language: {language}" if language else "")
    print(
        f"{made} is made. To train on it: emoflow corpora add NAME {made}, with a NAME of its own, and in "
        f"params.yaml layouts: {{NAME: {{{stated}}}}}, corpora: [NAME]"
    )


def _shares(given: list[str]) -> dict[str, float]:
    """``["audio=0.8"]`` → ``{"audio": 0.8}``."""
    shares = {}
    for each in given:
        modality, _, share = each.partition("=")
        try:
            shares[modality] = float(share)
        except ValueError:
            raise errors.CorpusError(f"--reliability {each!r}: give MODALITY=SHARE, say audio=0.8") from None
    return shares


@app.command(epilog="Example: `emoflow strategies`")
def strategies() -> None:
    """The fusion strategies that `search.strategies` may name: source, parameters, cost."""
    from .fusion import listing

    _print(listing.table())


@app.command(epilog="Example: `emoflow hyperparameters`")
def hyperparameters() -> None:
    """What training may vary beside the architecture, to fix or search by `search.space`: range, meaning, source."""
    from .training import listing

    _print(listing.table())


@assets.command("add", epilog="Example: `emoflow assets add face-landmarker ~/face_landmarker.task`")
def assets_add(
    name: Annotated[str, typer.Argument(help="face-landmarker")],
    source: Annotated[str, typer.Argument(help="a file, or an https address")],
) -> None:
    """Check a pinned file against its digest and put it where the encoders look for it."""
    from .settings import load
    from .storage import assets

    print(assets.install(name, source, load().landmark_model))


@app.command(epilog="Example: `emoflow publish`")
def publish() -> None:
    """Send the finished experiment to MLflow: metrics, trials, plots, the model. Twice is once."""
    from .registry.publish import publish

    with _status("publishing to MLflow"):
        published = publish(**_where(), landmark_model=_settings().landmark_model)
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
    from .registry.promotion import ANY, promote

    with _status("asking the gates"):
        done = promote(
            name or _model_name(),
            version,
            expected=ANY if expected is None else expected,
            waive=waive or [],
            reason=reason,
            **_where(),
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
    from .registry.promotion import rollback

    with _status("looking for an earlier champion that loads"):
        done = rollback(name or _model_name(), reason=reason, **_where())
    print(f"models:/{done.name}@champion is version {done.version} again; it was version {done.before}")


@app.command(epilog="Example: `emoflow models`")
def models(
    name: Annotated[str | None, typer.Argument(help="one registered model; all where left out")] = None,
) -> None:
    """What is registered: versions, who is champion, protocol, figures, whether the lineage is clean."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from .registry.promotion import models

    where = _where()
    if _no_registry_yet(where["tracking_uri"]):
        print("no model is registered yet: `dvc repro`, then `emoflow publish`")
        return
    with _status("asking MLflow"):
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
    _print(table)
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
    from .registry.predict import predict

    uri = model or f"models:/{_model_name()}@champion"
    where = _where(lineage=False)
    if _no_registry_yet(where["tracking_uri"]):
        raise errors.RegistryError("no model is registered yet: `dvc repro`, then `emoflow publish`")
    with _status(f"loading {uri}"):
        found = predict(uri, files or [], text=text, **where)
    if as_json:
        print(found.to_json(orient="records", force_ascii=False))
    else:
        for row in found.to_dict(orient="records"):
            _print(_answer(row, uri))
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
    from .lineage import Store, tree

    _require_workspace()
    store = Store(_settings().lineage_uri, root=Path())
    if speaker:
        heard = store.models_of_speaker(speaker)
        for row in heard:
            print(f"{row['name']}/{row['version']}: {row['role']}, {row['utterances']} utterances")
        if not heard:
            print(f"no registered model heard {speaker}")
        return
    _print(tree(uri or f"{_model_name()}@champion", store=store))


@app.command(epilog="Example: `emoflow results`")
def results() -> None:
    """The finished experiment's table, its champion, and where to look further."""
    from .evaluation.summary import table
    from .files import read_json

    _require_workspace()
    path = Path("reports/metrics.json")
    if not path.is_file():
        raise errors.EmoflowError(f"{path} is not here: the experiment is not finished; run `dvc repro`")
    metrics, folds = read_json(path), Path("data/folds.json")
    if not folds.is_file() or read_json(folds)["protocol"] != metrics["protocol"]:
        raise errors.EmoflowError(
            f"{path} is of an earlier experiment, {metrics['protocol']}, and the one that params.yaml states is not "
            "finished; run `dvc repro`"
        )
    if "search" not in metrics:
        raise errors.EmoflowError(f"{path} was written by an earlier emoflow; run `dvc repro`")
    from .lineage import Store

    name = _model_name()
    champion = Store(_settings().lineage_uri, root=Path()).holder(name)
    said = "nobody yet: emoflow publish, emoflow promote" if champion is None else f"models:/{name}@champion"
    _print(table(metrics))
    print(
        f"\nreport     reports/index.html"
        f"\nchampion   {said}   (emoflow predict CLIP; emoflow lineage)"
        f"\nthe UIs    make ui   (Prefect: schedules and runs; MLflow: trials and models)"
    )


@app.command(epilog="Example: `emoflow doctor`")
def doctor() -> None:
    """Check versions, disk, services and devices, and say how to mend what is amiss. Exit status 1 if anything is."""
    from .doctor import checks, table

    found = checks()
    _print(table(found))
    if not all(check.ok for check in found):
        raise typer.Exit(1)


def _settings():
    from .settings import load

    return load()


def _where(*, lineage: bool = True) -> dict:
    """Where the experiment is and where its records go, as the registry's functions take it."""
    settings = _settings()
    if lineage or not settings.mlflow_tracking_uri.startswith(("http://", "https://")):
        _require_workspace()
    where = {"root": Path(), "tracking_uri": settings.mlflow_tracking_uri}
    return where | ({"lineage_uri": settings.lineage_uri} if lineage else {})


def _layout(corpus: str):
    """What params.yaml, where there is one, states of a corpus's layout."""
    from . import params
    from .schema import UNSTATED

    return params.load().layout(corpus) if params.PATH.is_file() else UNSTATED


def _print_next(corpus: str) -> None:
    print(
        f"next: dvc exp run -S 'corpora=[{corpus}]'   (emoflow corpora describe {corpus} shows what it holds)"
    )


def _no_registry_yet(tracking_uri: str) -> bool:
    """Whether MLflow's SQLite file is still to be made, which asking MLflow would do."""
    path = tracking_uri.removeprefix("sqlite:///")
    return path != tracking_uri and not Path(path).is_file()


def _require_workspace() -> None:
    from . import workspace

    workspace.require()


def _model_name() -> str:
    from . import params

    _require_workspace()
    return params.load().model_name()


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


def _status(what: str):
    from rich.console import Console

    return Console(stderr=True).status(f"{what} …")


def main() -> None:
    """The console script: a user's error is one line on stderr and its exit status; Ctrl-C is 130."""
    errors.run(lambda: app(prog_name="emoflow"))


def _print(renderable) -> None:
    from rich.console import Console

    Console(file=sys.stdout).print(renderable)


if __name__ == "__main__":
    main()
