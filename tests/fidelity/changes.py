"""Old configs and ours, and ways to change them in one place."""

import copy
from pathlib import Path

from mmengine.config import Config

from rm_mm.fidelity.settings import _OLD_EFFECTIVE, compare_settings
from rm_mm.logs.recipe_log import read_recipe_log
from rm_mm.recipe.config import read_config

LOGS = Path(__file__).parents[1] / 'data/logs'
RECIPES = {
    'coco': ('detection/atss_r50_rm_coco.py', 'coco_atss_r50_rm.json'),
    'ade20k': ('segmentation/upernet_r50_rm_ade20k.py', 'ade20k_upernet_r50_rm.json'),
}


def read(task):
    """Their config without its variables, which would hide a change, and ours."""
    config, log = RECIPES[task]
    theirs = read_recipe_log(LOGS / log).config
    kept = {key: value for key, value in theirs.items() if key in _OLD_EFFECTIVE}
    return kept, read_config(config).to_dict()


def faults(theirs, ours):
    """Keys that differ without a reason: theirs, or ours if they have none."""
    rows = compare_settings(theirs, Config(ours))
    return [row.key or row.our_key for row in rows if not row.explained]


def nodes(node, path=()):
    """Every place of a config, subtrees as well as leaves."""
    if isinstance(node, dict):
        children = node.items()
    elif isinstance(node, list) and any(isinstance(part, dict) for part in node):
        children = enumerate(node)
    else:
        return
    for name, child in children:
        yield (*path, name), child
        yield from nodes(child, (*path, name))


def changed(config, path, change):
    """A copy in which ``change(parent, name)`` was called for one place."""
    config = copy.deepcopy(config)
    parent = config
    for name in path[:-1]:
        parent = parent[name]
    change(parent, path[-1])
    return config


def put(value):
    def change(parent, name):
        parent[name] = value

    return change


def delete(parent, name):
    del parent[name]


def another(value):
    """Another value, of the same type if there is one."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value * 2 + 3
    if isinstance(value, str):
        return value + 'X'
    if isinstance(value, (list, tuple)):
        return [another(part) for part in value] if value else [1]
    return {'max_norm': 35}


def dotted(path):
    return '.'.join(map(str, path))
