"""The matrices of the transforms whose parameters tell exactly what they do to a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix: TypeAlias = NDArray[np.float64]

Size: TypeAlias = tuple[int, int]
"""Width and height."""


def matrix_of(transform: Any, params: Mapping[str, Any], size_in: Size, size_out: Size) -> Matrix | None:
    """The homography from before to after, edges at integers; None for a transform that is not known here."""
    make = _MATRICES.get(type(transform).__name__)
    return None if make is None else make(transform, params, size_in, size_out)


def scaled(factor_x: float, factor_y: float) -> Matrix:
    """A change of size."""
    return _matrix((factor_x, 0, 0), (0, factor_y, 0))


def moved(x: float, y: float) -> Matrix:
    """A shift."""
    return _matrix((1, 0, x), (0, 1, y))


def _matrix(first: tuple[float, float, float], second: tuple[float, float, float]) -> Matrix:
    import numpy as np

    return np.array([first, second, (0, 0, 1)], dtype=np.float64)


def _mirrored(transform: Any, params: Any, size_in: Size, size_out: Size) -> Matrix:
    return _matrix((-1, 0, size_in[0]), (0, 1, 0))


def _upside_down(transform: Any, params: Any, size_in: Size, size_out: Size) -> Matrix:
    return _matrix((1, 0, 0), (0, -1, size_in[1]))


def _transposed(transform: Any, params: Any, size_in: Size, size_out: Size) -> Matrix:
    return _matrix((0, 1, 0), (1, 0, 0))


def _quarter_turns(turns: int, size_in: Size) -> Matrix:
    """Against the clock, as numpy.rot90."""
    width, height = size_in
    return [
        _matrix((1, 0, 0), (0, 1, 0)),
        _matrix((0, 1, 0), (-1, 0, width)),
        _matrix((-1, 0, width), (0, -1, height)),
        _matrix((0, -1, height), (1, 0, 0)),
    ][turns % 4]


def _turned(transform: Any, params: Any, size_in: Size, size_out: Size) -> Matrix:
    return _quarter_turns(params["factor"], size_in)


def _symmetry(transform: Any, params: Any, size_in: Size, size_out: Size) -> Matrix:
    element = str(params["group_element"])
    if element in {"e", "r90", "r180", "r270"}:
        return _quarter_turns(["e", "r90", "r180", "r270"].index(element), size_in)
    if element == "hvt":
        product: Matrix = _transposed(transform, params, size_in, size_out) @ _quarter_turns(2, size_in)
        return product
    return {"h": _mirrored, "v": _upside_down, "t": _transposed}[element](transform, params, size_in, size_out)


def _of_centres(matrix: Any) -> Matrix:
    """OpenCV's matrices hold for pixel centres at integers."""
    import numpy as np

    product: Matrix = moved(0.5, 0.5) @ np.asarray(matrix, dtype=np.float64) @ moved(-0.5, -0.5)
    return product


def _affine(transform: Any, params: Any, size_in: Size, size_out: Size) -> Matrix:
    import numpy as np

    matrix = np.asarray(params["matrix"], dtype=np.float64)
    # Albumentations does nothing at all then.
    return moved(0, 0) if np.allclose(matrix, np.eye(3)) else _of_centres(matrix)


def _rotation(transform: Any, params: Any, size_in: Size, size_out: Size) -> Matrix:
    matrix = _affine(transform, params, size_in, size_out)
    return moved(-params["x_min"], -params["y_min"]) @ matrix if transform.crop_border else matrix


def _perspective(transform: Any, params: Any, size_in: Size, size_out: Size) -> Matrix:
    import numpy as np

    matrix = np.asarray(params["matrix"], dtype=np.float64)
    if transform.keep_size:
        matrix = scaled(size_in[0] / params["max_width"], size_in[1] / params["max_height"]) @ matrix
    return _of_centres(matrix)


def _resized(transform: Any, params: Any, size_in: Size, size_out: Size) -> Matrix:
    return scaled(size_out[0] / size_in[0], size_out[1] / size_in[1])


def _cropped(transform: Any, params: Any, size_in: Size, size_out: Size) -> Matrix:
    pads = params.get("pad_params") or {}
    left, top = params["crop_coords"][:2]
    return moved(pads.get("pad_left", 0) - left, pads.get("pad_top", 0) - top)


def _cropped_and_resized(transform: Any, params: Any, size_in: Size, size_out: Size) -> Matrix:
    left, top, right, bottom = params["crop_coords"]
    product: Matrix = scaled(size_out[0] / (right - left), size_out[1] / (bottom - top)) @ moved(-left, -top)
    return product


def _padded(transform: Any, params: Any, size_in: Size, size_out: Size) -> Matrix:
    return moved(params["pad_left"], params["pad_top"])


def _cropped_and_padded(transform: Any, params: Any, size_in: Size, size_out: Size) -> Matrix:
    left, top, right, bottom = params["crop_params"] or (0, 0, *size_in)
    above, below, before, after = params["pad_params"] or (0, 0, 0, 0)
    matrix: Matrix = moved(before - left, above - top)
    if transform.keep_size:
        width, height = right - left + before + after, bottom - top + above + below
        matrix = scaled(size_out[0] / width, size_out[1] / height) @ matrix
    return matrix


def _blurred(transform: Any, params: Any, size_in: Size, size_out: Size) -> Matrix:
    """A blur whose kernel is not centred carries the picture with it, by as much as the kernel's centre of mass is off."""
    import numpy as np

    kernel = np.asarray(params["kernel"], dtype=np.float64)
    rows, columns = np.mgrid[: kernel.shape[0], : kernel.shape[1]]
    mass = kernel.sum()
    x, y = kernel.shape[1] // 2 - (kernel * columns).sum() / mass, kernel.shape[0] // 2 - (kernel * rows).sum() / mass
    return moved(round(float(x), 6), round(float(y), 6))


_MATRICES: Final[dict[str, Callable[[Any, Any, Size, Size], Any]]] = {
    **dict.fromkeys(("HorizontalFlip", "TimeReverse"), _mirrored),
    "VerticalFlip": _upside_down,
    "Transpose": _transposed,
    "RandomRotate90": _turned,
    **dict.fromkeys(("D4", "SquareSymmetry"), _symmetry),
    **dict.fromkeys(("Affine", "SafeRotate", "ShiftScaleRotate"), _affine),
    "Rotate": _rotation,
    "Perspective": _perspective,
    **dict.fromkeys(("Resize", "LongestMaxSize", "SmallestMaxSize", "RandomScale"), _resized),
    **dict.fromkeys(("Crop", "CenterCrop", "RandomCrop", "RandomCropFromBorders"), _cropped),
    **dict.fromkeys(("AtLeastOneBBoxRandomCrop", "BBoxSafeRandomCrop"), _cropped),
    **dict.fromkeys(("RandomSizedCrop", "RandomResizedCrop", "RandomSizedBBoxSafeCrop"), _cropped_and_resized),
    **dict.fromkeys(("Pad", "PadIfNeeded"), _padded),
    "CropAndPad": _cropped_and_padded,
    "MotionBlur": _blurred,
}
KNOWN: Final = frozenset(_MATRICES)
