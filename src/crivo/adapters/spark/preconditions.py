"""What a session of Spark cannot begin without: Java, the jars of its release, and its master.

Each is looked at before Spark is, which would tell of it in a traceback, or after a minute.
"""

from __future__ import annotations

import re
import shutil
import socket
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from crivo.domain.errors import Code, CrivoError, Misconfigured, Unavailable

#: The files that `make engines` fetches: by the release of Spark (4.2.0), and its minor one (4.2).
_JARS: Final = (
    "commons-pool2-*.jar",
    "delta-spark_{minor}_*.jar",
    "delta-storage-*.jar",
    "kafka-clients-*.jar",
    "spark-sql-kafka-0-10_*-{release}.jar",
    "spark-token-provider-kafka-0-10_*-{release}.jar",
)
_FETCH: Final = "`make engines` fetches them; it needs Java 17 and Maven."

#: This machine, with so many threads.
_LOCAL: Final = re.compile(r"local(\[(\d+|\*)(, *\d+)?\])?")
_STANDALONE: Final = "spark://"
#: What Spark itself looks for: YARN, Kubernetes, and a standalone cluster that it starts here.
_FOUND_BY_SPARK: Final = re.compile(r"yarn|k8s://\S+|local-cluster\[( *\d+ *,){2} *\d+ *\]")
#: How long a master may take to answer that it is there.
_MASTER_SECONDS: Final = 5.0


def require_java(environ: Mapping[str, str]) -> None:
    """Looks for the Java that Spark would start.

    Raises:
        Misconfigured: SETTING_INVALID where there is none.
    """
    home = environ.get("JAVA_HOME")
    path = str(Path(home) / "bin") if home else environ.get("PATH", "")
    if shutil.which("java", path=path) is None:
        raise Misconfigured(
            Code.SETTING_INVALID,
            "Spark works in Java, which is not to be found",
            hint="Install Java 17 (a headless one does), or name its folder in JAVA_HOME.",
            field="JAVA_HOME" if home else "PATH",
            expected="a folder with Java 17",
            found=home or "no java",
        )


def require_jars(folder: Path, release: str) -> list[Path]:
    """The jars of a folder, if they are those of Spark's release and whole.

    Raises:
        Misconfigured: FILE_UNREADABLE.
    """
    minor = ".".join(release.split(".")[:2])
    for pattern in (each.format(minor=minor, release=release) for each in _JARS):
        if not any(folder.glob(pattern)):
            others = sorted(each.name for each in folder.glob(f"{pattern.partition('_')[0]}*"))
            raise Misconfigured(
                Code.FILE_UNREADABLE,
                f"{folder} lacks a jar of Spark {release}'s",
                hint=_FETCH,
                file=str(folder),
                expected=pattern,
                found=", ".join(others) or "none",
            )
    found = sorted(folder.glob("*.jar"))
    for jar in found:
        if not zipfile.is_zipfile(jar):
            raise Misconfigured(
                Code.FILE_UNREADABLE,
                f"{jar.name} is no jar, or not a whole one",
                hint=f"Delete it. {_FETCH}",
                file=str(jar),
                expected="an archive as Java reads it",
                found=f"{jar.stat().st_size} bytes that are none",
            )
    return found


def require_master(master: str) -> None:
    """Sees that a master is named as Spark names one, and that a standalone one answers. Whether
    YARN or Kubernetes do is Spark's to find out.

    Raises:
        Misconfigured: SETTING_INVALID for another name.
        Unavailable: NOT_READY where no master answers.
    """
    if _LOCAL.fullmatch(master) or _FOUND_BY_SPARK.fullmatch(master):
        return
    if not master.startswith(_STANDALONE):
        raise Misconfigured(
            Code.SETTING_INVALID,
            f"{master} is no master of Spark's",
            hint="local[2] is this machine with two threads, spark://HOST:7077 a cluster's master.",
            field="--spark",
            expected="local[N], spark://HOST:PORT, yarn or k8s://URL",
            found=master,
        )
    for place in master.removeprefix(_STANDALONE).split(","):
        host, _, port = place.rpartition(":")
        with suppress(OSError, ValueError):
            socket.create_connection((host, int(port)), timeout=_MASTER_SECONDS).close()
            return
    raise _unanswered(master)


def not_begun(text: str, master: str) -> CrivoError:
    """The error of ours for what Spark says of a session that did not begin, all else being there.

    Args:
        text: What the exception says.
        master: As Spark names it.
    """
    if "JAVA_GATEWAY_EXITED" in text:
        return Misconfigured(
            Code.SETTING_INVALID,
            "Java ended before Spark had begun in it",
            hint="What it said stands above. Spark needs Java 17 or newer, and as much memory as "
            "CRIVO_SPARK__MEMORY says.",
            field="JAVA_HOME",
            expected="Java 17 or newer",
            found="one that ended",
        )
    if "java.net.BindException" in text:
        return Unavailable(
            Code.PORT_TAKEN,
            "Spark's driver has no port of its own on this machine",
            hint="See that SPARK_LOCAL_IP is an address of this machine, and that ports are free.",
            field="SPARK_LOCAL_IP",
        )
    if master.startswith(_STANDALONE):
        # Where no master takes it, Spark ends its own context, and finds it ended.
        return _unanswered(master)
    first = text.strip().partition("\n")[0]
    return CrivoError(
        Code.INTERNAL,
        f"a session of Spark did not begin: {first}",
        hint="What Java said stands above.",
    )


def _unanswered(master: str) -> Unavailable:
    return Unavailable(
        Code.NOT_READY,
        f"no master of Spark's takes a job at {master}",
        hint="See that it runs under this name and port, as its own log says them, with the same "
        "release of Spark.",
        field="--spark",
        expected="a master that answers",
        found="none",
    )
