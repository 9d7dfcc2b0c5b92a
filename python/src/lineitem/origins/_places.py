"""What kind of code a frame belongs to, told once for each code object."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

#: Code of the user: this is where origins lie.
USER = 1
#: Anything between the user and Dask that tells nothing.
LIBRARY = 2
#: A method of an expression, or a helper of the optimiser: its locals may hold the expressions that are rewritten.
EXPRESSION = 3
#: A method that rewrites one expression.
REWRITE = 4
#: A loop of the optimiser over all expressions.
LOOP = 5
#: Below this frame an event loop begins, and what lies further out did not ask for this piece of work.
BOUNDARY = 6
#: An expression that is read from a pickle, not made.
UNPICKLE = 7

_REWRITES = frozenset(
    {
        "_simplify_down",
        "_simplify_up",
        "_lower",
        "_tune_down",
        "_tune_up",
        "_combine_similar",
        "_combine_similar_branches",
    }
)
_LOOPS = frozenset(
    {
        "simplify_once",
        "lower_once",
        "rewrite",
        "combine_similar",
        "optimize_until",
        "optimize_blockwise_fusion",
        "_fusion_pass",
        "lower_completely",
        "simplify",
        "fuse",
    }
)
#: The optimisers of graphs (arrays, bags, delayed), whose new layers carry the token of an old one.
_GRAPH_LOOPS = frozenset(
    {"optimize", "optimize_blockwise", "fuse", "cull", "fuse_roots", "inline", "__dask_optimize__"}
)
_NODE_LOCALS = ("self", "parent", "out", "expr")

_EXPRESSIONS = re.compile(r"[\\/]dask[\\/]_expr\.py$|[\\/]dask_expr[\\/]|[\\/]_array_expr[\\/]")
_DASK = re.compile(r"[\\/]dask[\\/][^\\/]")
_EVENT_LOOP = re.compile(r"[\\/]asyncio[\\/]events\.py$")
_MAX_CODES = 20_000


class Places:
    """Classifies code objects and remembers the answers.

    Parameters
    ----------
    classify
        Returns ``"u"`` for the file name of user code. Made when it is first needed.
    """

    def __init__(self, classify: Callable[[], Callable[[str], str]]) -> None:
        self._make = classify
        self._classify: Callable[[str], str] | None = None
        # By id: hashing a code object hashes all it holds. The code is kept, so that its id stays its own.
        self.kinds: dict[int, int] = {}
        self._kept: list[CodeType] = []

    def classify(self, code: CodeType) -> int:
        """Classify one code object and remember it."""
        if len(self._kept) >= _MAX_CODES:
            self.kinds.clear()
            self._kept.clear()
        if self._classify is None:
            self._classify = self._make()
        self._kept.append(code)
        kind = self.kinds[id(code)] = self._kind(code, self._classify)
        return kind

    @staticmethod
    def _kind(code: CodeType, classify: Callable[[str], str]) -> int:
        file, name = code.co_filename, code.co_name
        if _EVENT_LOOP.search(file) and name == "_run":
            return BOUNDARY
        if _EXPRESSIONS.search(file):
            if name == "_reconstruct":
                return UNPICKLE
            if name in _REWRITES:
                return REWRITE
            if name in _LOOPS:
                return LOOP
            return EXPRESSION if any(local in code.co_varnames for local in _NODE_LOCALS) else LIBRARY
        if _DASK.search(file) and name in _GRAPH_LOOPS:
            return LOOP
        return USER if classify(file) == "u" else LIBRARY


def user_code_classifier(wanted: object) -> Callable[[str], str]:
    """Make the classifier of file names, with the setting ``lineitem.user-code`` taken into account.

    Parameters
    ----------
    wanted
        The setting: prefixes of paths, or names of installed packages, whose code counts as the user's own.
    """
    from lineitem.agent.common._stacks import Classifier

    folders = []
    for module in ("dask", "distributed", "dask_expr", "lineitem"):
        file = getattr(sys.modules.get(module), "__file__", None)
        if file:
            folders.append(os.path.dirname(file))  # noqa: PTH120 - pathlib would cost more than all the rest
    base = Classifier(folders)
    listed = [wanted] if isinstance(wanted, str) else wanted if isinstance(wanted, (list, tuple)) else []
    prefixes = tuple(str(item) for item in listed if os.sep in str(item) or "/" in str(item))
    names = [re.escape(str(item)) for item in listed if item and not (os.sep in str(item) or "/" in str(item))]
    package = re.compile(rf"[\\/](?:site|dist)-packages[\\/](?:{'|'.join(names)})(?:[\\/]|\.py$)") if names else None

    def classify(filename: str) -> str:
        if (prefixes and filename.startswith(prefixes)) or (package is not None and package.search(filename)):
            return "u"
        return base(filename)

    return classify
