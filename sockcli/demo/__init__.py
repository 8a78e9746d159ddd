"""What `sockcli demo` shows: loopback servers, a manifest for them, and a tour. It needs no network.

The servers get their sockets from the same engine as everything else, by a policy of their own that lets them listen
on 127.0.0.1 and nowhere else.
"""
