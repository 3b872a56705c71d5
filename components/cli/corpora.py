"""`emoflow corpora …`."""

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .. import errors
from ..files import yaml_word
from .shared import environment, experiment_params, require_workspace, show, stated_layout

app = typer.Typer(help="The recordings: what is known, what is here.", no_args_is_help=True)


@app.command("list", epilog="Example: `emoflow corpora list`")
def corpora_list() -> None:
    """What emoflow knows to read, and your own: size, licence, labels, how to get it, and whether it is here."""
    from ..artifacts.corpora import RAW
    from ..corpora.describe import listing

    require_workspace()
    show(listing.table(RAW))


@app.command("add", epilog="Example: `emoflow corpora add ravdess ~/RAVDESS --features face=openface.csv`")
def corpora_add(
    corpus: Annotated[
        str, typer.Argument(help="its name, as in `emoflow corpora list`; or a name of your own")
    ],
    source: Annotated[Path, typer.Argument(help="the folder, as its owner ships it; it is only read")],
    features: Annotated[
        list[str] | None,
        typer.Option(help="MODALITY=PATH: pre-computed features, joined by the clips' names"),
    ] = None,
    guess: Annotated[
        bool,
        typer.Option("--guess", help="only show which part of the files' names looks like the speaker"),
    ] = False,
) -> None:
    """Put a corpus under data/raw without changing a byte, and let DVC track it.

    A corpus of your own is a folder of recordings by label (`LABEL/*.wav`), or one with a table `utterances.csv`;
    `layouts` in params.yaml says what names do not tell.
    """
    from ..artifacts.corpora import RAW
    from ..corpora.acquire import add, raw_data

    require_workspace()
    if guess:
        raw_data.guessed(corpus, source, stated_layout(corpus), print)
        return
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
    shortest_s = experiment_params().validation.shortest_s
    add.add(corpus, source, stated=stated_layout(corpus), features=tables, shortest_s=shortest_s, root=RAW)
    _print_next(corpus, attached=tables)


@app.command("fetch", epilog="Example: `emoflow corpora fetch ravdess --part speech --part video`")
def corpora_fetch(
    corpus: Annotated[
        str, typer.Argument(help="ravdess, crema-d, meld; for any other it says how to get it")
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
    from ..artifacts.corpora import RAW
    from ..corpora.acquire import fetch
    from ..corpora.acquire.sources import PARTS
    from ..corpora.describe import listing
    from ..schema import CORPORA

    require_workspace()
    if corpus in CORPORA and corpus not in PARTS:
        if (RAW / corpus).is_dir():
            print(f"{corpus} is here: {RAW / corpus}")
            return
        print(listing.gated(corpus, RAW))
        raise typer.Exit(1)
    fetch.fetch(corpus, part or (), root=RAW, stated=stated_layout(corpus))
    _print_next(corpus)


class FaceDetector(StrEnum):
    """What finds faces."""

    cascade = "cascade"
    mediapipe = "mediapipe"


class FollowedFace(StrEnum):
    """Which of several faces is followed."""

    largest = "largest"
    active_speaker = "active-speaker"


def _face_detector(name: FaceDetector):
    from .. import media
    from ..storage import assets

    if name is FaceDetector.cascade:
        return media.CascadeDetector()
    return media.LandmarkDetector(assets.require("face-landmarker", environment().landmark_model))


@app.command(
    "describe",
    epilog="Examples: `emoflow corpora describe ravdess`; "
    "`emoflow corpora describe ravdess --figure ravdess.png`; "
    "`emoflow corpora describe ravdess --faces faces.png --detector mediapipe`",
)
def corpora_describe(
    corpus: Annotated[str, typer.Argument(help="one that is under data/raw")],
    figure: Annotated[
        Path | None, typer.Option(help="also draw it, into this file: .png, .svg or .pdf")
    ] = None,
    faces: Annotated[
        Path | None,
        typer.Option(help="also follow the faces in a sample of its films; a contact sheet of them: .png"),
    ] = None,
    detector: Annotated[
        FaceDetector, typer.Option(help="what finds the faces; mediapipe needs its model file")
    ] = FaceDetector.cascade,
    follow: Annotated[
        FollowedFace,
        typer.Option(help="which of several faces; active-speaker needs --detector mediapipe"),
    ] = FollowedFace.largest,
) -> None:
    """Count what a corpus holds: hours, speakers, classes, what is missing, how far raters agree."""
    from ..artifacts.corpora import RAW
    from ..corpora.describe import describe

    if follow is FollowedFace.active_speaker and detector is not FaceDetector.mediapipe:
        raise typer.BadParameter("active-speaker needs --detector mediapipe", param_hint="--follow")
    require_workspace()
    found = describe.describe(
        corpus,
        RAW / corpus,
        stated=stated_layout(corpus),
        shortest_s=experiment_params().validation.shortest_s,
        workers=environment().worker_count(),
    )
    show(describe.shown(found))
    if figure is not None:
        from ..corpora.describe import figure as drawing

        print(f"\nfigure     {drawing.save(found, figure)}")
    if faces is not None:
        from ..corpora.describe import face_samples, face_sheet

        face_sheet.check(faces)
        samples = face_samples.sampled(
            corpus,
            found.table,
            RAW / corpus,
            _face_detector(detector),
            followed=follow.value,
            cache=environment().cache,
            workers=environment().worker_count(),
        )
        title = f"{corpus}: faces found by {detector.value}"
        print()
        show(face_samples.shown(samples, detector.value))
        print(f"\nfaces      {face_sheet.save(samples, faces, title=title)}")


@app.command(
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
    phones: Annotated[
        bool, typer.Option("--phones", help="also write which phone is said when, to truth/phones.parquet")
    ] = False,
) -> None:
    """Make the control corpus: recordings whose best reachable accuracy is known. Needs no network.

    What any model can reach at best, for each subset of modalities, is in truth/ceilings.json.
    """
    from ..artifacts.corpora import RAW
    from ..settings import load
    from ..synthesis import control_corpus

    if corpus != "control":
        raise errors.CorpusError(
            f"{corpus!r} cannot be synthesised; 'control' can, in its layout by --layout"
        )
    if out is None and layout != "control":
        raise errors.CorpusError(
            f"say where by --out: what has {layout}'s layout is put under data/raw by emoflow corpora add, "
            "under a name of its own"
        )
    tracked = False
    if out is None:
        require_workspace()
        tracked = (RAW / "control").is_dir() and (RAW / "control.dvc").is_file()
    made = control_corpus.synthesise(
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
        phones=phones,
        workers=load().worker_count(),
    )
    if tracked:  # nothing was made; `dvc repro` holds the folder against its record
        print(f"{made} is there already")
        return
    if out is None:
        from ..corpora.acquire import raw_data

        raw_data.track(made)
        return
    stated = f"layout: {layout}" + (f", language: {yaml_word(language)}" if language else "")
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


def _print_next(corpus: str, attached: Iterable[str] = ()) -> None:
    """Print the command that trains on the corpus, on what modalities came with it too.

    Where there is no commit yet, DVC's experiments have nothing to start from, and the commit goes first.
    """
    from ..workspace import has_commit

    first = "" if has_commit() else "git add . && git commit -m start && "
    stated = experiment_params().modalities
    more = [name for name in attached if name not in stated]
    modalities = f" -S 'modalities=[{','.join(map(yaml_word, [*stated, *more]))}]'" if more else ""
    print(
        f"next: {first}dvc exp run -S 'corpora=[{yaml_word(corpus)}]'{modalities}   "
        f"(emoflow corpora describe {corpus} shows what it holds)"
    )
