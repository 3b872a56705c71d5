"""How a registered model is named: ``NAME``, ``NAME/3``, ``NAME@champion``, each also behind ``models:/``."""

import re
from dataclasses import dataclass

from ..errors import LineageError

CHAMPION, CHALLENGER, LATEST = "champion", "challenger", "latest"
SCHEME = "models:/"
FORMS = "NAME, NAME@champion or NAME/VERSION, with or without models:/ before it"
_PATTERN = re.compile(r"(?:models:/)?(?P<name>[^/@:\s]+)(?:@(?P<alias>[\w.-]+)|/(?P<version>\d+|latest))?")


@dataclass(frozen=True)
class ModelReference:
    """A registered model, and which of its versions is meant; neither ``version`` nor ``alias``: none in particular."""

    name: str
    version: int | None = None
    alias: str | None = None

    @property
    def names_a_version(self) -> bool:
        return self.version is not None or self.alias is not None

    @property
    def uri(self) -> str:
        """The URI that MLflow loads; the champion's where no version is named."""
        if self.version is not None:
            return f"{SCHEME}{self.name}/{self.version}"
        if self.alias == LATEST:
            return f"{SCHEME}{self.name}/{LATEST}"
        return f"{SCHEME}{self.name}@{self.alias or CHAMPION}"


def parse(text: str) -> ModelReference:
    """Read a model's name as a user writes it.

    Args:
        text: ``NAME``, ``NAME@ALIAS``, ``NAME/VERSION`` or ``NAME/latest``; ``models:/`` may stand before it.

    Returns:
        What it names.

    Raises:
        LineageError: for any other form.
    """
    found = _PATTERN.fullmatch(text.strip())
    if not found:
        raise LineageError(f"{text!r} does not name a model: write {FORMS}")
    version, alias = found["version"], found["alias"]
    if version == LATEST:
        return ModelReference(found["name"], alias=LATEST)
    return ModelReference(found["name"], version=int(version) if version else None, alias=alias)
