"""Triage of what is new alone, with what triage learned before."""
