"""How a downstream network takes a verified backbone, and the check that it did.

In a config::

    model = dict(backbone=dict(init_cfg=dict(type='VerifiedBackbone', checkpoint='backbone.pth')))
    custom_hooks = [dict(type='VerifiedBackboneHook')]
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

# By its own module: the package of hooks may itself be the one that is being imported just now.
from mmengine.hooks.hook import Hook
from mmengine.logging import print_log
from mmengine.model import BaseModule, is_model_wrapper
from mmengine.registry import HOOKS, WEIGHT_INITIALIZERS
from torch import nn

from rm_mm.errors import RejectedError, printable
from rm_mm.transfer.checkpoint import Checkpoint, read_checkpoint
from rm_mm.transfer.inputs import Inputs, inputs_mismatch
from rm_mm.transfer.manifest import inputs_in_manifest, manifest_path, read_manifest
from rm_mm.transfer.slot import absent_backbone, verified_initializers
from rm_mm.transfer.verify import check, require


@WEIGHT_INITIALIZERS.register_module()
class VerifiedBackbone:
    """Fill a backbone with an export of ours: all of it, or raise.

    Args:
        checkpoint: The file that ``rm-mm export`` wrote.
    """

    def __init__(self, checkpoint: str | Path) -> None:
        self.checkpoint = Path(checkpoint).expanduser()

    def __call__(self, module: nn.Module) -> None:
        """Verify the file against ``module`` and copy it, in place.

        Afterwards ``module._verified_backbone`` holds the file's name and hash, and no
        initialisation that the network's own blocks ask for is left to run.

        Raises:
            InputError: If there is no such file, or it is no checkpoint.
            RejectedError: If it does not fill ``module`` completely, or is not the file that its
                manifest describes.
        """
        source = read_export(self.checkpoint)
        found = inputs_in_manifest(self.checkpoint)
        wanted = Inputs(style=getattr(module, 'style', None))
        coverage = check(
            source.state_dict,
            module.state_dict(),
            folded=wanted.style == 'caffe',
            mismatch=inputs_mismatch(found, wanted),
        )
        require(coverage, f'{printable(self.checkpoint)} does not fill {type(module).__name__}')
        module.load_state_dict(source.state_dict, strict=True)
        # Only 'Pretrained' weights are loaded after the children's own initialisation, and some
        # networks zero their last norm layers unless they find that word (mmpretrain's ResNet).
        for child in module.modules():
            if isinstance(child, BaseModule) and child is not module:
                child.is_init = True
        module.init_cfg = {'type': 'Pretrained', 'checkpoint': str(self.checkpoint)}  # type: ignore[assignment]
        module._verified_backbone = {  # type: ignore[assignment]
            'checkpoint': str(self.checkpoint),
            'sha256': source.sha256,
        }
        print_log(
            f'backbone {printable(self.checkpoint)}: {coverage.matched} of {coverage.wanted} '
            f'tensors verified and loaded into {type(module).__name__}, sha256 {source.sha256}',
            logger='current',
        )


@HOOKS.register_module()
class VerifiedBackboneHook(Hook):
    """Before training starts, make sure that the backbone holds the weights of its file.

    Some networks initialise themselves in their own way and never call the initialiser that their
    config names. Does nothing where the config names no ``VerifiedBackbone``, and where a
    checkpoint of the whole model was loaded on top.
    """

    def before_train(self, runner: Any) -> None:
        """Compare ``model.backbone`` with the file, bit by bit.

        Raises:
            RejectedError: If the backbone never took the file, or differs from it.
        """
        if not verified_initializers(runner.cfg) or runner._has_loaded:
            return
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        backbone = model.backbone
        name = type(backbone).__name__
        taken = getattr(backbone, '_verified_backbone', None)
        if taken is None:
            raise RejectedError(
                f'the config asks for a VerifiedBackbone, but {name} never loaded it: its '
                'init_weights goes its own way; use a backbone that honours init_cfg'
            )
        source = read_export(Path(taken['checkpoint']))
        if source.sha256 != taken['sha256']:
            raise RejectedError(
                f'{printable(taken["checkpoint"])} was replaced after it was loaded into {name}: '
                'start the run again'
            )
        present = backbone.state_dict()
        differing = [
            key
            for key, value in source.state_dict.items()
            if key not in present
            or not torch.equal(present[key].cpu(), value.to(present[key].dtype))
        ]
        if differing:
            raise RejectedError(
                f'{len(differing)} of {len(present)} tensors of {name} are not those of '
                f'{printable(taken["checkpoint"])}: something changed them after they were loaded, '
                f'first {printable(differing[0])}; look for an init_cfg or init_weights beside it'
            )


def read_export(path: Path) -> Checkpoint:
    """Read an export of ours.

    Raises:
        InputError: If it is not there, or no checkpoint.
        RejectedError: If it is not the file that its manifest describes.
    """
    if not path.exists():
        raise absent_backbone(path)
    source = read_checkpoint(path)
    manifest = manifest_path(path)
    if manifest.exists():
        expected = read_manifest(manifest).backbone_sha256
        if source.sha256 != expected:
            raise RejectedError(
                f'{printable(path)} is not the file that {printable(manifest.name)} describes: '
                f'expected sha256 {printable(expected)}, found {source.sha256}; export it again'
            )
    return source
