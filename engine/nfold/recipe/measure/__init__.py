"""Writes catalogue.json: what the transforms of Albumentations take, and what they do to an image, measured.

Run `python -m nfold.recipe.measure` after a change of Albumentations or OpenCV. Nothing at run time needs it.
"""
