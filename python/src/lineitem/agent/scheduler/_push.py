"""The payload that installs the worker part of the agent on any worker.

Workers need not have this package: its code travels by value. Code objects only work in the Python version that made
them, and Dask unpickles plugins unguarded while a worker registers: an error there would end the worker. So the payload
is built from builtins and text, looks at the version first, and at worst becomes a plugin that does nothing.
"""

from __future__ import annotations

import pickle
import sys
import zlib
from typing import Any

import cloudpickle

import lineitem.agent
from lineitem.agent.worker._plugin import LineitemWorkerPlugin

_VERSION = sys.version_info[:2]

_LOADER = """
def load(version, payload):
    import logging, pickle, sys, zlib
    from distributed.diagnostics.plugin import WorkerPlugin
    log = logging.getLogger("lineitem.agent")
    if tuple(sys.version_info[:2]) == tuple(version):
        try:
            return pickle.loads(zlib.decompress(payload))
        except Exception:
            log.warning("Lineitem's agent could not be loaded on this worker. Tasks are not affected.", exc_info=True)
    else:
        log.warning("Lineitem's agent is off on this worker: its Python differs from the scheduler's %s.%s.", *version)
    return WorkerPlugin()
"""


class _Softly:
    """Pickles to an expression that loads the payload softly."""

    def __init__(self, payload: bytes) -> None:
        self._payload = payload

    def __reduce__(self) -> tuple[Any, ...]:
        scope = {"source": _LOADER, "scope": {}, "version": _VERSION, "payload": self._payload}
        return eval, ("exec(source, scope) or scope['load'](version, payload)", scope)


def worker_payload(settings: dict[str, Any]) -> bytes:
    """Return the pickled worker plugin, for ``Scheduler.register_worker_plugin``.

    Parameters
    ----------
    settings
        See ``LineitemWorkerPlugin``.
    """
    plugin = LineitemWorkerPlugin(settings)
    cloudpickle.register_pickle_by_value(lineitem.agent)
    try:
        payload = cloudpickle.dumps(plugin)
    finally:
        cloudpickle.unregister_pickle_by_value(lineitem.agent)
    # It goes to every worker, and compresses to a third.
    return pickle.dumps(_Softly(zlib.compress(payload, 9)))
