"""A key that something was made under is not made anew, and another does not take its place."""

import pytest

from crivo.adapters.files.data_keys import DataKeyFile
from crivo.adapters.files.secret import load_lasting_key
from crivo.bootstrap import home as bootstrap_home
from crivo.bootstrap import kept_keys
from crivo.bootstrap.home import Paths, open_home, record_cipher, rotation_of
from crivo.bootstrap.kept_keys import open_person_keys
from crivo.domain.errors import Code, Misconfigured
from crivo.domain.streams import Stream
from crivo.governance.identity import Identity, Role, clear_part
from crivo.governance.record_cipher import DataKey
from crivo.governance.segment import Signer
from crivo.settings import load_settings
from tests.integration.ledgers import Ledger
from tests.ports.logs import event


@pytest.fixture
def settings(tmp_path):
    return load_settings({}, home=tmp_path / "home", log__clock="replay")


@pytest.fixture
def pseudonym(settings):
    """The pseudonym of an account in a home whose log holds an event that was made under it."""
    with open_home(settings, writer=True) as home:
        home.log.append([event(0)])
        return home.pseudonyms.account("payee")


def key_of(settings):
    return settings.home / "keys" / "pseudonym.key"


def fingerprint_of(settings):
    return settings.home / "pseudonym_key.sha256"


def refusal(settings, *, writer=True):
    with pytest.raises(Misconfigured) as refused:
        open_home(settings, writer=writer)
    return refused.value


@pytest.mark.parametrize("kept", [True, False], ids=["with", "without"])
@pytest.mark.parametrize("writer", [True, False], ids=["writer", "reader"])
def test_a_pseudonym_key_that_is_gone_is_not_made_anew(settings, pseudonym, writer, kept):
    """Neither with its fingerprint nor, as in a home from before, without."""
    if not kept:
        fingerprint_of(settings).unlink()
    key_of(settings).unlink()
    error = refusal(settings, writer=writer)
    assert error.code is Code.KEY_MISSING and str(key_of(settings)) in str(error)
    assert not key_of(settings).exists()


def test_another_pseudonym_key_is_told_at_the_start(settings, pseudonym):
    kept = key_of(settings).read_text()
    key_of(settings).write_text("00" * 32)
    error = refusal(settings)
    assert error.code is Code.KEY_INVALID and error.context["expected"] != error.context["found"]
    key_of(settings).write_text(kept)
    with open_home(settings, writer=True) as home:
        assert home.pseudonyms.account("payee") == pseudonym


def test_a_home_from_before_gets_the_fingerprint_of_its_key(settings, pseudonym):
    known = fingerprint_of(settings).read_text()
    fingerprint_of(settings).unlink()
    with open_home(settings, writer=True) as home:
        assert home.pseudonyms.account("payee") == pseudonym
    assert fingerprint_of(settings).read_text() == known
    assert key_of(settings).read_text().strip() not in known


def test_sabotage_a_key_that_is_made_anew_gives_the_same_account_another_pseudonym(
    settings, pseudonym, monkeypatch
):
    def made_anew(path, *, fingerprint, make, is_used):
        fingerprint.unlink()
        return load_lasting_key(path, fingerprint=fingerprint, make=make, is_used=False)

    monkeypatch.setattr(bootstrap_home, "load_lasting_key", made_anew)
    key_of(settings).unlink()
    with open_home(settings, writer=True) as home:
        assert home.pseudonyms.account("payee") != pseudonym


def decision(number):
    """One that carries an identity part where its number is odd."""
    named = [Identity(Role.PAYER, bytes(16), name="Ana")]
    made = event(number, stream=Stream.DECISIONS)
    return made._replace(sealed=clear_part(named)) if number % 2 else made


def write(settings, *numbers):
    with open_home(settings, writer=True) as home:
        home.log.append([decision(each) for each in numbers])
        return [
            home.identities.open(stored.event.sealed, event_id=stored.event.event_id)
            for stored in home.reader.read(start=0, limit=9)
            if stored.event.sealed is not None
        ]


@pytest.mark.parametrize("has_fingerprint", [True, False], ids=["with", "without"])
@pytest.mark.parametrize(
    ("lost", "left"),
    [
        ({"master.key"}, "data keys and persons' keys"),
        ({"master.key", "data_keys.json"}, "persons' keys"),
        ({"master.key", "persons.sqlite"}, "data keys"),
        ({"data_keys.json"}, "the log alone speaks of them"),
        ({"master.key", "data_keys.json", "persons.sqlite"}, "the log alone speaks of them"),
        ({"persons.sqlite"}, "all would read as erased"),
    ],
)
def test_a_home_that_holds_anything_sealed_gets_no_new_key(settings, lost, left, has_fingerprint):
    """With the fingerprints of its keys and, as a home from before, without."""
    write(settings, 0, 1)
    keys = settings.home / "keys"
    fingerprints = [settings.home / name for name in ("master_key.sha256", "persons.sha256")]
    if not has_fingerprint:
        for fingerprint in fingerprints:
            fingerprint.unlink()
    for name in lost:
        (keys / name).rename(settings.home / name)
    assert refusal(settings).code is Code.KEY_MISSING, left
    assert not [name for name in lost - {"data_keys.json"} if (keys / name).exists()]
    for name in lost:
        (settings.home / name).replace(keys / name)
    assert write(settings, 2, 3) == [{Role.PAYER: {"name": "Ana"}}] * 2
    assert all(fingerprint.exists() for fingerprint in fingerprints)


@pytest.mark.parametrize("other", ["an empty file", "another home's"])
def test_another_file_of_persons_keys_is_told_at_the_start(settings, tmp_path, other):
    write(settings, 0, 1)
    keys = settings.home / "keys" / "persons.sqlite"
    kept = keys.read_bytes()
    if other == "an empty file":
        keys.write_bytes(b"")
    else:
        elsewhere = load_settings({}, home=tmp_path / "other", log__clock="replay")
        write(elsewhere, 0, 1)
        keys.write_bytes((elsewhere.home / "keys" / "persons.sqlite").read_bytes())
    for _ in range(2):
        error = refusal(settings)
        assert error.code is Code.KEY_INVALID and str(keys) in str(error)
    keys.write_bytes(kept)
    assert write(settings, 2, 3) == [{Role.PAYER: {"name": "Ana"}}] * 2


def test_a_door_to_kafka_makes_no_persons_keys_anew(settings):
    """Its home may have no log that speaks of persons."""
    paths = Paths(settings.home)
    open_person_keys(paths).close()
    paths.persons.unlink()
    with pytest.raises(Misconfigured) as refused:
        open_person_keys(paths)
    assert refused.value.code is Code.KEY_MISSING and not paths.persons.exists()


def test_sabotage_where_persons_keys_are_made_anew_everybody_reads_as_erased(settings, monkeypatch):
    write(settings, 0, 1)
    monkeypatch.setattr(kept_keys, "_log_holds_identities", lambda _: False)
    (settings.home / "persons.sha256").unlink()
    (settings.home / "keys" / "persons.sqlite").unlink()
    assert write(settings, 2) == [{Role.PAYER: None}]


@pytest.mark.parametrize("content", ["[]", "[]\n"])
def test_an_empty_file_of_data_keys_is_a_lost_one(settings, content):
    write(settings, 0, 1)
    data_keys = settings.home / "keys" / "data_keys.json"
    before = data_keys.read_text()
    data_keys.write_text(content)
    error = refusal(settings)
    assert error.code is Code.KEY_MISSING and str(data_keys) in str(error)
    (settings.home / "keys" / "master.key").unlink()
    assert refusal(settings).code is Code.KEY_MISSING
    assert data_keys.read_text() == content and before != content


def test_an_empty_file_of_data_keys_gets_no_key_of_a_worker_whose_log_is_elsewhere(settings):
    paths = Paths(settings.home)
    paths.data_keys.parent.mkdir(parents=True)
    paths.data_keys.write_text("[]")
    keys = DataKeyFile(
        paths.data_keys,
        paths.master_key,
        fingerprint=paths.data_keys_fingerprint,
        load=lambda: bytes(32),
    )
    for refused_by in (
        lambda: record_cipher(paths, rotation_of(settings)),
        lambda: keys.add(DataKey(1, 0, 0, bytes(32))),
    ):
        with pytest.raises(Misconfigured) as refused:
            refused_by()
        assert refused.value.code is Code.KEY_MISSING
    assert paths.data_keys.read_text() == "[]"


def test_a_home_with_identities_alone_tells_another_master_key(settings):
    with open_home(settings, writer=True) as home:
        home.log.append([decision(1)._replace(stream=Stream.TRANSFERS)])
    assert not (settings.home / "keys" / "data_keys.json").exists()
    (settings.home / "keys" / "master.key").write_text("00" * 32)
    with open_home(settings, writer=True) as home, pytest.raises(Misconfigured) as refused:
        home.persons.newest(bytes(16))
    assert refused.value.code is Code.KEY_INVALID


def test_sabotage_a_home_that_is_not_asked_for_its_keys_gets_a_new_one(settings, monkeypatch):
    write(settings, 0, 1)
    monkeypatch.setattr(bootstrap_home, "check_keys", lambda *_: None)
    monkeypatch.setattr(kept_keys, "_is_used", lambda _: False)
    for name in ("master_key.sha256", "data_keys.sha256"):
        (settings.home / name).unlink()
    for name in ("master.key", "data_keys.json"):
        (settings.home / "keys" / name).unlink()
    with open_home(settings, writer=True) as home:
        home.log.append([decision(2)])
        with pytest.raises(Misconfigured) as refused:
            home.persons.newest(bytes(16))
    assert refused.value.code is Code.KEY_INVALID, "nobody can read Ana's name again"


def test_a_sealer_with_another_key_than_the_log_was_signed_under_signs_nothing(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.write(0, 60)
    before = ledger.checkpoint()
    other = Ledger(tmp_path, ledger.keys, Signer(bytes(32)))
    with pytest.raises(Misconfigured) as refused:
        other.write(60, 90)
    assert refused.value.code is Code.KEY_INVALID
    assert ledger.checkpoint() == before and ledger.audit().is_whole
