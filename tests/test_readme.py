"""The examples in the README work exactly as printed."""

import re
import shlex
from pathlib import Path

from mmengine.config import Config
from mmpretrain.registry import MODELS

from rm_mm.cli import build_parser

ROOT = Path(__file__).parents[1]
README = (ROOT / 'README.md').read_text()
BLOCKS = re.findall(r'```(\w+)\n(.*?)```', README, flags=re.S)


def test_the_ten_line_config_builds(tmp_path):
    import mmpretrain.models  # noqa: F401

    text = next(body for kind, body in BLOCKS if kind == 'python')
    assert len(text.splitlines()) <= 10
    (tmp_path / 'mine.py').write_text(text)
    cfg = Config.fromfile(tmp_path / 'mine.py')
    model = MODELS.build({**cfg.model, 'data_preprocessor': dict(cfg.data_preprocessor)})
    assert type(model).__name__ == 'RecursiveMixClassifier'
    assert model.recursive_mix.alpha == 0.5
    assert model.head.loss_module.omega == 0.5
    assert model.data_preprocessor._enable_normalize


def test_every_command_parses_and_every_script_and_target_exists():
    lines = [line for kind, body in BLOCKS if kind == 'sh' for line in body.splitlines()]
    assert len(lines) >= 6
    for line in lines:
        words = shlex.split(line, comments=True)
        if words[0] == 'rm-mm':
            build_parser().parse_args(words[1:])
        elif words[0] in ('pip', 'mim'):
            # tests/packaging runs these commands. Here, check that the files they name exist.
            for word in words[1:]:
                assert not word.endswith('.py') or list((ROOT / 'configs').rglob(word)), word
            if words[1] == 'run':
                assert (ROOT / 'tools' / f'{words[3]}.py').is_file()
        elif words[0] == 'make':
            assert f'\n{words[1]}:' in (ROOT / 'Makefile').read_text()
        else:
            assert (ROOT / words[0]).is_file()
    for path in re.findall(r'`((?:configs|tools|rm_mm)/[\w/.]+)', README):
        if 'r50_mine' not in path:
            assert (ROOT / path).exists(), path
