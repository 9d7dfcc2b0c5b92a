from __future__ import annotations

import importlib.metadata
import inspect
import subprocess
import sys

import lineitem
from lineitem import _async_client, _bill, _client, _cluster, _costs, _exceptions, _figures, _models, _overview


def test_all_names_can_be_imported() -> None:
    for name in lineitem.__all__:
        assert getattr(lineitem, name) is not None, name
    assert dir(lineitem) == sorted(lineitem.__all__)


def test_no_public_class_was_forgotten() -> None:
    internal = {"BillFigures"}  # Bill without its looks
    for module in (_exceptions, _models, _costs, _overview, _figures, _bill, _client, _async_client, _cluster):
        for name, value in vars(module).items():
            if inspect.isclass(value) and value.__module__ == module.__name__ and not name.startswith("_"):
                assert name in lineitem.__all__ or name in internal, f"{module.__name__}.{name}"


def test_version_is_the_distribution_version() -> None:
    assert lineitem.__version__ == importlib.metadata.version("lineitem")


def test_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(lineitem, "quiet")


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import lineitem, sys; print([m for m in ('httpx', 'distributed', 'pandas') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_has_a_docstring() -> None:
    for name in lineitem.__all__:
        value = getattr(lineitem, name)
        if inspect.isclass(value):
            assert (value.__doc__ or "").strip(), name
