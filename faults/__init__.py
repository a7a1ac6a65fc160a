"""Tests of a generated service under floods, failures and overload, from outside, with the limits of a container."""
