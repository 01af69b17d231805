"""The initializer that loads a verified backbone, and the hook that checks the result.

In a config::

    model = dict(backbone=dict(init_cfg=dict(type='VerifiedBackbone', checkpoint='backbone.pth')))
    custom_hooks = [dict(type='VerifiedBackboneHook')]
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

# From its own module, because the package of hooks may only be half imported at this point.
from mmengine.hooks.hook import Hook
from mmengine.logging import print_log
from mmengine.model import BaseModule, is_model_wrapper
from mmengine.registry import HOOKS, WEIGHT_INITIALIZERS
from torch import nn

from rm_mm.errors import RejectedError, printable
from rm_mm.transfer.checkpoint import Checkpoint, read_checkpoint
from rm_mm.transfer.coverage import measure_coverage, require_complete
from rm_mm.transfer.inputs import Inputs, inputs_mismatch
from rm_mm.transfer.manifest import inputs_in_manifest, manifest_path, read_manifest
from rm_mm.transfer.slot import absent_backbone, verified_initializers


@WEIGHT_INITIALIZERS.register_module()
class VerifiedBackbone:
    """Initializer that fills a backbone completely with an export, or raises.

    Args:
        checkpoint: Output of ``rm-mm export``.
    """

    def __init__(self, checkpoint: str | Path) -> None:
        self.checkpoint = Path(checkpoint).expanduser()

    def __call__(self, module: nn.Module) -> None:
        """Verify the file against a module and copy it, in place.

        Afterwards ``module._verified_backbone`` holds the path and hash of the file, and the
        module's own blocks are not initialised any more.

        Raises:
            InputError: If the file is missing or no checkpoint.
            RejectedError: If it does not fill ``module`` completely, or differs from its manifest.
        """
        path, shown, name = self.checkpoint, printable(self.checkpoint), type(module).__name__
        source = read_export(path)
        style = getattr(module, 'style', None)
        coverage = measure_coverage(
            source.state_dict,
            module.state_dict(),
            folded=style == 'caffe',
            mismatch=inputs_mismatch(inputs_in_manifest(path), Inputs(style=style)),
        )
        require_complete(coverage, f'{shown} does not fill {name}')
        module.load_state_dict(source.state_dict, strict=True)
        # After any initializer but 'Pretrained', mmengine initialises the children, and networks
        # such as mmpretrain's ResNet zero their last norm layers.
        for child in module.modules():
            if isinstance(child, BaseModule) and child is not module:
                child.is_init = True
        module.init_cfg = {'type': 'Pretrained', 'checkpoint': str(path)}  # type: ignore[assignment]
        loaded = {'checkpoint': str(path), 'sha256': source.sha256}
        module._verified_backbone = loaded  # type: ignore[assignment]
        print_log(
            f'backbone {shown}: {coverage.matched} of {coverage.wanted} tensors verified and '
            f'loaded into {name}, sha256 {source.sha256}',
            logger='current',
        )


@HOOKS.register_module()
class VerifiedBackboneHook(Hook):
    """Hook that checks, before training, that the backbone holds the weights of its file.

    Some networks ignore the initializer in their config. The hook does nothing if the config names
    no ``VerifiedBackbone``, or if a checkpoint of the whole model was loaded afterwards.
    """

    def before_train(self, runner: Any) -> None:
        """Compare ``model.backbone`` with the file, bit by bit.

        Raises:
            RejectedError: If the backbone never loaded the file, or differs from it.
        """
        if not verified_initializers(runner.cfg) or runner._has_loaded:
            return
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        backbone = model.backbone
        name = type(backbone).__name__
        loaded = getattr(backbone, '_verified_backbone', None)
        if loaded is None:
            raise RejectedError(
                f'the config asks for a VerifiedBackbone, but {name} never loaded it: its '
                'init_weights ignores init_cfg; use a backbone that follows it'
            )
        shown = printable(loaded['checkpoint'])
        source = read_export(Path(loaded['checkpoint']))
        if source.sha256 != loaded['sha256']:
            raise RejectedError(
                f'{shown} was replaced after it was loaded into {name}: start the run again'
            )
        present = {key: value.cpu() for key, value in backbone.state_dict().items()}
        differing = []
        for key, value in source.state_dict.items():
            found = present.get(key)
            if found is None or not torch.equal(found, value.to(found.dtype)):
                differing.append(key)
        if differing:
            raise RejectedError(
                f'{len(differing)} of {len(present)} tensors of {name} differ from {shown}, first '
                f'{printable(differing[0])}: something changed them after they were loaded; look '
                'for another init_cfg or init_weights'
            )


def read_export(path: Path) -> Checkpoint:
    """Read an export, and compare it with its manifest if there is one.

    Raises:
        InputError: If the file is missing or no checkpoint.
        RejectedError: If it differs from its manifest.
    """
    if not path.exists():
        raise absent_backbone(path)
    source = read_checkpoint(path)
    manifest = manifest_path(path)
    expected = read_manifest(manifest).backbone_sha256 if manifest.exists() else source.sha256
    if source.sha256 != expected:
        raise RejectedError(
            f'{printable(path)} is not the file that {printable(manifest.name)} describes: '
            f'expected sha256 {printable(expected)}, found {source.sha256}; export it again'
        )
    return source
