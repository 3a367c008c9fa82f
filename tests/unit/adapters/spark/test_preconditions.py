"""A session of Spark that cannot begin says which of its preconditions fails, and what to do."""

from __future__ import annotations

import socket
import zipfile

import pytest

from crivo.adapters.spark.preconditions import (
    not_begun,
    require_jars,
    require_java,
    require_master,
)
from crivo.domain.errors import Code, CrivoError

NAMES = (
    "commons-pool2-2.13.1.jar",
    "delta-spark_4.2_2.13-4.4.0.jar",
    "delta-storage-4.4.0.jar",
    "kafka-clients-3.9.2.jar",
    "spark-sql-kafka-0-10_2.13-4.2.0.jar",
    "spark-token-provider-kafka-0-10_2.13-4.2.0.jar",
)


@pytest.fixture
def jars(tmp_path):
    """A folder of the jars of Spark 4.2.0, with nothing in them."""
    for name in NAMES:
        zipfile.ZipFile(tmp_path / name, "w").close()
    return tmp_path


def refused(raises):
    """The error of a precondition, which has a hint."""
    with pytest.raises(CrivoError) as caught:
        raises()
    assert caught.value.hint
    return caught.value


def test_the_jars_of_the_release_are_all_that_is_asked_for(jars):
    assert [each.name for each in require_jars(jars, "4.2.0")] == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_jar_that_lacks_is_named(jars, name):
    (jars / name).unlink()
    error = refused(lambda: require_jars(jars, "4.2.0"))
    assert (error.code, error.context["found"]) == (Code.FILE_UNREADABLE, "none")
    assert name.startswith(str(error.context["expected"]).partition("*")[0])


@pytest.mark.parametrize("release", ["4.1.0", "4.2.1"])
def test_a_jar_of_another_release_is_named_with_the_one_that_is_there(jars, release):
    error = refused(lambda: require_jars(jars, release))
    assert error.code is Code.FILE_UNREADABLE
    assert release[:3] in str(error.context["expected"])
    assert error.context["found"] in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_damaged_jar_is_named(jars, name):
    (jars / name).write_bytes(b"half")
    error = refused(lambda: require_jars(jars, "4.2.0"))
    assert (error.code, error.context["file"]) == (Code.FILE_UNREADABLE, str(jars / name))


def test_java_is_looked_for_where_spark_would(tmp_path):
    (tmp_path / "bin").mkdir()
    java = tmp_path / "bin" / "java"
    java.write_text("#!/bin/sh\n")
    java.chmod(0o755)
    require_java({"PATH": str(java.parent)})
    require_java({"JAVA_HOME": str(tmp_path), "PATH": ""})
    elsewhere = {"JAVA_HOME": str(java.parent), "PATH": str(java.parent)}
    for environ in ({}, {"PATH": str(tmp_path)}, elsewhere):
        error = refused(lambda environ=environ: require_java(environ))
        assert (error.code, error.exit_code) == (Code.SETTING_INVALID, 2)


@pytest.mark.parametrize("master", ["local", "local[2]", "local[*]", "local[2, 3]"])
def test_this_machine_needs_no_master(master):
    require_master(master)


@pytest.mark.parametrize(
    "master",
    ["yarn", "k8s://https://host:443", "local-cluster[2,1,1024]"],
)
def test_what_spark_itself_finds_is_left_to_it(master):
    require_master(master)
    error = not_begun("HADOOP_CONF_DIR must be set\n\tat some.where", master)
    assert error.code is Code.INTERNAL and "HADOOP_CONF_DIR" in str(error)


@pytest.mark.parametrize(
    "master",
    ["", "locally", "local[x]", "127.0.0.1:7077", "http://host", "yarns", "k8s://", "databricks"],
)
def test_what_names_no_master_is_refused(master):
    error = refused(lambda: require_master(master))
    assert (error.code, error.context["found"]) == (Code.SETTING_INVALID, master)


def test_one_master_of_several_that_answers_is_enough():
    with socket.create_server(("127.0.0.1", 0)) as there:
        port = there.getsockname()[1]
        require_master(f"spark://127.0.0.1:{port}")
        require_master(f"spark://127.0.0.1:1,127.0.0.1:{port}")
    for master in (f"spark://127.0.0.1:{port}", "spark://127.0.0.1", "spark://127.0.0.1:x"):
        error = refused(lambda master=master: require_master(master))
        assert (error.code, error.exit_code) == (Code.NOT_READY, 3)


@pytest.mark.parametrize(
    ("text", "master", "code"),
    [
        ("[JAVA_GATEWAY_EXITED] Java gateway process exited", "local[2]", "SETTING_INVALID"),
        (
            "An error.\n: java.net.BindException: Cannot assign requested address: Service ...",
            "spark://host:7077",
            "PORT_TAKEN",
        ),
        (
            "An error.\n: java.lang.IllegalStateException: Cannot call methods on a stopped ...",
            "spark://host:7077",
            "NOT_READY",
        ),
        ("something else\n\tat some.where", "local[2]", "INTERNAL"),
    ],
)
def test_what_spark_says_of_a_session_that_did_not_begin_has_a_code(text, master, code):
    error = not_begun(text, master)
    assert error.code == code and error.hint
    assert "\n" not in str(error)
