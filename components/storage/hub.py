"""Models of a Hugging Face hub: weights, configuration and tokenizer of one revision, and no code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..errors import DownloadError

SAFETENSORS = "model.safetensors"
PICKLE = "pytorch_model.bin"
TEXTS = (".json", ".txt", ".model")
"""Suffixes of what configures a model and its tokenizer; ``.model`` is SentencePiece's."""
TIMEOUT_S = 15.0
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class HubUnreachable(DownloadError):
    """The hub does not answer, or is not to be asked; another way may lead to the model."""


@dataclass(frozen=True)
class Snapshot:
    """What a hub gave.

    Attributes:
        folder: in the hub's own cache, which later calls reuse; its files are read, never changed.
        revision: the commit.
        weights: the name of the file of the weights in it.
        licence: as the model's page states it; None where it does not.
    """

    folder: Path
    revision: str
    weights: str
    licence: str | None


def snapshot(
    name: str,
    *,
    revision: str | None = None,
    weights: str | None = None,
    mirror: str | None = None,
) -> Snapshot:
    """Download a model, or find it in the hub's cache where ``HF_HUB_OFFLINE`` is set.

    An interrupted download resumes when called again.

    Args:
        name: ``owner/model``.
        revision: a commit, branch or tag; the newest commit where None.
        weights: the file of the weights; ``model.safetensors``, or where there is none ``pytorch_model.bin``, where
            None.
        mirror: the https address of another hub, which gets no login; the one that ``HF_ENDPOINT`` names where None.

    Returns:
        Where the files are.

    Raises:
        HubUnreachable: there is no answer, or ``HF_HUB_OFFLINE`` is set and the cache lacks the model.
        DownloadError: the hub answers, and has no such model, revision or weights, or gives it on request alone.
    """
    from huggingface_hub import HfApi, errors, hf_hub_download

    if mirror is not None and not _safe(mirror):
        raise DownloadError(f"{mirror}: only https is accepted")
    access: dict[str, Any] = {"endpoint": mirror, "token": False if mirror else None}
    where = mirror or "the hub"
    try:
        info = HfApi(**access).model_info(name, revision=revision, timeout=TIMEOUT_S)
        files = {each.rfilename for each in info.siblings}
        chosen = weights or next((each for each in (SAFETENSORS, PICKLE) if each in files), SAFETENSORS)
        if chosen not in files:
            shown = ", ".join(
                sorted(each for each in files if "safetensors" in each or each.endswith(".bin"))
            )
            raise DownloadError(
                f"{where} has no {chosen} of {name} at {info.sha}; of weights it has: {shown or 'none'}"
            )
        wanted = [each for each in files if "/" not in each and (each == chosen or each.endswith(TEXTS))]
        # One after another: the threads of snapshot_download would go on after Ctrl-C until the last file is whole.
        paths = [hf_hub_download(name, each, revision=revision, **access) for each in sorted(wanted)]
        folder, *others = {
            Path(path).parent for path in paths
        }  # a folder of the cache, named after the commit
        if others:
            raise DownloadError(
                f"{where} got a newer revision of {name} meanwhile: run the same command again"
            )
        licence = info.card_data.get("license") if info.card_data else None
        return Snapshot(folder, folder.name, chosen, licence if isinstance(licence, str) else None)
    except errors.OfflineModeIsEnabled:
        return _cached(name, revision, weights)
    except errors.GatedRepoError:
        raise DownloadError(
            f"{where} gives {name} on request alone: ask on its page, then log in with `hf auth login`"
        ) from None
    except errors.RepositoryNotFoundError:
        raise DownloadError(f"{where} has no model {name}, or only for those who log in") from None
    except errors.RevisionNotFoundError:
        raise DownloadError(f"{where} has no revision {revision} of {name}") from None
    except errors.HfHubHTTPError as error:
        raise HubUnreachable(f"{where} answers {error.response.status_code}") from None
    except (errors.HTTPError, errors.LocalEntryNotFoundError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise HubUnreachable(f"{where} does not answer ({reason})") from None


def _cached(name: str, revision: str | None, weights: str | None) -> Snapshot:
    """The model in the hub's cache."""
    from huggingface_hub import errors, snapshot_download

    chosen = weights or SAFETENSORS
    try:
        folder = Path(
            snapshot_download(name, revision=revision, local_files_only=True, allow_patterns=[chosen])
        )
    except errors.LocalEntryNotFoundError:
        folder = None
    if folder is None or not (folder / chosen).is_file():
        raise HubUnreachable(f"HF_HUB_OFFLINE is set, and {name} is not in the hub's cache")
    return Snapshot(folder, folder.name, chosen, None)


def _safe(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
