"""What software a process has, found in made-up folders of packages and in real clusters."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import types
from typing import TYPE_CHECKING, Any

import cloudpickle
import pytest

import lineitem.agent
from lineitem.agent.common import _inventory
from lineitem.agent.common._inventory import (
    Environments,
    Imports,
    Inventory,
    checked,
    environment_id,
    normalise_name,
    scan_environment,
    scan_packages,
    split_stem,
)

if TYPE_CHECKING:
    from pathlib import Path


def install(folder: Path, entry: str, **files: str) -> None:
    """Put a distribution into a folder: its metadata folder and what lies in it."""
    info = folder / entry
    info.mkdir(parents=True)
    for name, text in files.items():
        names = {"top_level": "top_level.txt", "direct_url": "direct_url.json", "PKG_INFO": "PKG-INFO"}
        (info / names.get(name, name)).write_text(text, encoding="utf-8")


def found(*folders: Path, prefix: Path | None = None) -> dict[str, list[Any]]:
    return {package[0]: package[1:] for package in scan_packages(map(str, folders), str(prefix or ""))}


def test_folders_of_packages_are_read(tmp_path: Path) -> None:
    site = tmp_path / "site-packages"
    install(
        site, "numpy-2.3.1.dist-info", INSTALLER="pip\n", RECORD="numpy/__init__.py,sha256=x,1\nnumpy.libs/a.so.1,,\n"
    )
    install(site, "ruamel.yaml-0.18.dist-info", RECORD="ruamel/yaml/main.py,sha256=x,1\n../../bin/y,,\n")
    install(
        site,
        "PyYAML-6.0.2.dist-info",
        RECORD="_yaml/__init__.py,,\nyaml/__init__.py,,\nPyYAML-6.0.2.dist-info/RECORD,,\n",
    )
    install(site, "attrs-26.1.0.dist-info", top_level="attr\nattrs\n", RECORD="nothing/of_this.py,,\n")
    install(site, "fastparts-1.0.dist-info", RECORD='fastparts.cpython-311-x86_64-linux-gnu.so,,\n"odd, name.py",,\n')
    install(site, "old_tool-1.2-py3.9.egg-info", top_level="old_tool\n")
    install(site, "developed.egg-info", PKG_INFO="Metadata-Version: 2.1\nName: developed\nVersion: 0.3.dev1\n")
    (site / "pandas").mkdir()
    (site / "no-version.txt").write_text("", encoding="utf-8")
    assert found(site) == {
        "attrs": ["26.1.0", "pip", ["attr", "attrs"]],
        "developed": ["0.3.dev1", "pip", []],
        "fastparts": ["1.0", "pip", ["fastparts"]],
        "numpy": ["2.3.1", "pip", ["numpy"]],
        "old-tool": ["1.2", "pip", ["old_tool"]],
        "pyyaml": ["6.0.2", "pip", ["_yaml", "yaml"]],
        "ruamel-yaml": ["0.18", "pip", ["ruamel"]],
    }


def test_who_installed_it_is_told(tmp_path: Path) -> None:
    url = {"url": "https://ana:secret@example.org/a.git"}
    install(tmp_path, "a-1.dist-info", INSTALLER="pip", direct_url=json.dumps({**url, "vcs_info": {"vcs": "git"}}))
    install(
        tmp_path, "b_c-1.dist-info", direct_url=json.dumps({"url": "file:///home/ana", "dir_info": {"editable": True}})
    )
    install(tmp_path, "d-1.dist-info", direct_url=json.dumps({"url": "file:///d.whl", "archive_info": {}}))
    install(tmp_path, "e-1.dist-info", direct_url="{ no json")
    install(tmp_path, "f-1.dist-info", direct_url='["a list"]', INSTALLER="conda\n")
    install(tmp_path, "g-1.dist-info", INSTALLER="uv")
    assert {name: package[1] for name, package in found(tmp_path).items()} == {
        "a": "vcs",
        "b-c": "editable",
        "d": "pip",
        "e": "pip",
        "f": "conda",
        "g": "pip",
    }
    # An editable project's code lies elsewhere; addresses, which may hold passwords, are not part of it.
    assert found(tmp_path)["b-c"][2] == ["b_c"]
    assert "secret" not in json.dumps(found(tmp_path))


def test_conda_has_packages_that_python_does_not_know(tmp_path: Path) -> None:
    site = tmp_path / "lib" / "python3.11" / "site-packages"
    install(site, "numpy-1.26.4.dist-info", INSTALLER="conda", top_level="numpy\n")
    install(site, "xgboost-1.7.6.dist-info", INSTALLER="pip")
    records = tmp_path / "conda-meta"
    records.mkdir()
    for record in ("numpy-1.26.4-py311h64a7726_0", "libblas-3.9.0-20_linux64_openblas", "xgboost-2.0.3-py311_0", "odd"):
        (records / f"{record}.json").write_text("{}", encoding="utf-8")
    (records / "history").write_text("", encoding="utf-8")
    assert found(site, prefix=tmp_path) == {
        "libblas": ["3.9.0", "conda", []],
        "numpy": ["1.26.4", "conda", ["numpy"]],
        # pip has put another version over conda's: that one is imported.
        "xgboost": ["1.7.6", "pip", []],
    }


def test_what_is_found_first_counts(tmp_path: Path) -> None:
    install(tmp_path / "mine", "xgboost-2.1.dist-info")
    install(tmp_path / "theirs", "XGBoost-1.7.dist-info")
    assert found(tmp_path / "mine", tmp_path / "theirs")["xgboost"][0] == "2.1"
    assert found(tmp_path / "theirs", tmp_path / "mine", tmp_path / "missing")["xgboost"][0] == "1.7"


@pytest.mark.parametrize("seed", range(20))
def test_normalised_names_are_those_of_pep_503(seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(200):
        words = ["".join(dice.choices("abcXYZ019", k=dice.randint(1, 6))) for _ in range(dice.randint(1, 4))]
        spelled = [
            "".join(word + "".join(dice.choices("-_.", k=dice.randint(1, 3))) for word in words[:-1]) + words[-1]
            for _ in range(2)
        ]
        names = {normalise_name(text) for text in spelled}
        # However it is spelled the name is one, stays as it is when normalised again, and has a plain form.
        assert names == {"-".join(words).lower()}
        (name,) = names
        assert normalise_name(name) == name
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)


@pytest.mark.parametrize("seed", range(20))
def test_names_and_versions_come_apart_again(seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(200):
        # As tools write them: no hyphen in the name, and a version that begins with a digit.
        name = "_".join("".join(dice.choices("abcXYZ019.", k=dice.randint(1, 6))) for _ in range(dice.randint(1, 3)))
        version = ".".join(str(dice.randint(0, 30)) for _ in range(dice.randint(1, 4)))
        version += dice.choice(["", "rc1", ".post2", ".dev3", "+cu121", "+local.7", "-1"])
        assert split_stem(f"{name}-{version}") == (name, version)


@pytest.mark.parametrize(
    ("stem", "parts"),
    [
        ("zope-interface-5.4", ("zope-interface", "5.4")),
        ("py-v1.0", ("py", "v1.0")),
        ("noversion", ("noversion", "")),
        ("-1.0", ("-1.0", "")),
        ("name-unknown", ("name", "unknown")),
        ("7zip-1", ("7zip", "1")),
    ],
)
def test_odd_names(stem: str, parts: tuple[str, str]) -> None:
    assert split_stem(stem) == parts


def test_hostile_names_do_no_harm(tmp_path: Path) -> None:
    for entry in (
        "..dist-info",
        ".dist-info",
        "-.dist-info",
        "a\nb-1.dist-info",
        "\udcff-1.dist-info",
        "x" * 200 + "-1.dist-info",
    ):
        install(tmp_path, entry, RECORD=",,\n" * 10 + "a/b\n" + "\x00,")
    packages = scan_packages([str(tmp_path), "", "\x00", str(tmp_path / "a.zip")], "\x00")
    for name, version, _, modules in packages:
        assert name
        assert (name + version).isprintable()
        assert len(name) <= 200
        assert modules == []
    json.dumps(packages, ensure_ascii=False).encode()


def test_equal_environments_have_one_id(tmp_path: Path) -> None:
    install(tmp_path / "a", "numpy-2.3.1.dist-info", top_level="numpy\n")
    install(tmp_path / "b", "numpy-2.3.1.dist-info", top_level="numpy\n")
    install(tmp_path / "c", "numpy-2.3.2.dist-info", top_level="numpy\n")
    one, same, other = (scan_environment([str(tmp_path / x)], "", {}) for x in "abc")
    assert one == same
    assert re.fullmatch("[0-9a-f]{64}", one["environment"])
    assert one["environment"] == environment_id(one) != other["environment"]
    image = scan_environment([str(tmp_path / "a")], "", {"JUPYTER_IMAGE": "quay.io/ana/lab:7"})
    assert image["details"]["image"] == "quay.io/ana/lab:7"
    assert image["environment"] != one["environment"]


def test_imports_are_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    imports = Imports()
    first = imports.new()
    assert "pytest" in first
    assert "json" not in first
    assert not {"__main__", "__mp_main__"} & set(first)
    for name in ("invented_lib", "invented_lib.part", "1bad", "no.such"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    assert imports.new() == ["invented_lib", "no"]
    assert imports.new() == []


def test_the_looks_are_taken_in_the_background() -> None:
    inventory = Inventory(delay_s=3600)
    inventory.tick()
    assert inventory.section() is None
    assert inventory.environment == ""
    inventory.hasten(60)
    section = inventory.section()
    assert section is not None
    assert section["environment"] == inventory.environment
    assert "pytest" in section["imported"]
    again = inventory.section()
    assert again == {"environment": inventory.environment, "imported": []}
    assert inventory.take_cost_us() > 0
    assert inventory.take_cost_us() == 0


def test_what_a_process_knows_of_itself_does_not_travel() -> None:
    # The worker part is sent by value: a scheduler's environment must not become that of its workers.
    assert _inventory.environment()["environment"] == scan_environment()["environment"]
    cloudpickle.register_pickle_by_value(lineitem.agent)
    try:
        payload = cloudpickle.dumps(Inventory)
    finally:
        cloudpickle.unregister_pickle_by_value(lineitem.agent)
    assert _inventory.environment()["environment"].encode() not in payload
    assert b"pandas" not in payload


@pytest.mark.parametrize("seed", range(20))
def test_what_others_send_is_checked(seed: int) -> None:
    content = _inventory.environment()
    # Dask's own encoding makes tuples of lists and the other way round.
    travelled = {**content, "packages": tuple(tuple(package) for package in content["packages"])}
    assert checked(travelled) == content
    dice = random.Random(seed)
    odd = [None, 7, "x", [], {}, [1], [["a"]], [["a", "1", "pip", 5]], {"k": 1}, "y" * 300, b"z"]
    for _ in range(100):
        broken = {**content, dice.choice(list(content)): dice.choice(odd)}
        assert checked(broken) is None
    for odd_content in odd:
        assert checked(odd_content) is None


def test_an_environment_is_asked_for_twice() -> None:
    asked = Environments()
    one, other = "a" * 64, "b" * 64
    assert [asked.wants(one) for _ in range(4)] == [True, True, False, False]
    assert asked.wants(other)
    assert not any(asked.wants(odd) for odd in ("", "short", None, 7, ["x"]))
    # Whatever workers say, what is kept stays bounded.
    granted = sum(asked.wants(f"{number:064d}") for number in range(3_000))
    assert granted == 998


def test_two_interpreters_are_two_environments(tmp_path: Path) -> None:
    install(tmp_path / "more", "xgboost-1.7.6.dist-info", top_level="xgboost\n")
    code = "import sys; sys.path.append(sys.argv[1]); from lineitem.agent.common._inventory import environment as e; print(e()['environment'])"
    seen = [
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / folder)], capture_output=True, text=True, check=True
        ).stdout.strip()
        for folder in ("none", "more", "more")
    ]
    assert seen[0] != seen[1] == seen[2]
