"""Print how many reports a server's database holds, how many wait to be folded, and the thread-time that is folded: all, work, on lines."""

from __future__ import annotations

import json
import sqlite3
import sys

with sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True, timeout=60) as database:
    database.execute("BEGIN")  # all of one moment
    counts = {
        "batches": "SELECT count(*) FROM batches",
        "unfolded": "SELECT count(*) FROM unfolded_batches",
        "bytes": "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
        "micros": "SELECT coalesce(sum(thread_micros), 0) FROM category_usage",
        "work": "SELECT coalesce(sum(thread_micros), 0) FROM category_usage WHERE category = 'work'",
        "lines": "SELECT coalesce(sum(thread_micros + native_micros), 0) FROM line_usage",
    }
    found = {name: database.execute(query).fetchone()[0] for name, query in counts.items()}
sys.stdout.write(json.dumps(found) + "\n")
