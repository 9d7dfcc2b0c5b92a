"""With a Dask that is too old for the agent: one sentence, and work that goes on. Run by scripts/test-dask-versions.sh."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import textwrap
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

PROGRAM = textwrap.dedent(
    """
    from distributed import Client, LocalCluster

    if __name__ == "__main__":
        with LocalCluster(n_workers=1, dashboard_address=":0") as cluster, Client(cluster) as client:
            if __import__("sys").argv[1:] == ["watch"]:
                import lineitem
                try:
                    lineitem.watch(client, server=__import__("os").environ["LINEITEM_SERVER"], token="t")
                except lineitem.ConfigurationError as error:
                    print(error)
            print(client.submit(sum, [1, 2]).result())
    """
)


def main() -> None:
    """Run a program that asks to be watched, and one that a preload would have watched."""
    requests: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            requests.append(self.path)
            self.send_error(500)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "program.py")  # noqa: PTH118 - as plain as the rest
        with open(file, "w", encoding="utf-8") as stream:  # noqa: PTH123
            stream.write(PROGRAM)
        environ = {
            **os.environ,
            "LINEITEM_SERVER": f"http://127.0.0.1:{server.server_address[1]}",
            "LINEITEM_TOKEN": "t",
        }

        def run(*arguments: str, **more: str) -> tuple[str, str]:
            done = subprocess.run(
                [sys.executable, file, *arguments], env={**environ, **more}, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
            return done.stdout, done.stderr

        out, _ = run("watch")
        assert "needs distributed 2024.9 or later, and this Python has 2023.12.1; nothing was changed.\n3\n" in out, out
        out, err = run(DASK_DISTRIBUTED__SCHEDULER__PRELOAD="lineitem.agent.preload")
        assert out == "3\n", out
        assert err.count("Lineitem") == 1, err
        assert "needs distributed 2024.9 or later, and this scheduler has 2023.12.1: this cluster works" in err, err
    assert requests == [], requests
    print(json.dumps({"refused": "2023.12.1", "sentence": err.strip()}))


if __name__ == "__main__":
    main()
