"""A key that something was made under is not made anew, and another does not take its place."""

import pytest

from crivo.adapters.files.secret import load_lasting_key
from crivo.bootstrap import home as bootstrap_home
from crivo.bootstrap.home import open_home
from crivo.domain.errors import Code, Misconfigured
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


def test_a_sealer_with_another_key_than_the_log_was_signed_under_signs_nothing(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.write(0, 60)
    before = ledger.checkpoint()
    other = Ledger(tmp_path, ledger.keys, Signer(bytes(32)))
    with pytest.raises(Misconfigured) as refused:
        other.write(60, 90)
    assert refused.value.code is Code.KEY_INVALID
    assert ledger.checkpoint() == before and ledger.audit().is_whole
