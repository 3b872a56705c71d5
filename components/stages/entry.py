"""How a stage starts: the code that runs is that which dvc.yaml depends on; a user's error ends it in one line."""

from collections.abc import Callable

from .. import errors
from ..workspace import require_code


def run(stage: str, main: Callable[[], None]) -> None:
    """Run a stage's ``main``; errors and Ctrl-C as `errors.run` has them."""

    def checked() -> None:
        require_code(stage)
        main()

    errors.run(checked)
