"""A workspace of its own for a test: a copy of the project as it stands, committed, with a DVC cache of its own."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml
from conftest import ROOT


@dataclass(frozen=True)
class Workspace:
    root: Path

    @classmethod
    def make(cls, root: Path, **changes) -> "Workspace":
        """Copy what git knows or would know of, commit it with ``changes`` made to params.yaml.

        A key of ``changes`` names nested keys with double underscores: ``search__epochs=4``.
        """
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, check=True, capture_output=True, text=True,
        ).stdout.split("\0")  # fmt: skip
        for name in filter(None, listed):
            if (ROOT / name).is_file() and not name.startswith(("data/", "dvc.lock")):
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, root / name)
        workspace = cls(root)
        workspace.change_params(**changes)
        workspace.git("init", "--quiet")
        workspace.commit("as it stands")
        return workspace

    def change_params(self, **changes) -> None:
        path = self.root / "params.yaml"
        held = yaml.safe_load(path.read_text())
        for key, value in changes.items():
            *outer, last = key.split("__")
            part = held
            for name in outer:
                part = part[name]
            part[last] = value
        path.write_text(yaml.safe_dump(held, sort_keys=False))

    def git(self, *arguments: str) -> str:
        identity = ["-c", "user.name=tests", "-c", "user.email=tests@localhost"]
        return self.run("git", *identity, *arguments).stdout.strip()

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)

    def environment(self) -> dict[str, str]:
        return os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    def start(self, *command: str) -> subprocess.Popen:
        """Start a command in a session of its own, its output in ``.emoflow/started.log``."""
        (self.root / ".emoflow").mkdir(exist_ok=True)
        with (self.root / ".emoflow" / "started.log").open("ab") as log:
            return subprocess.Popen(
                command, cwd=self.root, env=self.environment(), stdout=log, stderr=log, start_new_session=True
            )

    def run(self, *command: str, ok: bool = True) -> subprocess.CompletedProcess:
        """Run a command here and return it with its output; with ``ok``, a failure fails the test with the output."""
        done = subprocess.run(command, cwd=self.root, env=self.environment(), capture_output=True, text=True)
        if ok and done.returncode:
            raise AssertionError(
                f"{' '.join(command)} → {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
            )
        return done

    def emoflow(self, *arguments: str, ok: bool = True) -> subprocess.CompletedProcess:
        return self.run("python", "-m", "emoflow.cli", *arguments, ok=ok)
