"""Readers of what was typed into a field. Each takes any JSON value, and returns it normalized or raises Refused.

A value of a wrong type, and a code that is in no list, is returned as it is: the submission's shape refuses it.
"""
