"""What is faster of mmdetection's pipelines, with the stock results."""

from __future__ import annotations

from typing import Any

import mmcv
from mmdet.datasets.transforms import PackDetInputs, Resize
from mmdet.registry import TRANSFORMS

from rm_mm.transfer.loading.pixels import by_planes, is_photo, resized_planes


@TRANSFORMS.register_module()
class ResizeByPlanes(Resize):
    """mmdet's ``Resize``, plane by plane where it enlarges or shrinks bilinearly with OpenCV.

    Results are equal, but for the layout in memory: what packs the image afterwards need not take
    its channels apart, which are larger by then.
    """

    def _resize_img(self, results: dict[str, Any]) -> None:
        image = results.get('img')
        by_opencv = (self.backend, self.interpolation) == ('cv2', 'bilinear')
        if image is None or not by_opencv or not is_photo(image):
            super()._resize_img(results)
            return
        height, width = image.shape[:2]
        size = results['scale']
        if self.keep_ratio:
            size = mmcv.rescale_size((width, height), size)
        resized = resized_planes(image, size)
        results['img'], results['img_shape'] = resized, resized.shape[:2]
        results['scale_factor'] = (size[0] / width, size[1] / height)
        results['keep_ratio'] = self.keep_ratio


@TRANSFORMS.register_module()
class PackDetInputsByPlanes(PackDetInputs):
    """mmdet's ``PackDetInputs`` with the channels taken apart, and mirrored, by OpenCV.

    Results are equal, strides included. The stock one goes byte by byte, backwards if a
    ``RandomFlip`` was before it, which leaves the copying to whoever needs one.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Pack as the stock transform, an image already laid out as it is to be."""
        if 'img' in results and is_photo(results['img']):
            results = {**results, 'img': by_planes(results['img'])}
        packed: dict[str, Any] = super().transform(results)
        return packed
