"""The peer that the tests of the terminal talk to."""

from tests.console.conftest import peer as peer
from tests.console.conftest import udp_peer as udp_peer
