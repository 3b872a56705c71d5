"""`emoflow doctor`: checks the installation, the workspace, the services and the devices, and says how to fix each.

It works in any folder; where that is no workspace, only the machine and the installation are checked. It takes a
second or two, since no check imports the library that it is about.
"""

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from . import logs, params, reach, settings
from .artifacts.corpora import RAW
from .errors import EmoflowError, listed, redacted
from .params import Params
from .settings import Settings

if TYPE_CHECKING:
    from rich.table import Table

OLDEST = (3, 11)
LOCK = "requirements.lock"
DISTRIBUTION = "emoflow"
PACKAGE = Path(__file__).resolve().parent
"""The folder of the code that is running."""
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;]+)\s*$", re.MULTILINE)
"""One exact requirement; one with a marker, such as that of an extra, is not meant."""
DISK_GB = 5.0
GPUS = Path("/proc/driver/nvidia/gpus")


@dataclass(frozen=True)
class Check:
    """The result of one check.

    Attributes:
        name: what was checked.
        ok: whether a run can go on with what is there.
        found: what is there, in words.
        fix: what to do; where ``ok`` is true, how to get something optional.
    """

    name: str
    ok: bool
    found: str
    fix: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "found", redacted(self.found))


def checks(root: str | Path = ".") -> list[Check]:
    """Run every check.

    Args:
        root: the folder, by default the current one. Git, DVC, params.yaml and the corpora are checked if it is a
            workspace.

    Returns:
        The results, in the order in which one would fix them. A failed check is a result and raises nothing.
    """
    root = Path(root)
    done = [python(), code(root), packages(root), disk(root), writable(root), espeak()]
    experiment = None
    if (root / params.PATH).is_file():
        done += [git(root), dvc(root)]
        experiment = _read("params.yaml", lambda: params.load(root / params.PATH))
    else:
        found = f"none here: this folder has no {params.PATH}"
        done.append(Check("workspace", True, found, "to check a workspace, run this command in its folder"))
    environment = _read("environment", settings.load)
    done += [each for each in (experiment, environment) if isinstance(each, Check)]
    if isinstance(experiment, Params):
        done += corpora(root, experiment)
    if isinstance(experiment, Params) and isinstance(environment, Settings):
        done += [names(root, experiment, environment), *encoders(experiment, environment)]
    if isinstance(environment, Settings):
        uses = isinstance(experiment, Params) and experiment.features.face.runs_landmarker
        done += [
            landmark_model(environment.landmark_model, needed=uses),
            device(environment.device),
            mlflow(environment.mlflow_tracking_uri, root),
            prefect(os.environ.get("PREFECT_API_URL")),
            ray(environment.ray_address),
            *server_logs(root),
        ]
        if environment.shared is not None:
            done.append(shared(environment.shared))
    return done


def table(found: Sequence[Check]) -> "Table":
    """The checks as a table for a terminal, each fix below what it fixes."""
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    shown = Table(box=SIMPLE_HEAD, show_header=False, pad_edge=False, show_edge=False)
    shown.add_column(no_wrap=True)
    shown.add_column(no_wrap=True)
    shown.add_column(overflow="fold")
    for check in found:
        sign = "[green]✓[/green]" if check.ok else "[bold red]✗[/bold red]"
        fix = f"\n[yellow]→ {escape(check.fix)}[/yellow]" if check.fix else ""
        shown.add_row(sign, escape(check.name), escape(check.found) + fix)
    return shown


def python() -> Check:
    found = ".".join(map(str, sys.version_info[:3]))
    ok = sys.version_info[:2] >= OLDEST
    fix = (
        ""
        if ok
        else f"Python {'.'.join(map(str, OLDEST))} or newer is needed: make PYTHON=/path/to/it install"
    )
    return Check("Python", ok, f"{found} ({sys.prefix})", fix)


def code(root: Path) -> Check:
    """Which code runs, and whether it is that of ``root``, where ``root`` is a clone of emoflow."""
    clone = root / "components"
    if _is_clone(root) and clone.resolve() != PACKAGE:
        found = f"emoflow runs from {PACKAGE}, not from {clone.resolve()}"
        return Check("emoflow", False, found, "make install, then source .venv/bin/activate, in this folder")
    try:
        version = importlib.metadata.version(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return Check("emoflow", False, f"runs from {PACKAGE}, but is not installed", "make install")
    return Check("emoflow", True, f"{version} ({PACKAGE})")


def packages(root: Path) -> Check:
    """The installed versions against the ones wanted; a local label (`+cpu`) makes no difference.

    In a clone of emoflow the lock file says which are wanted, elsewhere the metadata of the installed emoflow.
    """
    if _is_clone(root):
        source, fix = LOCK, "make install"
        if not (root / LOCK).is_file():
            return Check("packages", False, f"no {LOCK} in this clone", f"git checkout {LOCK}")
        wanted = PIN.findall((root / LOCK).read_text(encoding="utf-8"))
    else:
        source, fix = "emoflow's own requirements", "pip install --force-reinstall the wheel of emoflow"
        try:
            required = importlib.metadata.requires(DISTRIBUTION) or []
        except importlib.metadata.PackageNotFoundError:
            return Check("packages", False, "emoflow is not installed, so what it requires is unknown", fix)
        wanted = PIN.findall("\n".join(required))
    wrong = []
    for name, version in wanted:
        try:
            found = importlib.metadata.version(name).partition("+")[0]
        except importlib.metadata.PackageNotFoundError:
            found = "missing"
        if found != version:
            wrong.append(f"{name} {found}, not {version}")
    if wrong:
        return Check("packages", False, listed(wrong), fix)
    return Check("packages", True, f"{len(wanted)}, as in {source}")


def disk(root: Path) -> Check:
    free = shutil.disk_usage(root).free / 1e9
    fix = (
        "" if free >= DISK_GB else f"free {DISK_GB:.0f} GB, or set EMOFLOW_CACHE to a folder on another disk"
    )
    return Check("disk", not fix, f"{free:.1f} GB free", fix)


def writable(root: Path) -> Check:
    try:
        with tempfile.TemporaryFile(dir=root):
            return Check("write access", True, "yes")
    except OSError as error:
        who = f"{root.resolve()}: {error.strerror}"
        return Check("write access", False, who, "give yourself write access to this folder")


def git(root: Path) -> Check:
    """Git is installed, there is a commit, and no other worktree's experiments mix with those of this one.

    DVC keeps what an experiment in progress is made from in references of the repository, which its worktrees share:
    of two ``dvc exp run`` at once one is filed under the other's commit.

    Args:
        root: the workspace.

    Returns:
        The check's result.
    """
    if not shutil.which("git"):
        return Check("git", False, "not installed", "install git")
    answer = subprocess.run(
        ["git", "rev-parse", "--verify", "--quiet", "--short", "HEAD"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        fix = "git init && git add . && git commit -m start (lineage names a model's code by its commit)"
        return Check("git", False, "no commit here", fix)
    commit = f"commit {answer.stdout.strip()}"
    listing = subprocess.run(
        ["git", "worktree", "list", "--porcelain"], cwd=root, capture_output=True, text=True, check=False
    ).stdout
    blocks = [block for block in listing.split("\n\n") if block.strip() and "\nprunable" not in block]
    if len(blocks) < 2:
        return Check("git", True, commit)
    return Check(
        "git",
        True,
        f"{commit}; {len(blocks)} worktrees share the repository",
        "one `dvc exp run` at a time in all of them, since DVC would file one under the other's commit; or git clone, "
        "which makes a repository of its own",
    )


def dvc(root: Path) -> Check:
    ok = (root / ".dvc" / "config").is_file()
    return Check("DVC", ok, "initialised" if ok else "not initialised here", "" if ok else "dvc init")


def espeak() -> Check:
    """The speech synthesiser of the control corpus."""
    spec = importlib.util.find_spec("espeakng_loader")
    folder = Path(spec.origin).parent if spec and spec.origin else None
    ok = bool(folder and any(folder.glob("*espeak-ng*")) and (folder / "espeak-ng-data").is_dir())
    found = "library and voices" if ok else "the package espeakng-loader has no library for this machine"
    return Check("espeak-ng", ok, found, "" if ok else "make install; without it there is no control corpus")


def corpora(root: Path, experiment: Params) -> Iterator[Check]:
    from .corpora import obtain

    for name in experiment.corpora:
        folder = root / RAW / name
        ok = folder.is_dir() and any(folder.iterdir())
        where = folder.relative_to(root)
        if ok:
            yield Check(f"corpus {name}", True, f"in {where}")
        elif Path(f"{folder}.dvc").is_file():
            yield Check(f"corpus {name}", False, f"not in {where}, tracked", f"dvc pull {where}.dvc")
        else:
            yield Check(f"corpus {name}", False, f"not in {where}", obtain(name, folder.parent))


def encoders(experiment: Params, environment: Settings) -> Iterator[Check]:
    """Whether the Hugging Face models are here that the experiment's encoders run; none of them is loaded."""
    from .encoders import ModelFiles
    from .encoders.pretrained.folder import find
    from .stages.stated_names import pretrained_encoders

    models = ModelFiles(environment.landmark_model, environment.encoders)
    for spec in pretrained_encoders(experiment):
        name = f"encoder {spec.hf}"
        try:
            yield Check(name, True, f"in {find(spec, models).path}")
        except EmoflowError as error:
            get = "correct its path in params.yaml"
            if spec.is_hub_name:
                add = f"emoflow encoders add FILE.pt --name {spec.hf}"
                get = add if spec.streams else f"emoflow encoders fetch {spec.hf}"
            yield Check(name, False, str(error), get)


def names(root: Path, experiment: Params, environment: Settings) -> Check:
    """Whether the later stages know the names in params.yaml; see `stages.stated_names`."""
    from .encoders import ModelFiles
    from .stages.stated_names import check_names

    try:
        check_names(experiment, ModelFiles(environment.landmark_model, environment.encoders), root)
    except EmoflowError as error:
        return Check("names", False, str(error), f"correct it in {params.PATH}")
    return Check("names", True, f"those in {params.PATH} are known")


def landmark_model(path: Path, *, needed: bool) -> Check:
    from .storage import assets

    get = "emoflow assets add face-landmarker FILE-OR-URL"
    if not path.exists():
        found = f"not at {path}" + (
            "" if needed else "; only faces by `landmarks` and `track: mediapipe` need it"
        )
        return Check("landmark model", not needed, found, get)
    try:
        assets.require("face-landmarker", path)
    except EmoflowError as error:
        return Check("landmark model", False, str(error), get)
    return Check("landmark model", True, str(path))


def device(wanted: str) -> Check:
    """What training can use, judged by torch's build and the driver alone."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return Check("device", False, "torch is not installed", "make install")
    build = (Path(spec.origin).parent / "version.py").read_text(encoding="utf-8")
    cuda = re.search(r"^cuda\b.*= '([\d.]+)'", build, re.MULTILINE)
    cards = sorted(GPUS.glob("*"))
    if cuda and cards:
        return Check(
            "device", True, f"{len(cards)} × CUDA {cuda[1]}" + (", unused" if wanted == "cpu" else "")
        )
    if cuda:
        lacks, fix = f"CUDA {cuda[1]} build, no NVIDIA driver", "install NVIDIA's driver"
    elif cards:
        lacks, fix = (
            f"{len(cards)} GPU, CPU build of torch",
            "install torch's CUDA build of the locked version",
        )
    else:
        lacks, fix = "CPU only", "use a machine with a GPU"
    if wanted == "cuda":
        return Check(
            "device", False, f"EMOFLOW_DEVICE is cuda: {lacks}", f"{fix}, or set EMOFLOW_DEVICE=auto"
        )
    return Check("device", True, lacks, fix if cards else "")


def mlflow(uri: str, root: Path) -> Check:
    fix = "start it (`emoflow ui` starts one over sqlite:///mlflow.db), or set MLFLOW_TRACKING_URI to where it is"
    where, shown = urlsplit(uri), redacted(uri)
    if where.scheme == "sqlite":
        path = root / uri.removeprefix("sqlite:///")
        made = path.is_file()
        if not os.access(path if made else path.parent, os.W_OK):
            return Check("MLflow", False, f"{shown} cannot be written", "set MLFLOW_TRACKING_URI")
        return Check("MLflow", True, shown if made else f"{shown}, created by the first `emoflow publish`")
    try:
        if where.scheme in ("http", "https"):
            reach.get(f"{uri.rstrip('/')}/health")
        else:
            reach.connect(where.hostname or "localhost", where.port or 5432)
    except (OSError, ValueError) as error:
        return Check("MLflow", False, f"{shown}: {reach.problem(error)}", fix)
    return Check("MLflow", True, f"{shown} answers")


def prefect(api: str | None) -> Check:
    if not api:
        found = "PREFECT_API_URL is not set: a flow run starts a private server"
        return Check("Prefect", True, found, "`emoflow ui` starts a server with a UI, and a worker")
    try:
        reach.prefect(f"{api.rstrip('/')}/health")
    except (OSError, ValueError) as error:
        fix = "start it (emoflow ui), or set PREFECT_API_URL to where it is (http://HOST:PORT/api)"
        return Check("Prefect", False, f"{api}: {reach.problem(error)}", fix)
    return Check("Prefect", True, f"{api} answers")


def server_logs(root: Path) -> list[Check]:
    """Each server of `emoflow ui` that reports one error again and again, which its UI may not show."""
    found = []
    for path in sorted((root / logs.LOGS).glob("*.log")):
        if errors := logs.recurring_errors(path):
            again = f"{path.stem} keeps reporting: {errors[0][:300]}"
            found.append(Check("servers", False, again, f"see {path}; Ctrl-C and `emoflow ui` start it anew"))
    return found


def ray(address: str | None) -> Check:
    if address in (None, "", "local", "auto"):
        return Check(
            "Ray",
            True,
            "started on this machine" if address != "auto" else "the cluster that runs on this machine",
        )
    if address.startswith("ray://"):
        fix = "set RAY_ADDRESS to HOST:6379 on a node of the cluster, or unset it: Tune does not work through ray://"
        return Check("Ray", False, address, fix)
    host, _, port = address.rpartition(":")
    try:
        reach.connect(host, int(port))
    except (OSError, ValueError) as error:
        return Check(
            "Ray", False, f"{address}: {reach.problem(error)}", "start the cluster, or unset RAY_ADDRESS"
        )
    return Check("Ray", True, f"{address} answers")


def shared(place: str) -> Check:
    """The folder or bucket that a cluster's nodes share; only the server of a bucket is contacted, not the bucket."""
    if place.startswith("s3://"):
        named = [name for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL") if os.environ.get(name)]
        if not named:
            return Check("shared", True, f"{place}, at AWS (no endpoint is set)")
        endpoint = os.environ[named[0]]
        fix = f"start it, or set {named[0]} to where it is (https://HOST:PORT)"
        try:
            where = urlsplit(endpoint)
            if where.hostname is None or where.scheme not in ("http", "https"):
                return Check("shared", False, f"{endpoint} is not an address", fix)
            reach.connect(where.hostname, where.port or {"http": 80, "https": 443}[where.scheme])
        except (OSError, ValueError) as error:
            return Check("shared", False, f"{endpoint}: {reach.problem(error)}", fix)
        return Check("shared", True, f"{place}, {endpoint} answers")
    if Path(place).is_dir() and os.access(place, os.W_OK):
        return Check("shared", True, f"in {place}")
    lacks = "cannot be written" if Path(place).is_dir() else "is not a folder"
    return Check(
        "shared",
        False,
        f"{place} {lacks}",
        "set EMOFLOW_SHARED to a folder that every node sees, or unset it",
    )


def _is_clone(root: Path) -> bool:
    return (root / "components" / "__init__.py").is_file()


def _read(name: str, read: Callable[[], object]) -> object:
    """The result of ``read``, or the failed check that says why there is none."""
    try:
        return read()
    except EmoflowError as error:
        return Check(
            name,
            False,
            str(error),
            f"correct it in {name}" if name == "params.yaml" else "correct that variable",
        )
