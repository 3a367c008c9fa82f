"""Whether a service passes its log on."""

from __future__ import annotations

import pytest

from crivo.bootstrap.home import open_home
from crivo.bootstrap.relay import open_relay
from crivo.domain.errors import Code, Misconfigured
from tests.e2e.homes import settings_of

SOMEWHERE = "kafka://127.0.0.1:1"


def test_a_log_is_passed_on_where_that_is_asked_for(tmp_path):
    with open_home(settings_of(tmp_path), writer=True) as home:
        assert open_relay(settings_of(tmp_path), home, None) is None
        relay = open_relay(settings_of(tmp_path, RELAY__URL=SOMEWHERE), home, None)
        assert relay.lag() == home.log.end() == 0


def test_a_log_that_follows_one_in_kafka_is_not_passed_on(tmp_path):
    with open_home(settings_of(tmp_path), writer=True) as home:
        both = settings_of(tmp_path, LOG__URL=SOMEWHERE, RELAY__URL=SOMEWHERE)
        with pytest.raises(Misconfigured) as refused:
            open_relay(both, home, None)
    assert refused.value.code == Code.SETTING_INVALID
