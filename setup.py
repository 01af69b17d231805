"""Packaging: the usual metadata, and a ``.mim`` folder however the package is installed."""

import os
import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent
# What OpenMMLab looks for inside an installed package, and where it stands in the checkout.
MIM = ('configs', 'tools', 'model-index.yml')
# Lower bounds are what was tested; constraints.txt has the exact set. torch 2.6 is the first that
# can read a checkpoint with stand-ins for what is not needed of it.
STACK = [
    'onedl-mmengine>=0.10.12',
    'onedl-mmcv>=2.3.6',
    'onedl-mmpretrain>=1.3.6',
    'onedl-mmdetection>=3.5.1',
    'onedl-mmsegmentation>=1.4.2',
]
NEEDS = [
    'torch>=2.6',
    'torchvision>=0.21',
    'numpy',
    'opencv-python',
    'Pillow',
    'pycocotools',
    'wrapt',
]
DEV = ['build', 'mypy', 'pytest', 'pytest-timeout', 'ruff', 'scipy']


class BuildWithMim(build_py):
    """Put configs and tools into the package: links in an editable install, else copies."""

    def run(self) -> None:
        super().run()
        target = (HERE if self.editable_mode else Path(self.build_lib)) / 'rm_mm' / '.mim'
        target.mkdir(parents=True, exist_ok=True)
        for name in MIM:
            source, place = HERE / name, target / name
            if place.is_symlink() or place.is_file():
                place.unlink()
            elif place.is_dir():
                shutil.rmtree(place)
            if self.editable_mode:
                place.symlink_to(os.path.relpath(source, target))
            elif source.is_dir():
                shutil.copytree(source, place, ignore=shutil.ignore_patterns('__pycache__'))
            else:
                shutil.copy2(source, place)


setup(
    name='rm_mm',
    version=re.search(r"__version__ = '(.+)'", (HERE / 'rm_mm/__init__.py').read_text()).group(1),
    description='Does this way of pretraining transfer? RecursiveMix for OpenMMLab, and the suite.',
    long_description=(HERE / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    python_requires='>=3.10',
    packages=find_packages(include=['rm_mm', 'rm_mm.*']),
    package_data={'rm_mm': ['py.typed'], 'rm_mm.data.mini': ['*.png', 'LICENSE-*.txt']},
    install_requires=NEEDS + STACK,
    extras_require={'dev': DEV},
    entry_points={'console_scripts': ['rm-mm = rm_mm.cli:main']},
    cmdclass={'build_py': BuildWithMim},
)
