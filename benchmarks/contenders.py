"""What nfold is measured against: its floor, and the loops that people write by hand."""

from __future__ import annotations

import multiprocessing
import os
import random
import sys
from pathlib import Path


def floor_one(job: tuple[str, str, int, bool]) -> None:
    """Decode, then for each copy one warp and one encode, with the fastest calls known."""
    import cv2
    import simplejpeg

    path, target, copies, write = job
    cv2.setNumThreads(1)
    picture = simplejpeg.decode_jpeg(Path(path).read_bytes(), "RGB")
    height, width = picture.shape[:2]
    for copy in range(1, copies + 1):
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), random.uniform(-36, 36), 1)
        if random.random() < 0.5:
            matrix[0, 0], matrix[1, 0], matrix[0, 2], matrix[1, 2] = (
                -matrix[0, 0],
                -matrix[1, 0],
                matrix[0, 2] + matrix[0, 0] * (width - 1),
                matrix[1, 2] + matrix[1, 0] * (width - 1),
            )
        varied = cv2.warpAffine(
            picture, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
        )
        data = simplejpeg.encode_jpeg(varied, 95, "RGB", colorsubsampling="420")
        if write:
            Path(target, f"{Path(path).stem}_aug{copy}.jpg").write_bytes(data)


def loop_one(job: tuple[str, str, int]) -> None:
    """As in the tutorials: imread, a pipeline, imwrite."""
    import albumentations
    import cv2

    global pipeline
    if pipeline is None:
        pipeline = albumentations.Compose(
            [
                albumentations.HorizontalFlip(p=0.5),
                albumentations.Rotate(limit=36, p=1, border_mode=cv2.BORDER_REFLECT_101),
            ]
        )
    path, target, copies = job
    picture = cv2.imread(path)
    cv2.imwrite(f"{target}/{Path(path).name}", picture)
    for copy in range(1, copies + 1):
        varied = pipeline(image=picture)["image"]
        cv2.imwrite(f"{target}/{Path(path).stem}_aug{copy}.jpg", varied, [cv2.IMWRITE_JPEG_QUALITY, 95])


pipeline = None


def main(name: str, source: str, target: str, copies: int) -> None:
    Path(target).mkdir(parents=True)
    paths = sorted(str(path) for path in Path(source).glob("*.jpg"))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if name.startswith("floor"):
        jobs = [(path, target, copies, name == "floor-write") for path in paths]
        with multiprocessing.Pool(cores) as pool:
            pool.map(floor_one, jobs, chunksize=1)
    elif name == "loop":
        for path in paths:
            loop_one((path, target, copies))
    else:
        with multiprocessing.Pool(cores) as pool:
            pool.map(loop_one, [(path, target, copies) for path in paths], chunksize=1)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
