"""Print the agent tokens of all live clusters, by cluster, from a server's database: only schedulers are ever given theirs."""

from __future__ import annotations

import json
import sqlite3
import sys

with sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True) as database:
    rows = database.execute("SELECT cluster_id, text FROM agent_tokens WHERE text <> ''").fetchall()
sys.stdout.write(json.dumps(dict(rows)) + "\n")
