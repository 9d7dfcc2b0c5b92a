"""Print the reports of all workers as a server's database keeps them, in base64."""

from __future__ import annotations

import base64
import json
import sqlite3
import sys

with sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True) as database:
    rows = database.execute("SELECT payload FROM batches WHERE kind = 'worker'").fetchall()
sys.stdout.write(json.dumps([base64.b64encode(payload).decode() for (payload,) in rows]) + "\n")
