"""One backbone as each project saves it: nesting and names of published checkpoints.

Each function takes the weights of the backbone, and returns the content of the file.
"""

import argparse
from collections import OrderedDict

import torch

FC = {'weight': torch.randn(10, 64), 'bias': torch.randn(10)}
MLP = {
    '0.weight': torch.randn(32, 64),
    '1.running_mean': torch.randn(32),
    '3.weight': torch.ones(4),
}


def under(prefix, weights):
    return {f'{prefix}{name}': value for name, value in weights.items()}


def other(weights):
    """Another network of the same names, such as a momentum encoder."""
    return {n: v * 2 if v.is_floating_point() else v for n, v in weights.items()}


def optimizer(weights):
    # What torch.optim's state_dict holds: tensors in dicts, by number.
    state = {i: {'momentum_buffer': value} for i, value in enumerate(weights.values())}
    return {'state': state, 'param_groups': [{'lr': 0.1, 'params': list(state)}]}


def mmpretrain(weights):
    state = under('backbone.', weights) | under('head.fc.', FC)
    return {'meta': {'epoch': 3}, 'state_dict': state, 'optimizer': optimizer(weights)}


def mmpretrain_ema(weights):
    # mmengine's EMAHook saves the average as state_dict, and its source separately.
    state = under('backbone.', weights) | under('head.fc.', FC)
    source = under('module.backbone.', other(weights)) | under('module.head.fc.', FC)
    source['steps'] = torch.tensor(7)
    return {'meta': {'epoch': 3}, 'state_dict': state, 'ema_state_dict': source}


def mmpretrain_moco(weights):
    state = under('backbone.', weights) | under('neck.mlp.', MLP)
    state |= under('encoder_k.module.0.', other(weights)) | under('encoder_k.module.1.mlp.', MLP)
    state |= {'encoder_k.steps': torch.tensor(5), 'queue': torch.randn(64, 8)}
    return {'meta': {}, 'state_dict': state | {'queue_ptr': torch.tensor([3])}}


def mmpretrain_byol(weights):
    state = under('backbone.', weights) | under('neck.mlp.', MLP) | under('head.predictor.', MLP)
    state |= under('target_net.module.0.', other(weights)) | under('target_net.module.1.', MLP)
    return {'meta': {}, 'state_dict': state | {'target_net.steps': torch.tensor(5)}}


def torchvision(weights):
    return OrderedDict({**weights, **under('fc.', FC)})


def torchvision_reference(weights):
    # references/classification/train.py, with its EMA of torch.optim.swa_utils.
    ema = under('module.', other(weights) | under('fc.', FC)) | {'n_averaged': torch.tensor(9)}
    return {
        'model': {**weights, **under('fc.', FC)},
        'optimizer': optimizer(weights),
        'lr_scheduler': {'last_epoch': 3},
        'epoch': 3,
        'args': argparse.Namespace(lr=0.1),
        'model_ema': ema,
        'scaler': {'scale': 65536.0},
    }


def timm_training(weights):
    state = {**weights, **under('fc.', FC)}
    return {
        'epoch': 3,
        'arch': 'resnet18',
        'state_dict': state,
        'optimizer': optimizer(weights),
        'version': 2,
        'args': argparse.Namespace(model='resnet18'),
        'amp_scaler': {'scale': 65536.0},
        'state_dict_ema': other(weights) | under('fc.', FC),
        'metric': 71.5,
    }


def authors(weights):
    state = under('module.', weights) | under('module.fc.', FC) | under('module.fc_roi.', FC)
    return {'epoch': 300, 'state_dict': state, 'optimizer': optimizer(weights)}


def lightning(weights):
    state = under('model.', weights) | under('model.fc.', FC)
    state |= {'loss_fn.weight': torch.rand(10), 'train_acc.tp': torch.rand(10)}
    return {
        'epoch': 3,
        'global_step': 30,
        'pytorch-lightning_version': '2.4.0',
        'state_dict': state,
        'loops': {'fit_loop': {'state_dict': {}}},
        'callbacks': {'ModelCheckpoint': {'best_model_score': torch.tensor(0.7)}},
        'optimizer_states': [optimizer(weights)],
        'hyper_parameters': {'lr': 0.1},
    }


def lightly(weights):
    """``nn.Sequential(*list(resnet.children())[:-1])``, in which layers are numbered."""
    numbers = {'conv1': '0', 'bn1': '1', 'layer1': '4', 'layer2': '5', 'layer3': '6', 'layer4': '7'}
    numbered = {
        f'backbone.{numbers[name.split(".")[0]]}.{name.partition(".")[2]}': value
        for name, value in weights.items()
    }
    state = numbered | under('projection_head.layers.', MLP)
    return {'epoch': 3, 'pytorch-lightning_version': '2.4.0', 'state_dict': state}


def solo(weights):
    state = under('backbone.', weights) | under('momentum_backbone.', other(weights))
    state |= under('classifier.', FC) | under('projector.', MLP) | under('momentum_projector.', MLP)
    return {'pytorch-lightning_version': '1.6.4', 'state_dict': state | under('predictor.', MLP)}


def moco_v1(weights):
    state = under('module.encoder_q.', weights) | under('module.encoder_q.fc.', FC)
    state |= under('module.encoder_k.', other(weights)) | under('module.encoder_k.fc.', FC)
    state |= {'module.queue': torch.randn(64, 8), 'module.queue_ptr': torch.tensor([3])}
    return {'epoch': 200, 'arch': 'resnet18', 'state_dict': state, 'optimizer': optimizer(weights)}


def moco_v2(weights):
    state = under('module.encoder_q.', weights) | under('module.encoder_q.fc.', MLP)
    return {'epoch': 800, 'arch': 'resnet18', 'state_dict': state}


def moco_v3(weights):
    state = under('module.base_encoder.', weights) | under('module.base_encoder.fc.', MLP)
    state |= under('module.momentum_encoder.', other(weights))
    state |= under('module.momentum_encoder.fc.', MLP) | under('module.predictor.', MLP)
    return {'epoch': 1000, 'arch': 'resnet18', 'state_dict': state}


def simclr(weights):
    # sthalles/SimCLR and pytorch-lightning-bolts: `backbone.` or `encoder.`, and a projection.
    state = under('encoder.', weights) | under('projection.model.', MLP)
    return {'state_dict': state, 'arch': 'resnet18'}


def simsiam(weights):
    state = under('module.encoder.', weights) | under('module.encoder.fc.', MLP)
    return {'epoch': 100, 'state_dict': state | under('module.predictor.', MLP)}


def byol(weights):
    # lucidrains/byol-pytorch.
    state = under('online_encoder.net.', weights) | under('online_encoder.net.fc.', FC)
    state |= under('online_encoder.projector.', MLP) | under('online_predictor.', MLP)
    state |= under('target_encoder.net.', other(weights)) | under('target_encoder.net.fc.', FC)
    return state | under('target_encoder.projector.', MLP)


def byol_two_dicts(weights):
    return {
        'online_network_state_dict': under('encoder.', weights) | under('projection.net.', MLP),
        'target_network_state_dict': under('encoder.', other(weights))
        | under('projection.net.', MLP),
        'optimizer_state_dict': optimizer(weights),
    }


def swav(weights):
    state = under('module.', weights) | under('module.projection_head.', MLP)
    state['module.prototypes.weight'] = torch.randn(30, 8)
    return {'epoch': 800, 'state_dict': state, 'optimizer': optimizer(weights)}


def swav_released(weights):
    return swav(weights)['state_dict']


def dino(weights):
    student = under('module.backbone.', other(weights)) | under('module.head.mlp.', MLP)
    teacher = under('backbone.', weights) | under('head.mlp.', MLP)
    return {
        'student': student,
        'teacher': teacher,
        'optimizer': optimizer(weights),
        'epoch': 400,
        'args': argparse.Namespace(arch='resnet18'),
        'dino_loss': {'center': torch.randn(1, 64)},
    }


def barlow_twins(weights):
    model = under('module.backbone.', weights) | under('module.projector.', MLP)
    model |= {'module.bn.running_mean': torch.randn(64), 'module.bn.running_var': torch.rand(64)}
    model['module.bn.num_batches_tracked'] = torch.tensor(3)
    return {'epoch': 1000, 'model': model, 'optimizer': optimizer(weights)}


def vicreg(weights):
    model = under('module.backbone.', weights) | under('module.projector.', MLP)
    return {'epoch': 1000, 'model': model, 'optimizer': optimizer(weights)}


def vissl(weights):
    trunk = under('_feature_blocks.', weights)
    model = {'trunk': trunk, 'heads': under('0.clf.0.', FC)}
    return {'classy_state_dict': {'base_model': {'model': model}}, 'phase_idx': 3}


def compiled(weights):
    return under('_orig_mod.', weights) | under('_orig_mod.fc.', FC)


def compiled_in_ddp_in_ema(weights):
    inner = under('backbone._orig_mod.', weights) | under('head.fc.', FC)
    state = under('module._orig_mod.module.', inner)
    return {'model_ema': state | {'n_averaged': torch.tensor(3)}}


def fabric(weights):
    return {'model': under('_forward_module.module.', weights), 'iter': 3}


#: Function, format, key of the exported backbone, keys of the others.
SOURCES = [
    (mmpretrain, 'mmengine', 'state_dict.backbone', []),
    (mmpretrain_ema, 'mmengine', 'state_dict.backbone', ['ema_state_dict.backbone']),
    (mmpretrain_moco, 'moco', 'state_dict.backbone', ['state_dict.encoder_k.0']),
    (mmpretrain_byol, 'byol', 'state_dict.backbone', ['state_dict.target_net.0']),
    (torchvision, 'torchvision', '', []),
    (torchvision_reference, 'torchvision', 'model', ['model_ema']),
    (timm_training, 'torchvision', 'state_dict', ['state_dict_ema']),
    (authors, 'recursivemix', 'state_dict', []),
    (lightning, 'lightning', 'state_dict.model', []),
    (lightly, 'projector', 'state_dict.backbone', []),
    (solo, 'projector', 'state_dict.backbone', ['state_dict.momentum_backbone']),
    (moco_v1, 'moco', 'state_dict.encoder_q', ['state_dict.encoder_k']),
    (moco_v2, 'moco', 'state_dict.encoder_q', []),
    (moco_v3, 'moco', 'state_dict.base_encoder', ['state_dict.momentum_encoder']),
    (simclr, 'projector', 'state_dict.encoder', []),
    (simsiam, 'projector', 'state_dict.encoder', []),
    (byol, 'byol', 'online_encoder.net', ['target_encoder.net']),
    (
        byol_two_dicts,
        'byol',
        'online_network_state_dict.encoder',
        ['target_network_state_dict.encoder'],
    ),
    (swav, 'swav', 'state_dict', []),
    (swav_released, 'swav', '', []),
    (dino, 'dino', 'teacher.backbone', ['student.backbone']),
    (barlow_twins, 'barlow-twins', 'model.backbone', []),
    (vicreg, 'projector', 'model.backbone', []),
    (
        vissl,
        'backbone',
        'classy_state_dict.base_model.model.trunk._feature_blocks',
        [],
    ),
    (compiled, 'torchvision', '', []),
    (compiled_in_ddp_in_ema, 'mmengine', 'model_ema.backbone', []),
    (fabric, 'backbone', 'model', []),
]
