"""The command that measures a registered model."""

from typing import Annotated

import typer

from .shared import (
    model_reference,
    published_models,
    report_skipped,
    show,
    write_out,
)

app = typer.Typer()


@app.command(
    epilog="Examples: `emoflow measure clip.mp4`; "
    "`emoflow measure recordings/ --model emotion-ravdess8/3 --json cost.json`"
)
def measure(
    recordings: Annotated[
        list[str], typer.Argument(help="audio or video: files, folders, or glob patterns in quotes")
    ],
    text: Annotated[str | None, typer.Option(help="what is said in each of them")] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="NAME, NAME@champion or NAME/VERSION, also behind models:/; the champion where left out"
        ),
    ] = None,
    repeat: Annotated[int, typer.Option(min=1, help="how often each clip is measured, after a warm-up")] = 10,
    json: Annotated[str | None, typer.Option(help="a JSON file; - for stdout")] = None,
) -> None:
    """Measure what a model from the registry costs on this machine: time by stage, throughput, memory, energy.

    Each clip is predicted alone, as by `emoflow predict`. Exit status 1 says that there is a clip that cannot be used.
    """
    from dataclasses import asdict
    from json import dumps

    from ..progress import track
    from ..registry.measure import measure
    from ..registry.predict import find

    reference, found = model_reference(model), find(recordings)
    report_skipped(found.skipped)
    where = published_models()
    measured = measure(
        reference,
        found.files,
        text=text,
        repeat=repeat,
        progress=lambda numbers, total: track(numbers, total=total, what="measure"),
        **where,
    )
    if json:
        write_out(json, dumps(asdict(measured), indent=2, ensure_ascii=False) + "\n")
    if json != "-":
        _show(measured)
    if any(clip.label is None for clip in measured.clips):
        raise typer.Exit(1)


def _show(measured) -> None:
    """The latencies of each clip as a table, and what is of all of them below."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from ..registry.measure import TOTAL

    for clip in measured.clips:
        if clip.label is None:
            print(f"{clip.file}: not used: {clip.reason}")
            continue
        print(f"{clip.file} ({clip.duration_s:.1f} s): {clip.label}, from {clip.modalities_used}")
        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        table.add_column("stage")
        for column in ("p50, ms", "p95, ms"):
            table.add_column(column, justify="right")
        for name, latency in clip.stages.items():
            times = (f"{1000 * seconds:.2f}" for seconds in (latency.p50_s, latency.p95_s))
            table.add_row(name, *times, style="bold" if name == TOTAL else "")
        show(table)
    machine = measured.machine
    print(f"{measured.model}, each clip {measured.repeat} times after a warm-up, one at a time")
    print(f"load: {measured.load_s:.2f} s (download, verification, import)")
    print(
        f"throughput: {measured.clips_per_s:.3g} clips/s; {measured.real_time_factor:.3g} s for a second of recording"
    )
    memory = f"peak memory: {measured.peak_memory_bytes / 1e6:.0f} MB of this process"
    if measured.peak_gpu_bytes is not None:
        memory += f", {measured.peak_gpu_bytes / 1e6:.0f} MB on {machine.gpu}"
    print(memory)
    energy = (
        f"{measured.energy_j:.3g} J a clip, of the whole processor (RAPL)"
        if measured.energy_j is not None
        else f"not readable: {measured.energy_why_not}"
    )
    print(f"energy: {energy}")
    print(f"machine: {machine.in_words()}")
