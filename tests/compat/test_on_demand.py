import importlib.util
import subprocess
import sys

import pytest

from rm_mm.compat import config_scopes, on_demand


@pytest.fixture
def stand_ins(tmp_path, monkeypatch):
    """A package ``stack_x`` and a module ``ours_x`` that records whether it was complete."""
    for name in ('stack_x', 'stack_x.part', 'ours_x'):
        monkeypatch.delitem(sys.modules, name, raising=False)
    (tmp_path / 'stack_x').mkdir()
    (tmp_path / 'stack_x' / '__init__.py').write_text('from stack_x import part\ncomplete = True\n')
    (tmp_path / 'stack_x' / 'part.py').touch()
    (tmp_path / 'ours_x.py').write_text('import stack_x\nseen = stack_x.complete\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    for name in ('stack_x', 'stack_x.part', 'ours_x'):
        sys.modules.pop(name, None)


@pytest.mark.usefixtures('stand_ins')
def test_the_module_is_imported_once_the_trigger_is_complete():
    on_demand.import_after('stack_x', 'ours_x')
    assert 'ours_x' not in sys.modules
    importlib.import_module('stack_x')
    assert sys.modules['ours_x'].seen is True


@pytest.mark.usefixtures('stand_ins')
def test_the_module_is_imported_at_once_if_the_trigger_already_is():
    importlib.import_module('stack_x')
    on_demand.import_after('stack_x', 'ours_x')
    assert sys.modules['ours_x'].seen is True


@pytest.mark.parametrize(('trigger', 'ours'), on_demand.REGISTERED_AFTER)
def test_the_table_names_modules_that_exist(trigger, ours):
    assert importlib.util.find_spec(trigger)
    assert importlib.util.find_spec(ours)


def test_everything_is_registered_if_rm_mm_comes_after_part_of_the_stack():
    ours = [name for _, name in on_demand.REGISTERED_AFTER]
    code = (
        'import mmengine.hooks, rm_mm, mmpretrain.models, mmpretrain.datasets, mmseg.datasets, '
        'mmdet.datasets, mmdet.evaluation, sys'
    )
    done = subprocess.run(
        [sys.executable, '-c', f'{code}; print([name in sys.modules for name in {ours}])'],
        env={'PYTHONPATH': str(config_scopes.PACKAGE.parent), 'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str([True] * len(ours))
