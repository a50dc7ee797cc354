"""Instances, loaded by `orchestration.definitions`: thin wiring, in the order of the flow.

A function here that is longer than a screen has a body that belongs to a pure package.
"""
