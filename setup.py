"""Metadata, the two lines of the stack, and ``.mim`` folders wherever mim looks for them.

mim reads configs, tools and the model index from a folder ``.mim``. Where it looks depends on the
tool and on the installation:

* ``rm_mm/.mim``: openmim, and everything else that follows OpenMMLab's convention.
* The folder of the first entry in the RECORD of the installed package: onedl-mim 0.5.1 takes that
  folder for the package. RECORD is sorted and would start with ``../../../bin/rm-mm``. The folder
  ``+rm_mm`` sorts before it and contains the same files again.
* After an editable install, the project's folder (onedl-mim) or site-packages (openmim). Neither
  contains a ``.mim``. Here ``rm_mm/.mim`` consists of links, and ``rm_mm/compat/mim_editable.py``
  is copied into site-packages to tell mim where they are.
"""

import base64
import hashlib
import os
import re
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py
from setuptools.command.editable_wheel import editable_wheel

HERE = Path(__file__).parent.resolve()
# Contents of `.mim`, at the same paths as in the checkout.
MIM = ('configs', 'tools', 'model-index.yml', 'dataset-index.yml')
FIRST_IN_RECORD = '+rm_mm'
WHY = """\
A second copy of rm_mm's configs and tools for onedl-mim, which takes the folder that sorts first
for the package. Nothing here is imported. Uninstalling rm_mm removes it.
"""
EDITABLE_HOOK = '__editable___rm_mm_mim'
VERSION = re.search(r"__version__ = '(.+)'", (HERE / 'rm_mm' / '__init__.py').read_text())[1]

# Lower bounds are the tested versions; constraints*.txt contain the exact sets. torch 2.6 is the
# first version that can read a checkpoint with stand-ins for classes that are not needed.
NEEDS = [
    'torch>=2.6',
    'torchvision>=0.21',
    'numpy',
    'opencv-python>=4.11',
    'Jinja2>=3.1',
    'Pillow',
    'psutil>=6.0',
    'pycocotools',
    'pydantic>=2.9',
    'PyYAML',
    'rich>=13.7',
    'safetensors',
    'scipy',
    'wrapt',
]
# Both lines own the same modules, so a distribution is built for one of them.
STACKS = {
    'onedl': [
        'onedl-mmengine>=0.10.12',
        'onedl-mmcv>=2.3.6',
        'onedl-mmpretrain>=1.3.6',
        'onedl-mmdetection>=3.5.1',
        'onedl-mmsegmentation>=1.4.2',
    ],
    # The user chooses between mmcv and mmcv-lite 2.1, as with OpenMMLab's own packages.
    # mmengine 0.10.7 imports pkg_resources, which setuptools 82 lacks (setuptools#5174).
    # mmseg 1.2.2 imports ftfy and regex without requiring them (mmsegmentation#3704).
    'upstream': [
        'mmengine>=0.10.7',
        'mmpretrain>=1.2.0',
        'mmdet>=3.3.0',
        'mmsegmentation>=1.2.2',
        'setuptools<81',
        'ftfy',
        'regex',
    ],
}
SLURM = ['submitit>=1.5']
# faster-coco-eval gives pycocotools' figures from this version on. lmdb reads packed data sets.
FAST = ['faster-coco-eval>=1.8.0', 'lmdb>=3.0']
# setuptools: the tests build wheels without a network, so they cannot use an isolated environment.
DEV = [
    'build', 'import-linter>=2.15', 'mypy', 'pytest', 'pytest-timeout', 'pytest-xdist', 'ruff',
    'setuptools>=80', 'timm', 'twine', *SLURM, *FAST,
]  # fmt: skip
MIMS = {'onedl': 'onedl-mim>=0.5.1', 'upstream': 'openmim>=0.3.9'}

STACK = os.environ.get('RM_MM_STACK') or 'onedl'
if STACK not in STACKS:
    sys.exit(f'RM_MM_STACK is {STACK!a}: expected one of {", ".join(STACKS)}, or nothing')


class BuildWithMim(build_py):
    """Add ``.mim`` to the package: links in an editable install, copies otherwise."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            fill(HERE / 'rm_mm' / '.mim', link=True)
        else:
            for folder in ('rm_mm', FIRST_IN_RECORD):
                fill(Path(self.build_lib) / folder / '.mim', link=False)
            # On uninstall, pip removes a folder only if it directly contains a file.
            Path(self.build_lib, FIRST_IN_RECORD, 'README.txt').write_text(WHY)


def fill(target: Path, link: bool) -> None:
    """Replace ``target`` by the entries of ``MIM`` in the checkout, as links or as copies."""
    if target.is_dir():
        shutil.rmtree(target)
    target.mkdir(parents=True)
    for name in MIM:
        source, place = HERE / name, target / name
        if link:
            place.symlink_to(os.path.relpath(source, target))
        elif source.is_dir():
            shutil.copytree(source, place, ignore=shutil.ignore_patterns('__pycache__'))
        else:
            shutil.copy2(source, place)


class EditableWithMim(editable_wheel):
    """Add the hook for mim to the wheel of an editable install."""

    def run(self) -> None:
        super().run()
        hook = (HERE / 'rm_mm' / 'compat' / 'mim_editable.py').read_bytes()
        # Python reads .pth files in the encoding of the locale. A path that it cannot decode would
        # stop every Python of the environment from starting, so the path is written in ASCII.
        start = f'import {EDITABLE_HOOK}; {EDITABLE_HOOK}.install({str(HERE / "rm_mm")!a})\n'
        files = {f'{EDITABLE_HOOK}.py': hook, f'{EDITABLE_HOOK}.pth': start.encode('ascii')}
        (wheel,) = Path(self.dist_dir).glob('rm_mm-*.whl')
        add_to_wheel(wheel, files)


def add_to_wheel(wheel: Path, files: dict[str, bytes]) -> None:
    """Add files to a wheel and to its RECORD, so that an uninstall removes them."""
    with zipfile.ZipFile(wheel) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    record = next(name for name in held if name.endswith('.dist-info/RECORD'))
    rows = held.pop(record)
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b'=').decode()
        rows += f'{name},sha256={digest},{len(content)}\n'.encode()
    # The wheel format recommends that RECORD comes last.
    held |= {**files, record: rows}
    with zipfile.ZipFile(wheel, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, content in held.items():
            archive.writestr(name, content)


# Build outside the checkout. Otherwise files of an earlier build in ./build would get into the
# package, and `python -m mim` would take ./rm_mm.egg-info for the installed package.
with tempfile.TemporaryDirectory(prefix='rm_mm-build-') as scratch:
    setup(
        name='rm_mm',
        version=VERSION,
        description='Does this way of pretraining transfer? RecursiveMix, and the suite.',
        long_description=(HERE / 'README.md').read_text(encoding='utf-8'),
        long_description_content_type='text/markdown',
        license='Apache-2.0',
        license_files=['LICENSE', 'NOTICE', 'rm_mm/data/mini/LICENSE-fashion-mnist.txt'],
        classifiers=[
            'Intended Audience :: Science/Research',
            'Operating System :: POSIX :: Linux',
            *(f'Programming Language :: Python :: 3.{minor}' for minor in (10, 11, 12)),
            'Topic :: Scientific/Engineering :: Artificial Intelligence',
            'Typing :: Typed',
        ],
        python_requires='>=3.10,<3.13',
        # With this, setuptools adds the checkout to the path in an editable install. By default it
        # adds an import hook that runs after the path, so another folder called rm_mm would win.
        package_dir={'': '.'},
        packages=find_packages(include=['rm_mm', 'rm_mm.*']),
        package_data={
            'rm_mm': ['py.typed'],
            'rm_mm.data': ['imagenet_wnids.txt'],
            'rm_mm.data.mini': ['*.png', 'LICENSE-*.txt'],
            'rm_mm.reporting.page': ['*.css', '*.html', '*.js'],
        },
        install_requires=NEEDS + STACKS[STACK],
        extras_require={'dev': [*DEV, MIMS[STACK]], 'fast': FAST, 'slurm': SLURM},
        entry_points={'console_scripts': ['rm-mm = rm_mm.cli:main']},
        cmdclass={'build_py': BuildWithMim, 'editable_wheel': EditableWithMim},
        options={'build': {'build_base': scratch}, 'egg_info': {'egg_base': scratch}},
    )
