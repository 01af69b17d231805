"""Write the CIFAR configs, configs/classification/<network>_<method>_<data set>.py."""

from pathlib import Path

NETWORKS = ('resnet18', 'resnet50', 'densenet161', 'pyramidnet164', 'pyramidnet200')
CLASSES = {'cifar10': 10, 'cifar100': 100}
METHODS = {'baseline': None, 'mixup': 'mixup', 'cutmix': 'cutmix', 'rm': 'rm_cifar'}
PUBLISHED = {('pyramidnet200', 'rm', 'cifar10'): (97.65, 'arXiv 2203.06844, CIFAR-10: mean of 3')}

TEMPLATE = """\
_base_ = {bases}

{model}
train_dataloader = dict(batch_size=_base_.batch_size)

settings = ('paper', 'controlled')
expected = dict(metric='accuracy/top1', value={value}, source='{source}')
"""
BASELINE = 'model = dict(head=dict(num_classes={classes}))'
METHOD = """\
model = _base_.{method}_model
model.head = dict(model.get('head', {{}}), num_classes={classes})"""


def leaves() -> dict[str, str]:
    """Return the text of each config by file name."""
    found = {}
    for network in NETWORKS:
        for method, base in METHODS.items():
            for data, classes in CLASSES.items():
                bases = [
                    f'../_base_/{name}.py' for name in (data, f'cifar_{network}', base) if name
                ]
                value, source = PUBLISHED.get((network, method, data), (None, 'not published'))
                model = (METHOD if base else BASELINE).format(method=method, classes=classes)
                found[f'{network}_{method}_{data}.py'] = TEMPLATE.format(
                    bases=bases, model=model, value=value, source=source
                )
    return found


if __name__ == '__main__':
    folder = Path(__file__).parents[1] / 'configs' / 'classification'
    for name, text in leaves().items():
        (folder / name).write_text(text)
