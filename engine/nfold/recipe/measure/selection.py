"""Which transforms a recipe may name, why others are left out, and the arguments they are measured with."""

from __future__ import annotations

from typing import Final

from pydantic import JsonValue

VOLUMES: Final = "it works on volumes, not on pictures"
OTHER_IMAGES: Final = "it needs other pictures, so a copy would no longer depend on its source alone"
CHANGES_TYPE: Final = "it changes the type or the channels of the pixels, which belongs in the training code"

EXCLUDED: Final[dict[str, str]] = {
    "CenterCrop3D": VOLUMES,
    "CoarseDropout3D": VOLUMES,
    "CubicSymmetry": VOLUMES,
    "Pad3D": VOLUMES,
    "PadIfNeeded3D": VOLUMES,
    "RandomCrop3D": VOLUMES,
    "FDA": OTHER_IMAGES,
    "HistogramMatching": OTHER_IMAGES,
    "MixUp": OTHER_IMAGES,
    "Mosaic": OTHER_IMAGES,
    "OverlayElements": OTHER_IMAGES,
    "PixelDistributionAdaptation": OTHER_IMAGES,
    "TemplateTransform": OTHER_IMAGES,
    "FromFloat": CHANGES_TYPE,
    "Normalize": CHANGES_TYPE,
    "ToFloat": CHANGES_TYPE,
    "ToRGB": CHANGES_TYPE,
    "ToTensor3D": CHANGES_TYPE,
    "ToTensorV2": CHANGES_TYPE,
    "Lambda": "it carries code, and a recipe is data",
    "TextImage": "it reads a font file and needs texts with places, and a recipe names no files",
    "ConstrainedCoarseDropout": "it needs class names or mask values inside the pipeline, which carries neither",
    "CropNonEmptyMaskIfExists": "it needs one mask over the whole picture, which few data sets have",
    "MaskDropout": "it erases labelled objects, and the labels could not follow",
    "RandomCropNearBBox": "it needs one chosen box beside each picture",
    "ReplayCompose": "nfold repeats a variation from its seed",
    "SelectiveChannelTransform": "it hides the parameters of what it applies, and fails on grey pictures",
}

# A recipe arrives over HTTP: whatever drives time or memory has a largest value.
DEFAULT_LIMIT: Final = 10_000.0
SIZE_LIMIT: Final = 16_384
KERNEL_LIMIT: Final = 255
LIMITS: Final[dict[str, float]] = {
    "blur_limit": KERNEL_LIMIT,
    "blur_value": KERNEL_LIMIT,
    "drop_length": 1024,
    "drop_width": 64,
    "drop_value": 255,
    "fill": 255,
    "fill_mask": 65_535,
    "gauss_sigma": 64,
    "grid": 64,
    "height": SIZE_LIMIT,
    "hole_height_range": SIZE_LIMIT,
    "hole_width_range": SIZE_LIMIT,
    "holes_number_xy": 256,
    "iterations": 16,
    "kernel_size": KERNEL_LIMIT,
    "magnitude": 1024,
    "mask_drop_value": 65_535,
    "mask_x_length": SIZE_LIMIT,
    "mask_y_length": SIZE_LIMIT,
    "max_delta": 64,
    "max_size": SIZE_LIMIT,
    "max_size_hw": SIZE_LIMIT,
    "min_height": SIZE_LIMIT,
    "min_max_height": SIZE_LIMIT,
    "min_width": SIZE_LIMIT,
    "n_segments": 2000,
    "nb_cols": 32,
    "nb_rows": 32,
    "num_control_points": 16,
    "num_flare_circles_range": 64,
    "num_grid_xy": 64,
    "num_holes_range": 1024,
    "num_masks_x": 256,
    "num_masks_y": 256,
    "num_shadows_limit": 16,
    "num_steps": 64,
    "number_of_patches": 256,
    "pad_height_divisor": SIZE_LIMIT,
    "pad_width_divisor": SIZE_LIMIT,
    "padding": SIZE_LIMIT,
    "percent": 4,
    "plasma_size": 2048,
    "px": SIZE_LIMIT,
    "radius": 127,
    "scale": 10,
    "scale_limit": 9,
    "shadow_dimension": 64,
    "shear": 89,
    "shift_xy": SIZE_LIMIT,
    "sigma": 512,
    "sigma_limit": 64,
    "size": SIZE_LIMIT,
    "src_radius": 4096,
    "temperature_limit": 20_000,
    "tile_grid_size": 64,
    "translate_percent": 4,
    "translate_px": SIZE_LIMIT,
    "unit_size_range": SIZE_LIMIT,
    "x_max": SIZE_LIMIT,
    "x_min": SIZE_LIMIT,
    "y_max": SIZE_LIMIT,
    "y_min": SIZE_LIMIT,
}
OWN_LIMITS: Final[dict[tuple[str, str], float]] = {
    ("Morphological", "scale"): 127,
    ("ZoomBlur", "max_factor"): 3,
    ("Downscale", "scale_range"): 1,
    ("RandomResizedCrop", "scale"): 1,
}
# remap of OpenCV knows no exact interpolation.
REFUSED_CONSTANTS: Final = {("ChromaticAberration", "interpolation"): {"linear_exact", "nearest_exact"}}
# Where the lower end is what costs: a zoom blur adds (factor - 1) / step pictures.
COLOURS: Final = {"drop_value", "fill", "fill_mask", "mask_drop_value"}
OWN_MINIMUMS: Final[dict[tuple[str, str], float]] = {("ZoomBlur", "step_factor"): 0.005}

# What a transform is measured with, besides p = 1, where its defaults do too little or do not exist.
SAMPLES: Final[dict[str, dict[str, JsonValue]]] = {
    "Affine": {"rotate": [-20, 20], "scale": [0.8, 1.2], "translate_percent": 0.1},
    "AtLeastOneBBoxRandomCrop": {"height": 40, "width": 40},
    "CenterCrop": {"height": 40, "width": 40},
    "Crop": {"x_min": 5, "y_min": 5, "x_max": 50, "y_max": 50},
    "CropAndPad": {"percent": [-0.1, 0.1]},
    "ElasticTransform": {"alpha": 60, "sigma": 6},
    "FrequencyMasking": {"freq_mask_param": 10},
    "GridElasticDeform": {"num_grid_xy": [4, 4], "magnitude": 5},
    "ImageCompression": {"quality_range": [60, 90]},
    "LongestMaxSize": {"max_size": 40},
    "Pad": {"padding": 5},
    "PadIfNeeded": {"min_height": 130, "min_width": 130},
    "RandomCrop": {"height": 40, "width": 40},
    "RandomResizedCrop": {"size": [40, 40]},
    "RandomSizedBBoxSafeCrop": {"height": 40, "width": 40},
    "RandomSizedCrop": {"min_max_height": [30, 50], "size": [40, 40]},
    "Resize": {"height": 40, "width": 50},
    "SmallestMaxSize": {"max_size": 40},
    "TimeMasking": {"time_mask_param": 10},
    "XYMasking": {"num_masks_x": [1, 2], "num_masks_y": [1, 2], "mask_x_length": 8, "mask_y_length": 8},
}

# What a transform is measured with when labels are held against pixels: enough of a shape of 80 pixels must be left.
FOLLOWING_SAMPLES: Final[dict[str, dict[str, JsonValue]]] = {
    "AtLeastOneBBoxRandomCrop": {"height": 180, "width": 180},
    "CenterCrop": {"height": 201, "width": 221},
    "Crop": {"x_min": 15, "y_min": 10, "x_max": 231, "y_max": 235},
    "Erasing": {"scale": [0.02, 0.08]},
    "GridDropout": {"unit_size_range": [50, 80], "ratio": 0.3},
    "LongestMaxSize": {"max_size": 400},
    "Morphological": {"scale": [2, 2]},
    "PadIfNeeded": {"min_height": 330, "min_width": 350},
    "RandomCrop": {"height": 190, "width": 200},
    "RandomResizedCrop": {"size": [300, 300], "scale": [0.4, 1.0]},
    "RandomSizedBBoxSafeCrop": {"height": 250, "width": 270},
    "RandomSizedCrop": {"min_max_height": [150, 230], "size": [240, 260]},
    "Resize": {"height": 267, "width": 389},
    "SmallestMaxSize": {"max_size": 333},
}
