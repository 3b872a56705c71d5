"""Where the DVC cache of a corpus's workspace is, without importing DVC, which takes a second."""

import configparser
import os
from collections.abc import Iterator
from pathlib import Path

import platformdirs

from ..errors import CorpusError

_APPLICATION = "dvc", "iterative"


def folder(corpus: Path) -> Path | None:
    """The folder of cached files, into which DVC may link the files of a corpus (``cache.type symlink``).

    Args:
        corpus: a folder of a workspace, resolved.

    Returns:
        ``files/md5`` below the cache that DVC's configuration states (``cache.dir``: system, user, repository, local,
        the last one wins), by default ``.dvc/cache``; None where the folder lies in no DVC repository.

    Raises:
        CorpusError: a configuration cannot be read.
    """
    home = next((above / ".dvc" for above in (corpus, *corpus.parents) if (above / ".dvc").is_dir()), None)
    if home is None:
        return None
    stated = "cache"
    for file in _configurations(home):
        settings = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            settings.read(file, encoding="utf-8")
        except configparser.Error as error:
            raise CorpusError(f"{file} is no configuration of DVC: {' '.join(str(error).split())}") from None
        stated = settings.get("cache", "dir", fallback=stated)
    return (home / Path(stated).expanduser() / "files" / "md5").resolve()


def _configurations(home: Path) -> Iterator[Path]:
    system = os.environ.get("DVC_SYSTEM_CONFIG_DIR") or platformdirs.site_config_dir(*_APPLICATION)
    user = os.environ.get("DVC_GLOBAL_CONFIG_DIR") or platformdirs.user_config_dir(*_APPLICATION)
    yield Path(system) / "config"
    yield Path(user) / "config"
    yield home / "config"
    yield home / "config.local"
