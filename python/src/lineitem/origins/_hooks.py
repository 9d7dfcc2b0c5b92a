"""Putting the hooks into Dask: at once where its modules are loaded, else when they are."""

from __future__ import annotations

import importlib.abc
import importlib.util
import inspect
import logging
import sys
from typing import TYPE_CHECKING, Any

from lineitem.origins._capture import SUBMISSION, Capture

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

capture = Capture()
_installed: set[str] = set()
_MARK = "_lineitem_original"


def _hook_expressions(module: ModuleType) -> None:
    """Put a hook on the constructor of all expressions: ``dask._expr``, or ``dask_expr._core`` before 2025."""
    base = module.Expr
    original = base.__dict__["__new__"]
    make = original.__func__ if isinstance(original, staticmethod) else original
    note = capture.make
    get_frame = sys._getframe

    def __new__(cls: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N807
        return note(make, base, cls, args, kwargs, get_frame(1))

    setattr(__new__, _MARK, make)
    __new__.__doc__ = make.__doc__
    base.__new__ = staticmethod(__new__)
    capture.bases = (*capture.bases, base)


def _hook_layers(module: ModuleType) -> None:
    """Put hooks on the two ways in which a graph gets a new layer."""
    graph = module.HighLevelGraph
    from_collections = graph.__dict__["from_collections"].__func__
    init = graph.__init__
    get_frame = sys._getframe
    single = graph.__dict__.get("_from_collection")
    # By id: hashing a code object hashes all it holds.
    inner = {
        id(getattr(of, "__code__", None)) for of in (from_collections, getattr(single, "__func__", from_collections))
    }

    def hooked_from_collections(cls: Any, name: Any, *args: Any, **kwargs: Any) -> Any:
        made = from_collections(cls, name, *args, **kwargs)
        capture.layer(name, get_frame(1))
        return made

    def hooked_init(self: Any, layers: Any, *args: Any, **kwargs: Any) -> None:
        init(self, layers, *args, **kwargs)
        frame = get_frame(1)
        if id(frame.f_code) not in inner:  # from_collections notes the one layer that is new
            capture.new_layers(layers, frame)

    for hooked, original in ((hooked_from_collections, from_collections), (hooked_init, init)):
        setattr(hooked, _MARK, original)
        hooked.__doc__ = original.__doc__
    graph.from_collections = classmethod(hooked_from_collections)
    graph.__init__ = hooked_init


def _hook_client(module: ModuleType) -> None:
    """Put a hook on the one function through which every graph leaves."""
    from lineitem.origins import _ship

    global shipper
    client = module.Client
    original = client._graph_to_futures
    if list(inspect.signature(original).parameters)[3:4] != ["span_metadata"]:
        return  # of a Dask that is too old for the agent, or too new for this: graphs leave as they are
    shipper = _ship.Shipper(capture)
    hooked = _ship.wrap_graph_to_futures(original, shipper, capture)
    setattr(hooked, _MARK, original)
    client._graph_to_futures = hooked


shipper: Any = None

_HOOKS: dict[str, Callable[[Any], None]] = {
    "dask._expr": _hook_expressions,
    "dask_expr._core": _hook_expressions,
    "dask.highlevelgraph": _hook_layers,
    "distributed.client": _hook_client,
}


def _hook(name: str, module: Any) -> None:
    if name in _installed:
        return
    _installed.add(name)
    try:
        _HOOKS[name](module)
    except Exception:
        logging.getLogger("lineitem").info(
            "Lineitem could not hook %s: less is known about which line created a piece of work.", name, exc_info=True
        )


class _Finder(importlib.abc.MetaPathFinder):
    """Runs a hook right after its module has been loaded."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in _HOOKS or fullname in _installed:
            return None
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                if spec.loader is not None and hasattr(spec.loader, "exec_module"):
                    _run_after(spec.loader, fullname)
                return spec
        return None


def _run_after(loader: Any, name: str) -> None:
    execute = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        execute(module)
        _hook(name, module)

    try:
        loader.exec_module = exec_module
    except AttributeError:  # a loader that cannot be changed: the module is then hooked by `install`, later
        return


def install() -> None:
    """Put hooks on what is loaded, and arrange for the rest. Calling it again does no harm."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    for name in _HOOKS:
        module = sys.modules.get(name)
        if module is not None and not getattr(getattr(module, "__spec__", None), "_initializing", False):
            _hook(name, module)


def level() -> str:
    """Return how much is noted in this process: ``full``, ``capture`` or ``submission``."""
    return capture.level if _installed else SUBMISSION
