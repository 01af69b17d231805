"""Packages of compiled code that were made for another NumPy, or that share a folder."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from rm_mm.doctor.children import Answer
from rm_mm.doctor.finding import Finding
from rm_mm.doctor.stack import installed, version_of

#: Module to the distribution that brings it; what rm_mm and its stack import of compiled code.
BINARIES = {
    'numpy': 'numpy',
    'scipy.linalg': 'scipy',
    'PIL.Image': 'Pillow',
    'pycocotools.mask': 'pycocotools',
    'matplotlib.ft2font': 'matplotlib',
}
#: All of them write to the folder ``cv2``.
OPENCVS = (
    'opencv-python',
    'opencv-python-headless',
    'opencv-contrib-python',
    'opencv-contrib-python-headless',
)
# What NumPy 2 and extensions that were compiled for NumPy 1 say of each other; torch only warns.
_OLD_NUMPY = re.compile(
    r'compiled using NumPy 1|_ARRAY_API not found|numpy\.core\.multiarray failed to import'
    r'|numpy\.dtype size changed|numpy\.ufunc size changed|Failed to initialize NumPy'
)


def binaries(answers: Mapping[str, Answer]) -> Iterator[Finding]:
    """Does each package of compiled code load, with the NumPy that is here?"""
    numpy = str(answers['numpy'].facts.get('version', ''))
    for module, name in BINARIES.items():
        answer = answers[module]
        if answer.error and not installed(name):
            yield Finding(name, 'broken', 'not installed', f'pip install {name}')
            continue
        if old := old_numpy(answer, numpy):
            yield Finding(name, 'broken', f'{name} {version_of(name)}: {old}', _renewed(name))
        elif answer.error:
            mend = f'pip install --force-reinstall --no-deps {name}'
            yield Finding(name, 'broken', answer.error, mend)
        else:
            yield Finding(name, 'ok', version_of(name))
    # torch has its own line; what it says of NumPy is said here.
    if old := old_numpy(answers['torch'], numpy):
        yield Finding('torch and numpy', 'broken', old, _renewed('torch torchvision'))


def opencv(answers: Mapping[str, Answer]) -> Iterator[Finding]:
    """Is there one OpenCV, or several of one version?"""
    answer = answers['cv2']
    found = {name: version_of(name) for name in OPENCVS if installed(name)}
    listed = ', '.join(f'{name} {number}' for name, number in found.items())
    mend = f'pip uninstall -y {" ".join(found)} && pip install {next(iter(found), OPENCVS[0])}'
    if not found and answer.error:
        yield Finding('opencv', 'broken', 'not installed', f'pip install {OPENCVS[0]}')
    elif old := old_numpy(answer, str(answers['numpy'].facts.get('version', ''))):
        yield Finding('opencv', 'broken', f'{listed}: {old}', _renewed(' '.join(found)))
    elif 'libGL' in answer.error:
        mend = f'pip uninstall -y {" ".join(found)} && pip install opencv-python-headless'
        yield Finding('opencv', 'broken', f'{listed}: {answer.error}', mend)
    elif answer.error and len(found) > 1:
        share = 'they share the folder cv2, and one has taken files of the other'
        yield Finding('opencv', 'broken', f'{listed}: {share}: {answer.error}', mend)
    elif answer.error:
        yield Finding('opencv', 'broken', f'{listed}: {answer.error}', mend)
    elif len(set(found.values())) > 1:
        loaded = answer.facts.get('version', '')
        share = f'share the folder cv2, in which {loaded} is: what the others say is not there'
        yield Finding('opencv', 'note', f'{listed} {share}', mend)
    elif len(found) > 1:
        share = 'they share the folder cv2 and are of one version: do not uninstall one alone'
        yield Finding('opencv', 'ok', f'{listed}: {share}')
    else:
        yield Finding('opencv', 'ok', listed or str(answer.facts.get('version', '')))


def old_numpy(answer: Answer, numpy: str) -> str:
    """Say that a module was compiled for another NumPy than there is; empty if it was not."""
    if not _OLD_NUMPY.search(f'{answer.error}\n{answer.said}'):
        return ''
    return f'was compiled for another NumPy than {numpy or "the one here"}'


def _renewed(names: str) -> str:
    return f"pip install --upgrade --force-reinstall --no-deps {names}  # or: pip install 'numpy<2'"
