"""Doubles of the payment vendors, for the demo and the tests: no money moves."""
