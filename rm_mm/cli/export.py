"""``rm-mm export``."""

from __future__ import annotations

import argparse

from rm_mm.cli.values import path
from rm_mm.names import EXPORT_LAYOUTS


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    export = commands.add_parser('export', help='a checkpoint to a verified backbone')
    export.add_argument('checkpoint', help='a file, https://… or torchvision://resnet50')
    export.add_argument('-o', '--output', type=path, required=True, help='backbone.pth')
    export.add_argument(
        '--config',
        help='whose backbone it has to fill: a file, or mmpretrain::, mmdet::, mmseg:: and a name',
    )
    export.add_argument('--key', help='which network to take, where several are in the file')
    export.add_argument(
        '--to',
        choices=EXPORT_LAYOUTS,
        default=EXPORT_LAYOUTS[0],
        help="whose names to write; with the classifier, if it isn't openmmlab (default)",
    )
    export.add_argument(
        '--trust', action='store_true', help='unpickle whatever is in it, which can run anything'
    )


def run_export(args: argparse.Namespace) -> int:
    """Export one checkpoint, and print what was verified."""
    from rm_mm.errors import printable
    from rm_mm.transfer.export import export_backbone

    manifest = export_backbone(
        args.checkpoint,
        args.output,
        config=args.config,
        key=args.key,
        trust=args.trust,
        to=args.to,
    )
    if manifest.networks:
        print(
            f'{printable(manifest.key) or "the file itself"} was taken, --key takes another: '
            + ', '.join(map(printable, manifest.networks))
        )
    print(
        f'{printable(args.output)}: {manifest.tensors_matched} of {manifest.tensors_wanted} '
        'tensors verified, '
        f'{len(manifest.dropped)} of the head dropped, sha256 {manifest.backbone_sha256}'
    )
    return 0
