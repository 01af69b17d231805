"""`rm-mm fidelity`."""

from pathlib import Path

from rm_mm.cli import main

LOGS = Path(__file__).parents[1] / 'data/logs'
ADE = ['segmentation/upernet_r50_rm_ade20k.py', str(LOGS / 'ade20k_upernet_r50_rm.json')]


def test_the_recipe_of_the_log(capsys, tmp_path):
    page = tmp_path / 'page.md'
    assert main(['fidelity', *ADE, '--md', str(page)]) == 0
    assert '1600 of 1600 learning rates agree' in capsys.readouterr().out
    assert '| `lr_config.power` | `0.9` | `param_scheduler.PolyLR.power` | `0.9` | same |' in (
        page.read_text().splitlines()
    )


def test_another_recipe(capsys):
    """The mini recipe is ADE20K's in other sizes, at another rate."""
    assert main(['fidelity', 'segmentation/upernet_r18_rm_mini.py', ADE[1]]) == 1
    error = capsys.readouterr().err
    assert 'optimizer.lr: theirs `0.0001`, ours optim_wrapper.optimizer.lr `0.002`' in error


def test_the_page_replaces_no_log(tmp_path, capsys):
    log = tmp_path / 'a.json'
    log.write_text('{"mode": "train", "epoch": 1, "iter": 50, "lr": 0.1}')
    assert main(['fidelity', ADE[0], str(log), '--md', str(log)]) == 2
    assert 'would replace a file that is compared' in capsys.readouterr().err
    assert log.read_text().startswith('{"mode"')


def test_a_config_without_a_log(capsys):
    assert main(['fidelity', ADE[0]]) == 2
    assert 'has no log' in capsys.readouterr().err
