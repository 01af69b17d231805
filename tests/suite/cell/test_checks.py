"""Backbones that would not verify are found before anything runs."""

import hashlib
import json

import pytest
import torch

from rm_mm.cli import main
from rm_mm.compat import configs_root
from rm_mm.recipe.config import read_config
from rm_mm.transfer.export import export

BASELINE = 'classification/r18_baseline_mini.py'


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """A checkpoint of the mini network with weights as training leaves them."""
    from mmengine.registry import MODELS

    config = read_config(BASELINE)
    with MODELS.switch_scope_and_registry('mmpretrain') as registry:
        network = registry.build(config.model)
    generator = torch.Generator().manual_seed(0)
    state = {
        name: torch.rand(value.shape, generator=generator) if value.is_floating_point() else value
        for name, value in network.state_dict().items()
    }
    path = tmp_path_factory.mktemp('trained') / 'best.pth'
    torch.save({'state_dict': state}, path)
    return path


def check(work_dir, *words):
    return main(['suite', '--plan', '--work-dir', str(work_dir), *words])


def test_a_checkpoint_is_verified_as_its_export_would_be(trained, tmp_path, capsys):
    words = ['--tasks', 'detection', '--methods']
    assert check(tmp_path, *words, f'shot={trained}') == 0
    checkpoint = torch.load(trained)
    del checkpoint['state_dict']['backbone.layer4.0.conv1.weight']
    torch.save(checkpoint, tmp_path / 'less.pth')
    assert check(tmp_path, *words, f'shot={tmp_path}/less.pth') == 2
    said = capsys.readouterr().err
    assert '119 of 120 tensors match, 1 missing: layer4.0.conv1.weight' in said
    # Its export is there, and then the file is another.
    (tmp_path / 'shot_checkpoint').mkdir()
    export(trained, tmp_path / 'shot_checkpoint' / 'backbone.pth', config=BASELINE)
    assert check(tmp_path, *words, f'shot={trained}') == 0
    torch.save({**torch.load(trained), 'epoch': 7}, tmp_path / 'other.pth')
    capsys.readouterr()
    assert check(tmp_path, *words, f'shot={tmp_path}/other.pth') == 2
    assert 'was exported from another file than' in capsys.readouterr().err
    # Of another width than what the tasks take, though a whole network.
    wide = tmp_path / 'wide.py'
    leaf = str(configs_root() / 'detection/atss_r18_baseline_mini.py')
    wide.write_text(f'_base_ = {leaf!r}\nmodel = dict(backbone=dict(base_channels=32))\n')
    assert check(tmp_path, '--methods', 'rm', '--tasks', str(wide)) == 2
    assert 'of another shape' in capsys.readouterr().err
    assert not (tmp_path / 'records').exists()


def test_a_backbone_that_is_there_is_held_against_its_manifest(trained, tmp_path, capsys):
    folder = tmp_path / 'r18_rm_mini'
    folder.mkdir()
    export(trained, folder / 'backbone.pth', config=BASELINE)
    record = {
        'preset': 'mini', 'task': 'classification', 'method': 'rm', 'seed': 0, 'metric': 'x',
        'best': 1.0, 'best_step': 1, 'last': 1.0, 'last_step': 1, 'step_unit': 'epoch',
        'curve': [[1, 1.0]], 'published': None, 'source': None, 'config': 'c', 'config_sha256': 'c',
        'schedule_scale': 1.0, 'backbone_sha256': None, 'data_fingerprint': None, 'seconds': 1.0,
        'schema_version': 1,
    }  # fmt: skip
    (tmp_path / 'records').mkdir()
    (tmp_path / 'records' / 'r18_rm_mini.json').write_text(json.dumps(record))
    words = ['--methods', 'rm', '--tasks', 'detection']
    assert check(tmp_path, *words) == 0
    with (folder / 'backbone.pth').open('ab') as file:
        file.write(b'!')
    found = hashlib.sha256((folder / 'backbone.pth').read_bytes()).hexdigest()
    assert check(tmp_path, *words) == 2
    said = capsys.readouterr().err
    assert 'is not the file that backbone.json describes' in said
    assert found in said
    (folder / 'backbone.pth').unlink()
    assert check(tmp_path, *words) == 2
    assert 'is missing, though its pretraining is done' in capsys.readouterr().err
    # Where pretraining is going to write it anew, what is there does not matter.
    (tmp_path / 'records' / 'r18_rm_mini.json').unlink()
    assert check(tmp_path, *words) == 0


def test_one_methods_data_do_not_speak_for_anothers(tmp_path, capsys):
    leaf = str(configs_root() / BASELINE)
    for name, root in (('absent', 'nowhere'), ('present', str(tmp_path / 'here'))):
        (tmp_path / f'{name}.py').write_text(
            f"_base_ = {leaf!r}\nembedded_data = ''\n"
            + ''.join(
                f'{loader}_dataloader = dict(dataset=dict(data_root={root!r}))\n'
                for loader in ('train', 'val', 'test')
            )
        )
    for split in ('train', 'val'):
        (tmp_path / 'here' / split / 'bag').mkdir(parents=True)
    methods = f'a={tmp_path}/absent.py,b={tmp_path}/present.py'
    assert check(tmp_path, '--tasks', 'classification', '--methods', methods) == 2
    said = capsys.readouterr().err
    assert 'nowhere/train: not there' in said
    assert str(tmp_path / 'here') not in said
