"""What this machine can run, and the exact line that mends each lack."""

from __future__ import annotations

import importlib
import json
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, distribution, requires, version
from pathlib import Path

from rm_mm.errors import InputError

#: Distributions of the two lines of the stack that provide the same module.
LINES = {
    'mmengine': ('onedl-mmengine', 'mmengine', 'mmengine-lite'),
    'mmcv': ('onedl-mmcv', 'mmcv', 'mmcv-lite', 'mmcv-full'),
    'mmpretrain': ('onedl-mmpretrain', 'mmpretrain'),
    'mmdet': ('onedl-mmdetection', 'mmdet'),
    'mmseg': ('onedl-mmsegmentation', 'mmsegmentation'),
}
#: What brings each module, on each line of the stack.
WANTED = {
    'onedl': {module: names[0] for module, names in LINES.items()},
    'upstream': {
        'mmengine': 'mmengine',
        'mmcv': 'mmcv-lite==2.1.0',
        'mmpretrain': 'mmpretrain',
        'mmdet': 'mmdet',
        'mmseg': 'mmsegmentation',
    },
}
#: What `make mini` writes: data, checkpoints and logs, measured, rounded up.
MINI_FREE_MB = 1000


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        name: What was looked at.
        state: ``ok``, ``note`` (something is limited) or ``broken`` (the main job cannot run).
        found: What there is.
        mend: The line that mends it, if anything is to be mended.
    """

    name: str
    state: str
    found: str
    mend: str = ''


def examine() -> list[Finding]:
    """Look at everything that the main job needs."""
    checks: list[Callable[[], Iterator[Finding]]] = [_python, _torch, _stack, _ops, _machine, _data]
    return [finding for check in checks for finding in check()]


def run_doctor(as_json: bool) -> int:
    """Print the findings.

    Returns:
        0 if the main job can run, 1 if not.
    """
    findings = examine()
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            print(f'{finding.state:6}  {finding.name:14}  {finding.found}')
            if finding.mend:
                print(f'        mend with: {finding.mend}')
    return int(any(finding.state == 'broken' for finding in findings))


def _python() -> Iterator[Finding]:
    good = (3, 10) <= sys.version_info[:2] <= (3, 12)
    mend = '' if good else 'install Python 3.10, 3.11 or 3.12 and make the environment with it'
    yield Finding('python', 'ok' if good else 'broken', platform.python_version(), mend)


def _torch() -> Iterator[Finding]:
    for name in ('torch', 'torchvision'):
        try:
            module = importlib.import_module(name)
        except (ImportError, OSError, RuntimeError) as error:
            mend = 'pip install torch torchvision, of versions that belong together'
            yield Finding(name, 'broken', f'{type(error).__name__}: {error}', mend)
        else:
            yield Finding(name, 'ok', str(module.__version__))


def _bounds() -> dict[str, str]:
    """What rm_mm requires, to the lowest version of it; empty in a checkout."""
    try:
        required = [requirement.split(';')[0] for requirement in requires('rm_mm') or []]
    except PackageNotFoundError:
        return {}
    return {text.split('>=')[0].strip(): text.partition('>=')[2].strip() for text in required}


def _line() -> str:
    """The line that most of what is installed is of; if there is nothing, that of rm_mm."""
    onedl = sum(_installed(names[0]) for names in LINES.values())
    upstream = sum(any(map(_installed, names[1:])) for names in LINES.values())
    if onedl != upstream:
        return 'onedl' if onedl > upstream else 'upstream'
    return _built_for(_bounds())


def _built_for(bounds: dict[str, str]) -> str:
    return 'upstream' if 'mmengine' in bounds else 'onedl'


def _stack() -> Iterator[Finding]:
    bounds, line = _bounds(), _line()
    wanted = WANTED[line]
    if not bounds:
        yield Finding('rm_mm', 'note', 'run from a checkout, not installed', 'pip install -e .')
    elif (built := _built_for(bounds)) != line:
        # Of a wheel that pip had built, or kept, for the other line.
        mend = f'RM_MM_STACK={line} pip install --no-cache-dir --no-deps DIR-OF-THE-SOURCES'
        yield Finding('rm_mm', 'note', f'was built for the {built} line, found {line}', mend)
    for module, distributions in LINES.items():
        found = {name: version(name) for name in distributions if _installed(name)}
        listed = ', '.join(f'{name} {number}' for name, number in found.items())
        if len(found) > 1:
            mend = _anew(module, line)
            yield Finding(module, 'broken', f'two packages own this module: {listed}', mend)
        elif not found:
            yield Finding(module, 'broken', 'not installed', f'pip install {wanted[module]}')
        else:
            ((name, number),) = found.items()
            bound = bounds.get(name, '')
            if bound and _numbers(number) < _numbers(bound):
                yield Finding(
                    module, 'broken', f'{listed}, older than {bound}', f'pip install -U {name}'
                )
            else:
                yield _imports(module, listed, line)


def _imports(module: str, listed: str, line: str) -> Finding:
    try:
        importlib.import_module(module)
    except Exception as error:  # whatever a broken installation raises is the finding
        first = str(error).splitlines()[0] if str(error) else ''
        mend = f'pip install --force-reinstall --no-deps {listed.split()[0]}'
        if getattr(error, 'name', None) == 'pkg_resources':
            # Of mmengine 0.10.7; setuptools 82 no longer has it.
            mend = "pip install 'setuptools<81'"
        elif isinstance(error, AssertionError) and 'MMCV' in first:
            # mmdet 3.3 and mmseg 1.2 refuse mmcv 2.2 (mmdetection#12312).
            mend = _anew('mmcv', line)
        return Finding(module, 'broken', f'{listed}: {type(error).__name__}: {first}', mend)
    return Finding(module, 'ok', listed)


def _ops() -> Iterator[Finding]:
    from rm_mm.compat import ops_in_use

    kind = ops_in_use()
    words = {
        'compiled': "mmcv's own, compiled",
        'substitute': "rm_mm's, from torch and torchvision: mmcv has none compiled",
    }
    if kind not in words:
        mend = f'pip install {WANTED[_line()]["mmcv"]}'
        yield Finding('mmcv ops', 'broken', 'none', mend)
        return
    try:
        importlib.import_module('mmcv._ext')
    except (ImportError, OSError) as error:
        mend = _anew('mmcv', _line())
        yield Finding('mmcv ops', 'broken', f'built for another torch: {error}', mend)
    else:
        yield Finding('mmcv ops', 'ok', words[kind])


def _anew(module: str, line: str) -> str:
    """The line that replaces whatever brings a module with what the line of the stack has."""
    owners = ' '.join(filter(_installed, LINES[module]))
    return f'pip uninstall -y {owners} && pip install {WANTED[line][module]}'


def _machine() -> Iterator[Finding]:
    yield Finding('cores', 'ok', str(os.cpu_count()))
    free = shutil.disk_usage(Path.cwd()).free // 2**20
    if free < MINI_FREE_MB:
        yield Finding('disk', 'broken', f'{free} MB free here', f'free {MINI_FREE_MB} MB')
    else:
        yield Finding('disk', 'ok', f'{free} MB free here')
    try:
        import torch
    except (ImportError, OSError, RuntimeError):
        return
    if torch.cuda.is_available():
        names = ', '.join(
            torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())
        )
        yield Finding('gpu', 'ok', names)
    else:
        yield Finding('gpu', 'note', 'none: enough for `make mini`, not for the full recipes')


def _data() -> Iterator[Finding]:
    from rm_mm.compat.config_scopes import configs_root

    try:
        yield Finding('configs', 'ok', str(configs_root()))
    except InputError as error:
        yield Finding('configs', 'broken', str(error), 'pip install -e .')
    for name, root in (
        ('imagenet', 'data/imagenet'),
        ('coco', 'data/coco'),
        ('ade20k', 'data/ade/ADEChallengeData2016'),
    ):
        if Path(root).is_dir():
            yield Finding(name, 'ok', root)
        else:
            yield Finding(name, 'note', f'not at {root}; the mini suite does without')


def _installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split('+')[0].split('.') if part.isdigit())
