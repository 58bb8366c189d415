"""Prefect flows: order, retries, schedules and automations. Every stage also runs without Prefect."""

from importlib.util import find_spec

from foundation.errors import UsageError

if find_spec("prefect") is None:
    raise UsageError('this needs the flows extra: pip install "isitcake[flows]"')
