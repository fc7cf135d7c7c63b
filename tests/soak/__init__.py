"""Tests that take minutes; each is a program of its own."""
