"""Traces a model back to its raw files: ``graph`` as plain data, ``tree`` for a terminal."""

from typing import Any

from ..errors import LineageError, listed
from .reference import CHALLENGER, CHAMPION, LATEST, parse
from .store import TEST, Store


def resolve(text: str, store: Store) -> tuple[str, int]:
    """Find the version that a user names, by the lineage store.

    Args:
        text: a model's name in any form that `reference.parse` reads. A bare name is the champion, or the newest
            version where there is none; ``@challenger`` and ``/latest`` are the newest version.
        store: the lineage store.

    Returns:
        The model's name and the version.

    Raises:
        LineageError: for another form, and for a model or an alias that is not known.
    """
    model = parse(text)
    if model.version is not None:
        return model.name, model.version
    if model.alias not in (CHALLENGER, LATEST):
        version = store.holder(model.name, model.alias or CHAMPION)
        if version is not None:
            return model.name, version
        if model.alias:
            raise LineageError(
                f"no version of {model.name} is {model.alias}; `emoflow models` lists what there is"
            )
    versions = [row["version"] for row in store.models(model.name)]
    if not versions:
        known = {row["name"] for row in store.models()}
        raise LineageError(
            f"no model {model.name!r} has lineage here; known: {listed(sorted(known)) or 'none'}"
        )
    return model.name, max(versions)


def graph(name: str, version: int, *, store: Store) -> dict[str, Any]:
    """A model's descent as nested nodes: ``{"kind", "title", "detail": {…}, "children": […]}``.

    model → run → evaluate, train → search → folds, features → validate → utterances → raw. A stage that several
    others read stands once, under the one furthest back.
    """
    model = store.model(name, version)
    learnt = [row for row in store.members(name, version) if row["role"] != TEST]
    executions = {execution["stage"]: execution for execution in store.executions(name, version)}
    sources = {
        stage: [other for other in executions if other != stage and _feeds(executions[other], execution)]
        for stage, execution in executions.items()
    }
    depth = {stage: _depth(stage, sources) for stage in executions}
    parent = {
        stage: min(
            (user for user in executions if stage in sources[user]),
            key=lambda user: (depth[user], "@" not in user, user),
        )
        for stage in executions
        if any(stage in sources[user] for user in executions)
    }
    raw = {}
    for stage in sorted(executions, key=lambda stage: depth[stage]):
        for artifact in executions[stage]["in"]:
            if artifact["kind"] == "raw":
                raw.setdefault(artifact["path"], stage)

    def node(stage: str) -> dict[str, Any]:
        execution = executions[stage]
        children = [node(other) for other in sorted(sources[stage]) if parent[other] == stage]
        children += [
            {"kind": "raw", "title": artifact["path"], "detail": _facts(artifact), "children": []}
            for artifact in execution["in"]
            if raw.get(artifact["path"]) == stage
        ]
        detail = {
            "made": [{"path": out["path"], **_facts(out)} for out in execution["out"]],
            "code": [
                {"path": dep["path"], **_facts(dep)} for dep in execution["in"] if dep["kind"] == "code"
            ],
            "params": execution["params"],
        }
        if stage.startswith("validate@"):
            detail["verdict"] = model["verdicts"].get(stage.split("@")[1], {})
        return {"kind": "stage", "title": stage, "detail": detail, "children": children}

    run = {
        "kind": "run",
        "title": model["run_id"],
        "detail": {
            "commit": model["git_commit"],
            "clean": model["clean"],
            "unclean": model["unclean"],
            "dvc_lock_sha256": model["dvc_lock_sha256"],
        },
        "children": [node(stage) for stage in sorted(executions) if stage not in parent],
    }
    return {
        "kind": "model",
        "title": f"{name} version {version}",
        "detail": {
            "weights_sha256": model["weights_sha256"],
            "protocol": model["protocol"],
            "champion": store.holder(name) == version,
            "strategy": model["description"].get("strategy"),
            "utterances": len(learnt),
            "speakers": len({row["speaker"] for row in learnt} - {None}),
            "withdrawn": [str(each) for each in store.withdrawn_from(name, version)],
        },
        "children": [run],
    }


def tree(uri: str, *, store: Store):
    """The descent of ``uri``'s model as a ``rich.tree.Tree``.

    Raises:
        LineageError: for a model that is not known.
    """
    name, version = resolve(uri, store)
    return _render(graph(name, version, store=store))


def _feeds(maker: dict, user: dict) -> bool:
    made = [out["path"] for out in maker["out"]]
    read = [dep["path"] for dep in user["in"] if dep["kind"] == "derived"]
    return any(
        out == dep or out.startswith(f"{dep}/") or dep.startswith(f"{out}/") for out in made for dep in read
    )


def _depth(stage: str, sources: dict[str, list[str]]) -> int:
    """The longest way from the raw files to a stage."""
    return 1 + max((_depth(other, sources) for other in sources[stage]), default=0)


def _facts(artifact: dict) -> dict[str, Any]:
    return {"digest": artifact["digest"], "files": artifact["files"], "size": artifact["size"]}


def _render(node: dict[str, Any], branch=None):
    from rich.markup import escape
    from rich.tree import Tree

    detail = node["detail"]
    lines = [f"[bold]{escape(node['title'])}[/bold]"]
    if node["kind"] == "model":
        if detail["champion"]:
            lines[0] += "  [green]champion[/green]"
        lines.append(
            f"{detail['strategy']}, protocol {detail['protocol']}, weights {detail['weights_sha256'][:12]}"
        )
        whose = f"{detail['speakers']} speakers" if detail["speakers"] else "speakers whom nobody named"
        lines.append(f"heard {detail['utterances']} utterances of {whose}")
        if detail["withdrawn"]:
            lines.append(f"[red]learned from {escape(listed(detail['withdrawn']))}[/red]")
    elif node["kind"] == "run":
        lines[0] = f"MLflow run {lines[0]}"
        commit = (detail["commit"] or "none")[:12]
        lines.append(f"commit {commit}, " + ("clean" if detail["clean"] else "[red]not clean[/red]"))
        lines += [
            f"[red]{escape(each['path'])}[/red]: {escape(each['reason'])}" for each in detail["unclean"][:10]
        ]
    elif node["kind"] == "raw":
        lines.append(_counted(detail))
    else:
        lines += [f"{escape(out['path'])}: {_counted(out)}" for out in detail["made"]]
        if "verdict" in detail:
            lines.append("contract holds" if detail["verdict"].get("ok") else "[red]contract broken[/red]")
    text = "\n".join(lines)
    here = Tree(text) if branch is None else branch.add(text)
    for child in node["children"]:
        _render(child, here)
    return here


def _counted(facts: dict[str, Any]) -> str:
    size = facts["size"]
    amount = "" if size is None else f", {size / 1e6:.1f} MB" if size >= 1e6 else f", {size / 1e3:.1f} kB"
    files = facts["files"]
    return f"{files} file{'' if files == 1 else 's'}{amount}, {facts['digest'][:16]}…"
