"""The metafiles, which `mim search` lists, match the configs, the paper and the records."""

import importlib.util
import json
import re

import pytest
import yaml
from mmengine.config import Config
from modelindex.load_model_index import load

from rm_mm.cli import main
from rm_mm.names import METHODS
from rm_mm.run.environment import config_digest
from rm_mm.suite.cell.config import resolve_config
from rm_mm.suite.plan.cells import plan_cells
from rm_mm.suite.plan.presets import PRESETS
from tests.packaging.conftest import ROOT

FOLDERS = ('classification', 'detection', 'segmentation')
FILES = {folder: ROOT / 'configs' / folder / 'metafile.yml' for folder in FOLDERS}
MODELS = {
    model['Name']: model
    for file in FILES.values()
    for model in yaml.safe_load(file.read_text())['Models']
}
PAPER = json.loads((ROOT / 'tests' / 'data' / 'paper_tables.json').read_text())
#: For each table of the paper: the config of a method and the name of the metric.
TABLES = {
    'imagenet_top1_best_percent': ('r50_{}_in1k', 'Published Top 1 Accuracy'),
    'coco_box_ap_percent': ('atss_r50_{}_coco', 'Published box AP'),
    'ade20k_miou_percent': ('upernet_r50_{}_ade20k', 'Published mIoU'),
    'cifar10_top1_best_percent': ('pyramidnet200_{}_cifar10', 'Published Top 1 Accuracy'),
}
FIGURES = [
    (pattern.format(method), metric, PAPER[table].get(method))
    for table, (pattern, metric) in TABLES.items()
    for method in ('baseline', 'mixup', 'cutmix', 'rm')
]

spec = importlib.util.spec_from_file_location('generator', ROOT / 'maintenance/make_metafiles.py')
generator = importlib.util.module_from_spec(spec)
spec.loader.exec_module(generator)


def metrics(model):
    return {
        name: value
        for result in model.get('Results', ())
        for name, value in result['Metrics'].items()
    }


@pytest.mark.parametrize('folder', FOLDERS)
def test_they_match_the_generator(folder):
    assert FILES[folder].read_text() == generator.metafile(folder)


def test_every_config_is_listed_once_under_a_unique_name():
    configs = [path for folder in FOLDERS for path in (ROOT / 'configs' / folder).glob('*.py')]
    assert sorted(MODELS) == sorted(path.stem for path in configs)
    # mim finds a config by its base name, in any folder.
    names = [path.name for path in (ROOT / 'configs').rglob('*.py')]
    assert len(names) == len(set(names))
    for name, model in MODELS.items():
        assert (ROOT / model['Config']).is_file()
        assert (ROOT / model['Config']).stem == name


@pytest.mark.parametrize(('name', 'metric', 'value'), FIGURES)
def test_published_figures_match_the_paper(name, metric, value):
    found = metrics(MODELS[name])
    assert found.get(metric) == value
    source = MODELS[name]['Metadata']['Source']
    assert source.startswith('arXiv 2203.06844') if value else source == 'not published'


def test_no_other_recipe_has_a_published_figure():
    known = {name for name, _, _ in FIGURES}
    others = [name for name in MODELS if name not in known]
    assert len(others) > 50
    assert not [
        name for name in others if any(key.startswith('Pub') for key in metrics(MODELS[name]))
    ]


@pytest.mark.parametrize('name', ['r50_rm_in1k', 'atss_r50_rm_coco', 'upernet_r50_rm_ade20k'])
def test_length_batch_and_data_match_the_recipe(name):
    # All three use eight GPUs; the second factor is the batch of one GPU.
    by_hand = {
        'r50_rm_in1k': ('ImageNet-1k', 'Epochs', 300, 8 * 64),
        'atss_r50_rm_coco': ('COCO 2017', 'Epochs', 12, 8 * 2),
        'upernet_r50_rm_ade20k': ('ADE20K', 'Iterations', 80_000, 8 * 2),
    }
    data, unit, length, batch = by_hand[name]
    metadata = MODELS[name]['Metadata']
    assert (metadata['Training Data'], metadata[unit]) == (data, length)
    assert metadata['Batch Size'] == batch
    assert metadata['Method'] == 'rm'


def test_settings_match_the_configs():
    for name, model in MODELS.items():
        config = Config.fromfile(ROOT / model['Config'])
        mini = name.endswith(('_mini', '_mini_full'))
        assert model['Metadata']['Setting'] == (['mini'] if mini else list(config.settings)), name


#: The presets with records in this repository.
RUN = [name for name in ('mini', 'mini-full') if (ROOT / 'docs' / name / 'records').is_dir()]


def records(preset):
    folder = ROOT / 'docs' / preset / 'records'
    return [json.loads(path.read_text()) for path in sorted(folder.glob('*.json'))]


def test_measured_figures_match_the_records():
    runs = {}
    for record in [record for preset in RUN for record in records(preset)]:
        name = record['config'].rpartition('/')[2].removesuffix('.py')
        runs.setdefault(name, []).append(record)
    names = {name for name, model in MODELS.items() if model['Metadata']['Measured'] != 'not run'}
    assert names == set(runs)
    assert len(records('mini')) == 15
    for name, found in runs.items():
        seeds = sorted(record['seed'] for record in found)
        assert re.findall(r'\d+', MODELS[name]['Metadata']['Measured']) == [str(s) for s in seeds]
        for which in ('best', 'last'):
            (value,) = (v for key, v in metrics(MODELS[name]).items() if key.endswith(which))
            mean = sum(record[which] for record in found) / len(found)
            assert value == pytest.approx(mean, abs=6e-5)
    for name in set(MODELS) - names:
        assert not [key for key in metrics(MODELS[name]) if key.startswith('Measured')]


@pytest.mark.parametrize('name', RUN)
def test_records_match_the_current_recipes(name):
    preset, found = PRESETS[name], records(name)
    seeds = sorted({record['seed'] for record in found})
    cells = plan_cells(preset, METHODS, tuple(preset.tasks), seeds, preset.work_dir)
    digests = {(cell.config, cell.seed): config_digest(resolve_config(cell)) for cell in cells}
    rows = {(record['method'], record['seed']) for record in found}
    # Every row has each task once, and every seed has a baseline.
    assert len(found) == len({(r['config'], r['seed']) for r in found}) == 3 * len(rows)
    assert all(('baseline', seed) in rows for seed in seeds)
    for record in found:
        assert record['preset'] == name
        assert record['config_sha256'] == digests[record['config'], record['seed']]
        assert record['schedule_scale'] == 1
    assert len({record['data_fingerprint'] for record in found}) == 1


@pytest.mark.parametrize('name', RUN)
def test_the_tables_of_the_readme_are_rebuilt_from_the_records(name, tmp_path):
    assert main(['report', str(ROOT / 'docs' / name), '--md', str(tmp_path / 'table.md')]) == 0
    table = [row for row in (tmp_path / 'table.md').read_text().splitlines() if row.startswith('|')]
    assert len(table) == 2 + 5
    assert '\n'.join(table) in (ROOT / 'README.md').read_text()


def test_mims_own_reader_accepts_the_index():
    index = load(str(ROOT / 'model-index.yml'))
    index.check(silent=True)
    assert {model.name for model in index.models} == set(MODELS)
    collections = {collection.name for collection in index.collections}
    assert {model['In Collection'] for model in MODELS.values()} == collections


def test_mim_download_reaches_the_config_though_no_weights_are_published():
    # mim downloads to <folder>/<part after the last slash>, and only if that does not exist.
    for model in MODELS.values():
        weights = model['Weights']
        assert re.fullmatch(r'not published[^,]*/\.', weights)


def test_the_index_of_data_sets_has_the_right_form():
    index = yaml.safe_load((ROOT / 'dataset-index.yml').read_text())
    assert index.pop('openxlab') is True
    assert set(index) == {'imagenet1k', 'coco2017'}
    for entry in index.values():
        assert set(entry) == {'dataset', 'download_root', 'data_root'}
