"""Where people train: streams and frozen data sets in the idiom of each framework, a module for each.

A module imports its framework when it is imported itself, and says which extra is missing where it is not there.
"""
