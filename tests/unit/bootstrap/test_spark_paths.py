"""What a job of Spark is told: the same files in whichever folder it works, and how it reads."""

from __future__ import annotations

from pathlib import Path

from crivo.bootstrap.kafka import cluster_of
from crivo.bootstrap.spark import kafka_options, with_whole_paths
from crivo.settings import load_settings

#: What executors read of the settings that name files.
GIVEN = {
    "CRIVO_HOME": "home",
    "CRIVO_POLICY": "policy",
    "CRIVO_LAKE__URL": "lake",
    "CRIVO_KAFKA__AUTHORITY": "authority.pem",
    "CRIVO_KAFKA__CERTIFICATE": "certificate.pem",
    "CRIVO_KAFKA__KEY": "key.pem",
}


def paths(settings):
    """The files and folders that executors are told of."""
    kafka, lake = settings.kafka, Path(settings.lake.url)
    return [settings.home, settings.policy, lake, kafka.authority, kafka.certificate, kafka.key]


def test_paths_of_the_working_folder_are_whole_ones_for_executors(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = load_settings(GIVEN)
    assert paths(settings) == [Path(name) for name in GIVEN.values()]
    whole = with_whole_paths(settings)
    monkeypatch.chdir("/")
    assert paths(whole) == [tmp_path / name for name in GIVEN.values()]


def test_what_is_not_set_stays_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = with_whole_paths(load_settings({}))
    kafka = settings.kafka
    assert settings.lake.url is None
    assert (kafka.authority, kafka.certificate, kafka.key) == (None, None, None)


def test_a_lake_in_a_bucket_stays_there():
    url = "gs://bucket/lake"
    assert with_whole_paths(load_settings({"CRIVO_LAKE__URL": url})).lake.url == url


def test_spark_reads_what_is_committed_alone_and_writes_each_record_once():
    """Law: what a transaction that was given up had begun is nobody's decision."""
    settings = load_settings({"CRIVO_LOG__URL": "kafka://127.0.0.1:9092/space"})
    options = kafka_options(cluster_of(settings))
    assert options["kafka.bootstrap.servers"] == "127.0.0.1:9092"
    assert options["kafka.isolation.level"] == "read_committed"
    assert options["kafka.acks"] == "all"
    assert options["kafka.enable.idempotence"] == "true"
