"""Checks of Python, torch, compiled packages, OpenCV, and the OpenMMLab packages of either line."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, distribution, requires, version

from rm_mm.doctor.finding import Finding
from rm_mm.doctor.imports import ImportResult

#: Modules of the OpenMMLab stack, and all distributions that provide them, onedl's first.
DISTRIBUTIONS = {
    'mmengine': ('onedl-mmengine', 'mmengine', 'mmengine-lite'),
    'mmcv': ('onedl-mmcv', 'mmcv', 'mmcv-lite', 'mmcv-full'),
    'mmpretrain': ('onedl-mmpretrain', 'mmpretrain'),
    'mmdet': ('onedl-mmdetection', 'mmdet'),
    'mmseg': ('onedl-mmsegmentation', 'mmsegmentation'),
}
#: What pip has to install for each module, on each line of the stack.
REQUIREMENTS = {
    'onedl': {module: names[0] for module, names in DISTRIBUTIONS.items()},
    'upstream': {module: names[1] for module, names in DISTRIBUTIONS.items()}
    | {'mmcv': 'mmcv-lite==2.1.0'},
}
#: Modules that rm_mm and the stack import, most of them compiled, and the distributions with them.
BINARIES = {
    'numpy': 'numpy',
    'scipy.linalg': 'scipy',
    'PIL.Image': 'Pillow',
    'pycocotools.mask': 'pycocotools',
    'matplotlib.ft2font': 'matplotlib',
    'pydantic': 'pydantic',
    'psutil': 'psutil',
    'jinja2': 'Jinja2',
    'rich': 'rich',
}
#: All of them write to the folder ``cv2``.
OPENCVS = (
    'opencv-python', 'opencv-python-headless', 'opencv-contrib-python',
    'opencv-contrib-python-headless',
)  # fmt: skip
# Messages of NumPy 2, and of extensions compiled for NumPy 1, about each other; torch only warns.
_OLD_NUMPY = re.compile(
    r'compiled using NumPy 1|_ARRAY_API not found|numpy\.core\.multiarray failed to import'
    r'|numpy\.dtype size changed|numpy\.ufunc size changed|Failed to initialize NumPy'
)

Results = Mapping[str, ImportResult]


def check_python() -> Iterator[Finding]:
    """Check that the whole stack supports this version of Python."""
    if (3, 10) <= sys.version_info[:2] <= (3, 12):
        yield Finding('python', 'ok', platform.python_version())
    else:
        fix = 'install Python 3.10, 3.11 or 3.12 and create the environment with it'
        yield Finding('python', 'broken', platform.python_version(), fix)


def check_torch(results: Results) -> Iterator[Finding]:
    """Check that torch and torchvision load and belong together."""
    for name in ('torch', 'torchvision'):
        result = results[name]
        # torchvision's operators are built for one torch and are missing in any other.
        mismatch = 'torchvision::nms' in result.error + result.stderr
        if result.error or mismatch:
            found = result.error or 'its operators are missing: it was built for another torch'
            fix = 'pip install torch torchvision, in versions that belong together'
            if name == 'torchvision' and not results['torch'].error:
                release = _module_version(results, 'torch').split('+')[0]
                fix = f'pip install --force-reinstall torchvision torch=={release}'
            yield Finding(name, 'broken', found, fix)
        else:
            yield Finding(name, 'ok', _module_version(results, name))


def check_binaries(results: Results) -> Iterator[Finding]:
    """Check that each compiled package loads with the installed NumPy."""
    for module, name in BINARIES.items():
        result = results[module]
        if result.error and not installed(name):
            yield Finding(name, 'broken', 'not installed', f'pip install {name}')
        elif old := _old_numpy(results, module):
            yield Finding(name, 'broken', f'{name} {version_of(name)}: {old}', _upgrade(name))
        elif result.error:
            yield Finding(name, 'broken', result.error, _reinstall(name))
        else:
            yield Finding(name, 'ok', version_of(name))
    # torch itself has another check; this is about the combination.
    if old := _old_numpy(results, 'torch'):
        yield Finding('torch and numpy', 'broken', old, _upgrade('torch torchvision'))


def check_opencv(results: Results) -> Iterator[Finding]:
    """Check that there is one OpenCV, or several of the same version."""
    result = results['cv2']
    found, listed = _versions(OPENCVS)
    names = ' '.join(found)
    fix = f'pip uninstall -y {names} && pip install {next(iter(found), OPENCVS[0])}'
    if not found and result.error:
        yield Finding('opencv', 'broken', 'not installed', f'pip install {OPENCVS[0]}')
    elif old := _old_numpy(results, 'cv2'):
        yield Finding('opencv', 'broken', f'{listed}: {old}', _upgrade(names))
    elif 'libGL' in result.error:
        fix = f'pip uninstall -y {names} && pip install opencv-python-headless'
        yield Finding('opencv', 'broken', f'{listed}: {result.error}', fix)
    elif result.error:
        shared = 'they share the folder cv2 and have overwritten files: ' * (len(found) > 1)
        yield Finding('opencv', 'broken', f'{listed}: {shared}{result.error}', fix)
    elif len(set(found.values())) > 1:
        loaded = _module_version(results, 'cv2')
        shared = f'they share the folder cv2, which holds {loaded}, so the others are not there'
        yield Finding('opencv', 'note', f'{listed}: {shared}', fix)
    elif len(found) > 1:
        shared = 'they share the folder cv2 and have the same version: do not uninstall only one'
        yield Finding('opencv', 'ok', f'{listed}: {shared}')
    else:
        yield Finding('opencv', 'ok', listed or _module_version(results, 'cv2'))


def check_stack(results: Results) -> Iterator[Finding]:
    """Check each module: one recent package of the line in use provides it, and it imports."""
    bounds, line = _lower_bounds(), line_in_use()
    if not bounds:
        yield Finding('rm_mm', 'note', 'run from a checkout, not installed', 'pip install -e .')
    elif (built := _line_built_for(bounds)) != line:
        # pip may have built the wheel, or kept it in its cache, for the other line.
        fix = f'RM_MM_STACK={line} pip install --no-cache-dir --no-deps DIR-OF-THE-SOURCES'
        yield Finding('rm_mm', 'note', f'was built for the {built} line, found {line}', fix)
    for module in DISTRIBUTIONS:
        yield _check_module(module, bounds, line, results[module])


def _check_module(
    module: str, bounds: Mapping[str, str], line: str, result: ImportResult
) -> Finding:
    found, listed = _versions(DISTRIBUTIONS[module])
    if len(found) > 1:
        # Each has overwritten files of the other, so neither is complete.
        text = f'two packages own this module: {listed}'
        return Finding(module, 'broken', text, _replacement(module, line))
    if not found:
        install = f'pip install {REQUIREMENTS[line][module]}'
        if result.error:
            return Finding(module, 'broken', 'not installed', install)
        text = 'imports, but no installed package provides it: is it a folder on the path?'
        return Finding(module, 'note', text, install)
    ((name, number),) = found.items()
    bound = bounds.get(name, '')
    if bound and _release(number) < _release(bound):
        return Finding(module, 'broken', f'{listed}, older than {bound}', f'pip install -U {name}')
    other_line = (name == DISTRIBUTIONS[module][0]) != (line == 'onedl')
    if result.error:
        fix = _replacement(module, line) if other_line else _import_fix(name, result.error, line)
        return Finding(module, 'broken', f'{listed}: {result.error}', fix)
    if other_line:
        text = f'{listed}, but the rest is from the {line} line: the lines cannot be mixed'
        return Finding(module, 'note', text, _replacement(module, line))
    return Finding(module, 'ok', f'{listed} (needs {bound} or newer)' if bound else listed)


def _import_fix(name: str, error: str, line: str) -> str:
    """Return the command for a package that does not import."""
    if "'pkg_resources'" in error:
        # mmengine 0.10.7 imports it; setuptools 82 no longer has it.
        return "pip install 'setuptools<81'"
    if error.startswith('AssertionError') and 'MMCV' in error:
        # mmdet 3.3 and mmseg 1.2 reject mmcv 2.2 (mmdetection#12312).
        return _replacement('mmcv', line)
    return _reinstall(name)


def check_mmcv_ops(results: Results) -> Iterator[Finding]:
    """Check which of mmcv's compiled ops are in use, and whether they load."""
    kinds = {
        'compiled': 'compiled, from mmcv',
        'substitute': 'substitutes from rm_mm, on torch and torchvision: mmcv has none compiled',
    }
    kind, line = results['=ops'].facts.get('kind'), line_in_use()
    error = results['mmcv._ext'].error
    if kind not in kinds:
        found = results['=ops'].error or 'none'
        yield Finding('mmcv ops', 'broken', found, f'pip install {REQUIREMENTS[line]["mmcv"]}')
    elif error:
        found = f'built for another torch: {error}'
        yield Finding('mmcv ops', 'broken', found, _replacement('mmcv', line))
    else:
        yield Finding('mmcv ops', 'ok', kinds[kind])


def line_in_use() -> str:
    """Return the line that most installed packages belong to, or without any, that of rm_mm."""
    onedl = sum(installed(names[0]) for names in DISTRIBUTIONS.values())
    upstream = sum(any(map(installed, names[1:])) for names in DISTRIBUTIONS.values())
    if onedl != upstream:
        return 'onedl' if onedl > upstream else 'upstream'
    return _line_built_for(_lower_bounds())


def installed(name: str) -> bool:
    """Return whether a distribution is installed."""
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def version_of(name: str) -> str:
    """Return the version of an installed distribution."""
    # The metadata of a broken installation may lack it.
    return str(version(name) or 'of unknown version')


def _versions(names: Iterable[str]) -> tuple[dict[str, str], str]:
    """Return the versions of those distributions that are installed, and a text that lists them."""
    found = {name: version_of(name) for name in names if installed(name)}
    return found, ', '.join(f'{name} {number}' for name, number in found.items())


def _module_version(results: Results, module: str) -> str:
    return str(results[module].facts.get('version', ''))


def _old_numpy(results: Results, module: str) -> str:
    """Explain that a module was compiled for another NumPy; empty if it was not."""
    if not _OLD_NUMPY.search(f'{results[module].error}\n{results[module].stderr}'):
        return ''
    return f'was compiled for another NumPy than {_module_version(results, "numpy") or "this one"}'


def _reinstall(name: str) -> str:
    return f'pip install --force-reinstall --no-deps {name}'


def _upgrade(names: str) -> str:
    return f"pip install --upgrade --force-reinstall --no-deps {names}  # or: pip install 'numpy<2'"


def _replacement(module: str, line: str) -> str:
    """Return the command that replaces all packages that provide a module with that of a line."""
    owners = ' '.join(filter(installed, DISTRIBUTIONS[module]))
    return f'pip uninstall -y {owners} && pip install {REQUIREMENTS[line][module]}'


def _lower_bounds() -> dict[str, str]:
    """Return the lowest version of each requirement of rm_mm; empty in a checkout."""
    try:
        required = [text.split(';')[0].partition('>=') for text in requires('rm_mm') or []]
    except PackageNotFoundError:
        return {}
    return {name.strip(): bound.strip() for name, _, bound in required}


def _line_built_for(bounds: Mapping[str, str]) -> str:
    return 'upstream' if 'mmengine' in bounds else 'onedl'


def _release(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split('+')[0].split('.') if part.isdigit())
