"""The agent's scheduler part as a parcel: it runs on a scheduler where nothing of ours is installed.

What travels is the text of the package's modules. Text, unlike pickled code objects, does not mind another version of Python; and
it is loaded under a name of its own, so that a Lineitem of another version that is installed there stays out of it. The
parcel unpickles to a coroutine function for Dask's ``run_function`` that never raises.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import zlib
from pathlib import Path
from typing import Any

from lineitem.agent.scheduler._arrival import PROCESS

_PACKAGE = "lineitem"
# What lies outside of the rooms stays: entry points of processes that have the package; they reach for credentials,
# which is nobody else's business.
_ROOMS = ("common", "scheduler", "worker")
_FROM = re.compile(r"^(\s*)from lineitem(?=[. ])", re.MULTILINE)
_IMPORT = re.compile(r"^(\s*)import lineitem((?:\.\w+)*)$", re.MULTILINE)

_LOADER = '''
def load(name, process, packed, order):
    """Return the function that carries out an order on a scheduler."""

    def unpack():
        import importlib, importlib.abc, importlib.machinery, json, sys, zlib

        if name not in sys.modules:
            texts = json.loads(zlib.decompress(packed))
            packages = {module.rpartition(".")[0] for module in texts}

            class Parcel(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
                def find_spec(self, fullname, path=None, target=None):
                    if fullname not in texts:
                        return None
                    return importlib.machinery.ModuleSpec(
                        fullname, self, origin="<" + fullname + ">", is_package=self.is_package(fullname))

                def get_source(self, fullname):
                    return texts[fullname]

                def is_package(self, fullname):
                    return fullname in packages

                def exec_module(self, module):
                    module.__file__ = ""
                    text = texts[module.__name__]
                    exec(compile(text, "<" + module.__name__ + ">", "exec", dont_inherit=True), module.__dict__)

            sys.meta_path.append(Parcel())
        return importlib.import_module(name + ".agent.scheduler._arrival")

    async def lineitem_watch(dask_scheduler):
        import json, logging, sys, zlib

        log = logging.getLogger("lineitem.agent")
        try:
            if sys.version_info < (3, 10):
                reason = "Lineitem's agent needs Python 3.10 or later, and this scheduler has %s.%s" % sys.version_info[:2]
                log.warning("%s: this cluster works, but is not watched.", reason)
                return {"state": "refused", "reason": reason}
            here = sys.modules.get("lineitem.agent.scheduler._arrival")
            if here is None or here.PROCESS != process:
                here = unpack()
            return await here.arrive(dask_scheduler, json.loads(zlib.decompress(order)))
        except Exception as error:
            log.warning("Lineitem's agent could not be set up: this cluster works, but is not watched.", exc_info=True)
            return {"state": "failed", "reason": type(error).__name__ + ": " + str(error)[:500]}

    return lineitem_watch
'''


class _Parcel:
    """Pickles to an expression that makes the function out of builtins and text."""

    def __init__(self, **values: Any) -> None:
        self._values = values

    def __reduce__(self) -> tuple[Any, ...]:
        scope = {"source": _LOADER, "scope": {}, **self._values}
        return eval, ("exec(source, scope) or scope['load'](name, process, packed, order)", scope)


@functools.cache
def _texts() -> tuple[str, bytes]:
    """Return the name under which the modules are loaded, and all of those in the rooms, packed."""
    home = Path(__file__).parent
    files = [home / "__init__.py", *(file for room in _ROOMS for file in sorted((home / room).rglob("*.py")))]
    plain = {_module_of(file.relative_to(home)): file.read_text(encoding="utf-8") for file in files}
    digest = hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
    name = f"{_PACKAGE}_shipped_{digest[:12]}"
    modules = {name: ""}
    for module, text in plain.items():
        renamed = _IMPORT.sub(rf"\1import {name}\2, {name} as {_PACKAGE}", _FROM.sub(rf"\1from {name}", text))
        modules[f"{name}.{module}"] = renamed
    return name, zlib.compress(json.dumps(modules).encode(), 9)


def _module_of(file: Path) -> str:
    """Return what a file of the agent is called as a module, below the package."""
    parts = file.parent.parts if file.stem == "__init__" else (*file.parent.parts, file.stem)
    return ".".join(("agent", *parts))


def parcel(order: dict[str, Any]) -> Any:
    """Return what ``dumps`` turns into bytes for ``run_function``.

    Parameters
    ----------
    order
        See ``scheduler._arrival.arrive``.
    """
    name, packed = _texts()
    # Packed too: at its most talkative Dask logs the messages that it gets, and an order may hold a token.
    return _Parcel(name=name, process=PROCESS, packed=packed, order=zlib.compress(json.dumps(order).encode()))


async def send(scheduler: Any, order: dict[str, Any]) -> dict[str, Any]:
    """Have an order carried out on a scheduler.

    Parameters
    ----------
    scheduler
        An ``rpc`` to it.
    order
        See ``scheduler._arrival.arrive``.

    Returns
    -------
    dict
        The scheduler's answer; ``state`` is ``failed`` where there was none.
    """
    from distributed.protocol.pickle import dumps

    function = dumps(parcel(order))
    try:
        answer = await scheduler.run_function(function=function, args=dumps(()), kwargs=dumps({}), wait=True)
    except Exception as error:  # what the scheduler raised comes out here too, of whatever type
        return {"state": "failed", "reason": (str(error) or type(error).__name__).rstrip(".")}
    result = answer.get("result") if isinstance(answer, dict) else None
    if isinstance(result, dict) and "state" in result:
        return result
    return {"state": "failed", "reason": "the scheduler's answer could not be read"}
