"""What Maven gives is kept only if it is, byte for byte, what was pinned."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from scripts import engines

ROOT = Path(__file__).resolve().parents[2]
POM = {"m": "http://maven.apache.org/POM/4.0.0"}


def dependencies(name):
    tree = ET.parse(ROOT / "deploy" / "engines" / name / "pom.xml")
    for each in tree.iterfind(".//m:dependency", POM):
        yield tuple(each.findtext(f"m:{part}", "", POM) for part in ("artifactId", "version"))


def test_there_is_a_broker_and_there_are_jars_for_spark():
    assert engines.names() == ["kafka", "spark"]


@pytest.mark.parametrize("name", engines.names())
def test_each_pom_names_exact_versions_and_each_of_them_is_in_the_list(name):
    jars = set(engines.read_sums(name))
    for artifact, version in dependencies(name):
        assert re.fullmatch(r"\d+(\.\d+)+", version)
        assert f"{artifact}-{version}.jar" in jars


@pytest.mark.parametrize("name", engines.names())
def test_each_line_of_a_list_is_a_digest_and_a_jar(name):
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in engines.read_sums(name).values())


def test_jars_that_are_as_listed_are_taken(tmp_path):
    (tmp_path / "a.jar").write_bytes(b"jar")
    assert engines.differences(engines.sums_of(tmp_path), engines.sums_of(tmp_path)) == []


@pytest.mark.parametrize("sabotage", ["changed", "missing", "added"])
def test_sabotage_one_jar_that_is_not_as_listed_is_named(tmp_path, sabotage):
    for name in ("a.jar", "b.jar"):
        (tmp_path / name).write_bytes(name.encode())
    expected = engines.sums_of(tmp_path)
    if sabotage == "changed":
        (tmp_path / "a.jar").write_bytes(b"another")
    elif sabotage == "missing":
        (tmp_path / "a.jar").unlink()
    else:
        expected.pop("a.jar")
    (said,) = engines.differences(expected, engines.sums_of(tmp_path))
    assert said.startswith("a.jar ")


def test_sabotage_what_is_not_as_listed_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(engines, "KEPT", tmp_path)

    def fetch(_, target):
        target.mkdir()
        (target / "kafka_2.13-4.3.1.jar").write_bytes(b"another")

    monkeypatch.setattr(engines, "fetch", fetch)
    with pytest.raises(engines.Missing, match="is not what was pinned"):
        engines.install("kafka")
    assert list(tmp_path.iterdir()) == []


def test_without_java_one_line_says_what_is_missing_and_how_to_get_it(tmp_path):
    # An engine that is here already needs neither; so its list is looked for elsewhere.
    code = (
        "import sys; from pathlib import Path; from scripts import engines; "
        f"engines.KEPT = Path({str(tmp_path)!r}); sys.exit(engines.main([]))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 3
    assert answer.stderr.count("\n") == 1
    assert "java and mvn" in answer.stderr
    assert "apt-get install" in answer.stderr
