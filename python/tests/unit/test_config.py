from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING, Any

import dask.config
import pytest

from lineitem import ConfigurationError, _config
from lineitem._auth import Secret

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT = "http://127.0.0.1:8470"


def save(folder: Path, data: object) -> None:
    file = folder / "lineitem" / "credentials.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(data if isinstance(data, str) else json.dumps(data))


def token_of(target: _config.Target) -> str | None:
    return target.token.reveal() if target.token else None


def test_nothing_said_means_the_local_server_without_token() -> None:
    target = _config.resolve()
    assert (target.server, target.token) == (DEFAULT, None)


def test_order_is_argument_environment_dask_file_default(tmp_path: Path) -> None:
    environ = {"XDG_CONFIG_HOME": str(tmp_path)}
    save(tmp_path, {"servers": {"http://file:1": {"token": "t-file"}}, "default": "http://file:1"})
    assert _config.resolve(environ=environ).server == "http://file:1"
    with dask.config.set({"lineitem.server": "http://dask:2"}):
        assert _config.resolve(environ=environ).server == "http://dask:2"
        environ["LINEITEM_SERVER"] = "http://env:3"
        assert _config.resolve(environ=environ).server == "http://env:3"
        assert _config.resolve("http://arg:4", environ=environ).server == "http://arg:4"


def test_token_comes_from_argument_environment_or_the_server_s_entry(tmp_path: Path) -> None:
    environ = {"XDG_CONFIG_HOME": str(tmp_path)}
    save(
        tmp_path,
        {"servers": {"http://a:1": {"token": "t-a"}, "http://b:2/": {"token": "t-b"}}, "default": "http://a:1"},
    )
    assert token_of(_config.resolve(environ=environ)) == "t-a"
    assert token_of(_config.resolve("http://B:2", environ=environ)) == "t-b"
    assert token_of(_config.resolve("http://c:3", environ=environ)) is None
    environ["LINEITEM_TOKEN"] = "t-env"
    assert token_of(_config.resolve(environ=environ)) == "t-env"
    assert token_of(_config.resolve(token="t-arg", environ=environ)) == "t-arg"


def test_token_of_another_server_is_never_used(tmp_path: Path) -> None:
    environ = {"XDG_CONFIG_HOME": str(tmp_path)}
    save(tmp_path, {"servers": {"https://prod": {"token": "secret"}}, "default": "https://prod"})
    assert _config.resolve("http://prod", environ=environ).token is None


@pytest.mark.parametrize("text", ["{", "[]", '{"servers": []}', '{"servers": {"http://a": {"token": 1}}}', '"x"'])
def test_broken_file_is_named_and_not_quoted(tmp_path: Path, text: str) -> None:
    save(tmp_path, text)
    with pytest.raises(ConfigurationError, match=r"credentials\.json") as caught:
        _config.resolve(environ={"XDG_CONFIG_HOME": str(tmp_path)})
    assert text not in str(caught.value)
    assert "lineitem login" in str(caught.value)


def test_broken_file_is_not_in_the_way_of_who_does_not_need_it(tmp_path: Path) -> None:
    save(tmp_path, "{")
    environ = {"XDG_CONFIG_HOME": str(tmp_path), "LINEITEM_SERVER": "http://a", "LINEITEM_TOKEN": "t"}
    assert token_of(_config.resolve(environ=environ)) == "t"


def test_credentials_lie_in_the_home_folder_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert _config.credentials_path({}) == tmp_path / ".config" / "lineitem" / "credentials.json"


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("http://127.0.0.1:8470/", "http://127.0.0.1:8470"),
        ("HTTPS://Lineitem.Example", "https://lineitem.example"),
        ("http://[::1]:8470", "http://[::1]:8470"),
        (" http://a/base/ ", "http://a/base"),
    ],
)
def test_addresses_have_one_form(given: str, normal: str) -> None:
    assert _config.normalise_server(given) == normal


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "localhost:8470",
        "ftp://a",
        "http://",
        "http://a:port",
        8470,
        "http://u:p@a",
        "http://a/?x=1",
        "http://a#code=1",
    ],
)
def test_what_is_no_address_is_refused(wrong: object) -> None:
    with pytest.raises(ConfigurationError):
        _config.normalise_server(wrong)


def test_a_refused_address_does_not_show_its_password() -> None:
    with pytest.raises(ConfigurationError) as caught:
        _config.normalise_server("http://ana:hunter2@host")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("server", "loopback"),
    [
        (DEFAULT, True),
        ("http://localhost:1", True),
        ("http://[::1]:1", True),
        ("http://10.0.0.1", False),
        ("https://a.b", False),
    ],
)
def test_loopback(server: str, loopback: bool) -> None:
    assert _config.Target(server, None).loopback is loopback


def test_defaults_are_in_dask_s_configuration_and_the_user_s_win() -> None:
    assert dask.config.get("lineitem.cluster.n-workers") == 2
    assert dask.config.get("lineitem.source-text") is True
    with dask.config.set({"lineitem.cluster.n-workers": 7}):
        _config.merge_defaults()
        assert dask.config.get("lineitem.cluster.n-workers") == 7


def test_token_is_in_no_configuration_repr_or_pickle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINEITEM_TOKEN", "very-secret")
    target = _config.resolve()
    assert token_of(target) == "very-secret"
    assert "very-secret" not in repr(target)
    assert "very-secret" not in str(dask.config.config)
    assert "very-secret" not in str(dask.config.collect(paths=[]))
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(target)
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(Secret("x"))


@pytest.mark.parametrize(("given", "amount"), [(None, 0), ("4 GiB", 4 * 2**30), ("1GB", 10**9), (5 * 10**8, 5 * 10**8)])
def test_memory(given: object, amount: int) -> None:
    assert _config.memory_bytes(given) == amount


@pytest.mark.parametrize("wrong", ["lots", "auto", 0, -1, 0.5, True, [], "0 GB"])
def test_wrong_memory(wrong: object) -> None:
    with pytest.raises(ConfigurationError, match="memory_limit"):
        _config.memory_bytes(wrong)


@pytest.mark.parametrize("wrong", [-1, 1.5, "2", None, True])
def test_wrong_count(wrong: object) -> None:
    with pytest.raises(ConfigurationError, match="n_workers"):
        _config.count("n_workers", wrong, 0)


@pytest.mark.parametrize(("value", "seconds"), [("5s", 5.0), (2, 2.0), ("500ms", 0.5), ("2 minutes", 120.0)])
def test_durations(value: Any, seconds: float) -> None:
    with dask.config.set({"lineitem.timeout": value}):
        assert _config.seconds("timeout") == seconds


def test_wrong_duration() -> None:
    with dask.config.set({"lineitem.timeout": "soon"}), pytest.raises(ConfigurationError, match=r"lineitem\.timeout"):
        _config.seconds("timeout")


def test_the_group_that_pays() -> None:
    environ = {"LINEITEM_GROUP": "/research"}
    assert _config.group(None, environ) == "/research"
    assert _config.group("labs", environ) == "labs"
    assert _config.group("", environ) == ""
    assert _config.group(None, {}) == ""
