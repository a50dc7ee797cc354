"""Maple & Main, a fictional grocer whose every truth is known: the synthetic retailer.

It fills what the published grocery panel lacks: web, app, orders, messages, ads, consent,
service, stock. `retailer.generate` is the entrance; `python -m orchestration.demo` calls it.
Pure: numbers come from a seed, times from a calendar, nothing from a clock, an environment
or a database. Reading what it delivers belongs to `orchestration.sources`; no source and no
model may read its truth.
"""
