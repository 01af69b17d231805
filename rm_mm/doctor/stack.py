"""Python, torch, and the OpenMMLab packages of one line or the other."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, distribution, requires, version

from rm_mm.doctor.children import Answer
from rm_mm.doctor.finding import Finding

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


def python() -> Iterator[Finding]:
    """Is it a Python that all of the stack is made for?"""
    good = (3, 10) <= sys.version_info[:2] <= (3, 12)
    mend = '' if good else 'install Python 3.10, 3.11 or 3.12 and make the environment with it'
    yield Finding('python', 'ok' if good else 'broken', platform.python_version(), mend)


def torch(answers: Mapping[str, Answer]) -> Iterator[Finding]:
    """Are torch and torchvision there, and do they belong together?"""
    for name in ('torch', 'torchvision'):
        answer = answers[name]
        # torchvision's operators are made for one torch, and are missing in any other.
        unpaired = 'torchvision::nms' in answer.error + answer.said
        if answer.error or unpaired:
            found = answer.error or 'its operators are not there: it was built for another torch'
            mend = 'pip install torch torchvision, of versions that belong together'
            if name == 'torchvision' and not answers['torch'].error:
                mend = f'pip install --force-reinstall torchvision torch=={_torch_version(answers)}'
            yield Finding(name, 'broken', found, mend)
        else:
            yield Finding(name, 'ok', str(answer.facts.get('version', '')))


def _torch_version(answers: Mapping[str, Answer]) -> str:
    return str(answers['torch'].facts.get('version', '')).split('+')[0]


def stack(answers: Mapping[str, Answer]) -> Iterator[Finding]:
    """Is there one package for each module, of one line, not too old, and does it import?"""
    bounds, line = _bounds(), line_in_use()
    if not bounds:
        yield Finding('rm_mm', 'note', 'run from a checkout, not installed', 'pip install -e .')
    elif (built := _built_for(bounds)) != line:
        # Of a wheel that pip had built, or kept, for the other line.
        mend = f'RM_MM_STACK={line} pip install --no-cache-dir --no-deps DIR-OF-THE-SOURCES'
        yield Finding('rm_mm', 'note', f'was built for the {built} line, found {line}', mend)
    for module, distributions in LINES.items():
        found = {name: version_of(name) for name in distributions if installed(name)}
        yield _judge(module, found, bounds, line, answers[module])


def _judge(
    module: str, found: Mapping[str, str], bounds: Mapping[str, str], line: str, answer: Answer
) -> Finding:
    listed = ', '.join(f'{name} {number}' for name, number in found.items())
    if len(found) > 1:
        # Each has written over the other's files, so that neither is whole.
        return Finding(
            module, 'broken', f'two packages own this module: {listed}', anew(module, line)
        )
    if not found:
        if answer.error:
            mend = f'pip install {WANTED[line][module]}'
            return Finding(module, 'broken', 'not installed', mend)
        return Finding(
            module,
            'note',
            'imports, but no package says that it brings it: a folder on the path?',
            f'pip install {WANTED[line][module]}',
        )
    ((name, number),) = found.items()
    bound = bounds.get(name, '')
    if bound and _numbers(number) < _numbers(bound):
        return Finding(module, 'broken', f'{listed}, older than {bound}', f'pip install -U {name}')
    strays = (name == LINES[module][0]) != (line == 'onedl')
    if answer.error:
        mend = anew(module, line) if strays else _mend(name, answer.error, line)
        return Finding(module, 'broken', f'{listed}: {answer.error}', mend)
    if strays:
        other = f'{listed}, where the rest is of the {line} line: the two are not made to be mixed'
        return Finding(module, 'note', other, anew(module, line))
    return Finding(module, 'ok', f'{listed} (at least {bound} is needed)' if bound else listed)


def _mend(name: str, error: str, line: str) -> str:
    """The line for a package that does not import."""
    if "'pkg_resources'" in error:
        # Of mmengine 0.10.7; setuptools 82 no longer has it.
        return "pip install 'setuptools<81'"
    if error.startswith('AssertionError') and 'MMCV' in error:
        # mmdet 3.3 and mmseg 1.2 refuse mmcv 2.2 (mmdetection#12312).
        return anew('mmcv', line)
    return f'pip install --force-reinstall --no-deps {name}'


def ops(answers: Mapping[str, Answer]) -> Iterator[Finding]:
    """Which of mmcv's compiled operations are in use, and do they load?"""
    words = {
        'compiled': "mmcv's own, compiled",
        'substitute': "rm_mm's, from torch and torchvision: mmcv has none compiled",
    }
    kind = answers['=ops'].facts.get('kind')
    extension = answers['mmcv._ext']
    if kind not in words:
        found = answers['=ops'].error or 'none'
        yield Finding('mmcv ops', 'broken', found, f'pip install {WANTED[line_in_use()]["mmcv"]}')
    elif extension.error:
        mend = anew('mmcv', line_in_use())
        found = f'built for another torch: {extension.error}'
        yield Finding('mmcv ops', 'broken', found, mend)
    else:
        yield Finding('mmcv ops', 'ok', words[kind])


def anew(module: str, line: str) -> str:
    """The line that replaces whatever brings a module with what the line of the stack has."""
    owners = ' '.join(filter(installed, LINES[module]))
    return f'pip uninstall -y {owners} && pip install {WANTED[line][module]}'


def line_in_use() -> str:
    """The line that most of what is installed is of; if there is nothing, that of rm_mm."""
    onedl = sum(installed(names[0]) for names in LINES.values())
    upstream = sum(any(map(installed, names[1:])) for names in LINES.values())
    if onedl != upstream:
        return 'onedl' if onedl > upstream else 'upstream'
    return _built_for(_bounds())


def installed(name: str) -> bool:
    """Whether there is a package of that name."""
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def version_of(name: str) -> str:
    """The version of a package that is installed."""
    # The metadata of a broken installation may lack it.
    return str(version(name) or 'of unknown version')


def _bounds() -> dict[str, str]:
    """What rm_mm requires, to the lowest version of it; empty in a checkout."""
    try:
        required = [requirement.split(';')[0] for requirement in requires('rm_mm') or []]
    except PackageNotFoundError:
        return {}
    return {text.split('>=')[0].strip(): text.partition('>=')[2].strip() for text in required}


def _built_for(bounds: Mapping[str, str]) -> str:
    return 'upstream' if 'mmengine' in bounds else 'onedl'


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split('+')[0].split('.') if part.isdigit())
