"""The command that explains the answer of a registered model."""

from pathlib import Path
from typing import Annotated

import typer

from .. import errors
from .shared import (
    confidence_in_words,
    model_reference,
    published_models,
    require_png,
    show,
    write_out,
)

app = typer.Typer()

MOST_WINDOWS = 3
"""Shown of each modality; a JSON file has all."""
MOST_WORDS = 20


@app.command(
    epilog="Examples: `emoflow explain clip.mp4 --text 'I did not expect that' --figure why.png`; "
    "`emoflow explain clip.wav --window 0.2 --json -`"
)
def explain(
    clip: Annotated[str, typer.Argument(help="one audio or video file")],
    text: Annotated[str | None, typer.Option(help="what is said in it")] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="NAME, NAME@champion or NAME/VERSION, also behind models:/; the champion where left out"
        ),
    ] = None,
    window: Annotated[
        float, typer.Option(min=0.02, help="seconds of sound or face that are left out at a time")
    ] = 0.4,
    json: Annotated[str | None, typer.Option(help="a JSON file for all that was found; - for stdout")] = None,
    figure: Annotated[Path | None, typer.Option(help="a PNG file for the picture")] = None,
) -> None:
    """Say why a model from the registry predicts what it predicts: by modality, over time, and by word.

    It is asked again with every subset of the clip's modalities, with each window of sound silenced, each window of the
    face left out and each word left out. What changes is what the model does without that part, not what a person felt.
    """
    from dataclasses import asdict
    from json import dumps

    from ..progress import track
    from ..registry.explaining import figure as picture
    from ..registry.explaining.explain import explain
    from ..registry.predict import find

    require_png(figure)
    reference, files = model_reference(model), find([clip]).files
    if len(files) != 1:
        raise errors.RegistryError(f"{clip} holds {len(files)} recordings: name one of them")
    where = published_models()
    found, seen = explain(
        reference,
        files[0],
        text=text,
        window_s=window,
        progress=lambda numbers, total: track(numbers, total=total, what="explain"),
        **where,
    )
    if figure is not None:
        picture.write(figure, found, seen)
    if json:
        write_out(json, dumps(asdict(found), indent=2, ensure_ascii=False) + "\n")
    if json != "-":
        _show(found)


def _show(found) -> None:
    """The prediction, then what each modality, the strongest windows and the words do to its probability."""
    from ..registry.explaining.profile import strongest, worse_than_nothing

    sure = "" if found.confidence is None else f", {confidence_in_words(found.confidence)}"
    print(f"{found.file}: {found.label}, probability {found.probability:.2f}{sure}; by {found.model}")
    if found.recognised_text:
        print(f"recognised: {found.recognised_text}")
    if found.unused:
        print(f"not used: {found.unused}")
    show(_modalities(found))
    for name, modality, windows in (("sound", "audio", found.audio), ("face", "face", found.face)):
        if windows:
            shown = strongest(windows, most=MOST_WINDOWS)
            rows = [(f"{each.start_s:.2f} – {each.end_s:.2f}", each.drop) for each in shown]
            title = f"{name}, windows of {found.window_s:g} s"
            _show_drops(title, "seconds", rows, f"{name}: no window changes the probability")
            if window := worse_than_nothing(windows, value := found.modalities[modality]):
                print(
                    f"{name}: {window.probability:.2f} without {window.start_s:.2f} – {window.end_s:.2f} s, and "
                    f"{value.without:.2f} without any {name}: what is left speaks against {found.label}, perhaps by "
                    "the gap alone\n"
                )
    if found.words:
        rows = sorted(((each.word, each.drop) for each in found.words), key=lambda each: -abs(each[1]))
        _show_drops("words", "word", rows[:MOST_WORDS], "")
    print("drop: by how many points the probability is lower where the part is left out")


def _modalities(found):
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("modality")
    for column in ("Shapley value, points", "probability alone", "without it"):
        table.add_column(column, justify="right")
    for name, each in found.modalities.items():
        table.add_row(name, f"{100 * each.shapley:+.1f}", f"{each.alone:.2f}", f"{each.without:.2f}")
    total = 100 * sum(each.shapley for each in found.modalities.values())
    table.add_row(f"all, above {found.nothing_given:.2f}", f"{total:+.1f}", "", "", style="bold")
    return table


def _show_drops(title: str, first: str, rows: list[tuple[str, float]], where_none: str) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    if not rows:
        print(where_none)
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left")
    table.add_column(first)
    table.add_column("drop, points", justify="right")
    for name, drop in rows:
        table.add_row(Text(name), _points(drop))
    show(table)


def _points(drop: float) -> str:
    return f"{round(100 * drop, 1) + 0.0:+.1f}"  # + 0.0: no negative zero
