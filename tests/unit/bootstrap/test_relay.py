"""Whether a service passes its log on."""

from __future__ import annotations

from crivo.bootstrap.home import open_home
from crivo.bootstrap.relay import open_relay
from tests.e2e.homes import settings_of

SOMEWHERE = "kafka://127.0.0.1:1"


def test_a_log_is_passed_on_where_that_is_asked_for(tmp_path):
    with open_home(settings_of(tmp_path), writer=True) as home:
        assert open_relay(settings_of(tmp_path), home, None) is None
        relay = open_relay(settings_of(tmp_path, RELAY__URL=SOMEWHERE), home, None)
        assert relay.lag() == home.log.end() == 0
