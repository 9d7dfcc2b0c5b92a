"""What tasks read and write, told from what they will run, before they do.

Dask's scheduler has each task as a tree of functions and arguments. The reading and writing functions of Dask and of the
libraries it is used with are recognised by module and name; of their arguments only types known by name are opened. No
object is called, compared or printed: it may be the user's, and do anything. Of tasks with one name the first tells, the
others add their bytes as long as there is time.
"""

from __future__ import annotations

import functools
import re
import time
import types
from typing import TYPE_CHECKING, Any

from lineitem.agent.common._names import name_of, subtasks_of
from lineitem.agent.scheduler._paths import patterns, without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

READ = "read"
WRITE = "write"

BUDGET_NS = 5_000_000
MAX_PENDING = 2_000
_MAX_NODES = 400
_MAX_DEPTH = 12
_MAX_ITEMS = 64
_MAX_PATHS = 2_000
_MAX_SIZE = 1 << 50

_EXTENSIONS = {"gz": "gzip", "bz2": "bz2", "xz": "xz", "zst": "zstd", "zip": "zip", "lz4": "lz4", "snappy": "snappy"}
#: Libraries whose functions `read_…`, `to_…` and the like take a path first.
_LIBRARIES = re.compile(
    r"^(pandas|polars|pyarrow|cudf|numpy|geopandas|xarray|h5py|zarr|fastparquet|dask_geopandas)(\.|$)"
)
_LIBRARY_FUNCTIONS = {
    "read_csv": ("csv", READ),
    "scan_csv": ("csv", READ),
    "open_csv": ("csv", READ),
    "read_table": ("csv", READ),
    "read_fwf": ("fwf", READ),
    "genfromtxt": ("csv", READ),
    "loadtxt": ("csv", READ),
    "read_parquet": ("parquet", READ),
    "scan_parquet": ("parquet", READ),
    "read_json": ("json", READ),
    "read_ndjson": ("json", READ),
    "read_orc": ("orc", READ),
    "read_hdf": ("hdf", READ),
    "read_feather": ("feather", READ),
    "read_ipc": ("feather", READ),
    "read_excel": ("excel", READ),
    "read_pickle": ("pickle", READ),
    "read_xml": ("xml", READ),
    "read_file": ("geo", READ),
    "load": ("npy", READ),
    "fromfile": ("binary", READ),
    "open_dataset": ("netcdf", READ),
    "open_zarr": ("zarr", READ),
    "save": ("npy", WRITE),
    "savez": ("npy", WRITE),
    "savetxt": ("csv", WRITE),
}
#: Dask's own functions, by the end of their module and their name; paths are found among their arguments.
_DASK_FUNCTIONS = {
    ("bag.text", "file_to_blocks"): ("text", READ),
    ("bytes.core", "read_block_from_file"): ("bytes", READ),
    ("io.json", "read_json_file"): ("json", READ),
    ("io.json", "read_json_chunk"): ("json", READ),
    ("io.json", "write_json_partition"): ("json", WRITE),
    ("io.csv", "_write_csv"): ("csv", WRITE),
    ("io.csv", "_read_csv"): ("csv", READ),
    ("io.hdf", "_read_hdf"): ("hdf", READ),
    ("io.hdf", "_pd_to_hdf"): ("hdf", WRITE),
    ("orc.core", "_read_orc"): ("orc", READ),
    ("bag.core", "_to_textfiles_chunk"): ("text", WRITE),
    ("bag.avro", "read_chunk"): ("avro", READ),
    ("io.parquet", "_load_multiple_files"): ("parquet", READ),
    ("io.parquet", "_table_to_pandas"): ("parquet", READ),
    ("io.io", "_load_multiple_files"): ("parquet", READ),
}
_DASK_CLASSES = {
    "ParquetFunctionWrapper": ("parquet", READ),
    "CSVFunctionWrapper": ("csv", READ),
    "ORCFunctionWrapper": ("orc", READ),
    "HDFFunctionWrapper": ("hdf", READ),
    "ToParquetFunctionWrapper": ("parquet", WRITE),
    "ToOrcFunctionWrapper": ("orc", WRITE),
    "ORCWriteWrapper": ("orc", WRITE),
}
_STORES = re.compile(r"^(zarr|h5py|netCDF4|tiledb)(\.|$)")
_STORE_FORMATS = {"zarr": "zarr", "h5py": "hdf", "netCDF4": "netcdf", "tiledb": "tiledb"}
_STORING = ("store_chunk", "load_store_chunk")


class Access:
    """One reading or writing function of one task.

    Parameters
    ----------
    direction, format
        ``read`` or ``write``; ``csv``, ``parquet``…
    """

    __slots__ = (
        "bytes",
        "columns",
        "columns_used",
        "compression",
        "direction",
        "engine",
        "format",
        "part",
        "paths",
        "pushed_down",
    )

    def __init__(self, direction: str, format: str) -> None:  # noqa: A002 - the contract's word
        self.direction = direction
        self.format = format
        self.engine = ""
        self.compression = ""
        self.paths: list[str] = []
        self.bytes = 0
        self.columns = 0
        self.columns_used = 0
        self.pushed_down = False
        self.part = ""

    @property
    def kind(self) -> tuple[Any, ...]:
        """What tasks of one row have in common."""
        return (
            self.direction,
            self.format,
            self.engine,
            self.compression,
            self.columns,
            self.columns_used,
            self.pushed_down,
        )


def accesses(run_spec: Any) -> list[Access]:
    """List what a task reads and writes.

    Parameters
    ----------
    run_spec
        What the scheduler keeps of it.
    """
    found: list[Access] = []
    nodes = 0
    stack: list[tuple[Any, int, Access | None, str]] = [(run_spec, 0, None, "")]
    while stack and nodes < _MAX_NODES:
        nodes += 1
        node, depth, inside, part = stack.pop()
        if depth > _MAX_DEPTH:
            continue
        kind = type(node)
        within: list[Any] = []
        if kind is str:
            if inside is not None and _is_path(node):
                _add_path(inside, node)
        elif kind in (list, tuple):
            within = list(node[:_MAX_ITEMS])
        elif kind is dict:
            within = list(node.values())[:_MAX_ITEMS]
        elif _is_task(kind):
            subtasks = subtasks_of(node)
            if subtasks is not None and inside is None:
                stack.extend((task, depth + 1, None, name_of(key)) for key, task in list(subtasks.items())[:_MAX_ITEMS])
                continue
            access = _of_function(node.func, node.args, node.kwargs, inside)
            if access is not None and access is not inside:
                access.part = part
                found.append(access)
            inside = access
            within = [*node.args[:_MAX_ITEMS], *list(node.kwargs.values())[:_MAX_ITEMS]]
        elif kind.__name__ == "DataNode" and _is_dask(kind):
            stored = _of_store(node.value, READ)
            if stored is not None:
                stored.part = part
                found.append(stored)
            elif inside is not None:
                within = [node.value]
        elif inside is not None:
            _open(node, kind, inside)
        stack.extend((item, depth + 1, inside, part) for item in reversed(within))
    return [access for access in found if access.paths]


def _is_dask(kind: type) -> bool:
    return kind.__module__.split(".", 1)[0] in ("dask", "dask_expr", "distributed")


def _is_task(kind: type) -> bool:
    return kind.__module__ == "dask._task_spec" and hasattr(kind, "substitute") and "func" in _slots(kind)


@functools.lru_cache(maxsize=64)
def _slots(kind: type) -> frozenset[str]:
    names: set[str] = set()
    for base in kind.__mro__:
        slots = base.__dict__.get("__slots__", ())
        names.update((slots,) if isinstance(slots, str) else slots)
    return frozenset(names)


def _of_function(func: Any, args: Sequence[Any], kwargs: dict[str, Any], inside: Access | None) -> Access | None:
    """Recognise a function; what is inside one that is known belongs to it."""
    bound: dict[str, Any] = {}
    while type(func) is functools.partial:
        bound = {**func.keywords, **bound}
        func = func.func
    kind = type(func)
    if kind in (types.FunctionType, types.BuiltinFunctionType, types.MethodType, type):
        module, name = str(getattr(func, "__module__", "") or ""), str(getattr(func, "__name__", ""))
        access = _of_name(module, name, inside)
        if name == "read_block_from_file" and access is not None and len(args) > 2 and type(args[2]) is int:
            access.bytes += min(max(0, args[2]), _MAX_SIZE)
        if access is not None and access is not inside:
            _describe(access, name, {**bound, **kwargs}, args)
        if access is None and name in _STORING and module.startswith("dask.array"):
            stored = [_of_store(arg, WRITE) for arg in args]
            return next((found for found in stored if found is not None), None)
        return access
    if kind.__name__ in _DASK_CLASSES and _is_dask(kind):
        form, direction = _DASK_CLASSES[kind.__name__]
        access = Access(direction, form)
        _describe_wrapper(access, vars(func), kwargs)
        return access
    return inside


def _of_name(module: str, name: str, inside: Access | None) -> Access | None:
    root = module.partition(".")[0]
    if root in ("dask", "dask_expr"):
        tail = ".".join(module.split(".")[-2:])
        known = _DASK_FUNCTIONS.get((tail, name))
        if known is not None:
            # Blocks of bytes inside a reader are that reader's.
            return inside if inside is not None and inside.direction == READ else Access(known[1], known[0])
        return inside
    if _LIBRARIES.match(module) and inside is None:
        known = _LIBRARY_FUNCTIONS.get(name)
        if known is not None and not (name in ("load", "save") and root != "numpy"):
            access = Access(known[1], known[0])
            access.engine = root
            return access
    return inside


def _describe(access: Access, name: str, options: dict[str, Any], args: Sequence[Any]) -> None:
    """Read what a known function's own options say."""
    if name == "_read_csv":
        _describe_csv(access, options, options.get("columns"))
    elif name in ("_table_to_pandas", "_load_multiple_files"):
        access.engine = "pyarrow"
        source = options
        if name == "_table_to_pandas" and args and _is_task(type(args[0])):
            source = args[0].kwargs
        columns = source.get("columns", args[1] if len(args) > 1 else None)
        schema = source.get("schema", args[2] if len(args) > 2 else None)
        _columns(access, columns, getattr(schema, "names", None))
    elif name == "_read_orc":
        access.engine = "pyarrow"
        _columns(access, options.get("columns"), options.get("schema"))
    elif name == "_read_hdf":
        access.engine = "pytables"
        access.columns_used = _length(options.get("columns"))
        access.pushed_down = access.columns_used > 0
    elif name.startswith(("read_json", "write_json", "_write_csv")):
        access.engine = "pandas"
    elif access.engine:  # a library's function
        used = next((options[word] for word in ("usecols", "columns") if options.get(word) is not None), None)
        access.columns_used = _length(used)
        access.pushed_down = access.columns_used > 0
        if type(options.get("compression")) is str and options["compression"] != "infer":
            access.compression = options["compression"][:40]


def _describe_csv(access: Access, options: dict[str, Any], columns: Any) -> None:
    given = options.get("kwargs")
    given = given if type(given) is dict else {}
    reader = str(getattr(options.get("reader"), "__name__", ""))
    access.format = {"read_fwf": "fwf"}.get(reader, "csv")
    engine = given.get("engine")
    access.engine = engine[:40] if type(engine) is str else "c"
    _columns(access, columns, options.get("full_columns"))
    # Dask hands the choice of columns to pandas only where nothing else was asked for.
    access.pushed_down = bool(access.columns_used) and access.columns_used < access.columns and not given


def _describe_wrapper(access: Access, fields: dict[str, Any], kwargs: dict[str, Any]) -> None:
    """Read the fields of one of Dask's classes of readers and writers."""
    if access.direction == WRITE:
        path = fields.get("path")
        passed = fields.get("kwargs_pass")
        passed = passed if type(passed) is dict else {}
        compression = passed.get("compression", fields.get("compression"))
        access.compression = compression[:40] if type(compression) is str else ""
        access.engine = "pyarrow" if access.format in ("parquet", "orc") else ""
        if type(path) is str:
            _add_path(access, path, fields.get("fs"))
        return
    if access.format == "csv":
        columns = fields.get("_columns")
        _describe_csv(access, fields, columns if columns is not None else kwargs.get("columns"))
        return
    access.engine = "pyarrow+fsspec" if access.format == "parquet" else "pyarrow"
    meta = fields.get("meta")
    # Only of pandas' own class: a subclass may compute its columns.
    ours = type(meta).__module__.partition(".")[0] in ("pandas", "cudf")
    columns = getattr(meta, "columns", None) if ours else None
    full = None if columns is None else list(columns)
    _columns(access, fields.get("_columns", fields.get("columns")), full)
    access_fs = fields.get("fs")
    piece = kwargs.get("piece", kwargs.get("part"))
    for path in _paths_of_piece(piece):
        _add_path(access, path, access_fs)


def _paths_of_piece(piece: Any) -> Iterator[str]:
    if type(piece) is dict:
        piece = piece.get("piece")
    if type(piece) in (list, tuple):
        if piece and type(piece[0]) is str:
            yield piece[0]
        else:
            for part in piece[:_MAX_ITEMS]:
                yield from _paths_of_piece(part)


def _columns(access: Access, used: Any, full: Any) -> None:
    hidden = sum(type(name) is str and name.startswith("__") for name in full) if type(full) in (list, tuple) else 0
    access.columns = max(0, _length(full) - hidden)
    if type(used) in (list, tuple):
        access.columns_used = sum(not (type(name) is str and name.startswith("__")) for name in used)
        access.pushed_down = 0 < access.columns_used < access.columns
    elif type(used) is str:
        access.columns_used = 1
        access.pushed_down = access.columns > 1
    else:
        access.columns_used = access.columns


def _length(value: Any) -> int:
    if type(value) is str:
        return 1
    return len(value) if type(value) in (list, tuple, dict, set, frozenset) else 0


def _open(node: Any, kind: type, access: Access) -> None:
    """Look into an argument of a known function, if its type is known by name."""
    module, name = kind.__module__, kind.__name__
    if name == "OpenFile" and module == "fsspec.core":
        fields = vars(node)
        path, compression = fields.get("path"), fields.get("compression")
        if type(compression) is str:
            access.compression = compression[:40]
        if type(path) is str:
            _add_path(access, path, fields.get("fs"))
    elif name == "FragmentWrapper" and _is_dask(kind):
        fields = vars(node)
        size = fields.get("_file_size")
        packed, fragment = fields.get("_fragment_packed"), fields.get("_fragment")
        if type(packed) is tuple and len(packed) >= 5:
            path, size = packed[1], packed[4] if size is None else size
        else:
            path = getattr(fragment, "path", None) if type(fragment).__module__.startswith("pyarrow") else None
        if type(size) is int:
            access.bytes += min(max(0, size), _MAX_SIZE)
        if type(path) is str:
            _add_path(access, path)
    elif isinstance(node, str):  # a subclass of text, as numpy's: its own methods may be anybody's
        _add_path(access, str.__str__(node))
    elif module == "pathlib" or module.startswith("pathlib."):
        _add_path(access, str(node))


def _of_store(value: Any, direction: str) -> Access | None:
    """Recognise an array that lies in a file."""
    kind = type(value)
    module = kind.__module__ or ""
    found = _STORES.match(module)
    if found is None:
        return None
    access = Access(direction, _STORE_FORMATS[found[1]])
    access.engine = found[1]
    for path in _paths_of_store(value, found[1]):
        _add_path(access, path)
    size = getattr(value, "nbytes", 0)
    if type(size) is int and direction == READ:
        access.bytes = min(max(0, size), _MAX_SIZE)
    return access if access.paths else None


def _paths_of_store(value: Any, library: str) -> Iterator[str]:
    if library == "h5py":
        file = getattr(value, "file", None)
        name = getattr(file, "filename", None)
        if type(name) is str:
            yield name
        return
    store = getattr(value, "store", None)
    for field in ("root", "path"):
        place = getattr(store, field, None)
        if type(place) is str or type(place).__module__.startswith("pathlib"):
            inner = getattr(value, "path", "")
            yield f"{place}/{inner}" if type(inner) is str and inner else str(place)
            return
    place = getattr(value, "filepath", None) if library == "netCDF4" else getattr(value, "uri", None)
    if type(place) is str:
        yield place


def _is_path(text: str) -> bool:
    return (
        1 < len(text) < 4_000
        and ("/" in text or "\\" in text or bool(re.search(r"\.\w{2,8}$", text)))
        and "\n" not in text
    )


def _add_path(access: Access, path: str, filesystem: Any = None) -> None:
    if len(access.paths) >= _MAX_PATHS:
        return
    if "://" not in path and filesystem is not None:
        protocol = getattr(type(filesystem), "protocol", None)
        protocol = protocol[0] if type(protocol) is tuple and protocol else protocol
        if type(protocol) is str and protocol not in ("file", "local", "abstract"):
            path = f"{protocol}://{path.lstrip('/')}"
    clean = without_secrets(path)
    if not clean:
        return
    if not access.compression:
        access.compression = _EXTENSIONS.get(clean.rpartition(".")[2].lower(), "")
    access.paths.append(clean)


class ReadBook:
    """Keeps the rows of reads and writes that have not been sent yet."""

    def __init__(self) -> None:
        self._pending: dict[tuple[Any, ...], dict[str, Any]] = {}
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._pending)

    def note(
        self,
        tasks: Sequence[Any],
        submission: int,
        origins: Sequence[int],
        origin_of: Callable[[str], int] = lambda _: 0,
        budget_ns: int = BUDGET_NS,
    ) -> None:
        """Look at the tasks of a graph.

        Parameters
        ----------
        tasks
            New tasks.
        submission
            Who pays.
        origins
            The origin of each task; empty if none is known.
        origin_of
            Returns the origin of a sub-task's name, 0 if it is not known.
        budget_ns
            When to stop looking. What is left is estimated from the tasks of the same name.
        """
        until = time.monotonic_ns() + budget_ns
        groups: dict[str, list[int]] = {}
        for number, ts in enumerate(tasks):
            groups.setdefault(name_of(ts.key), []).append(number)
        kinds: dict[tuple[Any, ...], dict[str, Any]] = {}
        for numbers in groups.values():
            if time.monotonic_ns() > until:
                break
            outer = origins[numbers[0]] if origins else 0
            self._note_group([tasks[n] for n in numbers], outer, origin_of, until, kinds)
        for (prefix, origin, *kind), sums in kinds.items():
            self._put(submission, prefix, origin, kind, sums)

    @staticmethod
    def _note_group(
        tasks: list[Any],
        outer: int,
        origin_of: Callable[[str], int],
        until: int,
        kinds: dict[tuple[Any, ...], dict[str, Any]],
    ) -> None:
        looked = 0
        mine: dict[tuple[Any, ...], dict[str, Any]] = {}
        for ts in tasks:
            found = accesses(ts.run_spec)
            looked += 1
            if not found and looked == 1:
                return
            prefix = str(getattr(getattr(ts, "prefix", None), "name", "") or name_of(ts.key))[:200]
            for access in found:
                origin = (origin_of(access.part) if access.part else 0) or outer
                sums = mine.setdefault((prefix, origin, *access.kind), {"paths": {}, "bytes": 0, "tasks": 0})
                sums["paths"].update(dict.fromkeys(access.paths))
                sums["bytes"] += access.bytes
                sums["tasks"] += 1
            if looked % 8 == 0 and time.monotonic_ns() > until:
                break
        for kind, sums in mine.items():
            all_sums = kinds.setdefault(kind, {"paths": {}, "bytes": 0, "tasks": 0, "scale": 1.0})
            all_sums["paths"].update(sums["paths"])
            all_sums["bytes"] += sums["bytes"] * len(tasks) // looked
            all_sums["tasks"] += sums["tasks"] * len(tasks) // looked
            all_sums["scale"] = max(all_sums["scale"], len(tasks) / looked)

    def _put(self, submission: int, prefix: str, origin: int, kind: list[Any], sums: dict[str, Any]) -> None:
        direction, form, engine, compression, columns, used, pushed_down = kind
        total = len(sums["paths"])
        for pattern, members in patterns(sums["paths"]).items():
            share = len(members) / total
            mark = (submission, prefix, origin, pattern, direction)
            row = self._pending.get(mark)
            if row is None:
                if len(self._pending) >= MAX_PENDING:
                    self.dropped += 1
                    return
                row = self._pending[mark] = {
                    "submission": submission,
                    "prefix": prefix,
                    "origin": origin,
                    "direction": direction,
                    "format": form,
                    "engine": engine,
                    "compression": compression,
                    "path": pattern,
                    "files": 0,
                    "tasks": 0,
                    "bytes": 0,
                    "columns": columns,
                    "columns_used": used,
                    "pushed_down": pushed_down,
                }
            row["files"] += round(len(members) * sums["scale"])
            row["tasks"] += max(1, round(sums["tasks"] * share))
            row["bytes"] += round(sums["bytes"] * share)

    def take(self) -> list[dict[str, Any]]:
        """Take out the rows."""
        rows = list(self._pending.values())
        self._pending = {}
        return rows
