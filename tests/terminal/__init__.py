"""Tests of what a peer may do to the user's terminal."""
