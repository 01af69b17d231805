"""Methods and tasks of one's own, in a call or in a file, and every mistake in them at once."""

from pathlib import Path

import pytest

from rm_mm.cli import main
from rm_mm.compat import configs_root
from rm_mm.errors import InputError, Mistakes
from rm_mm.suite.plan.cells import plan_cells
from rm_mm.suite.plan.presets import PRESETS
from rm_mm.suite.plan.study import build_study


def chosen(preset='mini', methods=None, tasks=None, seeds=None):
    mistakes = Mistakes()
    found = build_study(preset, methods, tasks, seeds, mistakes)
    mistakes.require_none()
    return found


@pytest.fixture
def own(tmp_path):
    """A pretraining config, a checkpoint and a detector of one's own."""
    leaf = configs_root() / 'classification/r18_baseline_mini.py'
    (tmp_path / 'pretrain.py').write_text(f'_base_ = {str(leaf)!r}\n')
    leaf = configs_root() / 'detection/atss_r18_baseline_mini.py'
    (tmp_path / 'det.py').write_text(f'_base_ = {str(leaf)!r}\n')
    (tmp_path / 'weights.pth').write_bytes(b'')
    return tmp_path


def write(path, text):
    path.write_text(text)
    return str(path)


def test_what_is_not_said_is_the_presets():
    found = chosen()
    assert found.preset is PRESETS['mini']
    assert found.methods == ('scratch', 'baseline', 'rm')
    assert found.tasks == ('classification', 'detection', 'segmentation')
    assert found.seeds == (0,)


def test_an_own_method_is_a_row_with_its_own_pretraining(own):
    mine = ('mine', str(own / 'pretrain.py'))
    found = chosen(methods=[mine, ('rm', None)], tasks=[('detection', None)])
    assert found.methods == ('rm', 'mine')
    cells = {
        c.name: c for c in plan_cells(found.preset, found.methods, found.tasks, (1,), Path('d'))
    }
    pretraining = cells['classification mine seed 1']
    assert pretraining.config == str(own / 'pretrain.py')
    assert pretraining.directory == Path('d/r18_mine_mini_seed1')
    transfer = cells['detection mine seed 1']
    # It takes the task's recipe as the baseline does, and its own backbone.
    assert transfer.config == 'detection/atss_r18_baseline_mini.py'
    assert transfer.backbone == pretraining.backbone == Path('d/r18_mine_mini_seed1/backbone.pth')
    assert transfer.directory == Path('d/atss_r18_mine_mini_seed1')
    assert [c.custom for c in cells.values()] == [c.method == 'mine' for c in cells.values()]


def test_a_checkpoint_needs_no_pretraining_and_serves_all_seeds(own):
    shot = ('shot', str(own / 'weights.pth'))
    found = chosen(methods=[shot])
    cells = plan_cells(found.preset, found.methods, found.tasks, (0, 1), Path('d'))
    assert [cell.name for cell in cells] == [
        'detection shot', 'segmentation shot', 'detection shot seed 1', 'segmentation shot seed 1'
    ]  # fmt: skip
    assert {cell.backbone for cell in cells} == {Path('d/shot_checkpoint/backbone.pth')}
    assert {cell.source for cell in cells} == {str(own / 'weights.pth')}
    # Its export has to fill what the others' pretraining leaves.
    assert {cell.network for cell in cells} == {'classification/r18_baseline_mini.py'}


def test_an_own_task_is_a_column(own):
    tasks = [('detection', None), ('mydet', str(own / 'det.py')), (None, str(own / 'det.py'))]
    found = chosen(methods=[('rm', None)], tasks=tasks)
    cells = plan_cells(found.preset, found.methods, found.tasks, (0,), Path('d'))
    assert [cell.name for cell in cells] == [
        'classification rm', 'detection rm', 'mydet rm', 'det rm'
    ]  # fmt: skip
    assert [cell.column for cell in cells] == ['r18_mini', 'atss_r18_mini', 'mydet', 'det']
    assert [c.directory.name for c in cells[2:]] == ['mydet_rm', 'det_rm']
    assert {cell.task for cell in cells[1:]} == {'detection'}
    assert len({cell.backbone for cell in cells}) == 1


def test_in_the_papers_setting_an_own_task_has_rows_too(own):
    """It has the controlled setting alone, whichever is asked of the others."""
    found = chosen('paper', [('rm', None)], [(None, str(own / 'det.py'))])
    (_, own_cell) = plan_cells(
        found.preset, found.methods, found.tasks, (0,), Path('d'), ('paper',)
    )
    assert own_cell.settings == ('controlled',)


def test_a_file_says_what_differs_from_its_base(own, monkeypatch):
    path = write(
        own / 'study.yaml',
        'base: mini\nseeds: [2, 0]\n'
        'methods:\n  rm:\n  mine: pretrain.py\n  shot: weights.pth\n'
        'tasks: [segmentation, mydet: det.py]\n',
    )
    # Its paths are from its own folder.
    monkeypatch.chdir('/')
    found = chosen(path)
    assert found.preset.name == 'study'
    assert found.preset.work_dir == Path('work_dirs/study')
    assert found.methods == ('rm', 'mine', 'shot')
    assert found.preset.custom == {
        'mine': str(own / 'pretrain.py'), 'shot': str(own / 'weights.pth')
    }  # fmt: skip
    assert found.tasks == ('segmentation', 'mydet')
    # What it does not name is there to be asked for.
    assert chosen(path, None, [('detection', None)]).tasks == ('detection',)
    assert found.seeds == (0, 2)
    # What the call says comes before what the file does.
    found = chosen(path, [('mine', None)], [('mydet', None)], (5,))
    assert (found.methods, found.tasks, found.seeds) == (('mine',), ('mydet',), (5,))


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('[1', 'not YAML: line 1: expected'),
        ('methods: [baseline]\nseeds: [0]\nmethods: [rm]', "line 3: duplicate key 'methods'"),
        ('base: mini\nmethods: {a: x.pth, a: y.pth}', "line 2: duplicate key 'a'"),
        ('base: mini\nseeds: x: y', 'not YAML: line 2: mapping values are not allowed here'),
        ('just words', 'expected entries'),
        ('base: huge', "no preset 'huge' as base"),
        ('base: mini\ntypo: 1', "no entry 'typo'"),
        ('base: [mini]', 'no preset'),
        ('base: mini\nseeds: []', 'expected numbers'),
        ('base: mini\nmethods: []', 'expected one or more, found none'),
        ('base: mini\nwork_dir: [a]', 'expected a path'),
        ('seeds: 2020-13-45', 'not YAML'),
        ('base: mini\nseeds: [a]', 'expected numbers'),
        ('base: mini\nseeds: [-1]', 'expected numbers'),
        ('base: mini\nmethods: {rm: x.pth}', 'rm is a method of the suite already'),
        ('base: mini\nmethods: {mine: no.pth}', 'mine: no file'),
        ('base: mini\nmethods: {mine: no.py}', 'no config'),
        ('base: mini\nmethods: {"a b": weights.pth}', "'a b' cannot name a method"),
        ('base: mini\nmethods: {../up: weights.pth}', 'cannot name a method'),
        ('base: mini\nmethods: {mine: ""}', "found 'mine='"),
        ('base: mini\nmethods: [3]', 'expected a name, or a name and a path'),
        ('base: mini\nmethods: {mine: det.py}', "default_scope 'mmdet'"),
        ('base: mini\ntasks: {t: pretrain.py}', "default_scope 'mmpretrain'"),
        ('base: mini\ntasks: {detection: det.py}', 'detection is a task of the suite already'),
    ],
)
def test_what_no_file_may_say(own, text, said):
    with pytest.raises(InputError, match=said.replace('.', r'\.')):
        chosen(write(own / 'p.yaml', text))


def test_two_columns_cannot_have_one_name(own):
    (own / 'atss_r18_mini.py').write_text((own / 'det.py').read_text())
    with pytest.raises(InputError, match='two tasks are called atss_r18_mini'):
        chosen(tasks=[('detection', None), (None, str(own / 'atss_r18_mini.py'))])


def test_two_cells_cannot_have_one_folder(own):
    mine = str(own / 'pretrain.py')
    found = chosen(
        methods=[('mine', mine), ('mine_seed1', mine)], tasks=[('city', str(own / 'det.py'))]
    )
    with pytest.raises(InputError, match='would both be run in d/city_mine_seed1'):
        plan_cells(found.preset, found.methods, found.tasks, (0, 1), Path('d'))


def test_the_same_entry_twice_is_one(own, monkeypatch):
    monkeypatch.chdir(own)
    assert chosen(methods=[('mine', 'pretrain.py')] * 2).methods == ('mine',)
    with pytest.raises(InputError, match='two methods are called mine'):
        chosen(methods=[('mine', 'pretrain.py'), ('mine', 'weights.pth')])


def test_a_file_that_is_not_there_and_one_that_is_no_text(tmp_path):
    with pytest.raises(InputError, match='cannot read the preset'):
        chosen(str(tmp_path / 'no.yaml'))
    (tmp_path / 'odd.yaml').write_bytes(b'\xff\xfe\x00')
    with pytest.raises(InputError, match='it is not text'):
        chosen(str(tmp_path / 'odd.yaml'))


def test_all_mistakes_of_a_file_are_said_and_none_is_long(own):
    nested = '\n'.join(f'a{n}: &a{n} [{", ".join([f"*a{n - 1}"] * 9)}]' for n in range(1, 6))
    text = f'foo: 1\nwork_dir: 5\nseeds: [a]\na0: &a0 [x, x]\n{nested}\nmethods: [*a5]'
    with pytest.raises(InputError) as error:
        chosen(write(own / 'p.yaml', text))
    said = str(error.value)
    for word in ("'foo'", "'a0'", 'work_dir: expected a path', 'seeds: expected numbers'):
        assert word in said
    assert len(said) < 5000


@pytest.mark.parametrize(
    ('address', 'said'),
    [
        ('file:///x', 'expected a file, https://'),
        ('torchvision://nonet', 'torchvision has no ImageNet weights'),
    ],
)
def test_an_address_that_can_never_be_fetched(address, said):
    with pytest.raises(InputError, match=said):
        chosen(methods=[('shot', address)])


def test_nothing_in_a_file_is_run(tmp_path):
    path = write(tmp_path / 'p.yaml', '!!python/object/apply:os.mkdir ["here"]')
    with pytest.raises(InputError, match='not YAML'):
        chosen(path)
    assert not Path('here').exists()


def test_all_mistakes_of_a_call_are_said_at_once(own, capsys):
    (own / 'wide.py').write_text(
        f'_base_ = {str(own / "det.py")!r}\n'
        'model = dict(backbone=dict(base_channels=32, stem_channels=32))\n'
    )
    (own / 'bad.py').write_text('default_scope = (')
    call = [
        'suite', '--preset', 'mini', '--work-dir', str(own / 'runs'),
        '--methods', f'rm,typo,half=,mine={own}/no.pth,shot={own}/weights.pth',
        '--tasks', f'nope,,{own}/wide.py,{own}/bad.py',
    ]  # fmt: skip
    assert main(call) == 2
    said = capsys.readouterr().err
    assert '8 mistakes, and nothing was run' in said
    for words in (
        "no method 'typo'",
        "expected names, or NAME=PATH, found 'half='",
        "expected names, or NAME=PATH, found ''",
        'mine: no file',
        "no task 'nope'",
        'bad.py does not parse',
        'takes a ResNet-18, classification/r18_rm_mini.py pretrains another ResNet-18',
        'weights.pth is empty',
    ):
        assert words in said
    assert not (own / 'runs').exists()
