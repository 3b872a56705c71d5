"""A Ray cluster of real processes on this machine: a raylet of one CPU a node, token and all.

The nodes live in a process of their own, which obeys lines on its standard input: what a test does to Ray here is
forgotten with it.
"""

import os
import secrets
import subprocess
import sys
from pathlib import Path

import psutil


class Nodes:
    """Nodes of one CPU each; the first is the head. Leaving the block ends them all."""

    def __init__(self, count: int):
        self.environment = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(16)}
        self.process = subprocess.Popen(
            [sys.executable, __file__], env=os.environ | self.environment, text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.raylets: list[int] = []
        self.address = ""
        for _ in range(count):
            self.add()

    def __enter__(self) -> "Nodes":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stdin.close()
        self.process.wait(timeout=120)

    def add(self) -> None:
        self.address, raylet = self._ask("add").split()
        self.raylets.append(int(raylet))

    def kill(self) -> None:
        """The node that was added last, at once and with all that runs on it."""
        self._ask("kill")
        self.raylets.pop()

    def trials(self, node: int) -> list[psutil.Process]:
        """The worker processes in which a node trains."""
        try:
            children = psutil.Process(self.raylets[node]).children()
            return [child for child in children if "ImplicitFunc" in " ".join(child.cmdline())]
        except psutil.Error:
            return []

    def _ask(self, what: str) -> str:
        print(what, file=self.process.stdin, flush=True)
        while answer := self.process.stdout.readline():
            if answer.startswith("= "):
                return answer.removeprefix("= ")
        raise AssertionError("the cluster's process ended")


def main() -> None:
    from ray.cluster_utils import Cluster

    cluster = Cluster()
    nodes = []
    for line in sys.stdin:
        if line.strip() == "add":
            head = {"include_dashboard": False, "gcs_server_port": 0} if not nodes else {}
            nodes.append(cluster.add_node(num_cpus=1, node_ip_address="127.0.0.2", **head))
            print("=", cluster.address, nodes[-1].all_processes["raylet"][0].process.pid, flush=True)
        else:
            cluster.remove_node(nodes.pop(), allow_graceful=False)
            print("= killed", flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    sys.path.remove(str(Path(__file__).parent))
    main()
