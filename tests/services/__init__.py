"""Telnet servers that others wrote the protocol of: each is run as a program, `python FILE PORT`."""
