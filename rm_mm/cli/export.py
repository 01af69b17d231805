"""``rm-mm export``."""

from __future__ import annotations

import argparse

from rm_mm.cli.values import path
from rm_mm.names import EXPORT_LAYOUTS


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    export = commands.add_parser('export', help='turn a checkpoint into a verified backbone')
    export.add_argument('checkpoint', help='a file, https://… or torchvision://resnet50')
    export.add_argument('-o', '--output', type=path, required=True, help='backbone.pth')
    export.add_argument(
        '--config',
        help='config of the network to fill: a file, or a name such as mmdet::…, mmseg::…',
    )
    export.add_argument('--key', help='which network to export, if the file holds several')
    export.add_argument(
        '--to',
        choices=EXPORT_LAYOUTS,
        default=EXPORT_LAYOUTS[0],
        help='library of the names; those of torchvision and timm include the classifier',
    )
    export.add_argument(
        '--trust', action='store_true', help='unpickle anything in the file, which can run anything'
    )


def run_export(args: argparse.Namespace) -> int:
    """Export one checkpoint, and print what was verified."""
    from rm_mm.errors import printable
    from rm_mm.transfer.export import ExportRequest, export

    request = ExportRequest(
        args.checkpoint, args.output, args.config, key=args.key, to=args.to, trust=args.trust
    )
    manifest = export(request)
    if manifest.networks:
        others = ', '.join(map(printable, manifest.networks))
        print(
            f'exported {printable(manifest.key) or "the file itself"}; for another network, pass '
            f'--key: {others}'
        )
    print(
        f'{printable(request.output)}: {manifest.tensors_matched} of {manifest.tensors_wanted} '
        f'tensors verified, {len(manifest.dropped)} of the head dropped, '
        f'sha256 {manifest.backbone_sha256}'
    )
    return 0
