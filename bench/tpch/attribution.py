"""Whether each task's origin is right, told from reported batches and the text of the program."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

#: What the statement of an origin must hold, by what a task's name begins with. Names that can stem from several
#: operations (shuffles, selections of columns, parts of aggregations) prove nothing and are not here.
STATEMENTS = (
    (r"read[-_]?(parquet|csv)|readparquet", r"read_(parquet|csv)|_table\("),
    (r"(blockwise)?merge\b|hash-join|hashjoin|broadcast-?join|merge-transfer", r"merge\("),
    (r"sort_?values|sortvalues|sort-", r"sort_values|nlargest|set_index"),
    (r"lt$", r"<|between"),
    (r"gt$", r">|between"),
    (r"le$", r"<=|between"),
    (r"ge$", r">=|between"),
    (r"eq$", r"=="),
    (r"ne$", r"!="),
    (r"isin", r"isin"),
    (r"where", r"where"),
    (r"groupby", r"groupby|agg\(|nunique|size|mean|sum|count|apply"),
    (r"nunique", r"nunique"),
    (r"drop\b", r"drop"),
    (r"rename\b", r"rename|columns|to_frame"),
    (r"to_?parquet", r"to_parquet"),
)

#: Names with a hyphen of tasks that are not fused.
_ONE_OPERATION = re.compile(r"(hash-join|read-csv|broadcast-join)(-\w+)?$|\w+-(tree|fused-parq)$")


@dataclass
class Verdict:
    """What was found.

    Parameters
    ----------
    thread_us, unmapped_us
        Thread-time of all tasks, and of those whose line of origin is not known.
    tasks
        How many tasks ended.
    levels
        Tasks by how their origin was found.
    outside
        Names of tasks and sub-tasks whose origin lies outside of the function that made them.
    recognised
        How many names could be judged by their statement.
    wrong
        Those whose statement does not hold what they do.
    """

    thread_us: int = 0
    unmapped_us: int = 0
    tasks: int = 0
    levels: Counter[str] = field(default_factory=Counter)
    outside: list[str] = field(default_factory=list)
    recognised: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def unmapped(self) -> float:
        """Share of thread-time without an origin."""
        return self.unmapped_us / self.thread_us if self.thread_us else 0.0


class Statements:
    """The statements of a program, by line."""

    def __init__(self, source: str) -> None:
        self._spans: list[tuple[int, int, str]] = []
        lines = source.splitlines()
        for node in ast.walk(ast.parse(source)):
            compound = isinstance(
                node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.With, ast.For, ast.If, ast.Try)
            )
            if isinstance(node, ast.stmt) and not compound:
                end = node.end_lineno or node.lineno
                self._spans.append((node.lineno, end, "\n".join(lines[node.lineno - 1 : end])))

    def at(self, line: int) -> str:
        """Return the statement that a line belongs to."""
        found = [(end - start, text) for start, end, text in self._spans if start <= line <= end]
        return min(found)[1] if found else ""


def plain_name(name: str) -> str:
    """Return a task's name without its token."""
    return re.sub(r"-?[0-9a-f]{32}.*$", "", name)


def split_time(worker: dict[str, Any], parts: dict[tuple[int, str], int]) -> Counter[tuple[int, str, int]]:
    """Split the thread-time of a worker batch by submission, prefix and origin, sub-tasks of fused tasks included."""
    weights: dict[tuple[int, int, int], Counter[int]] = defaultdict(Counter)
    strings = worker["strings"]
    for submission, prefix, _stack, wall, _cpu, origin, part in worker["samples"]:
        inner = parts.get((submission, strings[part - 1]), origin) if part else origin
        weights[submission, prefix, origin][inner] += wall
    times: Counter[tuple[int, str, int]] = Counter()
    for submission, prefix, _slot, thread, _done, _failed, origin, *_ in worker["ledger"]:
        split = weights.get((submission, prefix, origin)) or Counter({origin: 1})
        for inner, weight in split.items():
            times[submission, strings[prefix], inner] += thread * weight // max(1, sum(split.values()))
    return times


def judge(batches: Iterable[dict[str, Any]], source: str, tag: str = "query") -> Verdict:
    """Check all that was reported of a program whose submissions carry the name of a function as a tag.

    Parameters
    ----------
    batches
        Decoded batches of the scheduler and the workers.
    source
        The program's text.
    tag
        The name of the tag.
    """
    batches = list(batches)
    statements = Statements(source)
    verdict = Verdict()
    origins: dict[int, dict[str, Any]] = {}
    parts: dict[tuple[int, str], int] = {}
    submissions: dict[int, dict[str, Any]] = {}
    for batch in batches:
        if batch["kind"] == "scheduler":
            origins.update({row["id"]: row for row in batch.get("origins", ())})
            parts.update({(submission, name): origin for submission, name, origin in batch.get("parts", ())})
            submissions.update({row["id"]: row for row in batch["submissions"]})
    judged: set[tuple[int, str, int]] = set()

    def check(submission: int, name: str, origin: int) -> None:
        row = submissions.get(submission)
        wanted = row["tags"].get(tag) if row else None
        if wanted is None or not origin or (submission, name, origin) in judged:
            return
        judged.add((submission, name, origin))
        made = origins[origin]
        chain = [made["function"], *(caller[2] for caller in made["callers"])]
        if wanted not in chain:
            verdict.outside.append(f"{wanted}: {name} at {made['function']}:{made['line']}")
        text = statements.at(made["line"])
        for pattern, needed in STATEMENTS:
            if re.match(pattern, name):
                verdict.recognised += 1
                if not re.search(needed, text):
                    verdict.wrong.append(f"{wanted}: {name} at line {made['line']}: {text.strip()[:100]}")
                break

    for (submission, name), origin in parts.items():
        check(submission, plain_name(name), origin)
    for row in submissions.values():
        verdict.levels.update(row["levels"])
    for batch in batches:
        if batch["kind"] != "worker":
            continue
        for (submission, _, origin), us in split_time(batch, parts).items():
            verdict.thread_us += us
            if submission and not origin:
                verdict.unmapped_us += us
        for submission, prefix, _slot, _thread, done, _failed, origin, *_ in batch["ledger"]:
            verdict.tasks += done
            name = batch["strings"][prefix]
            # The name of a fused task joins those of its sub-tasks; its origin is that of the last of them.
            check(submission, name if "-" not in name or _ONE_OPERATION.match(name) else "", origin)
    return verdict
